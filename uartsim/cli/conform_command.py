"""The command ``conform``: tests a UART against the datasheet."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from uartsim.cli.completion_values import complete_sequence
from uartsim.cli.help_text import described
from uartsim.cli.option_types import Seconds
from uartsim.cli.run_options import PARTS
from uartsim.errors import UsageError

if TYPE_CHECKING:
    from uartsim.conform.report import Verdict
    from uartsim.conform.steps import Sequence

#: One day.
_LONGEST_TIMEOUT_S = 86_400.0


@described("Test a UART against the datasheet.", "uartsim conform ours --part 16750")
@click.command()
@click.argument("target", required=False, type=click.Choice(["qemu", "ours"]))
@click.option("--command", "program", metavar="PROGRAM", help="Test the UART behind a program, given as in a shell.")
@click.option(
    "--part", type=click.Choice(PARTS, case_sensitive=False), help="With 'ours': which part.  [default: 16550A]"
)
@click.option(
    "--accesses",
    type=click.IntRange(0),
    help="How many steps of random programs: register accesses, or with --command anything that the program can do. Not with "
    "'ours', with which they compare.  [default: 20000; with --sequence 0]",
)
@click.option(
    "--mixed",
    type=click.IntRange(0),
    help="With 'qemu': how many steps with received bytes, breaks and time.  [default: a twentieth of --accesses]",
)
@click.option(
    "--seed", type=click.IntRange(0), help="Seed of the random programs; it is printed.  [default: another each time]"
)
@click.option(
    "--sequence",
    "patterns",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_sequence,
    help="Play only this sequence; * stands for any characters. Repeatable.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=Seconds(positive=True, most=_LONGEST_TIMEOUT_S),
    metavar="SECONDS",
    help="With --command: how long an answer may take.  [default: 10]",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def conform(
    target: str | None,
    program: str | None,
    part: str | None,
    accesses: int | None,
    mixed: int | None,
    seed: int | None,
    patterns: tuple[str, ...],
    timeout_s: float | None,
    as_json: bool,
) -> None:
    """Test a UART against the datasheet: by what drivers do to it, register by register, and by random programs.

    'qemu' tests the QEMU of this machine and prints what it gets wrong; only what is not known yet makes it fail.
    'ours' tests our own chip. --command tests the model behind a program, see docs/conformance.md.

    Exits with 1 if something is wrong, and with 3 if the device under test fails: the program or QEMU is missing, dies,
    is silent or answers nonsense.
    """
    _check_options(target, program, part, accesses, mixed, seed, timeout_s)
    import random

    from uartsim.conform.dut import DutError
    from uartsim.conform.suite import chosen

    sequences = chosen(patterns)
    seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
    if accesses is None:
        accesses = 0 if patterns else 20_000
    try:
        if program is not None:
            verdict = _test_program(program, timeout_s, sequences, accesses, seed)
        elif target == "qemu":
            verdict = _test_qemu(sequences, accesses, accesses // 20 if mixed is None else mixed, seed)
        else:
            verdict = _test_ours(part or "16550A", sequences, seed)
    except DutError as error:
        click.echo(f"uartsim: {error}", err=True)
        sys.exit(3)
    if verdict.checked_nothing:
        why = "; ".join(sorted(verdict.left_out())) or "no sequence has a check for it"
        other = "another --part" if target == "ours" else "--accesses for random programs"
        raise UsageError(f"nothing was tested: {why}; choose other sequences, or give {other}")
    if as_json:
        click.echo(json.dumps(verdict.as_json(), indent=2))
    else:
        for line in verdict.lines():
            click.echo(line)
    if not verdict.passed:
        sys.exit(1)


def _check_options(
    target: str | None,
    program: str | None,
    part: str | None,
    accesses: int | None,
    mixed: int | None,
    seed: int | None,
    timeout_s: float | None,
) -> None:
    """Raise UsageError for options that do not go together."""
    if target is None and program is None:
        raise UsageError("say what to test: 'uartsim conform qemu', 'uartsim conform ours', or --command PROGRAM")
    if target is not None and program is not None:
        raise UsageError(f"{target} and --command {program} are two devices to test: give one of them")
    if part is not None and target != "ours":
        raise UsageError(f"--part {part}: only 'ours' can be told which part it is; a program says so itself")
    if mixed is not None and target != "qemu":
        raise UsageError(f"--mixed {mixed}: only with 'qemu'; for others --accesses counts everything")
    if timeout_s is not None and program is None:
        raise UsageError(f"--timeout {timeout_s:g}: only with --command, for how long an answer may take")
    for option, value in (("--accesses", accesses), ("--seed", seed)):
        if value is not None and target == "ours":
            raise UsageError(f"{option} {value}: not with 'ours'; random programs compare a device with our chip")


def _test_program(
    program: str, timeout_s: float | None, sequences: tuple[Sequence, ...], accesses: int, seed: int
) -> Verdict:
    from uartsim.conform.dut_command import ANSWER_TIMEOUT_S, CommandDut
    from uartsim.conform.progress import stage
    from uartsim.conform.suite_run import run_on_dut

    with CommandDut(program, timeout_s or ANSWER_TIMEOUT_S) as uart:
        return run_on_dut(uart, sequences, accesses, seed, stage)


def _test_qemu(sequences: tuple[Sequence, ...], accesses: int, mixed: int, seed: int) -> Verdict:
    from uartsim.conform.progress import stage
    from uartsim.conform.suite_run import run_on_qemu

    return run_on_qemu(sequences, accesses, mixed, seed, stage)


def _test_ours(part: str, sequences: tuple[Sequence, ...], seed: int) -> Verdict:
    from uartsim.conform.dut_ours import OurDut
    from uartsim.conform.progress import stage
    from uartsim.conform.suite_run import run_on_dut

    return run_on_dut(OurDut(part), sequences, 0, seed, stage)
