"""A console session of the service: its WebSocket, and the admin commands beside it.

The service speaks first.  Its first frame is not for the person; it is answered with the token, and from then on frames are
what the guest sends and what is typed.  Admin commands are HTTP requests beside the WebSocket, to its URL with
``/adminCommand/NAME`` in place of ``/client``.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

import httpx
import trio

from uartsim.azure_client.client_errors import NOT_MET, REFUSED, ConsoleError, TransientError
from uartsim.azure_client.http_requests import ANSWER_S, fields_of, host_of
from uartsim.azure_client.machine_checks import MachineName
from uartsim.azure_client.management import Management
from uartsim.azure_client.service_address import check_is_private
from uartsim.azure_client.web_socket import LATE, Closed, WebSocket, open_web_socket
from uartsim.errors import UsageError

_END: Final = "/client"


class ConsoleConnection:
    """An open console session, from :func:`open_console_connection`.

    Attributes:
        socket: the WebSocket, after its first frame.
    """

    def __init__(self, management: Management, socket: WebSocket, url: str) -> None:
        self.socket = socket
        self._management = management
        self._url = url

    async def show_token(self) -> None:
        """Show who is asking; from then on the console is ours."""
        await self.socket.send(await self._management.credentials.token(self._management.http))

    async def admin_command(self, command: str, keys: str = "") -> None:
        """Carry out an admin command beside the socket.

        Args:
            command: ``"nmi"``, ``"reset"`` or ``"sysrq"``.
            keys: the keys of SysRq.

        Raises:
            ConsoleError: it has not been carried out, as far as is known.
        """
        url = "http" + self._url.removesuffix(_END).removeprefix("ws") + f"/adminCommand/{command}"
        body = {
            "command": command,
            "requestId": str(uuid.uuid4()),
            "commandParameters": {"SysRqCommand": keys} if command == "sysrq" else {},
        }

        async def send(token: str) -> httpx.Response:
            headers = {"authorization": f"Bearer {token}", "accept": "application/json", "accept-language": "en"}
            return await self._management.http.request("POST", url, headers=headers, body=body, repeatable=False)

        await self._management.retries.run(lambda: self._management.with_token(send))


async def open_console_connection(
    nursery: trio.Nursery,
    management: Management,
    machine: MachineName,
    options: Mapping[str, str] = MappingProxyType({}),
) -> ConsoleConnection:
    """Open a console session and wait for its first frame; what is transient is tried again.

    Args:
        nursery: where the WebSocket's tasks run.
        management: the service.
        machine: whose console.
        options: what is asked for in the WebSocket's URL, beyond Azure.

    Raises:
        ConsoleError: there is none to be had; the message holds what the service said.
    """
    return await management.retries.run(lambda: _open_once(nursery, management, machine, options))


async def _open_once(
    nursery: trio.Nursery, management: Management, machine: MachineName, options: Mapping[str, str]
) -> ConsoleConnection:
    await management.find_again()
    answer = fields_of(await management.ask_once("POST", f"{machine.port_path}/connect", management.console_version))
    url = answer.get("connectionString")
    if not isinstance(url, str) or not url.endswith(_END):
        raise ConsoleError("the service's answer holds no connection string: is it such a service?", REFUSED)
    try:
        check_is_private(url, "wss")
    except UsageError:
        said = f"the service names {host_of(url)} without encryption, so no token is sent there"
        raise ConsoleError(said, REFUSED) from None
    query = f"?{urlencode(options)}" if options else ""
    socket = await open_web_socket(nursery, management.http, url + query)
    await _first_frame(socket)
    return ConsoleConnection(management, socket, url)


async def _first_frame(socket: WebSocket) -> None:
    """Wait for the first frame, which is not shown."""
    try:
        with trio.fail_after(ANSWER_S):
            first = await socket.receive()
    except trio.TooSlowError:
        await socket.close()
        raise TransientError(LATE) from None
    if isinstance(first, Closed):
        text = (
            f"Could not establish connection to VM or VMSS: {first.why}.\n"
            'Try restarting it with "az vm restart".'
        )  # fmt: skip
        if first.transient:
            raise TransientError(text)
        raise ConsoleError(text, NOT_MET)
