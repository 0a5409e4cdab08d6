"""What goes wrong around the port bridge: each guest, QEMU or system ends or goes on as said, and nothing is left."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.guests.boot_code import ECHO, FLOOD, GARBAGE, POLL_LSR, RESETS, SHOW_LSR, boot
from tests.guests.line import (
    Line,
    alive_with,
    family,
    in_trio,
    left_after,
    name_of,
    owner_of_a_guest,
    wait_until,
)
from tests.patience import is_running, patience
from uartsim.errors import UartsimError
from uartsim.guest.bridge_build import bridge_library
from uartsim.guest.port_bridge import BridgeServer
from uartsim.guest.qemu import QemuGuest
from uartsim.guest.qemu_line import RegisterLine
from uartsim.machine import Machine

pytestmark = pytest.mark.needs("qemu-system-x86_64")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that these tests share, and not with the user."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: folder)
    return folder


def bridge_of(machine: Machine) -> BridgeServer:
    """The bridge of a running machine."""
    assert isinstance(machine.guest, QemuGuest)
    line = machine.guest._line
    assert isinstance(line, RegisterLine)
    return line.bridge


def open_files() -> list[str]:
    """What our descriptors are open on."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{name}").split(":")[0])
        except OSError:
            continue
    return sorted(found)


def mapped_pages() -> int:
    """How many of our shared pages are mapped."""
    return Path("/proc/self/maps").read_text().count("uartsim-port-bridge")


class TestGuests:
    @in_trio
    async def test_echo_crosses_the_line_both_ways_exactly(self, tmp_path: Path) -> None:
        line = Line()
        async with line.open(boot(ECHO, tmp_path), unlimited=True) as machine:
            await line.expect(b">")
            data = bytes(range(256)) * 16
            line.send(data)
            await wait_until(lambda: len(line.received) >= len(data), 30.0)
            assert line.received == data
            assert machine.com1.status()["line"]["overruns"] == 0

    @pytest.mark.parametrize("unlimited", [False, True])
    @in_trio
    async def test_a_flood_is_carried_and_the_machine_stays_at_hand(self, unlimited: bool, tmp_path: Path) -> None:
        line = Line()
        async with line.open(boot(FLOOD, tmp_path), unlimited=unlimited) as machine:
            await wait_until(lambda: len(line.received) > 3000)
            asked = time.monotonic()
            await machine.nmi()
            assert time.monotonic() - asked < 2.0
            if unlimited:  # nothing between the guest and the far end drops anything
                first = line.received[0]
                assert line.received[:3000] == bytes((first + n) % 256 for n in range(3000))
            else:  # a full transmitter drops what it does not take, and counts it
                status = machine.status()["com1"]
                on_its_way = (
                    status["thr_writes"] - status["line"]["dropped_by_full_transmitter"] - status["line"]["bytes_out"]
                )
                assert 0 <= on_its_way <= 16 + 1 + 16
            before = len(line.received)
            await wait_until(lambda: len(line.received) > before + 1000)

    @in_trio
    async def test_garbage_in_every_register_harms_nobody(self, tmp_path: Path) -> None:
        line = Line()
        async with line.open(boot(GARBAGE, tmp_path)) as machine:
            bridge = bridge_of(machine)
            await wait_until(lambda: min(machine.com1.writes) > 500, 30.0)
            asked = time.monotonic()
            await machine.nmi()
            assert time.monotonic() - asked < 2.0
            assert machine.ended is None
            bridge.count_leased()
            assert min(machine.com1.reads) > 400

    @in_trio
    async def test_a_thousand_resets_are_a_thousand_master_resets(self, tmp_path: Path) -> None:
        line = Line()
        resets = 0

        def count() -> None:
            nonlocal resets
            resets += 1

        async with line.open(boot(RESETS, tmp_path), unlimited=True) as machine:
            bridge_of(machine).on_reset = count
            await wait_until(lambda: resets > 1000, 60.0)
            await wait_until(lambda: machine.com1.writes[0] > 1000)
            assert machine.ended is None
        assert set(line.received) == {ord("R")}
        assert len(line.received) > 900

    @pytest.mark.parametrize("strict", [False, True])
    @in_trio
    async def test_a_guest_that_reads_nothing_is_waited_for_or_overrun(self, strict: bool, tmp_path: Path) -> None:
        line = Line()
        async with line.open(boot(POLL_LSR, tmp_path), strict_line=strict) as machine:
            await wait_until(lambda: machine.com1.uart.fcr == 1)
            line.send(bytes(100))
            await wait_until(lambda: machine.status()["com1"]["line"]["bytes_in"] >= (100 if strict else 16))
            status = machine.status()["com1"]["line"]
            assert status["overruns"] == (84 if strict else 0)
            assert (machine.com1.far_pending > 0) is not strict

    @pytest.mark.parametrize("registers", ["require", "off"])
    @in_trio
    async def test_the_port_may_be_com2(self, registers: str, tmp_path: Path) -> None:
        on_com2 = bytes.fromhex("BAFB02 B003 EE BAF802 B043 EE F4")  # LCR 3; 'C'; hlt
        line = Line()
        async with line.open(boot(on_com2, tmp_path, port="com2", registers=registers), unlimited=True):
            assert await line.expect(b"C") == b"C"

    @in_trio
    async def test_two_machines_at_once_have_a_line_each(self, tmp_path: Path) -> None:
        one, other = Line(), Line()
        for name in ("one", "other"):
            (tmp_path / name).mkdir()
        async with (
            one.open(boot(ECHO, tmp_path / "one"), unlimited=True),
            other.open(boot(ECHO, tmp_path / "other"), unlimited=True),
        ):
            for line in (one, other):
                await line.expect(b">")
            one.send(b"the one")
            other.send(b"the other")
            assert await one.expect(b"one") == b"the one"
            assert await other.expect(b"other") == b"the other"


class TestEnds:
    @in_trio
    async def test_a_guest_without_its_server_reads_an_empty_slot_and_qemu_goes_on(self, tmp_path: Path) -> None:
        shown = tmp_path / "shown"
        async with Line().open(boot(SHOW_LSR, tmp_path, "-debugcon", f"file:{shown}")) as machine:
            await wait_until(lambda: shown.exists() and shown.stat().st_size > 100)
            assert set(shown.read_bytes()) == {0x60}
            # End of file is all that a server that is gone leaves behind; what it published stays mapped.
            bridge_of(machine)._socket.shutdown(2)
            await wait_until(lambda: shown.read_bytes()[-1] == 0xFF)
            await machine.nmi()  # its monitor answers
            end = await machine.wait_ended()
            assert end.reason == "failed"
            assert "the serial port is gone" in end.detail

    @in_trio
    async def test_a_qemu_that_is_killed_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UARTSIM_TEST_MARKER", marker := f"uartsim-test-{tmp_path}")
        async with Line().open(boot(POLL_LSR, tmp_path)) as machine:
            (qemu,) = [pid for pid in alive_with(marker) if name_of(pid).startswith("qemu")]
            os.kill(qemu, signal.SIGKILL)
            end = await machine.wait_ended()
            assert (end.reason, end.status) == ("failed", 137)

    @in_trio
    async def test_many_starts_and_ends_leave_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UARTSIM_TEST_MARKER", marker := f"uartsim-test-{tmp_path}")

        async def once() -> None:
            line = Line()
            async with line.open(boot(ECHO, tmp_path), unlimited=True):
                await line.expect(b">")
                line.send(b"x")
                await line.expect(b"x")

        await once()  # what is loaded once stays
        gc.collect()
        files, pages = open_files(), mapped_pages()
        for _ in range(5):
            await once()
        gc.collect()
        assert open_files() == files
        assert mapped_pages() == pages == 0
        assert alive_with(marker) == []


OWNER = """
import sys, trio
from pathlib import Path
from tests.guests.boot_code import POLL_LSR, boot
from tests.guests.line import Line

async def main():
    line = Line()
    async with line.open(boot(POLL_LSR, Path(sys.argv[1]))) as machine:
        print("up", flush=True)
        end = await machine.wait_ended()
        Path(sys.argv[1], "end").write_text(str(end))

trio.run(main)
"""


def test_a_server_killed_outright_leaves_no_qemu(tmp_path: Path) -> None:
    with owner_of_a_guest(OWNER, str(tmp_path), XDG_CACHE_HOME=str(tmp_path)) as owner:
        started = family(owner.pid, "qemu")
        owner.kill()
        owner.wait()
        assert left_after(started) == set()


def test_a_server_that_hangs_is_given_up_and_ends_the_machine_when_it_wakes(tmp_path: Path) -> None:
    with owner_of_a_guest(OWNER.replace("POLL_LSR", "GARBAGE"), str(tmp_path), XDG_CACHE_HOME=str(tmp_path)) as owner:
        (qemu,) = [pid for pid in family(owner.pid, "qemu") if name_of(pid).startswith("qemu")]
        owner.send_signal(signal.SIGSTOP)
        time.sleep(6.0)
        assert is_running(qemu)  # it lives, though nobody answers
        owner.send_signal(signal.SIGCONT)
        end = tmp_path / "end"
        give_up_at = time.monotonic() + patience(10.0)
        while not end.exists() or not end.read_text():
            assert time.monotonic() < give_up_at
            time.sleep(0.05)
        assert "it does not answer" in end.read_text()


class TestFallback:
    """Where the bridge cannot work the machine says so in one line, and runs byte by byte."""

    async def falls_back(self, folder: Path, *words: str) -> None:
        line = Line()
        definition = boot(ECHO, folder, registers="auto")
        async with line.open(definition) as machine:
            await line.expect(b">")
            line.send(b"still here")
            await line.expect(b"still here")
            assert isinstance(machine.guest, QemuGuest)
            assert not isinstance(machine.guest._line, RegisterLine)
        (said,) = [text for text in line.logged if text.startswith("COM1 is served byte by byte")]
        assert "\n" not in said
        for word in words:
            assert word in said

    async def is_refused(self, folder: Path, *words: str) -> None:
        with pytest.raises(UartsimError) as caught:
            async with Line().open(boot(ECHO, folder)):
                pass
        assert "cannot be served register by register" in str(caught.value)
        for word in words:
            assert word in str(caught.value)

    @in_trio
    async def test_no_compiler(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
        monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache")
        monkeypatch.setattr("uartsim.guest.bridge_build.COMPILER", "no-such-cc")
        await self.falls_back(tmp_path, "no-such-cc", "apt-get install gcc")
        await self.is_refused(tmp_path, "no-such-cc")

    @in_trio
    async def test_a_compiler_that_fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache")
        monkeypatch.setattr("uartsim.guest.bridge_build.COMPILER", "false")
        await self.falls_back(tmp_path, "failed with status 1")
        assert list((tmp_path / "cache").glob("*.so")) == []

    @in_trio
    async def test_a_cache_that_cannot_be_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "cache").write_text("a file where a folder should be")
        monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache")
        await self.falls_back(tmp_path, f"the cache folder {tmp_path}/cache cannot be used")
        await self.is_refused(tmp_path, "set XDG_CACHE_HOME to another folder")

    @in_trio
    async def test_a_library_that_was_cut_short_is_rebuilt(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Mapped as it is, it would end us by SIGBUS, at every start."""
        monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache")  # none that is mapped
        library = bridge_library(Path(shutil.which("qemu-system-x86_64") or ""))
        os.truncate(library, 4096)
        line = Line()
        async with line.open(boot(ECHO, tmp_path, registers="require")):
            await line.expect(b">")
        assert f"{library} is damaged, or not of this version: it is rebuilt" in line.logged
        assert library.stat().st_size > 4096

    def wrapped(self, folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Another QEMU: a script, which then runs the real one."""
        real = shutil.which("qemu-system-x86_64")
        fake = folder / "qemu-system-x86_64"
        fake.write_text(f'#!/bin/sh\n{script}\nexec {real} "$@"\n')
        fake.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    @in_trio
    async def test_a_qemu_without_the_symbols(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wrapped(tmp_path, "", monkeypatch)  # the library meets the shell, and finds nothing of QEMU there
        await self.falls_back(tmp_path, "this QEMU has no symbol get_system_io")
        await self.is_refused(tmp_path, "this QEMU has no symbol get_system_io")

    @in_trio
    async def test_a_qemu_that_breaks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # A shell that has not loaded the library, and dies as QEMU would of another layout of its structures.
        script = 'case "$*" in *"-serial null"*) kill -SEGV $$;; esac'
        self.wrapped(tmp_path, script, monkeypatch)
        monkeypatch.setattr(BridgeServer, "command_prefix", property(lambda self: ["env"]))
        await self.falls_back(tmp_path, "ended (139)")

    @in_trio
    async def test_a_qemu_that_loads_no_library(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("uartsim.guest.qemu_line.HELLO_TIMEOUT_S", 0.5)
        monkeypatch.setattr(BridgeServer, "command_prefix", property(lambda self: ["env"]))
        await self.falls_back(tmp_path, "port bridge")

    @in_trio
    async def test_a_guest_s_own_choice_is_bytes(self, tmp_path: Path) -> None:
        line = Line()
        async with line.open(boot(ECHO, tmp_path, registers="off")) as machine:
            await line.expect(b">")
            line.send(b"x")
            await line.expect(b"x")
            assert isinstance(machine.guest, QemuGuest)
            assert not isinstance(machine.guest._line, RegisterLine)
        assert line.logged == []
