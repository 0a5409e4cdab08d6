"""What a client can do to the tty of a pty: the machine goes on, and the next client finds a fresh serial port."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import random
import signal
import struct
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.access.rig import ECHO, RunningMachine, open_serial, read_until, running, wait_until
from tests.faults.rig import GuestFolder
from uartsim.access.pty_device import PtyDevice, PtyLostError

N_NULL = 27
TIOCVHANGUP = 0x5437
TIOCSLCKTRMIOS = 0x5457
_TRIES = (OSError, termios.error)


def open_plain(machine: RunningMachine) -> int:
    return os.open(machine.link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)


def assert_goes_on(machine: RunningMachine) -> None:
    """The next client gets its echo, in a tty that is as at the start."""
    machine.wait_opened(0)
    fd = open_plain(machine)
    try:
        flags = termios.tcgetattr(fd)
        assert flags[0] == flags[1] == flags[3] == 0
        assert flags[4] == flags[5] == termios.B115200
    finally:
        os.close(fd)
    with open_serial(machine.link) as client:
        client.write(b"are you there?")
        assert client.read_until(b"there?").endswith(b"are you there?")
    machine.wait_opened(0)


def hang_up_at_zero_baud(fd: int) -> None:
    settings = termios.tcgetattr(fd)
    settings[4] = settings[5] = termios.B0
    termios.tcsetattr(fd, termios.TCSANOW, settings)


def lose_the_terminal(fd: int, *, how: str) -> None:
    """A session whose controlling terminal it is ends, is hung up, or gives it up."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
            if how == "vhangup":
                ctypes.CDLL(None).vhangup()
            elif how == "TIOCNOTTY":
                fcntl.ioctl(fd, termios.TIOCNOTTY)
            elif how == "SIGHUP":
                os.kill(os.getpid(), signal.SIGHUP)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


HANG_UPS: dict[str, Callable[[int], object]] = {
    "N_NULL": lambda fd: fcntl.ioctl(fd, termios.TIOCSETD, struct.pack("i", N_NULL)),
    "0 baud": hang_up_at_zero_baud,
    "TCOOFF": lambda fd: termios.tcflow(fd, termios.TCOOFF),
    "TIOCEXCL": lambda fd: fcntl.ioctl(fd, termios.TIOCEXCL),
    "TCIOFLUSH": lambda fd: termios.tcflush(fd, termios.TCIOFLUSH),
    "session": lambda fd: lose_the_terminal(fd, how="exit"),
    "SIGHUP": lambda fd: lose_the_terminal(fd, how="SIGHUP"),
    "TIOCNOTTY": lambda fd: lose_the_terminal(fd, how="TIOCNOTTY"),
    "vhangup": lambda fd: lose_the_terminal(fd, how="vhangup"),
    "TIOCVHANGUP": lambda fd: fcntl.ioctl(fd, TIOCVHANGUP),
    "locked settings": lambda fd: fcntl.ioctl(fd, TIOCSLCKTRMIOS, b"\xff" * 36),
}


def test_whatever_a_client_does_to_the_tty_the_machine_goes_on(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        for name, hang_up in HANG_UPS.items():
            fd = open_plain(machine)
            with contextlib.suppress(*_TRIES):  # some need root
                hang_up(fd)
            os.close(fd)
            try:
                assert_goes_on(machine)
            except BaseException:
                print(f"after {name}")
                raise


@pytest.mark.parametrize("number", range(31))
def test_every_line_discipline_that_a_client_can_set_is_undone(number: int) -> None:
    device = PtyDevice()
    try:
        fd = os.open(device.path, os.O_RDWR | os.O_NOCTTY)
        with contextlib.suppress(OSError):  # most are not in this kernel
            fcntl.ioctl(fd, termios.TIOCSETD, struct.pack("i", number))
        assert device.client_line() == (115200, False)
        assert device.waiting() == 0
        os.close(fd)
        device.restore(9600)
        os.write(device.master, b"x")
        assert device.unread() == 1
        assert device.client_line() == (9600, False)
    finally:
        device.close()


@pytest.mark.needs("root")
def test_one_that_stays_after_a_hang_up_starts_no_echo_storm_and_another_is_served(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    """The kernel puts a tty that was hung up into cooked mode, with echo."""
    with running(runtime, guest_folder(ECHO)) as machine:
        stays = open_plain(machine)
        os.write(stays, b"abc")
        assert read_until(stays, 3) == b"abc"
        fcntl.ioctl(stays, TIOCVHANGUP)
        with open_serial(machine.link) as client:
            client.write(b"hello")
            assert client.read(5) == b"hello"
            client.timeout = 0.2
            assert client.read(1) == b""
        os.close(stays)
        assert machine.status()["com1"]["line"]["bytes_in"] == 8
        assert_goes_on(machine)


#: A program whose pty is lost as often as a file has been made.
LOSES_ITS_PTY = """
import os, sys
from uartsim.access import pty_device

class Fragile(pty_device.PtyDevice):
    def restore(self, *arguments):
        if os.path.exists({flag!r}) and open({flag!r}).read() == self.path:
            os.unlink({flag!r})
            raise pty_device.PtyLostError("lost")
        super().restore(*arguments)

pty_device.PtyDevice = Fragile
from uartsim.cli import main
sys.exit(main())
"""


def test_a_pty_that_is_lost_is_replaced_by_another_and_the_link_follows(
    runtime: Path, tmp_path: Path, guest_folder: GuestFolder
) -> None:
    """No client is known that could do that to one, so it is made to fail."""
    flag = tmp_path / "lose"
    with running(runtime, guest_folder(ECHO), "box", code=LOSES_ITS_PTY.format(flag=str(flag))) as machine:
        more = Path(machine.ask("pty")["link"])
        for link in (machine.link, more):
            before = os.readlink(link)
            other = flag.with_name("written")
            other.write_text(before)
            other.rename(flag)
            os.close(os.open(link, os.O_RDWR | os.O_NOCTTY))
            wait_until(lambda link=link, path=before: os.readlink(link) != path, "another pty")  # type: ignore[misc]
            with open_serial(link) as client:
                client.write(b"hello")
                assert client.read_until(b"hello") == b"hello"
        assert_goes_on(machine)
        paths = [machine.status()["pty"]["path"], machine.status()["more_ptys"][0]["path"]]
        assert paths == [machine.pty, os.readlink(more)]
        _, err = machine.end()
    assert err.count("cannot be used any more: the line goes on at /dev/pts/") == 2
    assert not os.path.lexists(more)


def test_a_slave_that_cannot_be_opened_again_is_a_lost_pty(monkeypatch: pytest.MonkeyPatch) -> None:
    device = PtyDevice()
    try:

        def refuse() -> int:
            raise OSError(16, "Device or resource busy")

        monkeypatch.setattr(device, "_open_slave", refuse)
        with pytest.raises(PtyLostError, match=r"/dev/pts/\d+ cannot be used any more \(Device or resource busy\)"):
            device.probe()
    finally:
        device.close()


@pytest.mark.parametrize("first_seed", [0, 40])
def test_random_calls_on_the_tty_do_not_end_the_machine(
    runtime: Path, guest_folder: GuestFolder, first_seed: int
) -> None:
    """Each seed is a session of its own with some ioctls, numbers and arguments at random (but for TIOCCONS)."""
    with running(runtime, guest_folder(ECHO)) as machine:
        for seed in range(first_seed, first_seed + 40):
            pid = os.fork()
            if pid == 0:
                with contextlib.suppress(BaseException):
                    _call_at_random(machine, random.Random(seed))
                os._exit(0)
            os.waitpid(pid, 0)
        assert_goes_on(machine)


def _call_at_random(machine: RunningMachine, rng: random.Random) -> None:
    for number in (signal.SIGHUP, signal.SIGTTOU, signal.SIGTTIN):
        signal.signal(number, signal.SIG_IGN)
    os.setsid()
    fd = open_plain(machine)
    known = [termios.TIOCSETD, 0x402C542B, 0x402C542C, 0x40045431, 0x40045436, 0x5441]
    for _ in range(rng.randrange(1, 8)):
        request = rng.choice([rng.randrange(0x5401, 0x5470), rng.randrange(0x5401, 0x5470), rng.choice(known)])
        word = struct.pack("i", rng.choice([0, 1, N_NULL, rng.randrange(40)]))
        argument = rng.choice([word + rng.randbytes(60), rng.randbytes(64)])
        argument_or_number = rng.randrange(40) if rng.random() < 0.3 else argument
        if request != termios.TIOCCONS:
            with contextlib.suppress(*_TRIES):
                fcntl.ioctl(fd, request, argument_or_number)
        if rng.random() < 0.2:
            with contextlib.suppress(OSError):
                os.write(fd, rng.randbytes(rng.randrange(30)))
