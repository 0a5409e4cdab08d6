"""``uartsim conform``: what it prints, and with which status it ends."""

from __future__ import annotations

import io
import json
import re
import shlex
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from tests.conform.like_qemu import IgnoresOut2
from uartsim.cli import conform_command
from uartsim.conform import suite, suite_run
from uartsim.conform.differential import DifferenceError, Pair
from uartsim.conform.progress import stage
from uartsim.conform.report import Verdict
from uartsim.conform.suite import SEQUENCES
from uartsim.errors import UsageError


@click.group()
def group() -> None:
    """A group to put the command into."""


group.add_command(conform_command.conform)


def conform(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["conform", *arguments])


SHORT = ("--sequence", "reset-values", "--seed", "5")

needs_qemu = pytest.mark.needs("qemu-system-x86_64")


@needs_qemu
def test_qemu_passes_but_for_what_the_rules_name() -> None:
    result = conform("qemu", "--accesses", "400", "--mixed", "40", "--seed", "5")
    assert result.exit_code == 0
    assert "tested as a 16550A" in result.output
    assert "MCR is 00: expected 00, got 08 (datasheet table I) [reset values]" in result.output
    assert "random programs from seed 5: 400 register accesses, 40 mixed steps, 0 unexplained" in result.output
    assert "nothing is wrong but what the rules name" in result.output


@needs_qemu
def test_qemu_as_json() -> None:
    report = json.loads(conform("qemu", *SHORT, "--accesses", "400", "--mixed", "40", "--json").stdout)
    assert report["passed"] is True
    assert report["unexplained"] == []
    assert {"sequence", "check", "section", "expected", "got", "rule"} == report["wrong"][0].keys()
    assert report["random_programs"]["register_accesses"] == 400


@needs_qemu
def test_a_difference_that_no_rule_explains_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def differ(self: Pair, count: int) -> None:
        raise DifferenceError("seed 5, access 7: read of offset 3 is to be and is: 0x3 and 0x0; after write 3 0x03")

    monkeypatch.setattr(Pair, "run_registers", differ)
    assert conform("qemu", *SHORT).exit_code == 0
    result = conform("qemu", *SHORT, "--accesses", "100", "--mixed", "0")
    assert result.exit_code == 1
    assert "1 unexplained difference\n  seed 5, access 7: read of offset 3" in result.output


def test_our_chip_has_nothing_wrong() -> None:
    result = conform("ours")
    assert result.exit_code == 0
    assert result.stdout.endswith("\n\nnothing is wrong\n")
    assert "random programs" not in result.output
    result = conform("ours", "--part", "8250")
    assert result.exit_code == 0
    assert "tested as an 8250: " in result.output


def test_a_program_that_is_wrong_fails_with_what_is_wrong(tmp_path: Path) -> None:
    program = tmp_path / "wrong.py"
    program.write_text(
        "import sys\n"
        "for line in sys.stdin:\n"
        "    print({'H': 'HELLO 1 16450 - all ones', 'R': 'FF'}.get(line[0], 'OK'), flush=True)\n"
    )
    result = conform("--command", shlex.join([sys.executable, "-S", str(program)]), "--accesses", "80", "--seed", "1")
    assert result.exit_code == 1
    assert "all ones, tested as a 16450" in result.output
    assert "bits 7:4 read 0, bits 3:0 are kept: expected 0F, got FF (datasheet 8.7)" in result.output
    assert "random programs from seed 1: 80 actions, 1 kind of difference" in result.output


def test_one_sequence_can_be_played_alone() -> None:
    result = conform("ours", "--sequence", "loopback-*", "--json")
    report = json.loads(result.stdout)
    assert report["sequences"] == sum(s.name.startswith("loopback-") for s in SEQUENCES if "16550A" in s.parts)
    assert "random_programs" not in report


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "say what to test"),
        (["ours", "--command", "x"], "ours and --command x are two devices to test"),
        (["qemu", "--command", "cat"], "qemu and --command cat are two devices to test"),
        (["ours", "--timeout", "5"], "--timeout 5: only with --command"),
        (["ours", "--accesses", "800"], "--accesses 800: not with 'ours'"),
        (["ours", "--seed", "5"], "--seed 5: not with 'ours'"),
        (["ours", "--sequence", "deep-fifo-switch"], "nothing was tested: not for a 16550A"),
        (["ours", "--part", "8250", "--sequence", "scratch"], "nothing was tested: not for an 8250"),
        (["--command", ""], "the command is empty"),
        (["--command", "'unbalanced"], "cannot be read: No closing quotation"),
        (["qemu", "--part", "8250"], "--part 8250: only 'ours'"),
        (["ours", "--mixed", "5"], "--mixed 5: only with 'qemu'"),
        (["ours", "--sequence", "nothing"], "no sequence is called nothing"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_sentence(arguments: list[str], sentence: str) -> None:
    result = conform(*arguments)
    assert isinstance(result.exception, UsageError)
    assert sentence in str(result.exception)


def test_random_seeds_are_printed_and_differ() -> None:
    seeds = {json.loads(conform("ours", "--sequence", "scratch", "--json").stdout)["seed"] for _ in range(3)}
    assert len(seeds) == 3


@pytest.mark.parametrize("timeout", ["nan", "inf", "-1", "0", "1e9", "soon"])
def test_a_timeout_that_cannot_be_is_refused(timeout: str) -> None:
    result = conform("--command", "true", "--timeout", timeout)
    assert result.exit_code == 2
    assert re.search(rf"value for .--timeout.: .?{timeout}\b", result.output)


@pytest.mark.parametrize(
    ("program", "why"), [("no-such-program", "cannot be started"), ("true", "ended with status 0")]
)
def test_a_program_that_cannot_be_tested_is_not_one_that_is_wrong(program: str, why: str) -> None:
    result = conform("--command", program)
    assert result.exit_code == 3
    assert why in result.stderr
    assert result.stdout == ""


def test_a_library_call_prints_nothing(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CI", "true")
    suite_run.run_on_dut(IgnoresOut2(), suite.chosen(["out2-*", "scratch"]), 80, seed=1)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.parametrize("ci", [None, "", "false", "0"])
def test_progress_is_not_shown_where_nobody_looks(monkeypatch: pytest.MonkeyPatch, ci: str | None) -> None:
    monkeypatch.delenv("CI", raising=False)
    if ci is not None:
        monkeypatch.setenv("CI", ci)
    stream = io.StringIO()
    with stage("things", 8, stream) as tick:
        tick(8)
    assert stream.getvalue() == ""
    assert conform("ours", *SHORT[:2]).stderr == ""


def test_progress_is_plain_lines_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert "sequences: 1 of 1\n" in conform("ours", *SHORT[:2]).stderr
    stream = io.StringIO()
    with stage("things", 8, stream) as tick:
        for _ in range(8):
            tick(1)
    assert stream.getvalue() == "things: 2 of 8\nthings: 4 of 8\nthings: 6 of 8\nthings: 8 of 8\n"


def test_progress_is_a_bar_on_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    with stage("things", 8, stream) as tick:
        tick(8)
    assert "things" in stream.getvalue()
    assert "of 8" not in stream.getvalue()


def test_a_rule_is_no_excuse_for_another_uart() -> None:
    verdict: Verdict = suite_run.run_on_dut(IgnoresOut2(), suite.chosen(["out2-*"]), 0, seed=1)
    assert not verdict.passed
    assert len(verdict.unexplained) == 2
