"""Judging as a whole: sequences, then random programs, then the verdict."""

from __future__ import annotations

from collections.abc import Sequence as Several
from fnmatch import fnmatchcase

from uartsim.conform import differential, random_programs
from uartsim.conform.dut import DeviceUnderTest
from uartsim.conform.dut_qemu import QemuDut
from uartsim.conform.player import Player, SequenceResult
from uartsim.conform.progress import Progress, silent
from uartsim.conform.report import Verdict
from uartsim.conform.steps import Sequence
from uartsim.conform.suite import SEQUENCES
from uartsim.errors import UsageError


def chosen(patterns: Several[str]) -> tuple[Sequence, ...]:
    """The sequences whose names match one of ``patterns``; all if there are none.

    Raises:
        UsageError: a pattern matches nothing.
    """
    for pattern in patterns:
        if not any(fnmatchcase(sequence.name, pattern) for sequence in SEQUENCES):
            raise UsageError(f"no sequence is called {pattern}: docs/conformance.md lists them; * stands for anything")
    if not patterns:
        return SEQUENCES
    return tuple(s for s in SEQUENCES if any(fnmatchcase(s.name, pattern) for pattern in patterns))


def play(uart: DeviceUnderTest, sequences: Several[Sequence], progress: Progress = silent) -> list[SequenceResult]:
    """Play sequences and show how far it is."""
    with progress("sequences", len(sequences)) as tick:
        return Player(uart).play_all(sequences, lambda played: tick(1))


def run_on_qemu(
    sequences: Several[Sequence], accesses: int, mixed: int, seed: int, progress: Progress = silent
) -> Verdict:
    """Judge the QEMU of this machine, and accept what is known.

    Args:
        sequences: which ones.
        accesses: of random programs with registers only; 0 for none.
        mixed: steps of random programs with bytes, breaks and time.
        seed: of the random programs.
        progress: shows how far it is.

    Raises:
        DutError: QEMU is missing or fails.
    """
    with QemuDut() as qemu:
        played = play(qemu, sequences, progress)
        verdict = Verdict(qemu.name, qemu.part, played, seed, sequences is SEQUENCES, with_rules=True)
        if accesses or mixed:
            with progress("random programs", accesses + mixed) as tick:
                verdict.against_qemu = differential.run_programs(qemu, accesses, mixed, seed, tick)
    return verdict


def run_on_dut(
    uart: DeviceUnderTest, sequences: Several[Sequence], actions: int, seed: int, progress: Progress = silent
) -> Verdict:
    """Judge any UART, with our chip as the reference of random programs.

    Args:
        uart: the judged one; closed by whoever opened it.
        sequences: which ones.
        actions: of random programs; 0 for none.
        seed: of the random programs.
        progress: shows how far it is.

    Raises:
        DutError: it fails.
    """
    verdict = Verdict(uart.name, uart.part, play(uart, sequences, progress), seed, sequences is SEQUENCES)
    if actions:
        with progress("random programs", actions) as tick:
            verdict.programs = random_programs.run_programs(uart, actions, seed, tick)
    return verdict
