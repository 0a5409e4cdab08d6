"""Carries the bytes of a machine that runs elsewhere to and from COM1, with its breaks, errors and modem lines.

The line to the other side (:class:`uartsim.guest.remote_line.RemoteLine`) stands where a guest's own software would be:
:class:`SerialDriver` writes what it gives to the registers of our chip, and what the chip receives goes to it.  Neither way
is a byte lost here: the other side has to wait while our line is behind, and a user's characters wait at the far end of the
line while the other side does not read, or is away.

The chip is a null modem away from the user, so that the other side's DSR or DCD becomes the chip's DTR, and its CTS the
chip's RTS; and the user's DTR and RTS are driven at the other side.  RI, and a character's parity or framing error, have
no form that a chip could send: both are counted for ``uartsim status``, the first error is also logged, and the character
is sent as it was sampled.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

import trio

from uartsim.errors import UartsimError, UsageError
from uartsim.guest.catalogue import GuestDefinition
from uartsim.guest.qemu_line import DELIVERY_TIMEOUT_S
from uartsim.guest.remote_controls import RemoteControls, chosen
from uartsim.guest.remote_line import CannotCarry, LineEnded, NotThere, RemoteLine, RemoteModem
from uartsim.line_format import BIT_AT_DIVISOR_1, TICKS_PER_SECOND, LineFormat
from uartsim.machine import Flag, GuestEnd, Machine, SerialDriver
from uartsim.registers import MSR, ModemOutput

#: How many bytes of the other side's output are taken before it has to wait: a QEMU whose socket is full drops what a
#: kernel's console writes, so that it should wait late.
AHEAD_BYTES: Final = 1 << 18
#: The pauses between two attempts to reach the other side again, in seconds: the first and the longest.
AGAIN_S: Final = (0.1, 2.0)
#: The least length of a break that the other side has sent, in seconds: a line does not say how long it was.
LEAST_BREAK_S: Final = 0.001

_COUNTS: Final = {
    Flag.PARITY: "characters with a parity error",
    Flag.FRAMING: "characters with a framing error",
    Flag.OVERRUN: "overruns",
}


class RemoteRun:
    """A machine elsewhere on our COM1.

    Args:
        definition: the guest.
        where: what the user calls the other side: an address or the path of a device.
        controls: its buttons.

    Raises:
        UsageError: the settings for speed and format are wrong, or the other side would not be the same one later.
    """

    def __init__(self, definition: GuestDefinition, where: str, controls: RemoteControls) -> None:
        self.line_format = _format_of(definition)
        self._name = definition.name
        self._where = where
        self._reconnect = bool(chosen(definition, "reconnect", False))
        if self._reconnect and re.search(r"(^|:)/dev/pts/[0-9]+$", where):
            raise UsageError(
                f"guest {self._name!r}: reconnect with {where}: the next pty of that number may be anybody's; name a link that "
                "its program makes, or leave reconnect out"
            )
        self._controls = controls
        self._driver: SerialDriver | None = None
        self._machine: Machine | None = None
        self._line: RemoteLine | None = None
        self._unsent = b""
        self._counts: Counter[str] = Counter()
        self._connections = 0

    async def run(
        self,
        machine: Machine,
        task_status: trio.TaskStatus[None],
        open_line: Callable[[], Awaitable[RemoteLine]],
    ) -> GuestEnd:
        """Carry until the other side is gone, or for ever if it is to be reached again.

        Args:
            machine: the machine.
            task_status: is told once the other side has been reached.
            open_line: reaches the other side.

        Raises:
            UsageError: the other side cannot be reached, or the chip cannot run at the speed.
        """
        self._machine = machine
        self._driver = driver = SerialDriver(machine.com1)
        driver.transmit_buffer = AHEAD_BYTES
        self._open_port()
        try:
            while True:
                line = await self._reach(open_line, task_status)
                task_status.started()
                try:
                    end = await self._carry(line)
                finally:
                    self._line = None
                    with trio.CancelScope(shield=True):
                        await line.aclose()
                await driver.drain()
                driver.modem.set_outputs(dtr=False, rts=True)
                if not self._reconnect:
                    self._tell_unsent(driver)
                    return GuestEnd("failed" if end.failed else "exited", detail=f"{self._where}: {end}")
                machine.log(f"{self._where}: {end}; waiting until it can be reached again")
        finally:
            driver.close()
            self._driver = self._machine = None

    async def reset(self) -> None:
        """Press the reset button of the machine.

        Raises:
            UsageError: it has none that is known.
            UartsimError: the request failed.
        """
        if self._driver is not None:
            modem = self._driver.modem
            dtr, rts = modem.dtr, modem.rts
            self._driver.discard_output()
            self._driver.flush_input()
            self._open_port()
            modem.set_outputs(dtr, rts)
        await self._controls.reset()

    def status(self) -> dict[str, Any]:
        """For ``uartsim status``: whether the other side is there, and what could not be carried."""
        line = self._line
        return {
            "at": self._where,
            "connected": line is not None,
            "connections": self._connections,
            **({} if line is None else line.status()),
            "not_carried": dict(self._counts),
        }

    def _open_port(self) -> None:
        assert self._driver is not None
        assert self._machine is not None
        line_format = self.line_format
        if self._machine.com1.uart.unlimited:
            line_format = replace(
                line_format, bit_ticks=BIT_AT_DIVISOR_1
            )  # no character takes any time, whatever the speed at the other side
        try:
            self._driver.open(line_format)
        except UsageError as error:
            raise UsageError(
                f"guest {self._name!r}, setting 'baud': {error}; at the rate unlimited, the other side may have any speed"
            ) from None

    # -- reaching the other side ---------------------------------------------------------------------------

    async def _reach(
        self, open_line: Callable[[], Awaitable[RemoteLine]], task_status: trio.TaskStatus[None]
    ) -> RemoteLine:
        pause, longest = AGAIN_S
        told = self._connections > 0
        while True:
            try:
                line = await open_line()
            except (NotThere, LineEnded) as error:
                if not self._reconnect:
                    raise UsageError(f"{self._where}: {error}") if isinstance(error, LineEnded) else error from None
                if not told:
                    self._log(f"{error}; waiting until it can be reached")
                    told = True
                task_status.started()
                await trio.sleep(pause)
                pause = min(longest, 2 * pause)
                continue
            self._connections += 1
            if told:
                self._log(f"{self._where}: reached")
            return line

    def _log(self, text: str) -> None:
        if self._machine is not None:
            self._machine.log(text)

    # -- carrying ------------------------------------------------------------------------------------------

    async def _carry(self, line: RemoteLine) -> LineEnded:
        """Carry until the other side is gone; returns how it went."""
        assert self._driver is not None
        self._line, driver = line, self._driver
        driver.modem.set_outputs(dtr=True, rts=True)
        async with trio.open_nursery() as nursery:
            # An end that these notice is left to the reading task, which first takes everything that was sent.
            nursery.start_soon(_until_the_end, lambda: self._carry_in(line, driver))
            if (modem := line.modem) is not None:
                nursery.start_soon(_pass_inputs_on, modem, driver)
                nursery.start_soon(_until_the_end, lambda: _pass_outputs_on(modem, driver))
            end = await self._carry_out(line, driver)
            nursery.cancel_scope.cancel()
        return end

    async def _carry_out(self, line: RemoteLine, driver: SerialDriver) -> LineEnded:
        """Carry what the other side sends to COM1, until it is gone; returns how it went."""
        while True:
            try:
                arrived = await line.receive()
            except LineEnded as end:
                return end
            for received in arrived:
                if received.flag is Flag.BREAK:
                    frame_s = driver.line_format.frame_ticks / TICKS_PER_SECOND
                    await driver.send_break(max(LEAST_BREAK_S, 2 * frame_s))
                    continue
                if received.flag is not Flag.NORMAL:
                    self._count(received.flag, "from")
                if received.data:
                    await driver.write(received.data)

    async def _carry_in(self, line: RemoteLine, driver: SerialDriver) -> None:
        """Carry what COM1 receives to the other side."""
        while True:
            while self._unsent:
                self._unsent = self._unsent[await line.send_some(self._unsent) :]
            received = await driver.receive()
            if received.flag is Flag.BREAK:
                await self._send_break(line)
                continue
            if received.flag is not Flag.NORMAL:
                self._count(received.flag, "to")
            self._unsent = received.data

    async def _send_break(self, line: RemoteLine) -> None:
        with trio.move_on_after(DELIVERY_TIMEOUT_S):  # a machine that hangs must get the break, too
            await line.wait_sent()
        try:
            if self._controls.has_monitor:
                await self._controls.send_break()
            else:
                await line.send_break()
        except UartsimError as error:
            self._counts["breaks to the other side"] += 1
            what = "a break was not sent" if isinstance(error, CannotCarry) else "a break could not be sent"
            self._log(f"{self._where}: {what}: {error}")

    def _count(self, flag: Flag, way: str) -> None:
        """Count what a chip, or the line to the other side, cannot be told."""
        what = f"{_COUNTS[flag]} {way} the other side"
        self._counts[what] += 1
        if self._counts[what] == 1:
            rest = "" if flag is Flag.OVERRUN else ": the character is passed on as it was sampled, without its error"
            self._log(f"{self._where}: {what}{rest}; 'uartsim status' counts them")

    def _tell_unsent(self, driver: SerialDriver) -> None:
        """Say how much of what was typed the other side did not take."""
        count = len(self._unsent)
        while (received := driver.receive_nowait()) is not None:
            count += len(received.data)
        count += driver.com1.far_pending
        if count:
            self._log(f"{self._where}: the last {count} bytes that were typed did not reach the other side")


async def _until_the_end(carry: Callable[[], Awaitable[None]]) -> None:
    """Carry until the other side is gone."""
    with contextlib.suppress(LineEnded):
        await carry()


async def _pass_inputs_on(modem: RemoteModem, driver: SerialDriver) -> None:
    """Drive the chip's DTR and RTS as the other side's modem lines are."""
    inputs: MSR | None = None
    while True:
        inputs = await modem.wait_change(inputs)
        driver.modem.set_outputs(dtr=bool(inputs & (MSR.DSR | MSR.DCD)), rts=bool(inputs & MSR.CTS))


async def _pass_outputs_on(modem: RemoteModem, driver: SerialDriver) -> None:
    """Drive the other side's DTR and RTS as the user's are, which the chip sees as DSR with DCD and as CTS."""
    seen = driver.modem.inputs
    while True:
        outputs = ModemOutput.DTR if seen & MSR.DSR and seen & MSR.DCD else ModemOutput(0)
        await modem.drive(outputs | ModemOutput.RTS if seen & MSR.CTS else outputs)
        seen = await driver.modem.wait_inputs(seen)


def _format_of(definition: GuestDefinition) -> LineFormat:
    """Speed and format by the settings ``baud`` (115200) and ``format`` (8N1)."""
    baud, characters = definition.settings.get("baud", 115200), definition.settings.get("format", "8N1")
    try:
        return LineFormat.from_baud(baud, str(characters))
    except (TypeError, ValueError) as error:
        raise UsageError(f"guest {definition.name!r}, settings 'baud' and 'format': {error}") from None
