"""Microsoft's own clients for Python, unmodified, on a service of the test's."""

from __future__ import annotations

import time
from typing import Any

from azure.core.credentials import AccessToken
from azure.mgmt.compute import ComputeManagementClient

from tests.service.served import SUBSCRIPTION, Served

GROUP = "rg"


class UserCredential:
    """The token of a user of the tenant."""

    def __init__(self, served: Served, name: str) -> None:
        self._served = served
        self._name = name

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken(self._served.token(self._name), int(time.time()) + 3000)


def compute_client(served: Served, name: str = "owner", **options: Any) -> Any:
    """azure-mgmt-compute as a user of the tenant; its types say that nearly everything may be None."""
    return ComputeManagementClient(
        UserCredential(served, name),
        SUBSCRIPTION,
        base_url=served.url,
        credential_scopes=[f"{served.url}/.default"],
        connection_verify=served.ca_file,
        retry_total=0,
        **options,
    )
