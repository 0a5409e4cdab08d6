"""Real guests drive our registers: an unmodified QEMU with the port bridge."""

from __future__ import annotations

import hashlib
import re
import time
from pathlib import Path

import pytest
import trio

from tests.guests.line import Line, guest, in_trio
from tests.patience import patience
from uartsim.guest.catalogue import GuestDefinition, find_guest
from uartsim.guest.qemu import QemuGuest


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that these tests share, and not with the user."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: folder)
    return folder


def by_registers(name: str, **settings: str) -> GuestDefinition:
    return find_guest(name).with_settings(settings).with_registers("require")


@pytest.mark.needs(guest="linux")
@in_trio
async def test_linux_finds_a_16550a_and_takes_a_break_for_sysrq(cache: Path) -> None:
    line = Line()
    async with line.open(by_registers("linux")) as machine:
        boot = await line.expect(b"login: ")
        assert b"ttyS0 at I/O 0x3f8 (irq = 4, base_baud = 115200) is a 16550A" in boot
        line.send(b"root\r")
        await line.expect(b"Password: ")
        line.send(b"toor\r")
        await line.expect(b":~# ")
        assert await line.run("stty speed < /dev/ttyS0") == "115200"

        line.send_break()
        line.send(b"h")
        await line.expect(b"sysrq: HELP : loglevel(0-9)")
        line.send(b"\x03")
        await line.expect(b":~# ")
        counts = await line.run("cat /proc/tty/driver/serial")
        assert re.search(r"0: uart:16550A port:000003F8 irq:4 tx:\d+ rx:\d+ brk:1 ", counts), counts

        assert isinstance(machine.guest, QemuGuest)
        served = machine.guest.status()
        assert served["served"] == "registers"
        assert served["reads_leased"] > 20 * (served["reads_waited"] + served["writes_waited"])
        status = machine.status()["com1"]
        assert status["format"] == "115200 8N1"
        assert status["line"]["breaks_in"] == 1
        assert status["accesses"]["read"]["LSR"] > status["thr_writes"]
        assert status["thr_writes"] == status["line"]["bytes_out"]
        assert status["registers"]["IER"] & 0x05 == 0x05
        assert status["accesses"]["write"]["FCR"] > 0


@pytest.mark.needs(guest="linux")
@in_trio
async def test_a_paste_and_a_flood_cross_linux_without_loss(cache: Path) -> None:
    line = Line()
    async with line.open(by_registers("linux")) as machine:
        await line.log_in()
        data = b"".join(b"%069d\n" % number for number in range(120))
        line.send(b"stty -echo; cat > /tmp/pasted; stty echo; md5sum < /tmp/pasted\r")
        await line.expect(b"pasted\r\n")
        await trio.sleep(0.5)  # cat has to be there: what it does not read yet, the shell would
        line.send(data.replace(b"\n", b"\r") + b"\x04")
        assert hashlib.md5(data).hexdigest().encode() in await line.expect(b":~# ")
        assert machine.status()["com1"]["line"]["overruns"] == 0
        assert await line.run("seq 3000") == "\r\n".join(map(str, range(1, 3001)))


@pytest.mark.needs(guest="linux")
@in_trio
async def test_the_speed_that_linux_programs_is_the_line_s(cache: Path) -> None:
    line = Line()
    async with line.open(by_registers("linux")) as machine:
        await line.log_in()
        line.send(b"stty 9600; sleep 0.2; echo slow; sleep 3; stty 115200\r")
        await line.expect(b"slow\r\n")
        status = machine.status()["com1"]
        assert (status["format"], status["divisor"]) == ("9600 8N1", 12)
        await line.expect(b":~# ")
        assert machine.com1.uart.divisor == 1


@pytest.mark.needs(guest="linux")
@in_trio
async def test_linux_powers_off_reboots_and_is_reset(cache: Path) -> None:
    line = Line()
    async with line.open(by_registers("linux", append_extra="unknown_nmi_panic panic=-1"), unlimited=True) as machine:
        await line.log_in()
        line.send(b"reboot\r")
        await line.expect(b"Linux version")
        await line.expect(b"login: ")
        await machine.reset()
        await line.expect(b"Linux version")
        await line.log_in()
        line.send(b"poweroff\r")
        with trio.fail_after(patience(30)):
            end = await machine.wait_ended()
        assert (end.reason, end.status) == ("poweroff", None)
        assert b"reboot: Power down" in line.received


@pytest.mark.needs(guest="linux")
@in_trio
async def test_an_nmi_is_linux_s_to_panic_of(cache: Path) -> None:
    line = Line()
    async with line.open(by_registers("linux", append_extra="unknown_nmi_panic"), unlimited=True) as machine:
        await line.log_in()
        await machine.nmi()
        await line.expect(b"Kernel panic - not syncing: NMI: Not continuing")


@pytest.mark.needs(guest="u-boot")
class TestUBoot:
    @in_trio
    async def test_a_prompt_a_command_and_both_resets(self) -> None:
        line = Line()
        async with line.open(by_registers("u-boot")) as machine:
            said = await line.expect(b"=> ")
            assert b"Hit any key to stop autoboot" in said
            line.send(b"version\r")
            assert b"U-Boot 20" in await line.expect(b"=> ")
            await machine.reset()
            assert b"Hit any key" in await line.expect(b"\r\n=> ")
            line.send(b"reset\r")
            assert b"Hit any key" in await line.expect(b"\r\n=> ")
            status = machine.status()["com1"]
            assert status["line"]["overruns"] == 0
            assert status["accesses"]["write"]["THR/DLL"] > status["line"]["bytes_out"]  # and the divisor

    @in_trio
    async def test_a_guest_that_idles_at_its_prompt_leaves_us_idle(self) -> None:
        line = Line()
        async with line.open(by_registers("u-boot")) as machine:
            await line.expect(b"=> ")
            await trio.sleep(0.2)
            used, wakeups = time.process_time(), machine.com1.ticker.wakeups
            await trio.sleep(2.0)
            assert time.process_time() - used < 0.04  # 2 % of a processor
            assert machine.com1.ticker.wakeups - wakeups < 10
            line.send(b"version\r")
            await line.expect(b"U-Boot 20")


@pytest.mark.needs("qemu-system-x86_64")
@in_trio
async def test_a_qemu_that_dies_at_once_says_why(tmp_path: Path) -> None:
    definition = guest("qemu", tmp_path, registers="require", args=["-no-such-option"])
    async with Line().open(definition) as machine:
        end = await machine.wait_ended()
        assert (end.reason, end.status) == ("failed", 1)
        assert "-no-such-option: invalid option" in end.detail


COM2_LINUX = """
[guest]
kind = "qemu"
description = "Linux on COM2"
[settings]
baud = 38400
memory_mb = 256
[qemu]
port = "com2"
kernel = "debian-cloud"
initrd = "tiny"
append = "console=tty0 console=ttyS1,{baud}n8"
"""


@pytest.mark.needs(guest="linux")
@in_trio
async def test_the_tiny_initramfs_has_a_getty_where_the_kernel_has_its_console(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "guest.toml").write_text(COM2_LINUX)
    line = Line()
    async with line.open(find_guest(str(tmp_path)).with_registers("require"), unlimited=True) as machine:
        await line.log_in()
        assert await line.run("tty; stty speed") == "/dev/ttyS1\r\n38400"
        assert machine.com1.uart.divisor == 3
