"""Every bit of every register, flipped on purpose, is found: by the sequences, and by random programs beside QEMU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from uartsim.chip import Bench
from uartsim.conform.differential import DifferenceError, Pair
from uartsim.conform.dut_ours import OurDut
from uartsim.conform.dut_qemu import QemuDut
from uartsim.conform.player import Player
from uartsim.conform.suite import SEQUENCES

READ, WRITE = "read", "write"
#: Written bits that have no effect in a 16550A: there is nothing to find.
WITHOUT_EFFECT: Final = {2: 0x38, 4: 0xE0, 5: 0xFF, 6: 0xFF}


def flips() -> Iterator[tuple[str, int, int]]:
    for offset in range(8):
        for bit in range(8):
            yield READ, offset, bit
            if not WITHOUT_EFFECT.get(offset, 0) >> bit & 1:
                yield WRITE, offset, bit


class Flipped(OurDut):
    """One bit of what is read from, or written to, one offset is the wrong way round."""

    def __init__(self, access: str, offset: int, bit: int) -> None:
        super().__init__()
        self.wrong = {(access, offset): 1 << bit}

    def read(self, offset: int) -> int:
        return super().read(offset) ^ self.wrong.get((READ, offset), 0)

    def write(self, offset: int, value: int) -> None:
        super().write(offset, value ^ self.wrong.get((WRITE, offset), 0))


@pytest.mark.parametrize(("access", "offset", "bit"), list(flips()))
def test_sequences_find_it(access: str, offset: int, bit: int) -> None:
    player = Player(Flipped(access, offset, bit))
    assert any(player.play(sequence).wrong for sequence in SEQUENCES)


@pytest.mark.parametrize("access", [READ, WRITE])
@pytest.mark.parametrize("offset", range(8))
def test_bits_without_effect_are_the_only_ones_left_out(access: str, offset: int) -> None:
    left_out = 0xFF & ~sum(1 << bit for kind, at, bit in flips() if (kind, at) == (access, offset))
    if access == READ:
        assert left_out == 0
        return
    value = left_out
    while value:
        bit = value & -value
        value ^= bit
        player = Player(Flipped(WRITE, offset, bit.bit_length() - 1))
        assert [f.key for played in player.play_all(SEQUENCES) for f in played.wrong] == []


@pytest.fixture(scope="module")
def qemu() -> Iterator[QemuDut]:
    with QemuDut() as running:
        yield running


@pytest.mark.needs("qemu-system-x86_64")
@pytest.mark.parametrize(("access", "offset", "bit"), list(flips()))
def test_random_programs_beside_qemu_find_it(
    qemu: QemuDut, monkeypatch: pytest.MonkeyPatch, access: str, offset: int, bit: int
) -> None:
    plain_read, plain_write = Bench.read, Bench.write

    def read(self: Bench, at: int) -> int:
        return plain_read(self, at) ^ (1 << bit if (access, offset) == (READ, at) else 0)

    def write(self: Bench, at: int, value: int) -> None:
        plain_write(self, at, value ^ (1 << bit if (access, offset) == (WRITE, at) else 0))

    monkeypatch.setattr(Bench, "read", read)
    monkeypatch.setattr(Bench, "write", write)

    def run() -> None:
        for seed in range(20):
            qemu.reset()
            Pair(qemu, seed).run_registers(400)
            Pair(qemu, seed).run_mixed(100)

    with pytest.raises(DifferenceError):
        run()
