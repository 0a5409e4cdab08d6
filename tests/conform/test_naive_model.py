"""The naive model, written from the reference and not from our chip, answers every sequence too.

So an expectation is not just what our chip happens to do.
"""

from __future__ import annotations

import pytest

from tests.conform.naive import NaiveDut
from uartsim.conform.player import Player
from uartsim.conform.random_programs import run_programs
from uartsim.conform.suite import SEQUENCES
from uartsim.registers import VARIANTS


@pytest.mark.parametrize("part", VARIANTS)
def test_the_naive_model_answers_every_sequence_alike(part: str) -> None:
    played = Player(NaiveDut(part)).play_all(SEQUENCES)
    assert sum(len(result.findings) for result in played) > 300
    assert [(f.key, f.expected, f.got) for result in played for f in result.findings if not f.passed] == []


@pytest.mark.parametrize("part", VARIANTS)
def test_random_programs_agree_with_the_naive_model(part: str) -> None:
    assert run_programs(NaiveDut(part), 8000, seed=1).differences == []
