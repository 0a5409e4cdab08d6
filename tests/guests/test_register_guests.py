"""Firmware, boot loaders and a hypervisor drive our registers with their own drivers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.guests.line import Line, in_trio, wait_until
from tests.patience import patience
from uartsim.guest.catalogue import find_guest
from uartsim.guest.qemu import QemuGuest
from uartsim.guest.qemu_line import RegisterLine
from uartsim.machine import Machine


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that these tests share, and not with the user."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: folder)
    return folder


def facts(machine: Machine) -> tuple[dict[str, Any], dict[str, int], dict[str, int]]:
    """The port's status, and the accesses by register: read, written."""
    assert isinstance(machine.guest, QemuGuest)
    assert isinstance(machine.guest._line, RegisterLine)
    machine.guest._line.bridge.count_leased()
    status = machine.status()["com1"]
    return status, status["accesses"]["read"], status["accesses"]["write"]


async def shows(line: Line, wanted: bytes, timeout_s: float = 30.0) -> None:
    """Wait until SeaBIOS has shown something: now and then it repeats a character and moves the cursor behind it."""
    await wait_until(lambda: wanted in re.sub(rb"(.)\1\x1b\[\d+;\d+H", rb"\1", line.received), timeout_s)
    line.received = b""


@pytest.mark.needs(guest="seabios")
@in_trio
async def test_seabios_programs_no_divisor_and_polls() -> None:
    line = Line()
    async with line.open(find_guest("seabios").with_registers("require")) as machine:
        await shows(line, b"bootable")
        status, _, written = facts(machine)
        assert status["format"] == "9600 8N1"  # what the chip has after power-on: QEMU shows any divisor alike
        assert status["registers"]["IER"] == 0
        assert written["THR/DLL"] == status["thr_writes"]  # no divisor


@pytest.mark.needs(guest="grub-rescue")
@in_trio
async def test_grub_s_own_driver_programs_the_port() -> None:
    line = Line()
    async with line.open(find_guest("grub-rescue").with_registers("require")) as machine:
        await shows(line, b"GNU")
        line.send(b"c")
        await shows(line, b"grub>")
        for _ in range(5):  # a BIOS keeps few keys, takes one in each of its 18 ticks a second, and may lose one
            for key in b"serial --speed=115200;terminal_output serial\r":
                line.send(bytes((key,)))
                await trio.sleep(0.06)
            with trio.move_on_after(patience(3)):
                await wait_until(lambda: machine.com1.uart.divisor == 1)
                break
        assert machine.com1.uart.divisor == 1
        await line.expect(b"grub>")
        status, _, written = facts(machine)
        assert status["format"] == "115200 8N1"
        assert written["SCR"] >= 1  # GRUB finds the port by what SCR keeps


@pytest.mark.needs(guest="ipxe")
@in_trio
async def test_ipxe_has_a_prompt_by_itself() -> None:
    line = Line()
    async with line.open(find_guest("ipxe").with_registers("require")) as machine:
        await shows(line, b"iPXE>")
        status, read, _ = facts(machine)
        assert status["line"]["bytes_in"] == 1
        assert read["LSR"] > status["thr_writes"]


@pytest.mark.needs(guest="uefi-shell")
@in_trio
async def test_the_uefi_shell_looks_at_the_modem_lines() -> None:
    line = Line()
    async with line.open(find_guest("uefi-shell").with_registers("require")) as machine:
        await line.expect(b"Shell>", 60.0)
        line.send(b"echo -off\r")
        await line.expect(b"Shell>")
        status, read, _ = facts(machine)
        assert status["format"] == "115200 8N1"
        assert read["MSR"] > 50


@pytest.mark.needs(guest="isolinux")
@in_trio
async def test_isolinux_has_a_prompt_and_loads_linux() -> None:
    line = Line()
    async with line.open(find_guest("isolinux").with_registers("require")) as machine:
        await line.expect(b"boot: ")
        assert facts(machine)[0]["format"] == "115200 8N1"
        line.send(b"nothing\r")
        await line.expect(b"Loading nothing... failed")
        await line.expect(b"boot: ")
        line.send(b"linux\r")
        await line.expect(b"Linux version")


@pytest.mark.needs(guest="xen")
@in_trio
async def test_xen_drives_the_port_by_interrupts_and_answers_on_its_console() -> None:
    line = Line()
    async with line.open(find_guest("xen").with_registers("require"), unlimited=True) as machine:
        await line.expect(b"Run /bin/sh as init process", 60.0)
        line.send(b"\x01\x01\x01")
        await line.expect(b"Serial input to Xen")
        line.send(b"h")
        await line.expect(b"'h' pressed -> showing installed handlers")
        status, read, _ = facts(machine)
        assert status["registers"]["FCR"] & 0xC1 == 0xC1  # FIFOs, trigger at 14
        assert read["IIR"] > 100
