"""Sends NMI, reset or SysRq without a person at the console, as ``az serial-console send`` does."""

from __future__ import annotations

from typing import Final

import trio

from uartsim.azure_client.client_errors import NOT_MET, ConsoleError, RefusalError
from uartsim.azure_client.console_connection import open_console_connection
from uartsim.azure_client.machine_checks import MachineName, check
from uartsim.azure_client.management import Management

_RESULTS: Final = {
    "nmi": ("NMI sent successfully", "Failed to send NMI"),
    "reset": ("Successfully Hard Reset VM", "Failed to Hard Reset VM"),
    "sysrq": (
        "Successfully sent SysRq command",
        "Failed to send SysRq command. Make sure the input only contains numbers and letters.",
    ),
}
#: A command that was refused with one of these has not been carried out, and may be accepted once the token was shown.
_WANTS_TOKEN: Final = (401, 403, 404, 409, 412)


def send_result(command: str, *, sent: bool) -> str:
    """The real client's text for an admin command that was, or was not, carried out."""
    return _RESULTS[command][0 if sent else 1]


async def send_admin_command(management: Management, machine: MachineName, command: str, keys: str = "") -> str:
    """Send an admin command; returns the text for the person.

    The socket that the command needs shows no token at first, so that whoever works at the console is not disconnected.
    Only a service that wants one gets it.

    Args:
        management: the service.
        machine: the machine.
        command: ``"nmi"``, ``"reset"`` or ``"sysrq"``.
        keys: the keys of SysRq.

    Raises:
        ConsoleError: it was not carried out, as far as is known.
    """
    state = await check(management, machine)
    if command == "sysrq" and state.is_windows:
        raise ConsoleError("You can only send a SysRq to a Linux VM.", NOT_MET)
    async with trio.open_nursery() as nursery:
        connection = await open_console_connection(nursery, management, machine)
        try:
            try:
                await connection.admin_command(command, keys)
            except RefusalError as error:
                if error.http_status not in _WANTS_TOKEN:
                    raise
                await connection.show_token()
                await connection.admin_command(command, keys)
        except ConsoleError as error:
            said = send_result(command, sent=False)
            raise ConsoleError(str(error) if said in str(error) else f"{said}\n{error}", NOT_MET) from None
        finally:
            await connection.socket.close()
    return send_result(command, sent=True)
