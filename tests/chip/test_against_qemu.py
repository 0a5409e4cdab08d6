"""Our chip against QEMU's own: random programs, every read, every level of the interrupt line, every byte sent.

A short run; the numbers can be raised: UARTSIM_QEMU_ACCESSES=1000000 pytest tests/chip/test_against_qemu.py
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.chip.differential import RULES, DifferenceError, Pair
from tests.chip.qemu_oracle import Access, OracleError, QemuOracle
from uartsim.chip import Uart
from uartsim.chip.receiver import Receiver
from uartsim.chip.registers import IER
from uartsim.chip.transmitter import Transmitter

pytestmark = pytest.mark.needs("qemu-system-x86_64")

ACCESSES = int(os.environ.get("UARTSIM_QEMU_ACCESSES", "8000"))
PER_SEED = 4000


@pytest.fixture(scope="module")
def qemu() -> Iterator[QemuOracle]:
    with QemuOracle() as oracle:
        yield oracle


@pytest.fixture
def pair(qemu: QemuOracle) -> Callable[[int], Pair]:
    """Makes a fresh pair for a seed."""

    def make(seed: int) -> Pair:
        qemu.reset()
        return Pair(qemu, seed)

    return make


def any_seed() -> int:
    """Another one each time; a failure names it."""
    return random.SystemRandom().randrange(1 << 32)


def test_registers_agree(pair: Callable[[int], Pair]) -> None:
    for count in range(0, ACCESSES, PER_SEED):
        pair(any_seed()).run_registers(min(PER_SEED, ACCESSES - count))


def test_registers_bytes_breaks_and_time_agree(pair: Callable[[int], Pair]) -> None:
    for count in range(0, ACCESSES // 8, PER_SEED // 4):
        pair(any_seed()).run_mixed(min(PER_SEED // 4, ACCESSES // 8 - count))


def test_every_accepted_difference_does_occur(pair: Callable[[int], Pair]) -> None:
    """A rule that never applies would hide nothing, and excuse everything."""
    applied: Counter[str] = Counter()
    seed = 0
    while not applied.keys() >= RULES.keys() and seed < 40:
        chips = pair(seed)
        chips.run_registers(1500)
        chips.run_mixed(150)
        applied += chips.applied
        seed += 1
    assert applied.keys() == RULES.keys()


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


# -- the oracle itself -------------------------------------------------------------------------------------


def test_the_oracle_has_the_clock_the_line_and_the_interrupt(qemu: QemuOracle) -> None:
    qemu.reset()
    setup = ((3, 0x83), (0, 1), (1, 0), (3, 3), (2, 0xC7), (4, 0x0B), (1, 0x01))
    qemu.run([Access(offset, value) for offset, value in setup])
    qemu.receive(b"abc")
    assert not qemu.irq
    assert qemu.advance(2_000_000) >= 2_000_000
    assert qemu.irq
    assert [answer.value for answer in qemu.run([Access(2), Access(0), Access(0), Access(0)])] == [0xCC, *b"abc"]
    assert not qemu.irq
    qemu.run([Access(0, character) for character in b"out"])
    assert qemu.take_tx() == b"out"


def test_the_oracle_says_when_its_receiver_has_no_room(qemu: QemuOracle) -> None:
    qemu.reset()
    qemu.write(2, 0)
    with pytest.raises(OracleError, match="no room"):
        qemu.receive(b"two")
    for _ in range(3):
        qemu.read(0)


def test_the_oracle_leaves_nothing_behind() -> None:
    with QemuOracle() as oracle:
        process, folder = oracle._process, oracle.folder
        assert folder.exists()
    assert process.poll() is not None
    assert not folder.exists()
    oracle.close()
