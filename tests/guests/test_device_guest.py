"""A machine at a serial device: a pty stands for it, and what a pty lacks is put in its place."""

from __future__ import annotations

import errno
import fcntl
import grp
import os
import struct
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import serial
import trio

from tests.guests.far_server import at
from tests.guests.line import Line, guest, in_trio, wait_until
from uartsim.errors import UsageError
from uartsim.guest import raw_tty, serial_device
from uartsim.guest.make_guest import make_guest
from uartsim.guest.raw_tty import open_raw_tty
from uartsim.machine import Machine
from uartsim.registers import ModemOutput


class FarPort:
    """The other end of what stands for a device."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        self.path = os.ttyname(self.slave)

    def send(self, data: bytes) -> None:
        os.write(self.master, data)

    async def receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            await trio.lowlevel.wait_readable(self.master)
            data += os.read(self.master, size - len(data))
        return data

    def unplug(self) -> None:
        """Close both ends."""
        for name in ("master", "slave"):
            if (fd := getattr(self, name)) >= 0:
                os.close(fd)
            setattr(self, name, -1)


@contextmanager
def far_port() -> Iterator[FarPort]:
    port = FarPort()
    try:
        yield port
    finally:
        port.unplug()


class Cable:
    """The modem lines and breaks of a real port, for a pty: what its driver would say and do."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.inputs = 0
        self.outputs: dict[str, bool] = {}
        self.counts = [0] * 20
        self._ioctl = fcntl.ioctl
        monkeypatch.setattr(fcntl, "ioctl", self.ioctl)
        for name in ("dtr", "rts", "break"):
            monkeypatch.setattr(serial.Serial, f"_update_{name}_state", self._note(name))
        # Without marks of the pty's own, the test's marks are those that a real tty would make.
        set_raw = raw_tty.RawTty.set_raw
        monkeypatch.setattr(raw_tty.RawTty, "set_raw", lambda tty, *, marks, xonxoff=False: set_raw(tty, marks=False))
        monkeypatch.setattr(raw_tty, "PTY_MAJORS", ())
        self.breaks: list[bool] = []

    def ioctl(self, fd: int, request: int, argument: Any = 0, *rest: Any) -> Any:
        if request == termios.TIOCMGET:
            return struct.pack("I", self.inputs)
        if request == serial_device._TIOCGICOUNT:
            return struct.pack("20i", *self.counts)
        return self._ioctl(fd, request, argument, *rest)

    def _note(self, name: str) -> Any:
        def note(port: Any) -> None:
            if name == "break":
                self.breaks.append(port._break_state)
            else:
                self.outputs[name] = getattr(port, f"_{name}_state")

        return note


@pytest.fixture
def cable(monkeypatch: pytest.MonkeyPatch) -> Cable:
    return Cable(monkeypatch)


def modem_of(machine: Machine) -> tuple[bool, bool]:
    modem = machine.status()["com1"]["modem"]
    return modem["dtr"], modem["rts"]


@in_trio
async def test_every_byte_passes_both_ways() -> None:
    every = bytes(range(256)) + b"\xff\xff\0\0\xff\0end"
    with far_port() as port:
        line = Line()
        found = termios.tcgetattr(port.slave)
        async with line.open(at(f"device:{port.path}")):
            port.send(every)
            assert await line.expect(b"end") == every
            line.send(every)
            assert await port.receive(len(every)) == every
        assert termios.tcgetattr(port.slave) == found


@in_trio
async def test_a_pty_in_place_of_a_device_says_what_it_lacks() -> None:
    with far_port() as port:
        line = Line()
        async with line.open(at(f"device:{port.path}")) as machine:
            assert line.logged == [
                f"{port.path} has no modem lines: DTR and RTS are taken for active (it is a pty, without breaks)"
            ]
            assert modem_of(machine) == (True, True)
            line.send_break()
            line.send(b"behind")
            assert await port.receive(6) == b"behind"
            assert "is a pty, which carries no break" in line.logged[-1]
            assert machine.status()["guest"]["not_carried"] == {"breaks to the other side": 1}


@in_trio
async def test_breaks_and_errors_of_the_device_reach_our_line_or_are_counted(cable: Cable) -> None:
    with far_port() as port:
        line = Line()
        async with line.open(at(f"device:{port.path}")) as machine:
            cable.counts[6] = 3  # framing errors that its driver has counted since
            port.send(b"a\xff\0\0b\xff\0xc\xff\0yd")
            assert await line.expect(b"d") == b"abxcyd"
            status = machine.status()
            assert status["com1"]["line"]["breaks_out"] == 1
            assert status["guest"]["not_carried"] == {"characters with a framing error from the other side": 2}
            assert status["guest"]["port"]["framing_errors"] == 3
            assert len([said for said in line.logged if "with a framing error" in said]) == 1


@in_trio
async def test_a_damaged_character_of_a_format_with_parity_is_a_parity_error(cable: Cable) -> None:
    with far_port() as port:
        line = Line()
        async with line.open(at(f"device:{port.path}", format="7E1", baud="9600")) as machine:
            port.send(b"\xff\0xend")
            await line.expect(b"end")
            assert machine.status()["guest"]["not_carried"] == {"characters with a parity error from the other side": 1}


@in_trio
async def test_a_break_is_held_behind_what_was_sent_before(cable: Cable) -> None:
    with far_port() as port:
        line = Line()
        async with line.open(at(f"device:{port.path}")):
            line.send(b"before")
            line.send_break()
            line.send(b"after")
            assert await port.receive(11) == b"beforeafter"
            assert cable.breaks == [True, False]


@in_trio
async def test_modem_lines_pass_both_ways(cable: Cable) -> None:
    with far_port() as port:
        line = Line()
        async with line.open(at(f"device:{port.path}")) as machine:
            await wait_until(lambda: modem_of(machine) == (False, False))
            cable.inputs = termios.TIOCM_CTS
            await wait_until(lambda: modem_of(machine) == (False, True))
            cable.inputs = termios.TIOCM_CAR | termios.TIOCM_RI
            await wait_until(lambda: modem_of(machine) == (True, False))
            assert machine.status()["guest"]["modem"] == {"cts": False, "dsr": False, "ri": True, "dcd": True}
            assert cable.outputs == {"dtr": True, "rts": True}
            machine.com1.set_far_outputs(ModemOutput.RTS)
            await wait_until(lambda: cable.outputs == {"dtr": False, "rts": True})
            machine.com1.set_far_outputs(ModemOutput.DTR)
            await wait_until(lambda: cable.outputs == {"dtr": True, "rts": False})


@in_trio
async def test_the_kernel_drives_rts_where_it_does_the_flow_control(cable: Cable) -> None:
    with far_port() as port:
        async with Line().open(at(f"device:{port.path}", flow="rtscts")) as machine:
            assert termios.tcgetattr(port.slave)[2] & termios.CRTSCTS
            machine.com1.set_far_outputs(ModemOutput(0))
            await wait_until(lambda: cable.outputs == {"dtr": False})


@in_trio
async def test_an_unplugged_device_ends_the_guest_after_its_last_byte(cable: Cable) -> None:
    with far_port() as port:
        line = Line()
        async with line.open(at(f"device:{port.path}")) as machine:
            port.send(b"last words")
            await line.expect(b"last words")
            path = port.path
            port.unplug()
            end = await machine.wait_ended()
    assert end.reason == "failed"
    assert end.detail.startswith(f"{path}: the device {path} is gone: was it unplugged?")


@in_trio
async def test_a_device_that_is_plugged_in_again_is_used_again(tmp_path: Path) -> None:
    link = tmp_path / "ttyUSB0"
    line = Line()
    async with line.open(at(f"device:{link}", reconnect="yes")) as machine:
        await wait_until(lambda: line.logged)
        assert line.logged[0].startswith(f"there is no device {link}")
        for word in (b"first", b"second"):
            with far_port() as port:
                link.symlink_to(port.path)
                await wait_until(lambda: machine.status()["guest"]["connected"])
                port.send(word)
                await line.expect(word)
                link.unlink()
            await wait_until(lambda: not machine.status()["guest"]["connected"])
        machine.power_off()
        await machine.wait_ended()


# -- what is wrong -----------------------------------------------------------------------------------------------------


async def why_not(path: str, rate: str = "line", **settings: str) -> str:
    """What is said when a machine at a device cannot be started."""
    with pytest.raises(UsageError) as refused:
        async with Line().open(at(f"device:{path}", **settings), rate=rate):
            pass
    return str(refused.value)


@in_trio
async def test_what_is_not_a_serial_device_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "there is no device" in await why_not(f"{tmp_path}/ttyUSB0")
    assert "is a file, not a serial device" in await why_not(f"{tmp_path}/file")
    assert "is a folder" in await why_not(str(tmp_path))
    assert "is not a terminal" in await why_not("/dev/null")
    assert "the terminal in which this program runs" in await why_not("/dev/tty")
    assert "cannot open" in await why_not(f"{tmp_path}/{'x' * 300}")


@in_trio
async def test_a_device_that_another_program_holds_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with far_port() as port:
        async with Line().open(at(f"device:{port.path}")):
            assert "another program has" in await why_not(port.path)
        fcntl.ioctl(port.slave, termios.TIOCEXCL)
        assert "another program has" in await why_not(port.path)
        fcntl.ioctl(port.slave, termios.TIOCNXCL)
        monkeypatch.setattr(raw_tty, "LOCK_FOLDER", str(tmp_path))
        lock = tmp_path / f"LCK..{os.path.basename(port.path)}"
        lock.write_text(f"{os.getpid():>10}\n")
        assert f"process {os.getpid()}, has" in await why_not(port.path)
        for stale in ("99999999\n", "nonsense"):
            lock.write_text(stale)
            async with Line().open(at(f"device:{port.path}")):
                pass


@in_trio
async def test_speeds_that_cannot_be_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with far_port() as port:
        assert "at the rate unlimited" in await why_not(port.path, baud="1500000")
        line = Line()
        async with line.open(at(f"device:{port.path}", baud="1500000"), rate="unlimited"):
            port.send(b"fast")
            await line.expect(b"fast")
        monkeypatch.setattr(serial_device, "odd_speed", lambda fd: 115200)
        assert "cannot do 1500000 baud, only 115200" in await why_not(port.path, rate="unlimited", baud="1500000")


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.EACCES, "may not be opened by this user"),
        (errno.EBUSY, "another program has"),
        (errno.ENODEV, "there is no device"),
        (errno.EIO, "the port has no hardware behind it"),
        (errno.EMFILE, "Too many open files"),
    ],
)
def test_what_the_system_refuses_is_said(number: int, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with far_port() as port:

        def refuse(*_: Any) -> int:
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patched:
            patched.setattr(os, "open", refuse)
            with pytest.raises(UsageError, match=says):
                open_raw_tty(port.path, marks=True)


def test_a_port_without_hardware_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int) -> None:
        raise termios.error(errno.EIO, "Input/output error")

    with far_port() as port, monkeypatch.context() as patched:
        patched.setattr(termios, "tcgetattr", refuse)
        with pytest.raises(UsageError, match="has no hardware behind it"):
            open_raw_tty(port.path, marks=True)


def test_the_group_that_may_open_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = os.stat_result((0o20660, 0, 0, 1, 0, 20, 0, 0, 0, 0))
    monkeypatch.setattr(os, "stat", lambda path: found)
    monkeypatch.setattr(grp, "getgrgid", lambda gid: type("Group", (), {"gr_name": "dialout"}))
    assert raw_tty._remedy("/dev/ttyUSB0") == "run 'sudo usermod -aG dialout $USER' and log in again"


def test_pyserial_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    monkeypatch.delitem(sys.modules, "uartsim.guest.serial_device")
    monkeypatch.delattr("uartsim.guest.serial_device")
    with pytest.raises(UsageError, match=r"pip install 'uartsim\[device\]'"):
        make_guest(guest("device", Path(), {}, path="/dev/ttyUSB0"))


def test_an_unknown_flow_control_is_refused() -> None:
    with pytest.raises(UsageError, match="flow is 'hardware': use none, rtscts, xonxoff"):
        make_guest(at("/dev/ttyUSB77", flow="hardware"))
