"""The two ways to serve a QEMU guest's COM1: register by register, or byte by byte.

Register by register (:class:`RegisterLine`): the guest's own accesses reach our chip through the port bridge
(:mod:`uartsim.guest.port_bridge`).  The format that the guest programs is the format on the line, and breaks, errors and
modem lines reach the guest's own driver.

Byte by byte (:class:`ByteLine`): QEMU's own 16550 sends to a socket, without any timing.  :class:`SerialDriver` writes its
bytes to the registers of our chip, and QEMU has to wait while the line is ten seconds behind; the characters that the chip
receives go to QEMU's port.  A break is sent by QMP, after the bytes before it.  Not visible with such a guest are the
divisor and format that it programs (the setting ``baud`` is the speed of our chip), and the breaks and modem lines that it
sends.  Characters with parity or framing errors reach the guest as they were sampled, without the errors.

In both ways the sockets are socket pairs that QEMU inherits: they are connected before QEMU runs, so that no byte is lost,
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
from uartsim.registers import LSR, Offset

#: How long a break waits for the bytes before it to reach the guest, in seconds; then it overtakes them.
DELIVERY_TIMEOUT_S: Final = 1.0
#: How long the bridge in QEMU may take to report that it works, once QEMU's monitor answers, in seconds.
HELLO_TIMEOUT_S: Final = 5.0

#: A PC's serial ports: the first I/O port, and the ISA interrupt.
PORTS: Final = {"com1": (0x3F8, 4), "com2": (0x2F8, 3), "com3": (0x3E8, 4), "com4": (0x2E8, 3)}

_CHARDEV: Final = "com1"
_CHUNK_BYTES: Final = 65536
#: How far a guest that is served byte by byte may be ahead of the line, in seconds, and the least and most bytes for it.
#: QEMU must not wait earlier: a kernel's console waits two frames for QEMU's port, and then writes even without room.
_AHEAD_S: Final = 10.0
_AHEAD_BYTES: Final = (4096, 65536)
#: The size of the socket's buffer on top of that; each character that QEMU sends takes nearly a kilobyte of it.
_SOCKET_BYTES: Final = 8 << 20
_SO_SNDBUFFORCE: Final = 32  # socket(7); only root may exceed the system's limit


class ByQmp(Protocol):
    """A function that gives QEMU's monitor a command."""

    def __call__(self, command: str, **arguments: object) -> Awaitable[Any]:
        """Give the command and wait for its result.

        Raises:
            QmpError: QEMU refuses the command, or has ended.
        """


class QemuLine(Protocol):
    """One way to serve QEMU's COM1, for one run of QEMU."""

    @property
    def descriptors(self) -> Sequence[int]:
        """The descriptors that QEMU inherits."""

    def command(self, command: Sequence[str]) -> list[str]:
        """QEMU's command line with everything that this way needs."""

    def handed_over(self) -> None:
        """QEMU has inherited its descriptors: close our copies."""

    async def wait_ready(self) -> bool:
        """Wait, once QEMU's monitor answers, until COM1 is served; False if it will not be."""

    async def run(self, by_qmp: ByQmp) -> None:
        """Serve COM1 until QEMU has closed its end and everything that it has sent is in the driver or the chip."""

    async def drain(self) -> None:
        """Wait until everything in the chip has left it."""

    def reset(self) -> None:
        """The reset button was pressed; the chip has been reset already."""

    def close(self) -> None:
        """Detach from the port, and close the sockets."""


class RegisterLine:
    """Serves COM1 register by register: the guest's accesses reach our chip.

    Args:
        com1: the port.
        library: the path of the compiled bridge.
        boot_keys: the keys to press in each boot; they are sent from the far end of the line.
        port: which of the guest's ports it is, one of :data:`PORTS`.

    Raises:
        BridgeUnavailable: the library cannot be loaded.
    """

    def __init__(self, com1: Com1, library: Path, boot_keys: BootKeys, port: str = "com1") -> None:
        base_port, irq = PORTS[port]
        # A recording needs every access, so none may be answered in QEMU.
        leases = com1.taps is None
        self.bridge = BridgeServer(com1, library, leases=leases, base_port=base_port, irq=irq)
        self._qemus_ports = list(PORTS).index(port) + 1
        self._com1 = com1
        self._boot_keys = boot_keys
        self.bridge.on_transmit = self._press
        self.bridge.on_reset = boot_keys.boot

    @property
    def descriptors(self) -> Sequence[int]:
        """The descriptors that QEMU inherits."""
        return self.bridge.descriptors

    def command(self, command: Sequence[str]) -> list[str]:
        """QEMU's command line; QEMU keeps a port of its own below ours, from which firmware learns that it exists."""
        return [*self.bridge.command_prefix, *command, *["-serial", "null"] * self._qemus_ports]

    def handed_over(self) -> None:
        """QEMU has inherited its descriptors: close our copy."""
        self.bridge.handed_over()

    async def wait_ready(self) -> bool:
        """Wait for the bridge's hello, which comes before the monitor answers; False if QEMU did not load the bridge."""
        with trio.move_on_after(HELLO_TIMEOUT_S):
            await self.bridge.ready.wait()
        return self.bridge.ready.is_set()

    async def run(self, by_qmp: ByQmp) -> None:
        """Serve COM1 until QEMU has closed its end."""
        await self.bridge.serve()

    async def drain(self) -> None:
        """Wait until everything in the chip has left it."""
        await self.bridge.com1.drain()

    def reset(self) -> None:
        """Do nothing: QEMU resets the chip when it resets the machine."""

    def close(self) -> None:
        """Detach from the port, and close the sockets."""
        self.bridge.close()

    def _press(self, data: bytes) -> None:
        if keys := self._boot_keys.keys_after(data):
            self._com1.far_send(keys)


class ByteLine:
    """Serves COM1 byte by byte: a driver of ours writes the guest's bytes to the chip.

    Args:
        com1: the port.
        line_format: the format that the driver programs.
        boot_keys: the keys to press in each boot; they are sent to QEMU's own port.
        port: which of the guest's ports it is, one of :data:`PORTS`; None if its first port is no 16550A.
    """

    def __init__(self, com1: Com1, line_format: LineFormat, boot_keys: BootKeys, port: str | None = "com1") -> None:
        self._lsr_port = None if port is None else PORTS[port][0] + Offset.LSR
        self._qemus_ports = 0 if port is None else list(PORTS).index(port)
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
        """The descriptor that QEMU inherits."""
        return (self._theirs.fileno(),)

    def command(self, command: Sequence[str]) -> list[str]:
        """QEMU's command line, with its port connected to our socket."""
        chardev = f"socket,id={_CHARDEV},fd={self._theirs.fileno()}"
        others = ["-serial", "null"] * self._qemus_ports
        return [*command, "-chardev", chardev, *others, "-serial", f"chardev:{_CHARDEV}"]

    def handed_over(self) -> None:
        """QEMU has inherited its descriptor: close our copy."""
        self._theirs.close()

    async def wait_ready(self) -> bool:
        """Return True: COM1 is served from the start."""
        return True

    async def run(self, by_qmp: ByQmp) -> None:
        """Carry bytes until QEMU has closed its end and everything that it has sent is in the driver."""
        line = trio.SocketStream(trio.socket.from_stdlib_socket(self._ours))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._carry_in, line, by_qmp)
            await self._carry_out(line)
            nursery.cancel_scope.cancel()

    async def drain(self) -> None:
        """Wait until everything in the driver and the chip has left them."""
        await self._driver.drain()

    def reset(self) -> None:
        """Discard the driver's output and input, and program the chip again."""
        self._driver.discard_output()
        self._driver.flush_input()
        self._driver.open(self._format)

    def close(self) -> None:
        """Detach from the port, and close the sockets."""
        self._driver.close()
        self._ours.close()
        self._theirs.close()

    async def _carry_out(self, line: trio.SocketStream) -> None:
        """Carry the guest's output to COM1, until QEMU has closed its end."""
        try:
            while data := await line.receive_some(_CHUNK_BYTES):
                if keys := self._boot_keys.keys_after(data):
                    async with self._sending:
                        await line.send_all(keys)
                await self._driver.write(data)
        except trio.BrokenResourceError:
            pass  # QEMU was killed

    async def _carry_in(self, line: trio.SocketStream, by_qmp: ByQmp) -> None:
        """Carry what COM1 receives to the guest."""
        try:
            while True:
                received = await self._driver.receive()
                if received.flag is Flag.BREAK:
                    with trio.move_on_after(DELIVERY_TIMEOUT_S):  # a guest that hangs must get the break, too
                        await _wait_taken(line)
                        if self._lsr_port is not None:  # QEMU's PL011 stores a break at its place in the FIFO
                            await wait_read(by_qmp, self._lsr_port)
                    await by_qmp("chardev-send-break", id=_CHARDEV)
                elif received.data:
                    async with self._sending:
                        await line.send_all(received.data)
        except (trio.BrokenResourceError, QmpError):
            pass  # QEMU has ended


async def wait_read(by_qmp: ByQmp, lsr_port: int) -> None:
    """Wait until the guest has read everything that its port has received.

    QEMU's 16550 does not store a break at its place in the FIFO: it sets LSR.BI at once, and a guest that has
    older characters to read takes the first of them for the break.  So the FIFO must be empty before a break.
    The monitor reads LSR, which affects only a break that the guest has not seen yet.
    """
    while True:
        answer = await by_qmp("human-monitor-command", command_line=f"i /b {lsr_port:#x}")
        value = re.search(r"= (0x[0-9a-f]+)", str(answer))
        if value is None or not int(value[1], 16) & LSR.DR:
            return
        await trio.sleep(0.001)


async def _wait_taken(line: trio.SocketStream) -> None:
    """Wait until QEMU has read everything that was sent; it reads only as much as its port has room for."""
    while True:
        if not _left_to_take(line):
            return
        await trio.sleep(0.001)  # there is no event to wait for


def _left_to_take(line: trio.SocketStream) -> int:
    """How much the other end of a socket pair has not read yet, in the kernel's accounting; 0 if it has read all."""
    answer: tuple[int] = struct.unpack("i", fcntl.ioctl(line.socket.fileno(), termios.TIOCOUTQ, bytes(4)))
    return answer[0]
