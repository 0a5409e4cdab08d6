"""How a QEMU guest's COM1 becomes ours: as registers, or as bytes.

As registers (:class:`RegisterLine`): the guest's own accesses reach our chip through the port bridge
(:mod:`uartsim.guest.port_bridge`).  What the guest programs is what is on the line, and breaks, errors and modem lines
reach its own driver.

As bytes (:class:`ByteLine`): QEMU's own 16550 speaks to a socket, without any pace.  What it sends,
:class:`SerialDriver` writes to the registers of our chip, and QEMU waits when the line is ten seconds behind; what the
chip receives goes to QEMU's port.  A break goes by QMP, behind the bytes before it.  What such a guest does not show:
which divisor and format it programs (setting ``baud`` is the speed of our chip), breaks and modem lines that it sends.
Parity and framing errors reach it as the characters that were sampled.

Either way the sockets are socket pairs that QEMU inherits: they are connected before QEMU runs, so that no byte is lost,
and they have no names in the file system.
"""

from __future__ import annotations

import contextlib
import fcntl
import re
import socket
import struct
import termios
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import trio

from uartsim.guest.boot_keys import BootKeys
from uartsim.guest.port_bridge import BridgeServer
from uartsim.guest.qmp import QmpError
from uartsim.line_format import TICKS_PER_SECOND, LineFormat
from uartsim.machine import Com1, Flag, SerialDriver
from uartsim.machine.tapped import TappedCom1
from uartsim.registers import LSR, Offset

#: How long bytes before a break may take to reach the guest before the break goes ahead of them, in seconds.
DELIVERY_TIMEOUT_S: Final = 1.0
#: How long QEMU may take to show that the bridge in it works, once its monitor answers, in seconds.
HELLO_TIMEOUT_S: Final = 5.0

#: A PC's serial ports: the first I/O port, and the ISA interrupt.
PORTS: Final = {"com1": (0x3F8, 4), "com2": (0x2F8, 3), "com3": (0x3E8, 4), "com4": (0x2E8, 3)}

_CHARDEV: Final = "com1"
_CHUNK_BYTES: Final = 65536
#: How far a guest that is served byte by byte may be ahead of the line: so many seconds, within these bytes.  A kernel's
#: console waits for QEMU's port for two frames, and then writes whether or not there is room: QEMU must not be kept waiting.
_AHEAD_S: Final = 10.0
_AHEAD_BYTES: Final = (4096, 65536)
#: What the socket is to hold besides: each character that QEMU sends takes nearly a kilobyte of it.
_SOCKET_BYTES: Final = 8 << 20
_SO_SNDBUFFORCE: Final = 32  # socket(7); root alone may go beyond the system's limit


class ByQmp(Protocol):
    """Gives QEMU's monitor a command."""

    def __call__(self, command: str, **arguments: object) -> Awaitable[Any]:
        """Raises QmpError where QEMU refuses or has ended."""


class QemuLine(Protocol):
    """One way to serve a QEMU's COM1, for one run of it."""

    @property
    def descriptors(self) -> Sequence[int]:
        """What QEMU inherits."""

    def command(self, command: Sequence[str]) -> list[str]:
        """QEMU's command line with all that this way needs."""

    def handed_over(self) -> None:
        """QEMU has inherited its descriptors."""

    async def wait_ready(self) -> bool:
        """Once QEMU's monitor answers: wait until COM1 is served; False if it will not be."""

    async def run(self, by_qmp: ByQmp) -> None:
        """Serve until QEMU has closed its end, and all that it has sent is in the chip."""

    async def drain(self) -> None:
        """Wait until what is in the chip has left it."""

    def reset(self) -> None:
        """The reset button was pressed; the chip has been reset already."""

    def close(self) -> None:
        """Let go of the port."""


class RegisterLine:
    """The guest's accesses reach our chip.

    Args:
        com1: the port.
        library: the compiled bridge.
        boot_keys: its keys are pressed at the far end of the line.
        port: which of the guest's ports it is, one of :data:`PORTS`.

    Raises:
        BridgeUnavailable: the library cannot be loaded.
    """

    def __init__(self, com1: Com1, library: Path, boot_keys: BootKeys, port: str = "com1") -> None:
        base_port, irq = PORTS[port]
        # A recording of every access wants every access.
        leases = not isinstance(com1, TappedCom1)
        self.bridge = BridgeServer(com1, library, leases=leases, base_port=base_port, irq=irq)
        self._qemus_ports = list(PORTS).index(port) + 1
        self._com1 = com1
        self._boot_keys = boot_keys
        self.bridge.on_transmit = self._press
        self.bridge.on_reset = boot_keys.boot

    @property
    def descriptors(self) -> Sequence[int]:
        """What QEMU inherits."""
        return self.bridge.descriptors

    def command(self, command: Sequence[str]) -> list[str]:
        """QEMU keeps a port of its own below ours: by it firmware knows that there is one."""
        return [*self.bridge.command_prefix, *command, *["-serial", "null"] * self._qemus_ports]

    def handed_over(self) -> None:
        """QEMU has inherited its descriptors."""
        self.bridge.handed_over()

    async def wait_ready(self) -> bool:
        """The bridge says hello before the monitor answers; it never does in a QEMU that loads no library."""
        with trio.move_on_after(HELLO_TIMEOUT_S):
            await self.bridge.ready.wait()
        return self.bridge.ready.is_set()

    async def run(self, by_qmp: ByQmp) -> None:
        """Serve until QEMU has closed its end."""
        await self.bridge.serve()

    async def drain(self) -> None:
        """Wait until what is in the chip has left it."""
        await self.bridge.drain()

    def reset(self) -> None:
        """QEMU resets the chip when it resets the machine."""

    def close(self) -> None:
        """Let go of the port."""
        self.bridge.close()

    def _press(self, data: bytes) -> None:
        if keys := self._boot_keys.keys_after(data):
            self._com1.far_send(keys)


class ByteLine:
    """The guest's bytes go through a driver of ours to the chip.

    Args:
        com1: the port.
        line_format: what the driver programs.
        boot_keys: its keys are pressed at QEMU's own port.
        port: which of the guest's ports it is, one of :data:`PORTS`.
    """

    def __init__(self, com1: Com1, line_format: LineFormat, boot_keys: BootKeys, port: str = "com1") -> None:
        self._lsr_port = PORTS[port][0] + Offset.LSR
        self._qemus_ports = list(PORTS).index(port)
        self._format = line_format
        self._boot_keys = boot_keys
        self._driver = SerialDriver(com1)
        self._driver.open(line_format)
        least, most = _AHEAD_BYTES
        self._driver.transmit_buffer = min(most, max(least, int(_AHEAD_S * TICKS_PER_SECOND / line_format.frame_ticks)))
        self._ours, self._theirs = socket.socketpair()
        self._theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
        with contextlib.suppress(OSError):
            self._theirs.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _SOCKET_BYTES)
        self._sending = trio.Lock()

    @property
    def descriptors(self) -> Sequence[int]:
        """What QEMU inherits."""
        return (self._theirs.fileno(),)

    def command(self, command: Sequence[str]) -> list[str]:
        """QEMU's port speaks to our socket."""
        chardev = f"socket,id={_CHARDEV},fd={self._theirs.fileno()}"
        others = ["-serial", "null"] * self._qemus_ports
        return [*command, "-chardev", chardev, *others, "-serial", f"chardev:{_CHARDEV}"]

    def handed_over(self) -> None:
        """QEMU has inherited its descriptors."""
        self._theirs.close()

    async def wait_ready(self) -> bool:
        """COM1 is served from the start."""
        return True

    async def run(self, by_qmp: ByQmp) -> None:
        """Carry bytes until QEMU has closed its end, and all that it has sent is in the driver."""
        line = trio.SocketStream(trio.socket.from_stdlib_socket(self._ours))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._carry_in, line, by_qmp)
            await self._carry_out(line)
            nursery.cancel_scope.cancel()

    async def drain(self) -> None:
        """Wait until what the driver and the chip hold has left them."""
        await self._driver.drain()

    def reset(self) -> None:
        """What the driver holds is gone, and it programs the chip anew."""
        self._driver.discard_output()
        self._driver.flush_input()
        self._driver.open(self._format)

    def close(self) -> None:
        """Let go of the port."""
        self._driver.close()
        self._ours.close()
        self._theirs.close()

    async def _carry_out(self, line: trio.SocketStream) -> None:
        """What the guest sends goes to COM1, until QEMU has closed its end."""
        try:
            while data := await line.receive_some(_CHUNK_BYTES):
                if keys := self._boot_keys.keys_after(data):
                    async with self._sending:
                        await line.send_all(keys)
                await self._driver.write(data)
        except trio.BrokenResourceError:
            pass  # QEMU was killed

    async def _carry_in(self, line: trio.SocketStream, by_qmp: ByQmp) -> None:
        """What COM1 receives goes to the guest."""
        try:
            while True:
                received = await self._driver.receive()
                if received.flag is Flag.BREAK:
                    with trio.move_on_after(DELIVERY_TIMEOUT_S):  # a guest that hangs is to get its break, too
                        await _wait_taken(line)
                        await _wait_read(by_qmp, self._lsr_port)
                    await by_qmp("chardev-send-break", id=_CHARDEV)
                elif received.data:
                    async with self._sending:
                        await line.send_all(received.data)
        except (trio.BrokenResourceError, QmpError):
            pass  # QEMU has ended


async def _wait_read(by_qmp: ByQmp, lsr_port: int) -> None:
    """Wait until the guest has read all that its port has received.

    QEMU's 16550 does not keep the break with its place in the FIFO: it sets LSR.BI at once, and a guest that has
    older characters to read takes the first of them for the break.  So the FIFO has to be empty before a break;
    the monitor reads LSR, which disturbs nothing but a break that the guest has not seen yet.
    """
    while True:
        answer = await by_qmp("human-monitor-command", command_line=f"i /b {lsr_port:#x}")
        value = re.search(r"= (0x[0-9a-f]+)", str(answer))
        if value is None or not int(value[1], 16) & LSR.DR:
            return
        await trio.sleep(0.001)


async def _wait_taken(line: trio.SocketStream) -> None:
    """Wait until QEMU has taken what was sent; it takes only what its port has room for."""
    while True:
        if not _left_to_take(line):
            return
        await trio.sleep(0.001)  # the kernel wakes nobody for this


def _left_to_take(line: trio.SocketStream) -> int:
    """What the other end of a socket pair has not read, in the kernel's accounting: 0 when it has read all."""
    answer: tuple[int] = struct.unpack("i", fcntl.ioctl(line.socket.fileno(), termios.TIOCOUTQ, bytes(4)))
    return answer[0]
