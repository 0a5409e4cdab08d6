"""The pty with programs at it: pyserial, pexpect, and plain system calls."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import re
import select
import subprocess
import sys
import termios
import tty
import zlib
from collections.abc import Callable
from pathlib import Path

import pexpect.fdpexpect
import pytest

from tests.access.rig import COUNTER, ECHO, SERVER, numbered, open_serial, read_until, running, wait_until
from tests.patience import patience
from uartsim.access.pty_device import PtyDevice

GuestFolder = Callable[[str], Path]
EVERY_BYTE = bytes(range(256))


def open_plain(path: object) -> int:
    return os.open(str(path), os.O_RDWR | os.O_NOCTTY)


# -- the device ----------------------------------------------------------------------------------------------


def test_a_fresh_pty_is_raw_so_that_no_echo_storm_can_start() -> None:
    device = PtyDevice()
    try:
        flags = termios.tcgetattr(device.slave)
        assert flags[0] == flags[1] == flags[3] == 0
        assert flags[2] & termios.CLOCAL
        os.write(device.master, b"login: \r\n")
        with pytest.raises(BlockingIOError):
            os.read(device.master, 100)
    finally:
        device.close()


def test_a_pty_that_nobody_has_open_is_not_woken_by_other_ptys() -> None:
    device, other = PtyDevice(), PtyDevice()
    try:
        os.close(open_plain(other.path))
        assert not select.select([device.watch], [], [], 0)[0]
        fd = open_plain(device.path)
        os.close(fd)
        assert device.opens() == [1, -1]
    finally:
        device.close()
        other.close()


def test_opens_and_closes_are_all_counted_however_fast_they_come() -> None:
    device = PtyDevice()
    try:
        device.count_closely(True)
        fds = [open_plain(device.path) for _ in range(20)]
        assert device.opens() == [1] * 20
        for fd in fds:
            os.close(fd)
        fd = open_plain(device.path)
        assert device.opens() == [-1] * 20 + [1]
        os.close(fd)
    finally:
        device.close()


@pytest.mark.parametrize("baud", [115200, 9600, 300, 57600, 16457, 12345])
def test_the_pty_shows_any_speed(baud: int) -> None:
    device = PtyDevice()
    try:
        device.set_raw(baud, two_stop_bits=True)
        assert device.client_line() == (baud, True)
        device.set_raw(baud)
        assert device.client_line() == (baud, False)
    finally:
        device.close()


def test_a_closed_device_has_given_back_every_descriptor() -> None:
    before = set(os.listdir("/proc/self/fd"))
    PtyDevice().close()
    assert set(os.listdir("/proc/self/fd")) == before


# -- bytes ---------------------------------------------------------------------------------------------------


def test_every_byte_value_passes_both_ways_unchanged(runtime: Path, guest_folder: GuestFolder) -> None:
    data = EVERY_BYTE * 4 + random.Random(1).randbytes(2000)
    with running(runtime, guest_folder(ECHO)) as machine, open_serial(machine.link) as client:
        client.write(data)
        assert client.read(len(data)) == data
        assert machine.status()["com1"]["line"]["bytes_in"] == len(data)


def test_pexpect_talks_over_the_pty(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(SERVER)) as machine:
        fd = open_plain(machine.link)
        try:
            spawn = pexpect.fdpexpect.fdspawn(fd, timeout=patience(20))
            spawn.expect_exact("ready")
            spawn.send("40\n")
            spawn.expect(re.compile(rb"0000000\n(.*)0000004\n", re.DOTALL))
            assert isinstance(spawn.match, re.Match)
            assert spawn.match[1] == b"0000001\n0000002\n0000003\n"
        finally:
            os.close(fd)


def test_60_kb_written_at_once_are_taken_at_the_line_s_pace_and_none_is_lost(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    data = random.Random(2).randbytes(60_000)
    with running(runtime, guest_folder(SERVER)) as machine, open_serial(machine.link) as client:
        assert client.read_until(b"ready\n").endswith(b"ready\n")
        client.write(b"crc %d\n" % len(data) + data)
        assert client.read_until(b"\n") == b"%08x\n" % zlib.crc32(data)
        line = machine.status()["com1"]["line"]
        assert line["overruns"] == 0
        assert line["bytes_in"] == len(data) + len(b"crc 60000\n")


def test_a_client_that_stops_reading_does_not_stop_the_guest(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(COUNTER)) as machine, open_serial(machine.link) as client:
        assert client.read(8) == b"0000000\n"
        sent = machine.status()["hub"]["bytes_from_guest"]
        machine.wait_sent(sent + 60_000)
        data = client.read(60_000)
        assert data == b"".join(b"%07d\n" % n for n in range(1, 7501))


# -- coming and going ----------------------------------------------------------------------------------------


def test_a_client_that_comes_late_gets_what_was_sent_before_after_its_own_flush(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    with running(runtime, guest_folder(SERVER)) as machine:
        machine.wait_sent(6)
        with open_serial(machine.link) as client:
            assert client.read(6) == b"ready\n"


def test_what_was_sent_while_nobody_was_attached_comes_once_however_much_it_was(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    size = 80_000
    with running(runtime, guest_folder(SERVER)) as machine:
        with open_serial(machine.link) as client:
            client.read_until(b"ready\n")
            client.write(b"%d\n" % size)
            first = client.read(16)
        machine.wait_opened(0)
        machine.wait_sent(6 + size)
        with open_serial(machine.link) as client:
            assert first + client.read(size - len(first)) == numbered(size)
            client.timeout = 0.3
            assert client.read(1) == b""
        machine.wait_opened(0)
        with open_serial(machine.link) as client:
            client.timeout = 0.5
            assert client.read(1) == b""


def test_what_a_client_leaves_unread_goes_to_the_next(runtime: Path, guest_folder: GuestFolder) -> None:
    size = 24_000
    with running(runtime, guest_folder(SERVER)) as machine:
        client = open_serial(machine.link)
        client.write(b"%d\n" % size)
        machine.wait_sent(6 + size)
        client.close()
        machine.wait_opened(0)
        with open_serial(machine.link) as client:
            assert client.read(6 + size) == b"ready\n" + numbered(size)


def test_every_one_of_a_row_of_clients_gets_its_part_and_no_byte_comes_twice(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    """Each reads a little and leaves while the line runs at full speed."""
    rng = random.Random(3)
    got = bytearray()
    with running(runtime, guest_folder(COUNTER)) as machine:
        for _ in range(12):
            with open_serial(machine.link) as client:
                got += client.read(rng.randrange(1, 3000))
            machine.wait_opened(0)
    assert bytes(got) == b"".join(b"%07d\n" % n for n in range(len(got) // 8 + 1))[: len(got)]


def test_sentences_of_ours_do_not_count_as_the_guest_s(runtime: Path, guest_folder: GuestFolder) -> None:
    """A client that may not send is told so; what it leaves unread is still handed on whole."""
    size = 8000
    with running(runtime, guest_folder(SERVER)) as machine, open_serial(machine.ask("pty")["link"]) as other:
        with open_serial(machine.link) as client:
            client.read_until(b"ready\n")
            other.write(b"%d\n" % size)
            machine.wait_sent(6 + size)
            client.write(b"x")
            wait_until(lambda: machine.status()["pty"]["refused_bytes"] == 1, "the refusal")
            first = client.read(800)
        machine.wait_opened(0)
        with open_serial(machine.link) as client:
            assert first + client.read(size - len(first)) == numbered(size)
            client.timeout = 0.3
            assert client.read(1) == b""


def test_a_client_that_does_not_flush_gets_everything_too(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(SERVER)) as machine:
        machine.wait_sent(6)
        fd = open_plain(machine.link)
        try:
            assert read_until(fd, 6) == b"ready\n"
        finally:
            os.close(fd)


def test_a_client_that_flushes_twice_loses_nothing(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(SERVER)) as machine:
        machine.wait_sent(6)
        fd = open_plain(machine.link)
        try:
            termios.tcflush(fd, termios.TCIFLUSH)
            tty.setraw(fd, termios.TCSAFLUSH)
            assert read_until(fd, 6) == b"ready\n"
        finally:
            os.close(fd)


def test_a_hundred_clients_in_a_row_all_get_an_answer(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        for number in range(100):
            with open_serial(machine.link) as client:
                word = b"%04d" % number
                client.write(word)
                assert client.read(4) == word
        machine.wait_opened(0)
        assert machine.status()["com1"]["line"]["bytes_in"] == 400


def test_clients_of_a_shell_that_open_at_the_same_time_are_counted(runtime: Path, guest_folder: GuestFolder) -> None:
    """``cat`` stays while ``echo`` comes and goes."""
    with running(runtime, guest_folder(ECHO)) as machine:
        command = f"cat {machine.link} & for i in 1 2 3; do echo $i > {machine.link}; done; wait"
        shell = subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, start_new_session=True)
        assert shell.stdout is not None
        try:
            assert read_until(shell.stdout.fileno(), 6) == b"1\n2\n3\n"
            machine.wait_opened(1)
        finally:
            os.killpg(shell.pid, 9)
            shell.wait()
            shell.stdout.close()
        machine.wait_opened(0)


# -- what clients leave behind -------------------------------------------------------------------------------


def test_what_a_client_leaves_behind_in_the_tty_is_undone(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        fd = open_plain(machine.link)
        flags = termios.tcgetattr(fd)
        flags[0] |= termios.IXON | termios.ICRNL
        flags[3] |= termios.ICANON | termios.ECHO
        flags[4] = flags[5] = termios.B9600
        termios.tcsetattr(fd, termios.TCSANOW, flags)
        fcntl.ioctl(fd, termios.TIOCEXCL)
        termios.tcflow(fd, termios.TCOOFF)
        os.close(fd)
        machine.wait_opened(0)
        wait_until(lambda: machine.status()["pty"]["baud"] == 115200, "the line's speed")
        fd = open_plain(machine.link)
        try:
            flags = termios.tcgetattr(fd)
            assert flags[0] == flags[1] == flags[3] == 0
            assert flags[4] == flags[5] == termios.B115200
            os.write(fd, b"\x11\x13\x03\x04\r\n")
            assert read_until(fd, 6) == b"\x11\x13\x03\x04\r\n"
        finally:
            os.close(fd)


NOBODY = """
import os, sys
os.setgid(65534); os.setuid(65534)
try:
    os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
except OSError as error:
    print(error.errno)
else:
    print(0)
"""


@pytest.mark.needs("root")
def test_exclusive_use_that_a_client_leaves_behind_is_cleared(runtime: Path, guest_folder: GuestFolder) -> None:
    """GNU screen leaves TIOCEXCL set; it outlives the last close and refuses everybody but root."""
    with running(runtime, guest_folder(ECHO)) as machine:
        os.chmod(machine.pty, 0o666)

        def as_nobody() -> int:
            command = [sys.executable, "-c", NOBODY, machine.pty]
            return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

        fd = open_plain(machine.link)
        fcntl.ioctl(fd, termios.TIOCEXCL)
        assert as_nobody() == errno.EBUSY
        os.close(fd)
        wait_until(lambda: as_nobody() == 0, "somebody else can open it")


def test_a_client_that_puts_the_tty_into_cooked_mode_starts_no_echo_storm(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        with open_serial(machine.link) as client:
            client.write(b"hello")
            assert client.read(5) == b"hello"
        fd = open_plain(machine.link)
        flags = termios.tcgetattr(fd)
        flags[3] |= termios.ICANON | termios.ECHO
        termios.tcsetattr(fd, termios.TCSANOW, flags)
        os.close(fd)
        machine.wait_opened(0)
        before = machine.status()["com1"]["line"]["bytes_in"]
        machine.ask("break", seconds=0.3)  # the guest answers, and nobody sends that back
        assert machine.status()["com1"]["line"]["bytes_in"] == before


# -- speed ---------------------------------------------------------------------------------------------------


def test_a_client_at_another_speed_sends_and_reads_garbage_until_it_sets_the_right_one(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    with running(runtime, guest_folder(ECHO)) as machine, open_serial(machine.link) as client:
        client.write(b"hello")
        assert client.read(5) == b"hello"
        client.baudrate = 9600
        client.write(b"U")  # a square wave of 9600 Hz bits: each space of it is a break for a guest at 115200
        # Five times "<break>", at a twelfth of the guest's bit times.
        wait_until(lambda: machine.status()["com1"]["line"]["breaks_in"] == 5, "the breaks")
        wait_until(lambda: machine.status()["com1"]["line"]["bytes_out"] == 5 + 5 * len("<break>"), "the answer")
        assert machine.status()["com1"]["far_format"] == "9600 8N1"
        assert machine.ask("history") == "hello" + 5 * "<break>", "what the guest sent is kept"
        assert machine.status()["hub"]["formats_differ"] == ["pty is at 9600 8N1 while the guest is at 115200 8N1"]
        garbage = client.read(1)
        client.baudrate = 115200
        client.write(b"fine")
        garbage += client.read_until(b"fine")
        assert garbage.endswith(b"fine")
        assert b"<break>" not in garbage


@pytest.mark.parametrize("baud", [50, 12_345_678])
def test_a_client_at_an_absurd_speed_harms_nobody(runtime: Path, guest_folder: GuestFolder, baud: int) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        device_fd = open_plain(machine.link)
        try:
            set_speed(device_fd, baud)
            os.write(device_fd, b"x")
            wait_until(lambda: machine.status()["hub"]["writer"] == "pty", "it has the line")
        finally:
            os.close(device_fd)
        machine.wait_opened(0)
        wait_until(lambda: machine.status()["com1"]["line"]["queued_in"] == 0, "its frame is on the line")
        with open_serial(machine.link) as client:
            client.write(b"fine")
            assert client.read_until(b"fine").endswith(b"fine")


def test_a_client_at_0_baud_has_hung_up_and_is_told(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        device_fd = open_plain(machine.link)
        try:
            set_speed(device_fd, 0)
            os.write(device_fd, b"x")
            assert b"not sent: your end of the line is at 0 baud" in read_until(device_fd, 60)
        finally:
            os.close(device_fd)
        machine.wait_opened(0)
        with open_serial(machine.link) as client:
            client.write(b"fine")
            assert client.read(4) == b"fine"


def set_speed(fd: int, baud: int) -> None:
    import struct

    from uartsim.access.pty_device import _BOTHER, _CBAUD, _TCGETS2, _TCSETS2, _TERMIOS2

    fields = list(_TERMIOS2.unpack(fcntl.ioctl(fd, _TCGETS2, b"\0" * _TERMIOS2.size)))
    fields[2] = fields[2] & ~_CBAUD | (_BOTHER if baud else 0)
    fields[6] = fields[7] = baud
    fcntl.ioctl(fd, _TCSETS2, struct.pack("4IB19s2I", *fields))


def test_a_pty_that_nobody_has_open_shows_the_speed_that_the_guest_has_set(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    source = SERVER.replace("host.tty.open()", "host.tty.open(LineFormat.from_baud(9600, '8N2'))")
    source = "    from uartsim.guest.script import LineFormat\n" + source
    with running(runtime, guest_folder(source)) as machine:
        machine.wait_sent(6)
        fd = open_plain(machine.link)  # as `cat` does: it sets nothing
        try:
            flags = termios.tcgetattr(fd)
            assert flags[5] == termios.B9600
            assert flags[2] & termios.CSTOPB
            os.write(fd, b"8\n")
            assert read_until(fd, 14) == b"ready\n0000000\n"
        finally:
            os.close(fd)


# -- the end -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 30_000])
def test_the_last_words_of_a_guest_reach_an_attached_client(
    runtime: Path, guest_folder: GuestFolder, size: int
) -> None:
    with running(runtime, guest_folder(SERVER)) as machine:
        fd = open_plain(machine.link)
        try:
            os.write(fd, b"off %d\n" % size)
            assert read_until(fd, 6 + size + 4) == b"ready\n" + b"x" * size + b"bye\n"
        finally:
            os.close(fd)
        assert machine.process.wait(20) == 0
