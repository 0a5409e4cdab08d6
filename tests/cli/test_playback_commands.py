"""``uartsim replay`` and ``uartsim export``, on records of the demo."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest

from tests.access.rig import environment, read_until, uartsim
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
    slow = tmp_path / "slow.cast"
    slow.write_text('{"version": 2}\n[0, "o", "x"]\n[100000000, "o", "y"]\n')
    for arguments, why in (
        (["export", recorded, "--svg", "-o", there], f"the file {there} exists: remove it or give another file"),
        (["export", recorded], "say what to make of the record: one of --html, --svg"),
        (["export", recorded, "--svg", "--png"], "and not several"),
        (
            ["export", recorded, "--log", "--at", "3"],
            "--at is the moment of a screen, and --log has none: leave it out",
        ),
        (["export", there, "--log"], f"{there} is no record: give a transcript or an asciicast, as 'uartsim run"),
        (["replay", tmp_path / "none"], "cannot be read: No such file"),
        (["replay", recorded, "--speed", "0"], "is not a speed: use a factor above 0, such as 4, or max"),
        (["replay", recorded, "--speed", "nan"], "is not a speed"),
        (["replay", slow, "--speed", "1e-9"], "at this speed the record would take more than ten years: use a higher"),
        (["replay", recorded, "--name", "x"], "--name is for a machine on a pty: add --pty, or leave it out"),
        (["replay", recorded, "--pty", "--link", ""], "--link '' is empty: give a value, or leave the option out"),
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


SWITCHED = '{"version": 2}\n[0, "o", "\\u001b[?1049h\\u001b[?1000h\\u001b[?25lone"]\n[600, "o", "two"]\n'
HIDDEN_CURSOR = '{"version": 2}\n[0, "o", "\\u001b[?25l\\u001b[6none\\r\\n"]\n[600, "o", "two"]\n'


@pytest.mark.parametrize(("ending", "status"), [(None, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_replay_that_is_ended_gives_the_terminal_back(
    runtime: Path, tmp_path: Path, ending: signal.Signals | None, status: int
) -> None:
    cast = tmp_path / "long.cast"
    cast.write_text(SWITCHED)
    child = pexpect.spawn(
        sys.executable, ["-m", "uartsim", "replay", str(cast)], env=environment(runtime), timeout=patience(30)
    )
    child.expect_exact("one")
    assert b"\x1b[?1049h" in (child.before or b"")
    if ending is None:
        child.sendintr()  # Ctrl-C, as the terminal's driver takes it
    else:
        child.kill(ending)
    child.expect(pexpect.EOF)
    shown = child.before
    child.close()
    assert isinstance(shown, bytes)
    assert (b"Traceback" in shown, child.exitstatus) == (False, status)
    for undone in (b"\x1b[?25h", b"\x1b[?1049l"):
        assert shown.count(undone) == 1


def test_a_file_gets_every_byte_of_a_replay(runtime: Path, tmp_path: Path) -> None:
    cast = tmp_path / "a.cast"
    cast.write_text(HIDDEN_CURSOR)
    played = uartsim(runtime, "replay", str(cast), "--idle-limit", "0").stdout
    assert played.replace("\r\n", "\n") == "\x1b[?25l\x1b[6none\ntwo"


@contextmanager
def played_on_pty(runtime: Path, *arguments: str) -> Iterator[str]:
    """A record that plays as a guest; gives the path of the pty's link."""
    command = [sys.executable, "-m", "uartsim", "replay", *arguments, "--pty"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment(runtime), text=True) as player:
        assert player.stdout is not None
        try:
            for line in player.stdout:
                if line.startswith("link"):
                    yield line.split()[1]
                    break
        finally:
            player.terminate()
            player.communicate(timeout=patience(20))


def test_a_record_is_played_as_a_guest_on_a_pty_and_again_after_a_reset(runtime: Path, tmp_path: Path) -> None:
    cast = tmp_path / "a.cast"
    cast.write_text(HIDDEN_CURSOR)
    expected = b"\x1b[?25l\x1b[6none\r\ntwo"
    with played_on_pty(runtime, str(cast), "--idle-limit", "0.2", "--name", "played") as link:
        fd = os.open(link, os.O_RDWR | os.O_NOCTTY)
        try:
            assert read_until(fd, len(expected)) == expected
            os.write(fd, b"ignored")
            uartsim(runtime, "reset", "played")
            assert read_until(fd, len(expected)) == expected
        finally:
            os.close(fd)


def test_a_record_is_played_as_a_guest_at_any_speed(runtime: Path, recorded: Path) -> None:
    with (
        played_on_pty(runtime, str(recorded), "--speed", "max", "--rate", "unlimited") as link,
        pexpect.spawn("cat", [link], timeout=patience(30)) as client,
    ):
        client.expect_exact("demo login: ")
        assert b"GNU GRUB" in (client.before or b"")


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
