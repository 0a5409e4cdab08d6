"""The api-versions that each resource provider accepts: those that the SDKs on PyPI and the Azure CLI send.

A list is complete enough for a client to choose from; all versions of a provider have the same bodies here.
Sources: ``api_version`` of azure-mgmt-compute 27 to 39, azure-mgmt-storage 16 to 25, azure-mgmt-serialconsole 1 and 2,
azure-mgmt-resource 15 to 25, azure-mgmt-authorization 0.61 to 5; ``AZURE_API_PROFILES`` of the Azure CLI 2.30 to 2.81;
Microsoft's pages on the serial console.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_COMPUTE: Final = (
    *("2018-04-01", "2018-06-01", "2018-10-01", "2019-03-01", "2019-07-01", "2019-11-01", "2019-12-01", "2020-05-01"),
    *("2020-06-01", "2020-06-30", "2020-09-30", "2020-12-01", "2021-03-01", "2021-04-01", "2021-07-01", "2021-08-01"),
    *("2021-10-01", "2021-11-01", "2021-12-01", "2022-01-03", "2022-03-01", "2022-03-02", "2022-07-02", "2022-08-01"),
    *("2022-11-01", "2023-01-02", "2023-03-01", "2023-04-02", "2023-07-01", "2023-07-03", "2023-09-01", "2023-10-02"),
    *("2024-03-01", "2024-03-02", "2024-03-03", "2024-07-01", "2024-11-01", "2025-01-02", "2025-03-03", "2025-04-01"),
    *("2025-11-01", "2026-03-01", "2026-03-02", "2026-03-03", "2026-04-01"),
)
_STORAGE: Final = (
    *("2018-07-01", "2018-11-01", "2019-04-01", "2019-06-01", "2021-01-01", "2021-02-01", "2021-04-01", "2021-06-01"),
    *("2021-08-01", "2021-09-01", "2022-05-01", "2022-09-01", "2023-01-01", "2023-04-01", "2023-05-01", "2024-01-01"),
    *("2025-01-01", "2025-06-01", "2025-08-01", "2026-04-01", "2026-09-01"),
)
_AUTHORIZATION: Final = (
    *("2015-01-01", "2015-06-01", "2015-07-01", "2016-09-01", "2017-04-01", "2018-01-01-preview", "2018-05-01-preview"),
    *("2018-07-01", "2018-09-01-preview", "2020-03-01-preview", "2020-04-01-preview", "2020-05-01"),
    *("2020-08-01-preview", "2020-10-01-preview", "2021-12-01-preview", "2022-04-01", "2022-05-01-preview"),
    *("2022-08-01-preview", "2023-07-01-preview", "2024-07-01-preview", "2024-09-01-preview"),
)
_RESOURCES: Final = (
    *("2016-06-01", "2016-09-01", "2018-02-01", "2018-05-01", "2018-06-01", "2019-03-01", "2019-05-01", "2019-05-10"),
    *("2019-06-01", "2019-07-01", "2019-08-01", "2019-10-01", "2019-11-01", "2020-01-01", "2020-06-01", "2020-10-01"),
    *("2021-01-01", "2021-04-01", "2022-09-01", "2022-12-01", "2024-07-01", "2024-11-01", "2025-03-01", "2025-04-01"),
)

#: The api-versions by namespace, the oldest first.
API_VERSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "Microsoft.Authorization": _AUTHORIZATION,
    "Microsoft.Compute": _COMPUTE,
    "Microsoft.Network": ("2022-01-01", "2023-11-01", "2025-09-01"),
    "Microsoft.Resources": _RESOURCES,
    "Microsoft.SerialConsole": ("2018-05-01", "2023-01-01", "2024-07-01"),
    "Microsoft.Storage": _STORAGE,
}

_BY_KEY: Final = {namespace.casefold(): versions for namespace, versions in API_VERSIONS.items()}


def versions_of(namespace: str) -> tuple[str, ...]:
    """The api-versions of a namespace, in whatever case it is written; empty if there is no such provider."""
    return _BY_KEY.get(namespace.casefold(), ())
