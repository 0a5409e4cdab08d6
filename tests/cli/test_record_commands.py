"""``uartsim records``, and the transcripts that are kept of machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.access.rig import read_until, running, uartsim
from tests.faults.rig import GuestFolder, open_plain
from tests.patience import patience


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "uartsim", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False, env=os.environ | environment, timeout=patience(60))


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
            name.write_text('{"uartsim": "transcript", "version": 1}\n')
            os.utime(name, (number, number))
    (path.parent / "mine.txt").write_text("mine")
    mine = path.with_name(f"box-20250101-000000-{2**22}.jsonl")  # as one of ours is called
    mine.write_text("mine")
    os.utime(mine, (0, 0))
    path.with_name(f"box-20250102-000000-{2**22}.jsonl").mkdir()
    run_records.new_transcript("box")
    left = sorted(path.name for path in path.parent.iterdir() if path.name != ".uartsim")
    assert [name[:12] for name in left] == [
        *["box-20250101", "box-20250102"], *["box-20260103"] * 2, *["box-20260104"] * 2, "mine.txt",
    ]  # fmt: skip
