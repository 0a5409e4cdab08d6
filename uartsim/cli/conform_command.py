"""The command ``conform``: judges a UART against the datasheet."""

from __future__ import annotations

import json
import random
import sys
from typing import TYPE_CHECKING

import click

from uartsim.cli.option_types import Seconds
from uartsim.cli.run_options import PARTS
from uartsim.errors import UsageError

if TYPE_CHECKING:
    from uartsim.conform.report import Verdict
    from uartsim.conform.steps import Sequence

#: A day.
_LONGEST_TIMEOUT_S = 86_400.0


@click.command()
@click.argument("target", required=False, type=click.Choice(["qemu", "ours"]))
@click.option("--command", "program", metavar="PROGRAM", help="Judge the UART behind a program, given as in a shell.")
@click.option(
    "--part", type=click.Choice(PARTS, case_sensitive=False), help="With 'ours': which part.  [default: 16550A]"
)
@click.option(
    "--accesses",
    type=click.IntRange(0),
    help="How many steps of random programs: register accesses; for a program everything that it can do. Not with "
    "'ours', which is what they compare with.  [default: 20000; with --sequence 0]",
)
@click.option(
    "--mixed",
    type=click.IntRange(0),
    help="With 'qemu': how many steps with received bytes, breaks and time.  [default: a twentieth of --accesses]",
)
@click.option(
    "--seed", type=click.IntRange(0), help="Of the random programs; it is printed.  [default: another each time]"
)
@click.option(
    "--sequence",
    "patterns",
    multiple=True,
    metavar="NAME",
    help="Only this sequence; * stands for anything. Repeatable.",
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
    """Judge a UART: what drivers do to it, what the datasheet says, and random programs beside our chip.

    'qemu' judges the QEMU of this machine and prints what it gets wrong; only what is not known yet makes it fail.
    'ours' judges our own chip. --command judges the model behind a program, see docs/conformance.md.

    Exits with 1 if something is wrong, and with 3 if it could not be judged: the program or QEMU is missing, dies, is
    silent or answers nonsense.
    """
    _check_options(target, program, part, accesses, mixed, seed, timeout_s)
    from uartsim.conform.judged import JudgedError
    from uartsim.conform.judging import chosen

    sequences = chosen(patterns)
    seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
    if accesses is None:
        accesses = 0 if patterns else 20_000
    try:
        if program is not None:
            verdict = _judge_program(program, timeout_s, sequences, accesses, seed)
        elif target == "qemu":
            verdict = _judge_qemu(sequences, accesses, accesses // 20 if mixed is None else mixed, seed)
        else:
            verdict = _judge_ours(part or "16550A", sequences, seed)
    except JudgedError as error:
        click.echo(f"uartsim: {error}", err=True)
        sys.exit(3)
    if verdict.judged_nothing:
        why = "; ".join(sorted(verdict.left_out())) or "no sequence has a check for it"
        other = "another --part" if target == "ours" else "--accesses for random programs"
        raise UsageError(f"nothing was judged: {why}; choose other sequences, or give {other}")
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
        raise UsageError("say what to judge: 'uartsim conform qemu', 'uartsim conform ours', or --command PROGRAM")
    if target is not None and program is not None:
        raise UsageError(f"{target} and --command {program} are two things to judge: give one of them")
    if part is not None and target != "ours":
        raise UsageError(f"--part {part}: only 'ours' can be another part; a program says which one it is")
    if mixed is not None and target != "qemu":
        raise UsageError(f"--mixed {mixed}: only with 'qemu'; for others --accesses counts everything")
    if timeout_s is not None and program is None:
        raise UsageError(f"--timeout {timeout_s:g}: only with --command, for how long an answer may take")
    for option, value in (("--accesses", accesses), ("--seed", seed)):
        if value is not None and target == "ours":
            raise UsageError(
                f"{option} {value}: not with 'ours'; random programs compare with our chip, which is itself"
            )


def _judge_program(
    program: str, timeout_s: float | None, sequences: tuple[Sequence, ...], accesses: int, seed: int
) -> Verdict:
    from uartsim.conform.command_judged import ANSWER_TIMEOUT_S, CommandUart
    from uartsim.conform.judging import judge_uart
    from uartsim.conform.progress import stage

    with CommandUart(program, timeout_s or ANSWER_TIMEOUT_S) as uart:
        return judge_uart(uart, sequences, accesses, seed, stage)


def _judge_qemu(sequences: tuple[Sequence, ...], accesses: int, mixed: int, seed: int) -> Verdict:
    from uartsim.conform.judging import judge_qemu
    from uartsim.conform.progress import stage

    return judge_qemu(sequences, accesses, mixed, seed, stage)


def _judge_ours(part: str, sequences: tuple[Sequence, ...], seed: int) -> Verdict:
    from uartsim.conform.judging import judge_uart
    from uartsim.conform.ours import OurUart
    from uartsim.conform.progress import stage

    return judge_uart(OurUart(part), sequences, 0, seed, stage)
