"""Snapshots hold a guest and its chip together."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from tests.guests.boot_code import POLL_LSR, boot
from tests.guests.line import Line, in_trio
from tests.guests.test_port_bridge_lease import SCRIPTS, play
from uartsim.chip.uart import Uart
from uartsim.errors import UartsimError, UsageError
from uartsim.guest.catalogue import GuestDefinition, find_guest
from uartsim.guest.make_guest import make_guest
from uartsim.guest.qemu import QemuGuest
from uartsim.guest.snapshot import PortSnapshot, moved
from uartsim.machine import Machine, open_machine


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that these tests share, and not with the user."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: folder)
    return folder


@asynccontextmanager
async def restored(line: Line, definition: GuestDefinition, folder: Path, **options: Any) -> AsyncIterator[Machine]:
    """A machine that goes on from a snapshot."""
    guest = make_guest(definition, restore=folder)
    async with open_machine(guest, log=line.logged.append, prepare=line._listen, **options) as machine:
        yield machine


async def save(machine: Machine, folder: Path) -> None:
    assert isinstance(machine.guest, QemuGuest)
    await machine.guest.save(folder)


@given(SCRIPTS, st.integers(0, 1 << 50), st.lists(st.tuples(st.integers(0, 7), st.integers(0, 50_000_000)), max_size=8))
def test_a_chip_at_another_time_behaves_as_it_would_have(
    script: list[tuple[int, object]], by: int, reads: list[tuple[int, int]]
) -> None:
    uart = Uart(thre_delay=False)
    play(uart, script)
    twin = Uart.restore(moved(uart.state(), by))
    for offset, pause in reads:
        at = uart.now + pause
        assert twin.read(offset, at + by) == uart.read(offset, at)
        assert twin.irq == uart.irq


def what_is_programmed(machine: Machine) -> dict[str, int]:
    """The registers that a driver leaves alone once it has set them; it switches ETBEI with all that it sends."""
    registers = machine.status()["com1"]["registers"]
    return {name: registers[name] & (0x0D if name == "IER" else 0xFF) for name in ("IER", "FCR", "LCR", "MCR", "SCR")}


@pytest.mark.needs(guest="linux")
@in_trio
async def test_a_logged_in_linux_is_back_in_a_moment(tmp_path: Path) -> None:
    definition = find_guest("linux").with_registers("require")
    line = Line()
    async with line.open(definition) as machine:
        await line.log_in()
        assert await line.run("remembered=yes; echo $$") != ""
        line.send(b"echo half a com")
        await line.expect(b"half a com")
        await save(machine, tmp_path / "saved")
        line.send(b"\x15echo still running\r")
        await line.expect(b"\nstill running")
        programmed = what_is_programmed(machine)
    line = Line()
    async with restored(line, definition, tmp_path / "saved") as machine:
        line.send(b"mand: $remembered\r")
        await line.expect(b"half a command: yes\r\n")
        await line.expect(b":~# ")
        assert what_is_programmed(machine) == programmed
        assert await line.run("seq 200") == "\r\n".join(map(str, range(1, 201)))
        line.send_break()
        line.send(b"h")
        await line.expect(b"sysrq: HELP")


@pytest.mark.needs("qemu-system-x86_64")
class TestPort:
    @in_trio
    async def test_scr_fifo_and_a_half_sent_character_survive(self, tmp_path: Path) -> None:
        definition = boot(POLL_LSR, tmp_path)
        line = Line()
        async with line.open(definition) as machine:
            com1 = machine.com1
            await trio.sleep(0.1)
            com1.write(7, 0xA5)
            com1.write(3, 0x83)
            com1.write(1, 0x10)  # some 28 baud: a frame of a third of a second
            com1.write(3, 0x03)
            com1.write(0, ord("x"))
            com1.uart.receive(0x33, 0, com1.uart.now)
            await save(machine, tmp_path / "saved")
        line = Line()
        async with restored(line, definition, tmp_path / "saved") as machine:
            assert machine.com1.read(7) == 0xA5
            assert machine.com1.uart.divisor == 0x1001
            assert machine.com1.read(0) == 0x33
            assert not machine.com1.uart.transmitter.empty
            await line.expect(b"x")

    @in_trio
    async def test_another_machine_chip_or_rubbish_is_refused(self, tmp_path: Path) -> None:
        definition = boot(POLL_LSR, tmp_path)
        line = Line()
        async with line.open(definition) as machine:
            await save(machine, tmp_path / "saved")
        with pytest.raises(UartsimError, match=r"is of another machine: .*-no-reboot"):
            async with restored(line, boot(POLL_LSR, tmp_path, "-no-reboot"), tmp_path / "saved"):
                pass
        guest = make_guest(definition, restore=tmp_path / "saved")
        with pytest.raises(UartsimError, match="is of another port"):
            async with open_machine(guest, unlimited=True):
                pass
        file = tmp_path / "saved" / "port.json"
        content = json.loads(file.read_text())
        file.write_text(json.dumps({**content, "qemu": "another"}))
        with pytest.raises(UartsimError, match="another build of QEMU"):
            async with restored(line, definition, tmp_path / "saved"):
                pass
        for text in ("{}", "no json", json.dumps({**content, "uart": {}}), json.dumps({**content, "version": 9})):
            file.write_text(text)
            with pytest.raises(UsageError, match="is not the snapshot of a port"):
                make_guest(definition, restore=tmp_path / "saved")
        with pytest.raises(
            UsageError, match="holds no snapshot: give a folder in which 'uartsim save NAME FOLDER' has made"
        ):
            PortSnapshot.read(tmp_path / "nowhere")

    @in_trio
    async def test_a_machine_file_that_is_cut_short_is_said(self, tmp_path: Path) -> None:
        definition = boot(POLL_LSR, tmp_path)
        async with Line().open(definition) as machine:
            await save(machine, tmp_path / "saved")
        with (tmp_path / "saved" / "machine").open("r+b") as file:
            file.truncate(1000)
        with pytest.raises(UartsimError):
            async with restored(Line(), definition, tmp_path / "saved"):
                pass


def test_a_guest_of_another_kind_has_no_snapshots() -> None:
    with pytest.raises(UsageError, match="only one of kind qemu has snapshots"):
        make_guest(find_guest("demo"), restore=Path("nowhere"))
