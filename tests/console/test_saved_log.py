"""``uartsim problems``: a saved log, and what the command says and answers."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from uartsim.cli.command_group import SentenceGroup
from uartsim.cli.problems_command import problems
from uartsim.console.problems.problem_catalogue import SEVERITIES, Catalogue
from uartsim.console.problems.saved_log import SavedLog
from uartsim.record.casts import Record, cast_lines
from uartsim.record.transcript import Event

BAD = (
    "SeaBIOS (version 1.16)\r\n\x1b[0;1;31mFAILED\x1b[0m Failed to start x\r\n"
    "[    1.000000] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n\r\ngrub rescue> "
)


@click.group(cls=SentenceGroup)
def program() -> None:
    """Only the command under test."""


program.add_command(problems)


LOGS = Path(__file__).parents[2] / "fixtures" / "logs"
EXPECTED = tomllib.loads((LOGS / "expected.toml").read_text())


def run(*arguments: str, data: str | None = None) -> Result:
    return CliRunner().invoke(program, ["problems", *arguments], input=data)


@pytest.fixture
def bad_log(tmp_path: Path) -> str:
    path = tmp_path / "boot.log"
    path.write_bytes(BAD.encode())
    return str(path)


def test_problems_are_told_with_their_line_and_the_status_is_1(bad_log: str) -> None:
    result = run(bad_log)
    assert result.exit_code == 1
    told = [line for line in result.output.splitlines() if not line.startswith(" ")]
    assert told == [
        f"{bad_log}:2: warn: a unit failed: x (systemd.failed)",
        f"{bad_log}:3: fatal: kernel panic: VFS: Unable to mount root fs (linux.panic)",
        f"{bad_log}:5: fatal: GRUB has only its core image and not normal.mod, and waits in its rescue shell (grub.rescue)",
        f"{bad_log}: 2 fatal, 1 warn, in 5 lines",
    ]


@pytest.mark.parametrize("name", sorted(path.name for path in LOGS.glob("*.log")))
def test_verdict_on_a_log_is_the_right_one(name: str) -> None:
    result = run(str(LOGS / name), "--json")
    found = [json.loads(line) for line in result.output.splitlines()]
    expected = EXPECTED[name]
    worst = max((problem["severity"] for problem in found), key=SEVERITIES.index, default="none")
    assert (worst, result.exit_code) == (expected["severity"], expected["exit"])
    assert len(found) <= expected["reports"]
    for word in expected.get("words", []):
        assert any(word in problem["cause"] for problem in found)


def test_log_without_a_severe_problem_has_status_0(tmp_path: Path) -> None:
    path = tmp_path / "good.log"
    path.write_text("Linux\n[ 1.000000] sh[9]: segfault at 0 ip 0 sp 0 error 4\n")
    assert run(str(path)).exit_code == 0
    assert run(str(path), "--allow", "linux.*").output == f"{path}: no problems, in 2 lines\n"


def test_json_has_one_object_for_each_problem(bad_log: str) -> None:
    found = [json.loads(line) for line in run(bad_log, "--json").output.splitlines()]
    assert [(f["id"], f["line"], f["seconds"]) for f in found] == [
        ("systemd.failed", 2, None),
        ("linux.panic", 3, None),
        ("grub.rescue", 5, None),
    ]
    assert found[1]["text"] == "Kernel panic - not syncing: VFS: Unable to mount root fs"


def test_standard_input_is_read() -> None:
    assert "linux.panic" in run("-", data=BAD).output


def test_transcript_is_read_with_its_times_and_what_was_typed(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    events = [
        [0.5, "o", "demo login: "],
        [1.0, "i", "grep 'Login incorrect' x\r"],
        [1.1, "o", "grep 'Login incorrect' x\r\n"],
        [2.25, "o", "Login incorrect\r\n"],
        [3.0, "o", "(initramfs) "],
        [9.0, "o", "\r\n"],
    ]
    header = {"uartsim": "transcript", "version": 1, "name": "x", "format": "8N1"}
    path.write_text("".join(json.dumps(line) + "\n" for line in [header, *events]))
    found = list(SavedLog(str(path), Catalogue.standard()).problems())
    assert [(f.problem.id, f.line, f.seconds) for f in found] == [("login.denied", 2, 2.25), ("initrd.shell", 3, 3.0)]


@pytest.mark.parametrize("version", [2, 3])
def test_asciicast_is_read_with_its_times(tmp_path: Path, version: int) -> None:
    events = (Event(0.5, "o", b"box login: "), Event(12.25, "o", b"\r\n[ 1.0] Kernel panic - not syncing: x\r\n"))
    cast = tmp_path / "linux.cast"
    cast.write_text("".join(f"{line}\n" for line in cast_lines(Record("box", 24, 80, events), version)))
    [found] = [json.loads(line) for line in run("--json", str(cast)).output.splitlines()]
    assert (found["id"], found["line"], found["seconds"]) == ("linux.panic", 2, 12.25)
    assert run("--json", "-", data=cast.read_text()).output == run("--json", str(cast)).output


def test_lines_are_counted_in_a_log_of_many_pieces(tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    path.write_text("x" * 70 + "\n" + "ordinary line\n" * 50_000 + "Login incorrect\n" + "rest\n" * 9)
    (found,) = SavedLog(str(path), Catalogue.standard()).problems()
    assert found.line == 50_002


def test_line_of_a_problem_that_is_told_at_the_end_is_that_where_it_began(tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    path.write_text("one\nWaiting for root device /dev/vda1...\n" + "ordinary line\n" * 50_000)
    (found,) = SavedLog(str(path), Catalogue.standard()).problems()
    assert (found.line, found.problem.id, found.problem.severity) == (2, "linux.waits-for-root", "error")


def test_second_boot_in_a_log_is_told_and_a_log_shown_in_it_is_not(tmp_path: Path) -> None:
    boot = "[    0.000000] Linux version 6.1\n" + "".join(f"[    0.{n:06d}] a {n}\n" for n in range(1, 20))
    path = tmp_path / "twice.log"
    path.write_text(boot + "# dmesg\n" + boot)
    assert run(str(path)).exit_code == 0
    path.write_text(boot + boot.replace("] a", "] b"))
    assert "linux.reboot" in run(str(path)).output


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["none.log"], "cannot be read"),
        (["."], "cannot be read"),
        ([], "or --list"),
        (["--list", "x"], "not both"),
        (["x", "--allow", "linux.panik"], "linux.panic"),
        (["x", "--catalogue", "none.toml"], r"none.toml cannot be read"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(arguments: list[str], word: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert word in result.output
    assert result.output.count("\n") == 1


def test_catalogue_of_ones_own_is_used_and_listed(tmp_path: Path, bad_log: str) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(
        "[[problem]]\nid = 'my.bios'\nseverity = 'info'\nmatch = ['SeaBIOS']\ncause = 'seen'\nadvice = 'look away'\n"
    )
    assert f"{bad_log}:1: info: seen (my.bios)" in run(bad_log, "--catalogue", str(mine)).output
    listed = run("--list", "--catalogue", str(mine)).output
    assert "my.bios" in listed
    assert "linux.panic" in listed
