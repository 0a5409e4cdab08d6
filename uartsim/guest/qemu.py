"""A stock QEMU is the guest; the bytes of its serial port go through COM1.

QEMU's own 16550 speaks to a socket, without any pace.  What it sends, :class:`SerialDriver` writes to the registers of
our chip, and QEMU waits when the line is slower; what the chip receives goes to QEMU's port.  A break goes by QMP,
behind the bytes before it.  Both sockets are socket pairs that QEMU inherits: they are connected before QEMU runs, so
that no byte is lost, and they have no names in the file system.

What such a guest does not show: which divisor and format it programs (setting ``baud`` is the speed of our chip),
breaks and modem lines that it sends.  Parity and framing errors reach it as the characters that were sampled.

Table ``[qemu]`` of ``guest.toml``; in its strings ``{folder}`` is the guest's folder, and every setting has its name:

==============  =================================================================================================
``kernel``      ``"debian-cloud"`` (the newest in /boot), or a path from the guest's folder on; none boots a drive
``initrd``      ``"tiny"`` (see :mod:`uartsim.guest.images`), or a path
``append``      the kernel's command line
``memory_mb``   256 by default; a setting of that name comes first
``drives``      values of ``-drive``, such as ``"file={folder}/disk.img,if=virtio,format=raw,snapshot=on"``
``machine``     value of ``-machine``; ``"pc"`` by default
``args``        further arguments
``press``       keys that are pressed once in each boot when a text has come, such as
                ``[{ after = "Hit any key", keys = " ", when = "stop" }]``; ``when`` names a setting that switches it
==============  =================================================================================================

The processor is always emulated (TCG): KVM may be there and yet not run a guest, as in a nested machine.
Switching off kills QEMU: to a disk image that is a loss of power.
"""

from __future__ import annotations

import fcntl
import functools
import re
import socket
import struct
import termios
from pathlib import Path
from typing import Any, Final

import trio

from uartsim.chip.registers import LSR, Offset
from uartsim.guest.catalogue import GuestDefinition, find_program
from uartsim.guest.child import Child
from uartsim.guest.images import find_kernel, tiny_initramfs
from uartsim.guest.placeholders import fill_in, format_of
from uartsim.guest.presser import Presser
from uartsim.guest.qmp import QmpClient, QmpError
from uartsim.line_format import UsageError
from uartsim.machine import Flag, GuestEnd, Machine, SerialDriver

#: The program.
QEMU: Final = "qemu-system-x86_64"
#: How long bytes before a break may take to reach the guest before the break goes ahead of them, in seconds.
DELIVERY_TIMEOUT_S: Final = 1.0
#: How long what the guest sent last may take to leave the chip, in seconds.
DRAIN_TIMEOUT_S: Final = 30.0

_CHARDEV: Final = "com1"
_CHUNK_BYTES: Final = 1024
#: COM1's line status register in the guest.
_LSR_PORT: Final = 0x3F8 + Offset.LSR


class QemuGuest:
    """A guest of kind ``qemu``.

    Args:
        definition: the guest as its folder defines it.

    Raises:
        UsageError: a setting or placeholder that cannot be.
    """

    kind = "qemu"

    def __init__(self, definition: GuestDefinition) -> None:
        self._definition = definition
        self._line_format = format_of(definition)
        settings, options = definition.settings, definition.options
        self._memory_mb = settings.get("memory_mb", options.get("memory_mb", 256))
        if not isinstance(self._memory_mb, int) or not 16 <= self._memory_mb <= 1 << 20:
            raise UsageError(f"guest {definition.name!r}: memory_mb is {self._memory_mb!r}: use 16 to 1048576")
        self._append = self._text("append")
        self._extra = [
            *(word for drive in options.get("drives", []) for word in ("-drive", self._filled_in("drives", drive))),
            *(self._filled_in("args", word) for word in options.get("args", [])),
        ]
        self._presser = Presser(
            [
                (press["after"].encode(), press["keys"].encode())
                for press in options.get("press", [])
                if settings.get(press.get("when"), True)
            ]
        )
        self._sending = trio.Lock()
        self._qmp: QmpClient | None = None
        self._driver: SerialDriver | None = None
        self._powered_off = False

    def _filled_in(self, key: str, text: str) -> str:
        values: dict[str, Any] = {**self._definition.settings, "folder": self._definition.folder}
        return fill_in(text, values, f"guest {self._definition.name!r}, {key}")

    def _text(self, key: str, default: str = "") -> str:
        return self._filled_in(key, self._definition.options.get(key, default))

    async def run(self, machine: Machine, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> GuestEnd:
        """Run QEMU on COM1 until it ends; see :class:`uartsim.machine.Guest`."""
        self._powered_off = False
        self._presser.boot()
        command = await self._command(machine)
        self._driver = driver = SerialDriver(machine.com1)
        driver.open(self._line_format)
        ours, theirs = socket.socketpair()
        our_monitor, their_monitor = socket.socketpair()
        try:
            with theirs, their_monitor:
                descriptors = (theirs.fileno(), their_monitor.fileno())
                child = await Child.start([*command, *_socket_arguments(*descriptors)], pass_fds=descriptors)
            async with child, trio.open_nursery() as nursery:
                self._qmp = QmpClient(_stream(our_monitor), self._on_event)
                nursery.start_soon(self._qmp.run)
                sent_all = trio.Event()
                line = _stream(ours)
                nursery.start_soon(self._carry_out, line, driver, sent_all)
                nursery.start_soon(self._carry_in, line, driver)
                nursery.start_soon(self._report_ready, task_status)
                status = await child.wait()
                with trio.move_on_after(DRAIN_TIMEOUT_S):
                    await sent_all.wait()
                    await driver.drain()
                nursery.cancel_scope.cancel()
        finally:
            self._qmp = self._driver = None
            driver.close()
            ours.close()
            our_monitor.close()
        if self._powered_off:
            return GuestEnd("poweroff")
        return GuestEnd("failed", status, child.last_output())

    async def reset(self) -> None:
        """The reset button.

        Raises:
            QmpError: QEMU does not answer.
        """
        if self._driver is not None:
            self._driver.discard_output()
            self._driver.flush_input()
            self._driver.open(self._line_format)
        await self._command_by_qmp("system_reset")

    async def nmi(self) -> None:
        """The NMI button: an NMI to the first processor.

        Raises:
            QmpError: QEMU does not answer.
        """
        await self._command_by_qmp("inject-nmi")

    async def _command_by_qmp(self, command: str, **arguments: str) -> Any:
        if self._qmp is None:
            raise QmpError(f"QMP {command}: QEMU is not running")
        await self._qmp.ready.wait()
        return await self._qmp.execute(command, **arguments)

    async def _command(self, machine: Machine) -> list[str]:
        """QEMU's command line but for the sockets; builds what it needs."""
        folder, options = self._definition.folder, self._definition.options
        if find_program(QEMU) is None:
            raise UsageError(f"the program {QEMU} is missing: apt-get install qemu-system-x86")
        command = [QEMU, "-accel", "tcg", "-machine", self._text("machine", "pc"), "-m", str(self._memory_mb)]
        command += ["-nodefaults", "-no-user-config", "-display", "none"]
        if "kernel" in options:
            command += ["-kernel", str(find_kernel(self._text("kernel"), folder))]
        if "initrd" in options:
            name = self._text("initrd")
            command += ["-initrd", str(await self._tiny(machine) if name == "tiny" else folder / name)]
        if "append" in options:
            command += ["-append", self._append]
        return command + self._extra

    async def _tiny(self, machine: Machine) -> Path:
        def progress(text: str) -> None:
            trio.from_thread.check_cancelled()
            trio.from_thread.run_sync(machine.log, text)

        return await trio.to_thread.run_sync(functools.partial(tiny_initramfs, progress))

    async def _report_ready(self, task_status: trio.TaskStatus[None]) -> None:
        assert self._qmp is not None
        with trio.CancelScope(shield=True):  # however quickly QEMU ends, the start is told; ready never fails to come
            await self._qmp.ready.wait()
        task_status.started()

    async def _on_event(self, name: str, data: dict[str, Any]) -> None:
        if name == "RESET":
            self._presser.boot()
        if name == "SHUTDOWN" and data.get("guest"):
            self._powered_off = True

    # -- the bytes -----------------------------------------------------------------------------------------

    async def _carry_out(self, line: trio.SocketStream, driver: SerialDriver, sent_all: trio.Event) -> None:
        """What the guest sends goes to COM1, until QEMU has closed its end."""
        try:
            while data := await line.receive_some(_CHUNK_BYTES):
                if keys := self._presser.keys_after(data):
                    async with self._sending:
                        await line.send_all(keys)
                await driver.write(data)
        except trio.BrokenResourceError:
            pass  # QEMU was killed
        sent_all.set()

    async def _carry_in(self, line: trio.SocketStream, driver: SerialDriver) -> None:
        """What COM1 receives goes to the guest."""
        try:
            while True:
                received = await driver.receive()
                if received.flag is Flag.BREAK:
                    with trio.move_on_after(DELIVERY_TIMEOUT_S):  # a guest that hangs is to get its break, too
                        await _wait_taken(line)
                        await self._wait_read()
                    await self._command_by_qmp("chardev-send-break", id=_CHARDEV)
                elif received.data:
                    async with self._sending:
                        await line.send_all(received.data)
        except (trio.BrokenResourceError, QmpError):
            await trio.sleep_forever()  # QEMU has ended, and run() is about to notice

    async def _wait_read(self) -> None:
        """Wait until the guest has read all that its port has received.

        QEMU's 16550 does not keep the break with its place in the FIFO: it sets LSR.BI at once, and a guest that has
        older characters to read takes the first of them for the break.  So the FIFO has to be empty before a break;
        the monitor reads LSR, which disturbs nothing but a break that the guest has not seen yet.
        """
        while True:
            answer = await self._command_by_qmp("human-monitor-command", command_line=f"i /b {_LSR_PORT:#x}")
            value = re.search(r"= (0x[0-9a-f]+)", str(answer))
            if value is None or not int(value[1], 16) & LSR.DR:
                return
            await trio.sleep(0.001)


def _stream(end: socket.socket) -> trio.SocketStream:
    return trio.SocketStream(trio.socket.from_stdlib_socket(end))


def _socket_arguments(line: int, monitor: int) -> list[str]:
    return [
        *("-chardev", f"socket,id={_CHARDEV},fd={line}", "-serial", f"chardev:{_CHARDEV}"),
        *("-chardev", f"socket,id=monitor,fd={monitor}", "-mon", "chardev=monitor,mode=control"),
    ]


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
