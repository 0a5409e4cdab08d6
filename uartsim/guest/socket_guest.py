"""Guests of kind ``socket``: a machine that somebody else started, behind its serial socket or pty.

:mod:`uartsim.guest.remote_run` says how its bytes are carried.  Table ``[socket]`` of ``guest.toml``; in its strings
``{folder}`` is the guest's folder, and ``{NAME}`` a setting:

==================  ==============================================================================================
``address``         where the serial port is, see :mod:`uartsim.guest.remote_address`
``reconnect``       true: wait for the other side at the start, and again when it is gone.  false, the default: the guest
                    ends with it
``qmp``             the socket of QEMU's monitor: for the reset button, the NMI, and a break on a plain socket
``chardev``         the name of the serial port's character device in QEMU; ``"serial0"`` by default, as ``-serial``
                    names the first one
``reset_command``   a command that resets the machine, such as ``["virsh", "reset", "NAME"]``
``nmi_command``     a command that sends it an NMI
==================  ==============================================================================================

The settings ``baud`` (115200) and ``format`` (8N1) are those of our line; a server with RFC 2217 is asked to set them, too.
Settings named ``reconnect``, ``qmp`` and ``chardev`` take precedence over the keys of the table.
"""

from __future__ import annotations

from typing import Any

import trio

from uartsim.guest.catalogue import GuestDefinition
from uartsim.guest.raw_tty import PtyLine
from uartsim.guest.remote_address import parse_address
from uartsim.guest.remote_controls import RemoteControls, chosen
from uartsim.guest.remote_line import RemoteLine
from uartsim.guest.remote_run import RemoteRun
from uartsim.guest.stream_line import StreamLine, connect
from uartsim.guest.telnet_line import TelnetLine
from uartsim.machine import GuestEnd, Machine


class SocketGuest:
    """A guest of kind ``socket``.

    Args:
        definition: the guest as its folder defines it, or as its address does.

    Raises:
        UsageError: an address or a setting is wrong, or a placeholder is unknown.
    """

    kind = "socket"

    def __init__(self, definition: GuestDefinition) -> None:
        self._address = parse_address(chosen(definition, "address", ""))
        self._controls = RemoteControls(definition)
        self._run = RemoteRun(definition, str(self._address), self._controls)

    async def run(self, machine: Machine, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> GuestEnd:
        """Carry between the socket and COM1; see :class:`uartsim.machine.machine.Guest`."""

        async def open_line() -> RemoteLine:
            address = self._address
            if address.scheme == "pty":
                return PtyLine(address.path)
            stream = StreamLine(await connect(address), address)
            if address.scheme != "telnet":
                return stream
            telnet = TelnetLine(stream, address, self._run.line_format, machine.log)
            try:
                await telnet.open()
            except BaseException:
                await telnet.aclose()
                raise
            return telnet

        return await self._run.run(machine, task_status, open_line)

    def check_reset(self) -> None:
        """Raise UsageError if no reset button is known; see :class:`uartsim.machine.machine.RemoteGuest`."""
        self._controls.check("reset")

    async def reset(self) -> None:
        """Press the reset button by the monitor or the command that is named."""
        await self._run.reset()

    async def nmi(self) -> None:
        """Press the NMI button by the monitor or the command that is named."""
        await self._controls.nmi()

    def status(self) -> dict[str, Any]:
        """For ``uartsim status``."""
        return self._run.status()
