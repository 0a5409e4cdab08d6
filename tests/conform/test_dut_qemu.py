"""QEMU's UART as a device under test: its clock, its line, its interrupt, and what happens when QEMU is missing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from uartsim.conform.dut import Access, Can, DutError
from uartsim.conform.dut_qemu import PROGRAM, QemuDut

needs_qemu = pytest.mark.needs("qemu-system-x86_64")


@pytest.fixture(scope="module")
def qemu() -> Iterator[QemuDut]:
    with QemuDut() as running:
        yield running


@needs_qemu
@needs_qemu
def test_qemu_has_the_clock_the_line_and_the_interrupt(qemu: QemuDut) -> None:
    qemu.reset()
    setup = ((3, 0x83), (0, 1), (1, 0), (3, 3), (2, 0xC7), (4, 0x0B), (1, 0x01))
    qemu.run([Access(offset, value) for offset, value in setup])
    qemu.inject(b"abc")
    assert not qemu.irq
    assert qemu.advance(2_000_000) >= 2_000_000
    assert qemu.irq
    assert [answer.value for answer in qemu.run([Access(2), Access(0), Access(0), Access(0)])] == [0xCC, *b"abc"]
    assert not qemu.irq
    qemu.run([Access(0, character) for character in b"out"])
    assert qemu.take_sent() == b"out"


@needs_qemu
def test_qemu_says_when_its_receiver_has_no_room(qemu: QemuDut) -> None:
    qemu.reset()
    qemu.write(2, 0)
    with pytest.raises(DutError, match="no room"):
        qemu.inject(b"two")
    for _ in range(3):
        qemu.read(0)


@needs_qemu
def test_qemu_leaves_nothing_behind() -> None:
    with QemuDut() as running:
        process, folder = running._process, running.folder
        assert folder.exists()
    assert process.wait(0) is not None
    assert not folder.exists()
    running.close()


@needs_qemu
def test_a_reset_takes_in_what_waits_outside(qemu: QemuDut) -> None:
    qemu.reset()
    for character in b"more than one":
        qemu.receive(character)
    qemu.reset()
    assert qemu.read(5) == 0x60
    assert Can.MODEM not in qemu.can


@needs_qemu
def test_qemu_that_ends_is_said_to_have_ended() -> None:
    with QemuDut() as running:
        running._qmp("quit")
        with pytest.raises(DutError, match=f"{PROGRAM} closed its "):
            running.run([Access(5)] * 10_000)


def test_qemu_that_is_missing_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DutError, match=r"qemu-system-x86_64 is missing: .* 'apt-get install qemu-system-x86'"):
        QemuDut()


def test_qemu_that_does_not_start_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / PROGRAM
    fake.write_text("#!/bin/sh\necho 'no such machine' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(DutError, match=r"closed its .*; it said: no such machine"):
        QemuDut()
