"""Our chip against QEMU's own: random programs, every read, every level of the interrupt line, every byte sent.

A short run; ``tox -e differential`` is the long one: 1,000,000 register accesses and 50,000 mixed steps.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from uartsim.chip import Uart
from uartsim.chip.receiver import Receiver
from uartsim.chip.transmitter import Transmitter
from uartsim.conform.differential import DifferenceError, Pair, run_programs
from uartsim.conform.dut_qemu import QemuDut
from uartsim.conform.qemu_deviations import RULES
from uartsim.registers import IER

pytestmark = pytest.mark.needs("qemu-system-x86_64")

REGISTERS = int(os.environ.get("UARTSIM_QEMU_ACCESSES", "8000"))
MIXED = int(os.environ.get("UARTSIM_QEMU_MIXED", "1000"))


@pytest.fixture(scope="module")
def qemu() -> Iterator[QemuDut]:
    with QemuDut() as running:
        yield running


@pytest.fixture
def pair(qemu: QemuDut) -> Callable[[int], Pair]:
    """Makes a fresh pair for a seed."""

    def make(seed: int) -> Pair:
        qemu.reset()
        return Pair(qemu, seed)

    return make


def any_seed() -> int:
    """Another one each time; a failure names it."""
    return random.SystemRandom().randrange(1 << 32)


def test_random_programs_agree_but_for_the_rules(qemu: QemuDut) -> None:
    summary = run_programs(qemu, REGISTERS, MIXED, any_seed())
    assert summary.differences == []
    assert (summary.registers, summary.mixed) == (REGISTERS, MIXED)


def test_every_rule_is_applied(qemu: QemuDut) -> None:
    """A rule that never applies would hide nothing, and excuse everything."""
    seed, missing = 0, set(RULES)
    while missing and seed < 40:
        missing -= set(run_programs(qemu, 1500, 150, seed).applied)
        seed += 1
    assert missing == set()


def test_a_rule_that_is_never_applied_is_reported(qemu: QemuDut) -> None:
    assert "withheld bytes" in run_programs(qemu, 100, 0, 1).never_applied


# -- a difference is found -----------------------------------------------------------------------------------


def five_interrupt_enables(uart: Any, value: int) -> None:
    uart.ier = value & 0x1F
    uart._identify()


def kept_latch(uart: Any) -> int:
    return uart.iir | (0xC0 if uart.fcr & 1 else 0)  # type: ignore[no-any-return]


def raised_by_any_write(uart: Any, value: int) -> None:
    uart.ier = value & 0x0F
    if value & IER.ETBEI and uart.transmitter.thre:
        uart.thr_empty_latch = True
    uart._identify()


def timeout_of_three_frames(receiver: Any, times: Any) -> None:
    receiver.timeout_ticks = 3 * times.frame


def overrun_that_keeps_the_new(receiver: Any, character: int, errors: int, now: int) -> None:
    if len(receiver.data) >= receiver.depth:
        receiver.data.pop(0)
        receiver.errors.pop(0)
    receiver.data.append(character)
    receiver.errors.append(errors)


def timeout_below_data(uart: Any) -> None:
    receiver, ier = uart.receiver, uart.ier
    pending = 1
    if ier & 4 and receiver.latched:
        pending = 6
    elif ier & 1 and len(receiver.data) >= receiver.trigger:
        pending = 4
    elif ier & 1 and receiver.timeout:
        pending = 0x0C
    elif ier & 2 and uart.thr_empty_latch:
        pending = 2
    elif ier & 8 and uart.modem.deltas:
        pending = 0
    uart.iir, uart.irq = pending, pending != 1


def no_interrupt_from_a_reset(transmitter: Any) -> None:
    transmitter.fifo.clear()
    transmitter.thre = False
    transmitter._plan()


@pytest.mark.parametrize(
    ("where", "name", "wrong", "mixed"),
    [
        (Uart, "_write_ier", five_interrupt_enables, False),
        (Uart, "_write_ier", raised_by_any_write, False),
        (Uart, "_read_iir", kept_latch, False),
        (Uart, "_identify", timeout_below_data, True),
        (Receiver, "set_format", timeout_of_three_frames, True),
        (Receiver, "receive", overrun_that_keeps_the_new, False),
        (Transmitter, "clear", no_interrupt_from_a_reset, False),
    ],
    ids=lambda part: getattr(part, "__name__", str(part)),
)
def test_a_chip_with_one_thing_wrong_is_found_out(
    pair: Callable[[int], Pair], monkeypatch: pytest.MonkeyPatch, where: type, name: str, wrong: object, mixed: bool
) -> None:
    monkeypatch.setattr(where, name, wrong)

    def run() -> None:
        for seed in range(20):
            chips = pair(seed)
            chips.run_mixed(1000) if mixed else chips.run_registers(2000)

    with pytest.raises(DifferenceError, match=r"seed \d+, access \d+"):
        run()
