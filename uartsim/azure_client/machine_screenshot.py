"""The picture on a machine's display, which `uartsim serve` gives beyond Azure's REST (docs/portal-api.md)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

import httpx

from uartsim.azure_client.client_errors import REFUSED, ConsoleError
from uartsim.azure_client.http_requests import host_of
from uartsim.azure_client.machine_checks import MachineName
from uartsim.azure_client.management import Management

#: What every PNG begins with (PNG specification, section 5.2).
PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PATH: Final = "/_uartsim/portal/screenshot"


async def take_screenshot(management: Management, machine: MachineName) -> bytes:
    """The picture on a machine's display now, as a PNG.

    Args:
        management: the service.
        machine: the machine.

    Raises:
        ConsoleError: the machine has no display, is off, or the service refuses.
    """

    async def send(token: str) -> httpx.Response:
        url = f"{management.http.address.url}{_PATH}?{urlencode({'machine': machine.path})}"
        return await management.http.request("GET", url, headers={"Authorization": f"Bearer {token}"})

    picture = (await management.with_token(send)).content
    if not picture.startswith(PNG_SIGNATURE):
        host = host_of(management.http.address.url)
        raise ConsoleError(f"{host} gave no picture: a screenshot takes a 'uartsim serve'", REFUSED)
    return picture
