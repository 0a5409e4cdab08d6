"""A serial port of this machine as a line, through pyserial: speeds, modem lines, and breaks both ways.

pyserial sets the port up and drives its modem lines.  Bytes are read here, because only a tty in the mode PARMRK says which
character had an error and where a break was (:mod:`uartsim.guest.parity_marks`).  The kernel's own counts, which have
overruns too, are in ``uartsim status`` where the port's driver keeps them (TIOCGICOUNT).

A pty may stand for a device in tests: it has neither breaks nor modem lines, and takes every speed.
"""

from __future__ import annotations

import fcntl
import struct
import termios
from collections.abc import Callable, Sequence
from typing import Any, Final

import serial
import trio

from uartsim.errors import UsageError
from uartsim.guest.inner_tty import odd_speed
from uartsim.guest.parity_marks import MarkDecoder
from uartsim.guest.raw_tty import RawTty, open_raw_tty
from uartsim.guest.remote_line import CannotCarry, LineEnded, RemoteModem
from uartsim.line_format import TICKS_PER_SECOND, LineFormat
from uartsim.machine import Flag, Received
from uartsim.registers import MSR, ModemOutput

#: How long a break is held, in seconds, as tcsendbreak(3) does.
BREAK_S: Final = 0.25
#: The deepest transmit FIFO of a common port, in characters: they leave after the driver has handed them over.
FIFO_DEPTH: Final = 64
#: How long the last characters may take to leave when the port is closed, in seconds; with flow control they may never.
CLOSE_TIMEOUT_S: Final = 1.0
#: How often the modem lines are read, in seconds.
MODEM_LOOK_S: Final = 0.05

_TIOCGICOUNT: Final = 0x545D
_ICOUNT: Final = struct.Struct("20i")
_ICOUNT_NAMES: Final = ("cts", "dsr", "ring", "dcd", "rx", "tx", "frame", "overrun", "parity", "brk", "buf_overrun")
#: Those of the counts that are of interest, by the names in ``uartsim status``.
_SHOWN: Final = {
    "ring": "rings",
    "frame": "framing_errors",
    "parity": "parity_errors",
    "overrun": "overruns",
    "buf_overrun": "buffer_overruns",
    "brk": "breaks",
}
_INPUTS: Final = (
    (termios.TIOCM_CTS, MSR.CTS),
    (termios.TIOCM_DSR, MSR.DSR),
    (termios.TIOCM_RI, MSR.RI),
    (termios.TIOCM_CD, MSR.DCD),
)
_STOP_BITS: Final = {2: serial.STOPBITS_ONE, 3: serial.STOPBITS_ONE_POINT_FIVE, 4: serial.STOPBITS_TWO}


class SerialDevice:
    """An open serial port.  :func:`open_device` makes it.

    Args:
        tty: the same device, in raw mode.
        port: pyserial's port.
        line_format: its format.
        flow: ``"none"``, ``"rtscts"`` or ``"xonxoff"``.
    """

    def __init__(self, tty: RawTty, port: serial.Serial, line_format: LineFormat, flow: str) -> None:
        self._tty = tty
        self._port = port
        self._fifo_s = 0.0 if tty.is_pty else FIFO_DEPTH * line_format.frame_ticks / TICKS_PER_SECOND
        self._decoder = MarkDecoder(Flag.FRAMING if line_format.parity == "N" else Flag.PARITY)
        self._kernel_drives_rts = flow == "rtscts"
        self._counts_before = self._kernel_counts()
        self.has_modem_lines = self._inputs() is not None

    # -- characters and breaks -----------------------------------------------------------------------------

    async def receive(self) -> Sequence[Received]:
        """Wait for what comes next: characters with their errors, and breaks."""
        return self._decoder.feed(await self._tty.read())

    async def send_some(self, data: bytes) -> int:
        """Send the beginning of ``data``; returns how much of it the port's driver has taken."""
        return await self._tty.write_some(data)

    async def wait_sent(self) -> None:
        """Wait until everything has left the port, as far as its driver knows, and then its FIFO."""
        await self._tty.wait_written()
        await trio.sleep(self._fifo_s)

    async def send_break(self) -> None:
        """Hold the line at space for a moment.

        Raises:
            CannotCarry: it is a pty.
            LineEnded: the device is gone.
        """
        if self._tty.is_pty:
            raise CannotCarry(f"{self._tty.path} is a pty, which carries no break")
        try:
            self._port.break_condition = True
            try:
                await trio.sleep(BREAK_S)
            finally:
                self._port.break_condition = False
        except OSError as error:
            raise self._gone(error) from None

    @property
    def modem(self) -> RemoteModem | None:
        """Its modem lines, or None if it has none."""
        return self if self.has_modem_lines else None

    # -- modem lines ---------------------------------------------------------------------------------------

    def _inputs(self) -> MSR | None:
        """The modem lines; None if the port has none."""
        try:
            bits = struct.unpack("I", fcntl.ioctl(self._tty.fd, termios.TIOCMGET, bytes(4)))[0]
        except OSError:
            return None
        inputs = MSR(0)
        for bit, line in _INPUTS:
            if bits & bit:
                inputs |= line
        return inputs

    async def wait_change(self, other_than: MSR | None) -> MSR:
        """Wait until the modem lines differ from ``other_than``.

        They are looked at now and again: TIOCMIWAIT would hold a thread that cannot be ended.
        """
        await trio.lowlevel.checkpoint()
        while (inputs := self._inputs()) is None or inputs == other_than:
            await trio.sleep(MODEM_LOOK_S)
        return inputs

    async def drive(self, outputs: ModemOutput) -> None:
        """Drive DTR, and RTS unless the kernel drives it for flow control.

        Raises:
            LineEnded: the device is gone.
        """
        await trio.lowlevel.checkpoint()
        try:
            self._port.dtr = bool(outputs & ModemOutput.DTR)
            if not self._kernel_drives_rts:
                self._port.rts = bool(outputs & ModemOutput.RTS)
        except OSError as error:
            raise self._gone(error) from None

    def _gone(self, error: OSError) -> LineEnded:
        return LineEnded(
            f"the device {self._tty.path} is gone: was it unplugged? ({error.strerror or error})", failed=True
        )

    # -- facts ---------------------------------------------------------------------------------------------

    def _kernel_counts(self) -> dict[str, int]:
        try:
            answer = _ICOUNT.unpack(fcntl.ioctl(self._tty.fd, _TIOCGICOUNT, bytes(_ICOUNT.size)))
        except OSError:
            return {}
        return dict(zip(_ICOUNT_NAMES, answer, strict=False))

    def status(self) -> dict[str, Any]:
        """The modem lines of the port, and what its driver has counted since it was opened."""
        inputs = self._inputs()
        lines = {} if inputs is None else {str(line.name).lower(): line in inputs for _, line in _INPUTS}
        counts = self._kernel_counts()
        shown = {name: counts[key] - self._counts_before.get(key, 0) for key, name in _SHOWN.items() if key in counts}
        return ({"modem": lines} if lines else {}) | ({"port": shown} if shown else {})

    async def aclose(self) -> None:
        """Close the port, with its modes as they were found; what cannot leave it soon is dropped.

        Closing a port whose output is held back would take the kernel up to 30 s.
        """
        with trio.move_on_after(CLOSE_TIMEOUT_S):
            await self.wait_sent()
        self._tty.discard_output()
        trio.lowlevel.notify_closing(self._tty.fd)
        self._port.close()
        self._tty.close()
        await trio.lowlevel.checkpoint()


def open_device(path: str, line_format: LineFormat, flow: str, log: Callable[[str], object]) -> SerialDevice:
    """Open a serial port for us alone.

    Args:
        path: the device.
        line_format: speed and format.
        flow: ``"none"``, ``"rtscts"`` or ``"xonxoff"``.
        log: is called with a line for the user.

    Raises:
        NotThere: there is no such device now, or another program has it.
        UsageError: it is not a serial device, may not be opened, or does not have the speed or format.
    """
    tty = open_raw_tty(path, marks=True)
    port = serial.Serial()
    try:
        port.port = path
        port.baudrate = round(line_format.baud)
        port.bytesize = line_format.data_bits
        port.parity = line_format.parity
        port.stopbits = _STOP_BITS[line_format.stop_halves]
        port.rtscts, port.xonxoff = flow == "rtscts", flow == "xonxoff"
        port.timeout = 0
        port.open()
        tty.set_raw(marks=True, xonxoff=flow == "xonxoff")
        _check_speed(tty, line_format)
        tty.keep_others_out()
        device = SerialDevice(tty, port, line_format, flow)
    except (serial.SerialException, OSError, ValueError, OverflowError, termios.error) as error:
        port.close()
        tty.close()
        raise UsageError(f"{path} cannot be set to {line_format}: {error}") from None
    except BaseException:
        port.close()
        tty.close()
        raise
    if not device.has_modem_lines:
        log(
            f"{path} has no modem lines: DTR and RTS are taken for active"
            + " (it is a pty, without breaks)" * tty.is_pty
        )
    return device


def _check_speed(tty: RawTty, line_format: LineFormat) -> None:
    """Raise UsageError if the port's driver has set another speed than it was told."""
    speed = odd_speed(tty.fd)
    if speed and abs(speed / line_format.baud - 1) > 0.025:
        raise UsageError(
            f"{tty.path} cannot do {round(line_format.baud)} baud, only {speed}: choose another speed (--set baud=...)"
        )
