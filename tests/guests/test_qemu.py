"""QEMU behind COM1: its firmware for what is quick, Debian's kernel for the rest."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.guests.line import Line, alive_with, family, guest, in_trio, left_after, name_of, names_in, owner_of_a_guest
from tests.patience import patience
from uartsim.errors import UsageError
from uartsim.guest.catalogue import GuestDefinition, find_guest
from uartsim.guest.make_guest import make_guest
from uartsim.guest.qmp import QmpError


def firmware(folder: Path, **options: Any) -> GuestDefinition:
    """SeaBIOS, which speaks on COM1, byte by byte, and finds nothing to boot."""
    options = {"machine": "pc,graphics=off", "memory_mb": 32, "registers": "off", **options}
    return guest("qemu", folder, {"baud": 115200}, **options)


@pytest.mark.parametrize(
    ("settings", "options", "words"),
    [
        ({}, {"append": "console={tty}"}, r"unknown placeholder \{tty\}"),
        ({}, {"drives": ["file={disk}"]}, r"unknown placeholder \{disk\}"),
        ({"memory_mb": 1}, {}, "memory_mb is 1"),
        ({"memory_mb": "much"}, {}, "memory_mb"),
        ({"baud": 230400}, {}, "cannot do 230400 baud"),
    ],
)
def test_a_wrong_manifest_is_refused_before_anything_runs(
    tmp_path: Path, settings: dict[str, Any], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        make_guest(guest("qemu", tmp_path, settings, **options))


@in_trio
async def test_qemu_missing_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uartsim.guest.qemu_system.find_program", lambda name: None)
    with pytest.raises(UsageError, match="apt-get install qemu-system-x86"):
        async with Line().open(firmware(tmp_path)):
            pass


@pytest.mark.needs("qemu-system-x86_64")
class TestFirmware:
    @in_trio
    async def test_no_byte_is_lost_at_the_start(self, tmp_path: Path) -> None:
        line = Line()
        async with line.open(firmware(tmp_path)) as machine:
            said = await line.expect(b"No bootable device")
            assert said.startswith(b"\x1bc\x1b[?7l")  # SeaBIOS sets the terminal up before its first word
            status = machine.status()["com1"]
            assert status["thr_writes"] >= len(said)

    @in_trio
    async def test_reset_starts_it_anew(self, tmp_path: Path) -> None:
        line = Line()
        async with line.open(firmware(tmp_path)) as machine:
            for _ in range(3):
                await line.expect(b"No bootable device")
                await machine.reset()
            await line.expect(b"SeaBIOS")

    @in_trio
    async def test_switching_off_is_quick_and_leaves_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("UARTSIM_TEST_MARKER", marker := f"uartsim-test-{tmp_path}")
        line = Line()
        async with line.open(firmware(tmp_path), runtime_dir=tmp_path):
            await line.expect(b"SeaBIOS")
            assert alive_with(marker)
            started = time.monotonic()
        assert time.monotonic() - started < 1.0
        assert alive_with(marker) == []
        assert names_in(tmp_path) == []

    @in_trio
    async def test_a_qemu_that_dies_at_once_says_why(self, tmp_path: Path) -> None:
        async with Line().open(firmware(tmp_path, args=["-no-such-option"])) as machine:
            end = await machine.wait_ended()
            assert (end.reason, end.status) == ("failed", 1)
            assert "-no-such-option: invalid option" in end.detail

    @in_trio
    async def test_a_drive_that_is_not_there_is_qemus_to_say(self, tmp_path: Path) -> None:
        async with Line().open(firmware(tmp_path, drives=["file={folder}/none.img,format=raw"])) as machine:
            end = await machine.wait_ended()
            assert f"Could not open '{tmp_path}/none.img'" in end.detail

    @in_trio
    async def test_a_qemu_that_is_killed_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UARTSIM_TEST_MARKER", marker := f"uartsim-test-{tmp_path}")
        line = Line()
        async with line.open(firmware(tmp_path)) as machine:
            await line.expect(b"SeaBIOS")
            qemu = [pid for pid in alive_with(marker) if name_of(pid).startswith("qemu")]
            os.kill(qemu[0], signal.SIGKILL)
            end = await machine.wait_ended()
            assert (end.reason, end.status) == ("failed", 137)
            with pytest.raises(QmpError, match="not running"):
                await machine.nmi()

    @in_trio
    async def test_a_missing_kernel_is_a_usage_error(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"the file .*bzImage is missing"):
            async with Line().open(firmware(tmp_path, kernel="bzImage")):
                pass


OWNER = """
import sys, trio
from pathlib import Path
from tests.guests.line import Line
from tests.guests.test_qemu import firmware

async def main():
    line = Line()
    async with line.open(firmware(Path(sys.argv[1]))) as machine:
        await line.expect(b"SeaBIOS")
        print("up", flush=True)
        await machine.wait_ended()

trio.run(main)
"""


@pytest.mark.needs("qemu-system-x86_64")
def test_kill_9_leaves_no_qemu(tmp_path: Path) -> None:
    with owner_of_a_guest(OWNER, str(tmp_path)) as owner:
        started = family(owner.pid, "qemu")
        owner.kill()
        owner.wait()
        assert left_after(started) == set()


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that these tests share, and not with the user."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: folder)
    return folder


@pytest.mark.needs(guest="linux")
@in_trio
async def test_linux_boots_lets_root_in_answers_sysrq_and_powers_off(cache: Path) -> None:
    line = Line()
    async with line.open(find_guest("linux")) as machine:
        await line.log_in()
        assert await line.run("id -un; hostname; uname -s; pwd") == "root\r\nlinux\r\nLinux\r\n/root"
        assert "console=ttyS0,115200" in await line.run("cat /proc/cmdline")

        data = b"".join(b"%069d\n" % number for number in range(150))
        line.send(b"stty -echo; cat > /tmp/pasted; stty echo; md5sum < /tmp/pasted\r")
        await line.expect(b"pasted\r\n")
        await trio.sleep(0.5)  # cat has to be there: what it does not read yet, the shell would
        line.send(data.replace(b"\n", b"\r") + b"\x04")
        assert hashlib.md5(data).hexdigest().encode() in await line.expect(b":~# ")
        assert await line.run("seq 3000") == "\r\n".join(map(str, range(1, 3001)))

        line.send(b"some text that is not sent off")
        line.send_break()
        line.send(b"h")
        await line.expect(b"loglevel(0-9)")
        line.send_break()
        line.send(b"t")
        await line.expect(b"This sysrq operation is disabled.")
        await machine.nmi()
        await line.expect(b"NMI received")

        line.send(b"\x03")
        await line.expect(b":~# ")
        line.send(b"poweroff\r")
        with trio.fail_after(patience(30)):
            end = await machine.wait_ended()
        assert (end.reason, end.status) == ("poweroff", None)
        assert b"reboot: Power down" in line.received
        status = machine.status()["com1"]
        assert status["thr_writes"] == status["line"]["bytes_out"]
        assert status["line"]["breaks_in"] == 2


@pytest.mark.needs(guest="linux")
@in_trio
async def test_linux_reboots_by_itself_and_by_the_button_with_settings(cache: Path) -> None:
    definition = find_guest("linux").with_settings({"sysrq": "1", "append_extra": "panic=-1", "memory_mb": "192"})
    line = Line()
    async with line.open(definition) as machine:
        await line.log_in()
        assert await line.run("cat /proc/sys/kernel/sysrq") == "1"
        line.send(b"reboot\r")
        await line.expect(b"Linux version")
        await line.expect(b"login: ")
        line.send_break()
        line.send(b"c")
        await line.expect(b"sysrq triggered crash")
        await line.expect(b"Linux version")
        await machine.reset()
        await line.log_in()
