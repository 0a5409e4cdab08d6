"""The naive model, written from the reference and not from our chip, answers every sequence too.

So an expectation is not just what our chip happens to do.
"""

from __future__ import annotations

import pytest

from tests.conform.naive import NaiveJudged
from uartsim.conform.judge import Judge
from uartsim.conform.programs import run_programs
from uartsim.conform.sequences import SEQUENCES
from uartsim.registers import VARIANTS


@pytest.mark.parametrize("part", VARIANTS)
def test_the_naive_model_answers_every_sequence_alike(part: str) -> None:
    played = Judge(NaiveJudged(part)).play_all(SEQUENCES)
    assert sum(len(result.findings) for result in played) > 300
    assert [(f.key, f.expected, f.got) for result in played for f in result.findings if not f.passed] == []


@pytest.mark.parametrize("part", VARIANTS)
def test_random_programs_agree_with_the_naive_model(part: str) -> None:
    assert run_programs(NaiveJudged(part), 8000, seed=1).differences == []
