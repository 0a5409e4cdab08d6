"""The verdict of a diagnosis, each on a real guest that has the cause."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from tests.machine.rig import FunctionGuest, virtual_time
from uartsim.access.hub import Hub
from uartsim.console.diagnosis.diagnose import diagnose
from uartsim.console.diagnosis.line_facts import line_facts
from uartsim.console.diagnosis.verdict import Diagnosis
from uartsim.guest.catalogue import find_guest
from uartsim.guest.make_guest import make_guest
from uartsim.line_format import LineFormat
from uartsim.machine import Guest, Machine, SerialDriver, open_machine
from uartsim.machine.sides import NO_GUEST
from uartsim.registers import IER, LCR, MCR, ModemOutput, Offset


class Rig:
    """A running guest, its hub, and somebody who types."""

    def __init__(self, machine: Machine, hub: Hub) -> None:
        self.machine = machine
        self.hub = hub
        self.client = hub.attach("a test")

    async def shows(self, text: bytes) -> None:
        while text not in self.hub.history():
            await self.hub.wait_news()

    async def type(self, data: bytes) -> None:
        await self.client.send(data)

    def look(self, *, is_windows: bool = False) -> Diagnosis:
        return diagnose(line_facts(self.machine, self.hub), self.hub.history(), is_windows=is_windows)


@asynccontextmanager
async def running(guest: Guest, **port: Any) -> AsyncIterator[Rig]:
    hubs: list[Hub] = []
    async with open_machine(guest, "vm1", prepare=lambda one: hubs.append(Hub(one.com1)), **port) as machine:
        yield Rig(machine, hubs[0])


def demo(name: str = "demo", settings: Mapping[str, Any] = {}, **more: Any) -> Guest:
    return make_guest(find_guest(name).with_settings({key: str(value) for key, value in {**settings, **more}.items()}))


async def logged_in(rig: Rig) -> None:
    await rig.shows(b"login: ")
    await rig.type(b"root\r")
    await rig.shows(b"Password: ")
    await rig.type(b"toor\r")
    await rig.shows(b"# ")


def says(found: Diagnosis, text: str) -> bool:
    return any(text in sentence for sentence in found.evidence)


@virtual_time
async def test_a_login_prompt_that_is_there() -> None:
    async with running(demo(grub_timeout=0)) as rig:
        await rig.shows(b"login: ")
        await trio.sleep(0.1)
        found = rig.look()
        assert found.cause == "login"
        assert says(found, "demo login:")
        assert "Reset password" in found.remedy
        before = rig.hub.end, rig.machine.com1.uart.receiver.rbr_reads
        rig.look()
        await trio.sleep(5)
        assert (rig.hub.end, rig.machine.com1.uart.receiver.rbr_reads) == before  # to diagnose changes nothing


@virtual_time
async def test_a_password_is_asked_for() -> None:
    async with running(demo(grub_timeout=0)) as rig:
        await rig.shows(b"login: ")
        await rig.type(b"root\r")
        await rig.shows(b"Password: ")
        assert rig.look().cause == "password"


@virtual_time
async def test_a_shell_that_waits_for_a_command() -> None:
    async with running(demo(grub_timeout=0)) as rig:
        await logged_in(rig)
        await trio.sleep(0.1)
        assert rig.look().cause == "shell"


@virtual_time
async def test_grubs_menu_that_waits_for_a_key_and_one_that_counts_down() -> None:
    async with running(demo(grub_timeout=-1)) as rig:
        await rig.shows(b"GNU GRUB")
        await trio.sleep(60)
        found = rig.look()
        assert (found.cause, found.verdict) == ("menu", "GRUB's menu is there and waits for a key.")
    async with running(demo(grub_timeout=30)) as rig:
        await rig.shows(b"automatically in")
        await trio.sleep(1)
        assert "boots by itself in" in rig.look().verdict


@virtual_time
async def test_a_guest_without_console_on_the_port() -> None:
    async with running(demo(grub_timeout=0, cmdline="root=/dev/vda1 ro console=tty0")) as rig:
        await rig.shows(b"GRUB")
        await trio.sleep(30)
        found = rig.look()
        assert found.cause == "starting"  # a quiet kernel says nothing for so long
        await trio.sleep(90)
        found = rig.look()
        assert found.cause == "kernel-silent"
        assert says(found, "GRUB")
        assert "console=ttyS0,115200" in found.remedy
        assert "/sbin/agetty -L 115200 console vt102" in found.remedy


@virtual_time
async def test_a_guest_that_never_touches_the_port() -> None:
    async def idle(machine: Machine) -> None:
        await trio.sleep_forever()

    async with running(FunctionGuest(idle)) as rig:
        assert rig.look().cause == "starting"  # it has had no time yet
        await trio.sleep(11)
        found = rig.look()
        assert found.cause == "port-not-used"
        assert says(found, "never programmed")
        assert "bcdedit /ems" in rig.look(is_windows=True).remedy


@virtual_time
async def test_a_guest_whose_driver_does_not_wait_for_characters() -> None:
    async def mute(machine: Machine) -> None:
        driver = SerialDriver(machine.com1)
        driver.open()
        await driver.write(b"a kernel's last message\r\n")
        await driver.drain()
        machine.com1.write(Offset.IER, 0)
        machine.com1.write(Offset.MCR, 0)
        await trio.sleep_forever()

    async with running(FunctionGuest(mute)) as rig:
        await trio.sleep(11)
        await rig.type(b"\r")
        await trio.sleep(1)
        found = rig.look()
        assert found.cause == "no-reader"
        assert says(found, "IER is 0x00")
        assert says(found, "DTR is inactive")
        assert says(found, "1 typed characters wait")
        assert says(found, "a kernel's last message")


@virtual_time
async def test_a_guest_that_hangs_with_a_full_fifo() -> None:
    async def hangs(machine: Machine) -> None:
        driver = SerialDriver(machine.com1)
        driver.open()
        await driver.write(b"busy\r\n")
        await driver.drain()
        machine.com1.guest = NO_GUEST  # its interrupts are masked
        await trio.sleep_forever()

    async with running(FunctionGuest(hangs)) as rig:
        await trio.sleep(1)
        await rig.type(b"x" * 40)
        await trio.sleep(1)
        found = rig.look()
        assert found.cause == "hangs"
        assert says(found, "16 characters wait in its UART")
        assert "SysRq" in found.remedy


@pytest.mark.parametrize(
    ("offset", "value", "cause"),
    [(Offset.MCR, MCR.LOOP | MCR.DTR | MCR.RTS | MCR.OUT2, "loopback"), (Offset.LCR, LCR.BREAK | 3, "break")],
)
@virtual_time
async def test_registers_that_cut_the_guest_off(offset: Offset, value: int, cause: str) -> None:
    async with running(demo(grub_timeout=0)) as rig:
        await rig.shows(b"login: ")
        rig.machine.com1.write(offset, int(value))
        found = rig.look()
        assert found.cause == cause
        assert says(found, f"{int(value):#04x}")


@virtual_time
async def test_output_that_xoff_has_stopped_until_xon_comes() -> None:
    async with running(demo(grub_timeout=0)) as rig:
        await logged_in(rig)
        await rig.type(b"\x13")
        await trio.sleep(2)
        found = rig.look()
        assert found.cause == "xoff"
        assert "Ctrl+Q" in found.remedy
        await rig.type(b"\x11")
        await trio.sleep(2)
        assert rig.look().cause == "shell"
        await rig.type(b"\x13")
        await trio.sleep(2)
        await rig.machine.reset()  # a new boot knows nothing of it
        await trio.sleep(60)
        assert rig.look().cause == "login"


@pytest.mark.parametrize("fault", ["cut", "lost-cts", "stuck-space", "lost:rate=1"])
@virtual_time
async def test_a_fault_of_the_line(fault: str) -> None:
    async with running(demo(grub_timeout=0), fault=fault) as rig:
        await trio.sleep(30)
        found = rig.look()
        assert found.cause == "line-fault"
        assert says(found, fault.partition(":")[0])


@virtual_time
async def test_cts_that_is_inactive() -> None:
    async with running(demo(grub_timeout=0)) as rig:
        await rig.shows(b"login: ")
        rig.machine.com1.set_far_outputs(ModemOutput.DTR)
        await trio.sleep(11)
        assert rig.look().cause == "cts"


@virtual_time
async def test_a_client_at_another_speed() -> None:
    async with running(demo(grub_timeout=0)) as rig:
        rig.client.be_at_far_end(True, LineFormat.from_baud(9600))
        await trio.sleep(30)
        found = rig.look()
        assert found.cause == "wrong-speed"
        assert says(found, "115200 8N1")
        assert says(found, "9600")


@pytest.mark.parametrize(
    ("line", "cause", "remedy"),
    [
        (
            b"[    1.0] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n",
            "linux.panic",
            "",
        ),
        (b'You are in emergency mode. After logging in, type "journalctl -xb"\r\n', "systemd.emergency", "fstab"),
        (b"Give root password for maintenance\r\n(or press Control-D to continue): ", "systemd.emergency", "fstab"),
        (b"ALERT!  UUID=1 does not exist.  Dropping to a shell!\r\n(initramfs) ", "initrd.shell", "root="),
        (b"/dev/sda1: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.\r\n", "fsck.manual", "fsck"),
    ],
    ids=["panic", "emergency", "maintenance", "initramfs", "fsck"],
)
@virtual_time
async def test_a_boot_that_has_stopped(line: bytes, cause: str, remedy: str) -> None:
    async def stops(machine: Machine) -> None:
        driver = SerialDriver(machine.com1)
        driver.open()
        await driver.write(b"[    0.000000] Linux version 6.1.0 (root@build) #1 SMP\r\n" + line)
        await trio.sleep_forever()

    async with running(FunctionGuest(stops)) as rig:
        await trio.sleep(20)
        found = rig.look()
        assert found.cause == cause
        assert remedy in found.remedy
        assert found.evidence


@virtual_time
async def test_a_panic_of_the_boot_before_is_no_cause() -> None:
    async with running(demo(grub_timeout=0, sysrq=1)) as rig:
        await logged_in(rig)
        await rig.hub.sysrq("c")
        await rig.shows(b"panic")
        await trio.sleep(1)
        assert rig.look().cause == "linux.panic"
        await rig.machine.reset()
        await trio.sleep(60)
        assert rig.look().cause == "login"


@virtual_time
async def test_windows_with_sac_and_without() -> None:
    async with running(demo("windows")) as rig:
        await rig.shows(b"SAC>")
        await trio.sleep(1)
        assert rig.look(is_windows=True).cause == "sac"
    async with running(demo("windows", sac="false")) as rig:
        await trio.sleep(300)
        found = rig.look(is_windows=True)
        assert found.cause == "health"
        assert "bcdedit /ems {current} on" in found.remedy


@virtual_time
async def test_a_program_that_runs_in_silence() -> None:
    async with running(demo(grub_timeout=0)) as rig:
        await logged_in(rig)
        await rig.type(b"sleep 1000\r")
        await trio.sleep(30)
        found = rig.look()
        assert found.cause == "silent"
        assert "Press Enter" in found.remedy
        assert rig.machine.com1.uart.ier & IER.ERBFI


@virtual_time
async def test_a_machine_that_is_paused() -> None:
    async with running(demo(grub_timeout=0)) as rig:
        await rig.shows(b"login: ")
        facts = line_facts(rig.machine, rig.hub)
        assert not facts.is_paused
        found = diagnose(dataclasses.replace(facts, is_paused=True), rig.hub.history())
        assert found.cause == "paused"
        assert "uartsim resume" in found.remedy
