"""``uartsim replay``, ``export`` and ``records``, with the programs that a person uses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest

from tests.access.rig import read_until, running, uartsim
from tests.faults.rig import GuestFolder, open_plain
from tests.patience import patience
from uartsim.record import cast

SESSION: list[tuple[float, str, bytes | str]] = [
    (0.0, "o", b"SeaBIOS (version 1)\r\n"),
    (1.0, "o", b"\x1b[6n\x1b]52;c;aGk=\x07\x1b[?25l\x1b[31mred\x1b[0m\r\n"),
    (600.0, "o", b"box login: "),
]


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "box.cast"
    path.write_bytes(cast(SESSION, title="box"))
    return path


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "uartsim", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False, env=os.environ | environment, timeout=patience(60))


def test_replay_to_a_file_is_every_byte(record: Path) -> None:
    done = run("replay", record, "--idle-limit", "0")
    assert done.stdout == b"".join(data for _, _, data in SESSION if isinstance(data, bytes))
    assert done.returncode == 0


def test_replay_at_a_terminal_asks_it_nothing_and_gives_its_modes_back(record: Path) -> None:
    arguments = ["-m", "uartsim", "replay", str(record), "--speed", "1000"]
    with pexpect.spawn(sys.executable, arguments, timeout=patience(30)) as player:
        player.expect(pexpect.EOF)
        shown = player.before
    assert isinstance(shown, bytes)
    assert b"\x1b[31mred" in shown
    assert b"\x1b[6n" not in shown
    assert b"]52;" not in shown
    assert b"\x1b[?25h" in shown  # the cursor is back


def test_replay_is_interrupted_with_ctrl_c(record: Path) -> None:
    with pexpect.spawn(sys.executable, ["-m", "uartsim", "replay", str(record)], timeout=patience(30)) as player:
        player.expect("red")
        player.sendintr()
        player.expect(pexpect.EOF)
        assert b"Traceback" not in (player.before or b"")
        assert b"\x1b[?25h" in (player.before or b"")
    assert player.exitstatus == 130


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("replay", "nothing.cast"), "uartsim: nothing.cast cannot be read: No such file or directory\n"),
        (
            ("replay", "BOX", "--name", "x"),
            "uartsim: --name without --pty: it is for a machine; add --pty, or leave it out\n",
        ),
        (("export", "BOX"), "uartsim: nothing to export: give --html, --svg, --png or --timeline\n"),
        (
            ("export", "BOX", "--png", "--svg"),
            "uartsim: --html, --svg and --png are one picture each: give one of them\n",
        ),
        (
            ("export", "BOX", "--timeline", "--png"),
            "with --svg a picture of the whole boot: leave the other option out\n",
        ),
        (("export", "LOG", "--timeline"), "a plain log, which has no times: give a transcript or a cast\n"),
        (
            ("run", "demo", "--record", "x", "--record-limit", "much"),
            "'much' is not a size: give a number and a unit, such as 64M\n",
        ),
    ],
)
def test_a_mistake_is_a_sentence(record: Path, arguments: tuple[str, ...], words: str) -> None:
    (record.parent / "box.log").write_text("hello\n")
    names = {"BOX": str(record), "LOG": str(record.parent / "box.log")}
    done = run(*(names.get(argument, argument) for argument in arguments))
    assert done.returncode == 2
    assert done.stderr.decode().endswith(words)
    assert done.stderr.count(b"\n") == 1


def test_export_draws_and_never_replaces_what_is_not_ours(record: Path) -> None:
    assert run("export", record, "--svg").returncode == 0
    assert run("export", record, "--svg", "--at", "2").returncode == 0
    svg = record.with_suffix(".svg").read_text()
    assert "red" in svg
    assert "login" not in svg
    record.with_suffix(".html").write_text("mine")
    done = run("export", record, "--html")
    assert (done.returncode, record.with_suffix(".html").read_text()) == (2, "mine")
    assert b"is not a picture that uartsim made" in done.stderr


def test_export_prints_the_timeline(record: Path) -> None:
    done = run("export", record, "--timeline")
    assert done.stdout.decode().splitlines() == [
        "firmware       0.000 s     600.000 s long",
        "login        600.000 s       0.000 s long",
    ]


@contextmanager
def playing(runtime: Path, *arguments: str | Path) -> Iterator[str]:
    """A record that plays on a pty; gives the path of the pty's link."""
    command = [sys.executable, "-m", "uartsim", "replay", *map(str, arguments), "--pty"]
    env = {**os.environ, "UARTSIM_RUNTIME_DIR": str(runtime)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True) as player:
        assert player.stdout is not None
        try:
            for line in player.stdout:
                if line.startswith("link"):
                    yield line.split()[1]
                    break
        finally:
            player.terminate()
            player.communicate(timeout=patience(20))


def test_replay_is_a_guest_on_a_pty(runtime: Path, record: Path) -> None:
    expected = b"".join(data for _, _, data in SESSION if isinstance(data, bytes))
    with playing(runtime, record, "--idle-limit", "0.2", "--name", "played") as link:
        fd = os.open(link, os.O_RDWR | os.O_NOCTTY)
        try:
            assert read_until(fd, len(expected)) == expected
            uartsim(runtime, "reset", "played")
            assert read_until(fd, len(expected)) == expected
        finally:
            os.close(fd)


GUEST = """
async def main(host):
    host.tty.open()
    await host.tty.write(b"box login: ")
    while True:
        await host.tty.receive()
"""


def test_every_machine_keeps_a_transcript(
    runtime: Path, guest_folder: GuestFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UARTSIM_TRANSCRIPTS", "on")
    with running(runtime, guest_folder(GUEST), "box") as machine, open_plain(machine) as fd:
        assert read_until(fd, 11) == b"box login: "
        os.write(fd, b"hunter2\r")
    listed = json.loads(uartsim(runtime, "records", "--json").stdout)
    (kept,) = [item for item in listed if item["pid"] == machine.process.pid]
    assert kept["machine"] == "box"
    content = Path(kept["path"]).read_text()
    assert "box login: " in content
    assert "boot stage: login" in content
    assert "hunter2" not in content
    assert '"h",7]' in content
    assert oct(Path(kept["path"]).stat().st_mode & 0o777) == "0o600"
    assert kept["path"] in uartsim(runtime, "records").stdout


def test_transcripts_can_be_turned_off(
    runtime: Path, guest_folder: GuestFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UARTSIM_TRANSCRIPTS", "on")
    with running(runtime, guest_folder(GUEST), "box", "--no-transcript") as machine:
        pass
    listed = json.loads(uartsim(runtime, "records", "--json").stdout)
    assert not [item for item in listed if item["pid"] == machine.process.pid]


def test_no_transcripts_are_kept_where_nothing_has_run(tmp_path: Path) -> None:
    done = run("records", XDG_STATE_HOME=str(tmp_path))
    assert done.stdout.decode() == f"no transcripts are kept in {tmp_path}/uartsim/transcripts\n"
    assert list(tmp_path.iterdir()) == []


def test_only_the_newest_transcripts_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from uartsim.cli import run_records

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(run_records, "MOST_TRANSCRIPTS", 3)
    path = tmp_path
    for number in range(5):
        path = Path(run_records.new_transcript("box"))
        ours = path.with_name(f"box-2026010{number}-000000-{2**22 + number}.jsonl")  # no process has such a number
        for name in (ours, ours.with_suffix(".2.jsonl")):
            name.write_text("{}")
            os.utime(name, (number, number))
    (path.parent / "mine.txt").write_text("mine")
    run_records.new_transcript("box")
    left = sorted(path.name for path in path.parent.iterdir() if path.name != ".uartsim")
    assert [name[:12] for name in left] == ["box-20260103"] * 2 + ["box-20260104"] * 2 + ["mine.txt"]
