"""Several clients on one pty: none is deaf, and two that read it are told."""

from __future__ import annotations

import ctypes
import os
import re
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.access.rig import (
    COUNTER,
    ECHO,
    SERVER,
    RunningMachine,
    numbered,
    open_serial,
    read_until,
    running,
    uartsim,
    wait_until,
)
from uartsim.access.pty_device import PtyDevice
from uartsim.access.pty_sharing import OpenFile, are_one

GuestFolder = Callable[[str], Path]


def open_plain(path: object) -> int:
    return os.open(str(path), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)


# -- whether anybody is there --------------------------------------------------------------------------------


def test_a_probe_tells_for_certain_whether_somebody_has_it_open_and_leaves_everything_as_it_was() -> None:
    device = PtyDevice()
    try:
        os.write(device.master, b"unread")
        assert not device.probe()
        assert device.opens() == []
        fd = open_plain(device.path)
        assert device.probe()
        assert device.opens() == [1]
        assert os.read(fd, 10) == b"unread"
        os.close(fd)
        assert not device.probe()
        assert device.opens() == [-1]
        assert device.client_line() == (115200, False)
    finally:
        device.close()


def test_two_that_open_it_at_the_same_instant_are_not_both_forgotten_when_one_closes(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    """The kernel makes one event of two opens in a row."""
    with running(runtime, guest_folder(ECHO)) as machine:
        machine.process.send_signal(19)  # so that both opens surely come before we look
        first, second = open_plain(machine.link), open_plain(machine.link)
        machine.process.send_signal(18)
        wait_until(lambda: machine.status()["pty"]["opened"] > 0, "somebody is there")
        os.close(second)
        try:
            os.write(first, b"hello")
            assert read_until(first, 5) == b"hello"
            assert machine.status()["pty"]["opened"] == 1
            third = open_plain(machine.link)
            os.close(third)
            os.write(first, b"still here")
            assert read_until(first, 10) == b"still here"
        finally:
            os.close(first)
        machine.wait_opened(0)


def test_a_shell_that_opens_it_twice_and_closes_one_reads_on(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(COUNTER)) as machine:
        command = f"exec 3<>{machine.link} 4<>{machine.link}; exec 4>&-; exec head -c 4000 <&3"
        done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=20, check=True)
        assert done.stdout == b"".join(b"%07d\n" % n for n in range(500))


def test_after_inotify_has_lost_events_it_is_known_who_is_there(runtime: Path, guest_folder: GuestFolder) -> None:
    """While the machine stands still, more happens than the kernel's queue holds (fs.inotify.max_queued_events)."""
    room = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    with running(runtime, guest_folder(ECHO)) as machine:
        stays = open_plain(machine.link)
        machine.wait_opened(1)
        machine.process.send_signal(19)
        for _ in range(room // 2 + 10):
            os.close(open_plain(machine.link))
        os.close(stays)
        machine.process.send_signal(18)
        machine.wait_opened(0)
        with open_serial(machine.link) as client:
            client.write(b"hello")
            assert client.read(5) == b"hello"


# -- a client that has come and was given nothing yet --------------------------------------------------------


@pytest.mark.parametrize("delay_s", [0, 0.05])
def test_at_unlimited_rate_a_guest_waits_for_a_client_that_has_just_come(
    runtime: Path, guest_folder: GuestFolder, delay_s: float
) -> None:
    """It asks for more than is kept before its own opening grace is over."""
    size = 4_000_000
    with running(runtime, guest_folder(SERVER), "box", "--rate", "unlimited") as machine:
        machine.wait_sent(6)
        fd = open_plain(machine.link)
        try:
            select.select([], [], [], delay_s)
            os.write(fd, b"%d\n" % size)
            assert read_until(fd, 6 + size, 5) == b"ready\n" + numbered(size)
        finally:
            os.close(fd)


def test_at_unlimited_rate_a_guest_does_not_wait_for_one_that_only_has_it_open(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    size = 4_000_000
    with running(runtime, guest_folder(SERVER), "box", "--rate", "unlimited") as machine:
        fd = open_plain(machine.link)
        try:
            os.write(fd, b"%d\n" % size)
            machine.wait_sent(6 + size)
        finally:
            os.close(fd)


# -- two that read -------------------------------------------------------------------------------------------


@contextmanager
def cat(machine: RunningMachine, to: Path) -> Iterator[subprocess.Popen[bytes]]:
    with to.open("wb") as file, subprocess.Popen(["cat", str(machine.link)], stdout=file) as process:
        try:
            yield process
        finally:
            process.kill()


def test_two_clients_that_read_one_pty_are_both_told_once(
    runtime: Path, tmp_path: Path, guest_folder: GuestFolder
) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        with cat(machine, tmp_path / "a") as a, cat(machine, tmp_path / "b") as b:
            wait_until(lambda: len(machine.status()["pty"]["shared_by"]) == 2, "it is known that two read")
            assert set(machine.status()["pty"]["shared_by"]) == {f"cat ({a.pid})", f"cat ({b.pid})"}
            shown = uartsim(runtime, "status", "box").stdout
            assert re.search(r"shared +/dev/pts/\d+ is read by cat \(\d+\), cat \(\d+\): each byte reaches one", shown)
            wait_until(lambda: (tmp_path / "a").stat().st_size + (tmp_path / "b").stat().st_size > 0, "they are told")
        machine.wait_opened(0)
        assert machine.status()["pty"]["shared_by"] == []
        _, err = machine.end()
    assert err.count("clients read /dev/pts/") == 1
    assert "make another pty with 'uartsim pty'" in err
    told = (tmp_path / "a").read_bytes() + (tmp_path / "b").read_bytes()
    assert b"Each byte of the guest reaches only one of them; make another pty with 'uartsim pty'" in told


def test_short_lived_writers_beside_a_reader_are_no_reason_to_say_anything(
    runtime: Path, tmp_path: Path, guest_folder: GuestFolder
) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        with cat(machine, tmp_path / "a"):
            until = time.monotonic() + 2.0
            count = 0
            while time.monotonic() < until:
                subprocess.run(["sh", "-c", f"printf x >{machine.link}"], check=True)
                count += 1
            wait_until(lambda: (tmp_path / "a").stat().st_size >= count, "all came back")
            assert (tmp_path / "a").read_bytes() == b"x" * count
        _, err = machine.end()
    assert "clients read" not in err


def test_a_writer_that_stays_and_a_process_that_has_the_reader_s_file_do_not_share(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    """``exec 3<>LINK; cat <&3``: the shell and cat have one open file; ``cat >LINK`` reads nothing."""
    with running(runtime, guest_folder(ECHO)) as machine:
        command = f"exec 3<>{machine.link}; cat >{machine.link} & echo there; exec head -c 1 <&3"
        with subprocess.Popen(["sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as shell:
            assert shell.stdout is not None
            assert shell.stdin is not None
            time.sleep(2.5)  # the time in which a mistake would show
            assert machine.status()["pty"]["shared_by"] == []
            with open_serial(machine.link) as client:
                client.write(b"x")
                assert shell.stdout.read(7) == b"there\nx"
            shell.stdin.close()


def test_a_process_that_has_opened_the_pty_twice_knows(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        two = [open_plain(machine.link) for _ in range(2)]
        try:
            with subprocess.Popen(["cat", machine.link], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as cat:
                wait_until(lambda: len(machine.status()["pty"]["shared_by"]) == 2, "the other process is found")
                assert sum(f"({os.getpid()})" in name for name in machine.status()["pty"]["shared_by"]) == 1
                cat.kill()
            wait_until(lambda: machine.status()["pty"]["shared_by"] == [], "one process is left, with two open files")
        finally:
            for fd in two:
                os.close(fd)


def test_one_open_file_in_two_processes_is_told_from_two() -> None:
    ours, another = os.open("/dev/null", os.O_RDONLY), os.open("/dev/null", os.O_RDONLY)
    copy = os.dup(ours)
    try:
        pid = os.getpid()
        if ctypes.CDLL(None).syscall(312, pid, pid, 0, ours, copy) == 0:
            assert are_one(OpenFile(pid, ours, True), OpenFile(pid, copy, True))
            assert not are_one(OpenFile(pid, ours, True), OpenFile(pid, another, True))
    finally:
        for fd in (ours, another, copy):
            os.close(fd)


# -- without inotify -----------------------------------------------------------------------------------------


#: A program in which inotify fails as for the 129th machine of a user, or where no watch is left.
WITHOUT_INOTIFY = """
import errno, sys
from uartsim.access import pty_device

class Full(pty_device.ctypes.CDLL):
    def {function}(self, *arguments):
        pty_device.ctypes.set_errno(errno.{error})
        return -1

pty_device.ctypes.CDLL = Full
from uartsim.cli import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("function", "error", "limit"),
    [
        ("inotify_init1", "EMFILE", "fs.inotify.max_user_instances"),
        ("inotify_add_watch", "ENOSPC", "fs.inotify.max_user_watches"),
    ],
)
def test_without_inotify_clients_are_served_all_the_same_and_it_is_said_once(
    runtime: Path, guest_folder: GuestFolder, function: str, error: str, limit: str
) -> None:
    code = WITHOUT_INOTIFY.format(function=function, error=error)
    with running(runtime, guest_folder(SERVER), "box", code=code) as machine:
        machine.wait_sent(6)
        for _ in range(3):
            with open_serial(machine.link) as client:
                client.write(b"80\n")
                assert client.read_until(b"0000009\n").endswith(numbered(80))
            machine.wait_opened(0)
        first, second = open_plain(machine.link), open_plain(machine.link)
        machine.wait_opened(1)
        os.close(first)
        os.write(second, b"8\n")
        assert read_until(second, 8) == b"0000000\n"
        os.close(second)
        machine.wait_opened(0)
        _, err = machine.end()
    assert err.count("inotify cannot be used") == 1
    assert f"raise {limit}" in err
    assert "ulimit" not in err
