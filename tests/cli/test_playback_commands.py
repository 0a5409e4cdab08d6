"""``uartsim replay`` and ``uartsim export``, on records of the demo."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.access.rig import environment, uartsim
from tests.patience import patience


@pytest.fixture
def recorded(runtime: Path, tmp_path: Path) -> Path:
    """A record of the demo's boot."""
    path = tmp_path / "boot.jsonl"
    uartsim(runtime, "run", "demo", "--clock", "virtual", "--for", "60", "--record", str(path))
    return path


def test_a_record_becomes_what_is_asked_for(runtime: Path, recorded: Path, tmp_path: Path) -> None:
    timeline = uartsim(runtime, "export", str(recorded), "--timeline").stdout
    assert [line.split()[1] for line in timeline.splitlines()[1:]] == [
        "firmware", "loader", "menu", "kernel", "init", "login",
    ]  # fmt: skip
    assert "GNU GRUB" in uartsim(runtime, "export", str(recorded), "--text", "--at", "3").stdout
    assert uartsim(runtime, "export", str(recorded), "--log").stdout.endswith("demo login: \n")
    for kind in ("html", "svg", "cast", "cast3"):
        out = tmp_path / f"out.{kind}"
        assert uartsim(runtime, "export", str(recorded), f"--{kind}", "-o", str(out)).stdout == ""
        assert "demo" in out.read_text()
    of_cast = [uartsim(runtime, "export", str(tmp_path / f"out.{kind}"), "--text").stdout for kind in ("cast", "cast3")]
    assert of_cast == [uartsim(runtime, "export", str(recorded), "--text").stdout] * 2


def test_nothing_is_overwritten_and_bad_input_is_a_sentence(runtime: Path, recorded: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    for arguments, why in (
        (["export", recorded, "--svg", "-o", there], f"the file {there} exists: remove it or give another file"),
        (["export", recorded], "say what to make of the record: one of --html, --svg"),
        (["export", recorded, "--svg", "--png"], "and not several"),
        (
            ["export", recorded, "--log", "--at", "3"],
            "--at is the moment of a screen, and --log has none: leave it out",
        ),
        (["export", there, "--log"], f"{there} is no record: give a file that 'uartsim run --record' or asciinema has"),
        (["replay", tmp_path / "none"], "cannot be read: No such file"),
        (["replay", recorded, "--speed", "0"], "is not a speed: use a factor above 0, such as 4, or max"),
        (["replay", recorded, "--speed", "nan"], "is not a speed"),
    ):
        assert why in uartsim(runtime, *map(str, arguments), status=2).stderr
    assert there.read_text() == "mine"


def test_a_replay_shows_the_record_and_restores_the_terminal(runtime: Path, recorded: Path) -> None:
    child = pexpect.spawn(
        sys.executable,
        ["-m", "uartsim", "replay", str(recorded), "--speed", "max"],
        env=environment(runtime),
        timeout=patience(30),
        dimensions=(24, 80),
    )
    child.expect_exact("GNU GRUB")
    child.expect_exact("demo login: ")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_ctrl_c_ends_a_replay(runtime: Path, recorded: Path) -> None:
    child = pexpect.spawn(
        sys.executable, ["-m", "uartsim", "replay", str(recorded), "--speed", "0.01"], env=environment(runtime),
        timeout=patience(30),
    )  # fmt: skip
    child.expect_exact("Welcome to GRUB")
    child.sendintr()
    child.expect(pexpect.EOF)
    assert b"Traceback" not in (child.before or b"")


def test_a_reader_that_leaves_is_no_error(runtime: Path, recorded: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", '"$@" | head -n 1', "bash", sys.executable, "-m", "uartsim", "export", str(recorded), "--log"],
        env=environment(runtime),
        capture_output=True,
        text=True,
        check=True,
        timeout=patience(30),
    )
    assert (done.stdout, done.stderr) == ("SeaBIOS (version 1.16.2-uartsim-demo)\n", "")


@pytest.mark.needs("asciinema")
def test_asciinema_plays_it(runtime: Path, recorded: Path, tmp_path: Path) -> None:
    cast = tmp_path / "boot.cast"
    uartsim(runtime, "export", str(recorded), "--cast", "-o", str(cast))
    child = pexpect.spawn("asciinema", ["play", "-s", "1000", str(cast)], timeout=patience(30), dimensions=(24, 80))
    child.expect_exact("GNU GRUB")
    child.expect_exact("demo login: ")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
