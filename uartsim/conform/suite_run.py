"""A whole conformance run: the sequences, then random programs, then the verdict."""

from __future__ import annotations

from uartsim.conform import differential, random_programs
from uartsim.conform.dut import DeviceUnderTest
from uartsim.conform.dut_qemu import QemuDut
from uartsim.conform.player import Player, SequenceResult
from uartsim.conform.progress import Progress, silent
from uartsim.conform.report import Verdict
from uartsim.conform.steps import Sequence
from uartsim.conform.suite import SEQUENCES


def play(uart: DeviceUnderTest, sequences: tuple[Sequence, ...], progress: Progress = silent) -> list[SequenceResult]:
    """Play sequences and show the progress."""
    with progress("sequences", len(sequences)) as tick:
        return Player(uart).play_all(sequences, lambda result: tick(1))


def run_on_qemu(
    sequences: tuple[Sequence, ...], accesses: int, mixed: int, seed: int, progress: Progress = silent
) -> Verdict:
    """Test the QEMU of this machine, and accept the differences that are known.

    Args:
        sequences: which ones to play.
        accesses: how many register accesses of random programs; 0 for none.
        mixed: how many steps of random programs with bytes, breaks and time; 0 for none.
        seed: of the random programs.
        progress: shows the progress.

    Raises:
        DutError: QEMU is missing or fails.
    """
    with QemuDut() as qemu:
        results = play(qemu, sequences, progress)
        verdict = Verdict(qemu.name, qemu.part, results, seed, sequences is SEQUENCES, with_rules=True)
        if accesses or mixed:
            with progress("random programs", accesses + mixed) as tick:
                verdict.against_qemu = differential.run_programs(qemu, accesses, mixed, seed, tick)
    return verdict


def run_on_dut(
    uart: DeviceUnderTest, sequences: tuple[Sequence, ...], actions: int, seed: int, progress: Progress = silent
) -> Verdict:
    """Test any UART, with our chip as the reference for random programs.

    Args:
        uart: the device under test; the caller closes it.
        sequences: which ones to play.
        actions: how many actions of random programs; 0 for none.
        seed: of the random programs.
        progress: shows the progress.

    Raises:
        DutError: the device fails: it ends, is silent, or answers nonsense.
    """
    verdict = Verdict(uart.name, uart.part, play(uart, sequences, progress), seed, sequences is SEQUENCES)
    if actions:
        with progress("random programs", actions) as tick:
            verdict.programs = random_programs.run_programs(uart, actions, seed, tick)
    return verdict
