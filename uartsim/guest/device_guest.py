"""Guests of kind ``device``: a real machine at a serial port of this one, such as ``/dev/ttyUSB0``.

:mod:`uartsim.guest.remote_run` says how its bytes, breaks and modem lines are carried.  Table ``[device]`` of
``guest.toml``; in its strings ``{folder}`` is the guest's folder, and ``{NAME}`` a setting:

==================  ==============================================================================================
``path``            the device; a link in ``/dev/serial/by-id`` names the same adapter wherever it is plugged in
``flow``            what holds our output back on the real line: ``"none"`` (by default), ``"rtscts"`` or ``"xonxoff"``
``reconnect``       true: wait for the device at the start, and again when it is unplugged.  false, the default: the guest
                    ends
``reset_command``   a command that resets the machine, such as one that switches a relay
``nmi_command``     a command that sends it an NMI
==================  ==============================================================================================

The settings ``baud`` (115200) and ``format`` (8N1) are those of the real line and of ours.  A speed that our chip does not
have needs ``--rate unlimited``.  Settings named ``flow`` and ``reconnect`` take precedence over the keys of the table.
"""

from __future__ import annotations

from typing import Any, Final

import trio

from uartsim.errors import UsageError
from uartsim.guest.catalogue import GuestDefinition
from uartsim.guest.remote_controls import RemoteControls, chosen
from uartsim.guest.remote_line import RemoteLine
from uartsim.guest.remote_run import RemoteRun
from uartsim.machine import GuestEnd, Machine

#: The values of ``flow``.
FLOWS: Final = ("none", "rtscts", "xonxoff")


class DeviceGuest:
    """A guest of kind ``device``.

    Args:
        definition: the guest as its folder defines it, or as the path of a device does.

    Raises:
        UsageError: a setting is wrong, a placeholder is unknown, or pyserial is missing.
    """

    kind = "device"

    def __init__(self, definition: GuestDefinition) -> None:
        self._path: str = chosen(definition, "path", "")
        self._flow: str = chosen(definition, "flow", "none")
        if self._flow not in FLOWS:
            raise UsageError(f"guest {definition.name!r}: flow is {self._flow!r}: use {', '.join(FLOWS)}")
        try:
            from uartsim.guest import serial_device
        except (ImportError, AttributeError):  # it is missing, or another package of that name is there
            raise UsageError(
                f"guest {definition.name!r} is a serial device, and the Python module serial is missing: "
                "pip install 'uartsim[device]'"
            ) from None
        self._open_device = serial_device.open_device
        self._controls = RemoteControls(definition)
        self._run = RemoteRun(definition, self._path, self._controls)

    async def run(self, machine: Machine, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> GuestEnd:
        """Carry between the device and COM1; see :class:`uartsim.machine.machine.Guest`."""

        async def open_line() -> RemoteLine:
            return self._open_device(self._path, self._run.line_format, self._flow, machine.log)

        return await self._run.run(machine, task_status, open_line)

    def check_reset(self) -> None:
        """Raise UsageError if no reset button is known; see :class:`uartsim.machine.machine.RemoteGuest`."""
        self._controls.check("reset")

    async def reset(self) -> None:
        """Press the reset button by the command that is named."""
        await self._run.reset()

    async def nmi(self) -> None:
        """Press the NMI button by the command that is named."""
        await self._controls.nmi()

    def status(self) -> dict[str, Any]:
        """For ``uartsim status``."""
        return self._run.status()
