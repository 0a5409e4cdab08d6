"""QEMU's own 16550A as a device under test: its registers over the qtest protocol, without a guest.

The machine's processor is parked by a firmware image of ``hlt``.  Where QEMU has no qtest accelerator (as in
distributions) the machine also stays stopped: virtual time stands still, while port accesses, the character device and
the interception of interrupts still work.  :meth:`QemuDut.advance` then lets the machine run for a while and reads from
the ACPI timer how long that was.

Two traps: a full character device stalls QEMU's transmitter, so :meth:`QemuDut.take_sent` has to be called often; and
QEMU takes in only as many bytes from the line as its receiver has room for, and the rest on any later access.
:meth:`QemuDut.inject` therefore refuses bytes that do not fit; :meth:`QemuDut.receive` leaves them outside, as QEMU does,
and :meth:`QemuDut.reset` drains them first.
"""

from __future__ import annotations

import array
import fcntl
import json
import re
import select
import shutil
import socket
import subprocess
import tempfile
import termios
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from uartsim.conform.dut import Access, Answer, Can, DeviceUnderTest, DutError
from uartsim.conform.dut_process import WatchedProcess
from uartsim.registers import Offset

PROGRAM: Final = "qemu-system-x86_64"
_PORT: Final = 0x3F8
_IRQ: Final = 4
_REPLY_TIMEOUT_S: Final = 30
_PM_TIMER_HZ: Final = 3_579_545
_SCRATCH: Final = 7


class QemuDut(DeviceUnderTest):
    """One QEMU process with one serial port.

    Raises:
        DutError: QEMU is missing, or does not start.
    """

    def __init__(self) -> None:
        if shutil.which(PROGRAM) is None:
            raise DutError(f"{PROGRAM} is missing: install it, on Debian with 'apt-get install qemu-system-x86'")
        version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=False).stdout
        found = re.search(r"version (\S+)", version)
        help_text = subprocess.run([PROGRAM, "-accel", "help"], capture_output=True, text=True, check=False).stdout
        #: The version of QEMU, such as ``"7.2.22"``.
        self.version = found[1] if found else "unknown"
        self.name = f"QEMU {self.version}"
        #: Whether time passes exactly as told; otherwise a few tenths of a millisecond more pass.
        self.exact_clock = "qtest" in help_text.split()
        self.can = Can.RESET | Can.IRQ | Can.SENT | Can.RECEIVE | Can.BREAK | Can.TIME
        if self.exact_clock:
            self.can |= Can.EXACT
        self._irq = False
        self._replies = b""
        self._qmp_replies = b""
        self._pm_last = 0
        self._stack = ExitStack()
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="uartsim-qemu-")
        self._stack.callback(folder.cleanup)
        self.folder = Path(folder.name)
        firmware = self.folder / "park.bin"
        # At the reset vector, 16 bytes before the end: cli; hlt; jmp back.
        firmware.write_bytes(b"\xf4" * (65536 - 16) + b"\xfa\xf4\xeb\xfd" + b"\xf4" * 12)
        self._qtest, qtest_end = self._pair()
        self._line, line_end = self._pair()
        self._qmp_socket, qmp_end = self._pair()
        ends = {"qtest": qtest_end, "line": line_end, "qmp": qmp_end}
        arguments = [PROGRAM, "-machine", "pc", "-accel", "qtest" if self.exact_clock else "tcg", "-m", "16"]
        arguments += ["-display", "none", "-nodefaults", "-no-user-config", "-bios", str(firmware)]
        if not self.exact_clock:
            arguments.append("-S")
        for name, end in ends.items():
            arguments += ["-chardev", f"socket,id={name},fd={end.fileno()}"]
        arguments += ["-object", "qtest,id=test,chardev=qtest,log=none", "-mon", "chardev=qmp,mode=control"]
        arguments += ["-device", "isa-serial,chardev=line,index=0"]
        self._process = WatchedProcess(arguments, pass_fds=[end.fileno() for end in ends.values()], folder=folder)
        self._stack.callback(self._process.close)
        for end in ends.values():
            end.close()
        self._line.setblocking(False)
        self._receive_qmp()  # the greeting
        self._qmp("qmp_capabilities")
        self._command("irq_intercept_in ioapic")
        self._start_pm_timer()

    def _pair(self) -> tuple[socket.socket, socket.socket]:
        ours, theirs = socket.socketpair()
        self._stack.callback(ours.close)
        self._stack.callback(theirs.close)
        ours.settimeout(_REPLY_TIMEOUT_S)
        return ours, theirs

    def close(self) -> None:
        """End QEMU; may be called again."""
        self._stack.close()

    def _gone(self, what: str) -> DutError:
        """The error for a connection that QEMU has closed, with the last line of its standard error."""
        self._process.wait(5)
        said = self._process.last_words()
        return DutError(f"{PROGRAM} closed its {what}" + (f"; it said: {said}" if said else ""))

    # -- registers -----------------------------------------------------------------------------------------

    def run(self, accesses: Iterable[Access]) -> list[Answer]:
        """Make several accesses in one round trip.

        QEMU reports a change of the interrupt line before the answer to the command that caused it, so the level
        is that after exactly this access.
        """
        accesses = list(accesses)
        text = "".join(
            f"inb {_PORT + offset:#x}\n" if value is None else f"outb {_PORT + offset:#x} {value:#x}\n"
            for offset, value in accesses
        )
        self._tell(text)
        answers = []
        for _, value in accesses:
            reply = self._reply()
            answers.append(Answer(int(reply.split()[1], 16) if value is None else None, self._irq))
        return answers

    def read(self, offset: int) -> int:
        """Read a register."""
        value = self.run([Access(offset)])[0].value
        assert value is not None
        return value

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        self.run([Access(offset, value)])

    @property
    def irq(self) -> bool:
        """The level of the interrupt line."""
        return self._irq

    # -- the line ------------------------------------------------------------------------------------------

    def receive(self, character: int, errors: int = 0) -> int:
        """A character comes in from the line; QEMU leaves it outside while its receiver has no room for it."""
        self._line.sendall(bytes((character,)))
        for _ in range(3):
            self._round_trip()
        return 0

    def inject(self, data: bytes) -> None:
        """Bytes come in from the line; returns when QEMU has taken all of them in.

        Raises:
            DutError: the receiver has no room for all of them.
        """
        for n in range(len(data)):
            self._line.sendall(data[n : n + 1])  # one at a time, so that the queue's length says what was taken
        for _ in range(50):
            if not self._untaken():
                self._round_trip()  # it was taken off the queue; now it is in
                return
            self._round_trip()
        raise DutError(f"QEMU left {self._untaken()} of the injected bytes outside: its receiver had no room")

    def _untaken(self) -> int:
        count = array.array("i", [0])
        fcntl.ioctl(self._line, termios.TIOCOUTQ, count)
        return count[0]

    def receive_break(self) -> int:
        """A break comes in from the line."""
        self._qmp("chardev-send-break", id="line")
        self._round_trip()
        return 0

    def take_sent(self) -> bytes:
        """The characters that have left since the last call."""
        sent = bytearray()
        while select.select([self._line], [], [], 0)[0]:
            more = self._line.recv(65536)
            if not more:
                break
            sent += more
        return bytes(sent)

    # -- time ----------------------------------------------------------------------------------------------

    def advance(self, ns: int) -> int:
        """Let virtual time pass; returns the nanoseconds that passed, at least ``ns``."""
        if self.exact_clock:
            before = int(self._command("clock_step 0").split()[1])
            return int(self._command(f"clock_step {ns}").split()[1]) - before
        passed = 0
        while passed < ns:
            self._qmp("cont")
            time.sleep((ns - passed) / 1e9)
            self._qmp("stop")
            ticks = self._pm_timer()
            passed += ((ticks - self._pm_last) & 0xFFFFFF) * 1_000_000_000 // _PM_TIMER_HZ
            self._pm_last = ticks
        self._round_trip()
        return passed

    def _start_pm_timer(self) -> None:
        """Switch on the PIIX4's ACPI timer at port 0xb000."""
        for command in ("outl 0xcf8 0x80000b40", "outl 0xcfc 0xb001", "outl 0xcf8 0x80000b80", "outb 0xcfc 0x1"):
            self._command(command)
        self._pm_last = self._pm_timer()

    def _pm_timer(self) -> int:
        return int(self._command("inl 0xb008").split()[1], 16) & 0xFFFFFF

    def reset(self) -> None:
        """Reset the machine; bytes that wait outside are taken in and thrown away first."""
        self.run([Access(Offset.LCR, 3), Access(Offset.MCR, 8), Access(Offset.IER, 0), Access(Offset.FCR, 0)])
        for _ in range(100_000):
            if not self.read(Offset.LSR) & 1 and not self._untaken():
                break
            self.read(Offset.RBR)
        self._qmp("system_reset")
        for _ in range(20):
            self._round_trip()
        self._start_pm_timer()
        self.take_sent()

    # -- protocols -----------------------------------------------------------------------------------------

    def _round_trip(self) -> None:
        """Let QEMU's main loop turn once, by a harmless access."""
        self._command(f"inb {_PORT + _SCRATCH:#x}")

    def _command(self, text: str) -> str:
        self._tell(text + "\n")
        return self._reply()

    def _tell(self, text: str) -> None:
        try:
            self._qtest.sendall(text.encode())
        except OSError:
            raise self._gone("qtest connection") from None

    def _reply(self) -> str:
        while True:
            while b"\n" not in self._replies:
                try:
                    more = self._qtest.recv(65536)
                except TimeoutError:
                    raise DutError(f"{PROGRAM} has not answered for {_REPLY_TIMEOUT_S} s") from None
                except ConnectionError:
                    more = b""
                if not more:
                    raise self._gone("qtest connection")
                self._replies += more
            line, _, self._replies = self._replies.partition(b"\n")
            words = line.decode().split()
            if words[0] == "IRQ":
                if int(words[2]) == _IRQ:
                    self._irq = words[1] == "raise"
            elif words[0] == "OK":
                return " ".join(words)
            else:
                raise DutError(f"QEMU answered {line.decode()!r}")

    def _receive_qmp(self) -> dict[str, Any]:
        while b"\n" not in self._qmp_replies:
            try:
                more = self._qmp_socket.recv(65536)
            except TimeoutError:
                raise DutError(f"the monitor of {PROGRAM} has not answered for {_REPLY_TIMEOUT_S} s") from None
            except ConnectionError:
                more = b""
            if not more:
                raise self._gone("monitor")
            self._qmp_replies += more
        line, _, self._qmp_replies = self._qmp_replies.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def _qmp(self, command: str, **arguments: object) -> None:
        message = {"execute": command} | ({"arguments": arguments} if arguments else {})
        self._qmp_socket.sendall(json.dumps(message).encode() + b"\n")
        while True:
            reply = self._receive_qmp()
            if "error" in reply:
                raise DutError(f"QEMU refused {command}: {reply['error']}")
            if "return" in reply:
                return
