"""The demo guest through the real driver, the chip and the wire, in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from tests.guests.line import Line
from tests.machine.rig import virtual_time
from uartsim.guest.catalogue import find_guest
from uartsim.machine import Machine


@asynccontextmanager
async def demo(**settings: str) -> AsyncIterator[tuple[Line, Machine]]:
    line = Line()
    definition = find_guest("demo").with_settings({"grub_timeout": "0", **settings})
    async with line.open(definition) as machine:
        yield line, machine


@virtual_time
async def test_the_settings_of_the_manifest_are_those_that_the_guest_knows() -> None:
    from tests.guests.fake_tty import demo_module

    settings = demo_module("settings").Settings
    definition = find_guest("demo")
    assert settings.from_host(definition.settings) == settings()
    assert set(definition.settings) == set(settings._fields)


@virtual_time
async def test_every_byte_on_the_line_was_a_write_to_thr() -> None:
    async with demo() as (line, machine):
        await line.log_in()
        assert "Linux demo" in await line.run("uname -a")
        status = machine.com1.status()
        assert status["thr_writes"] == status["line"]["bytes_out"] > 5000


@virtual_time
async def test_sysrq_by_a_break_on_the_wire() -> None:
    async with demo() as (line, _machine):
        await line.log_in()
        line.send_break()
        line.send(b"h")
        await line.expect(b"sysrq: HELP : loglevel(0-9) reboot(b) crash(c)")
        line.send_break()
        line.send(b"t")
        await line.expect(b"sysrq: This sysrq operation is disabled.\r\n")


@virtual_time
async def test_xoff_stops_within_a_fifo_and_nothing_is_lost() -> None:
    async with demo() as (line, machine):
        await line.log_in()
        line.send(b"seq 1 3000\r")
        await trio.sleep(0.5)
        line.send(b"\x13")
        await trio.sleep(0.001)
        transmitter = machine.com1.uart.transmitter
        machine.status()  # up to this moment
        written = transmitter.thr_writes
        await trio.sleep(10)
        machine.status()
        assert transmitter.thr_writes == written
        line.send(b"\x11")
        text = await line.expect(b":~# ")
        assert text.split(b"\r\n")[1:-1] == [b"%d" % number for number in range(1, 3001)]


@virtual_time
async def test_a_kernel_message_lands_in_the_middle_of_a_flood() -> None:
    async with demo() as (line, machine):
        await line.log_in()
        line.send(b"yes\r")
        await trio.sleep(1)
        before = len(line.received)
        await machine.nmi()
        await line.expect(b"Dazed and confused, but trying to continue\r\n")
        assert before > 5000
        line.send(b"\x03")
        await line.expect(b"^C\r\nroot@demo:~# ")


@virtual_time
async def test_the_line_speed_follows_stty() -> None:
    async with demo() as (line, machine):
        await line.log_in()
        await line.run("stty 9600")
        assert machine.com1.uart.line_format.baud == 9600
        start = trio.current_time()
        await line.run("seq 1 200")
        assert trio.current_time() - start > 0.7


@virtual_time
async def test_a_clean_reboot_starts_again_with_a_reset_chip() -> None:
    async with demo() as (line, machine):
        await line.log_in()
        line.send(b"stty 9600; reboot\r")
        await line.expect(b"reboot: Restarting system\r\n")
        await line.expect(b"SeaBIOS")
        assert machine.com1.uart.line_format.baud == 115200
        await line.log_in()


@virtual_time
async def test_the_reset_button_works_in_every_stage() -> None:
    async with demo(grub_timeout="-1") as (line, machine):
        await line.expect(b"GNU GRUB")
        await machine.reset()
        await line.expect(b"GNU GRUB")
        await trio.sleep(1)
        line.send(b"\r")
        await line.expect(b"Linux version")
        await machine.reset()
        await line.expect(b"GNU GRUB")
        await trio.sleep(1)
        line.send(b"\r")
        await line.log_in()
        await machine.reset()
        await line.expect(b"GNU GRUB")


@virtual_time
async def test_sysrq_b_resets_and_poweroff_ends_the_machine() -> None:
    async with demo() as (line, machine):
        await line.log_in()
        line.send_break()
        line.send(b"b")
        await line.expect(b"sysrq: Resetting\r\n")
        await line.log_in()
        line.send(b"poweroff\r")
        assert (await machine.wait_ended()).reason == "poweroff"
        assert b"reboot: Power down\r\n" in line.received


@virtual_time
async def test_a_panicked_machine_answers_after_a_reset() -> None:
    async with demo(sysrq="1") as (line, machine):
        await line.log_in()
        line.send_break()
        line.send(b"c")
        await line.expect(b"---[ end Kernel panic - not syncing: sysrq triggered crash ]---\r\n")
        line.send(b"\r")
        await trio.sleep(60)
        assert line.received == b""
        await machine.reset()
        await line.log_in()


@pytest.mark.parametrize("uart", ["16450", "16550A", "16750"])
@virtual_time
async def test_the_guest_says_which_chip_it_has(uart: str) -> None:
    line = Line()
    definition = find_guest("demo").with_settings({"grub_timeout": "0"})
    async with line.open(definition, uart=uart):
        await line.log_in()
        assert f"is a {uart}\r\n" in await line.run("dmesg | grep ttyS0; echo")
        assert f"0: uart:{uart} port:000003F8" in await line.run("cat /proc/tty/driver/serial")
