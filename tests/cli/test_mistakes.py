"""Mistakes at the command line: a sentence, status 2, and nothing is changed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.access.rig import (
    SILENT,
    running,
    uartsim,
)

GuestFolder = Callable[[str], Path]


MISTAKES = [
    (["run", "dem"], r"unknown guest 'dem'.*demo"),
    (["run", "/nowhere"], r"/nowhere is not a guest's folder: there is no such folder"),
    (["run", "demo", "--set", "grub_timeout=soon"], r"'grub_timeout' is a whole number"),
    (["run", "demo", "--set", "grub_timeou=1"], r"no setting 'grub_timeou'.*grub_timeout"),
    (["run", "demo", "--set", "x"], r"write it as KEY=VALUE"),
    (["run", "demo", "--name", "a b"], r"'a b' cannot be a machine's name"),
    (["run", "demo", "--link", "/nowhere/com1"], r"/nowhere/com1 cannot be made"),
    (["run", "demo", "extra"], r"unexpected extra argument"),
    (["run", "--no-such-option"], r"No such option.*--no-such-option"),
    (["dance"], r"No such command 'dance'"),
    (["status", "box"], r"no machine named box is running; none is running; start one with 'uartsim run'"),
    (["status"], r"no machine is running; start one with 'uartsim run'"),
    (["sysrq"], r"which KEY"),
    (["break", "box", "--seconds", "x"], r"'x' is not a valid float"),
    (["sysrq", "h", "box"], r"no machine named box"),
    (["stop", "box"], r"no machine named box"),
    (["attach", "box"], r"attach needs a terminal"),
]


@pytest.mark.parametrize(
    ("arguments", "why"), MISTAKES, ids=lambda value: "-".join(value) if isinstance(value, list) else ""
)
def test_a_mistake_is_one_sentence_and_status_2(runtime: Path, arguments: list[str], why: str) -> None:
    done = uartsim(runtime, *arguments, status=2)
    assert re.search(why, " ".join(done.stderr.split())), done.stderr
    assert done.stdout == ""
    assert os.listdir(runtime) == []


def test_mistakes_about_a_running_machine_leave_it_running(
    runtime: Path, tmp_path: Path, guest_folder: GuestFolder
) -> None:
    folder = guest_folder(SILENT)
    (tmp_path / "file").write_text("mine")
    with running(runtime, folder) as machine:
        assert (
            f"already running (process {machine.process.pid})"
            in uartsim(runtime, "run", str(folder), "--name", "box", status=2).stderr
        )
        assert "no machine named bux is running; running: box" in uartsim(runtime, "status", "bux", status=2).stderr
        assert "give more than 0" in uartsim(runtime, "break", "box", "--seconds", "0", status=2).stderr
        assert "give more than 0" in uartsim(runtime, "break", "box", "--seconds", "nan", status=2).stderr
        assert "is not a SysRq key" in uartsim(runtime, "sysrq", "", "box", status=2).stderr
        assert "give 0 or more" in uartsim(runtime, "history", "box", "--bytes", "-1", status=2).stderr
        taken = uartsim(runtime, "run", str(folder), "--name", "two", "--link", str(tmp_path / "file"), status=2)
        assert "exists and is not a link of ours" in taken.stderr
        assert machine.status()["state"] == "running"
    assert (tmp_path / "file").read_text() == "mine"


def test_guests_are_listed_with_what_they_need(runtime: Path) -> None:
    found = {guest["name"]: guest for guest in json.loads(uartsim(runtime, "guests", "--json").stdout)}
    assert found["demo"]["kind"] == "script"
    assert found["demo"]["missing"] == []
    assert {"agetty", "linux"} <= set(found)
    assert "demo" in uartsim(runtime, "guests").stdout


def test_a_broken_manifest_is_named_with_its_line(runtime: Path, guest_folder: GuestFolder) -> None:
    folder = guest_folder(SILENT)
    (folder / "guest.toml").write_text('[guest]\nkind = "scrpt"\n')
    assert f"{folder}/guest.toml:2" in uartsim(runtime, "run", str(folder), status=2).stderr
    assert os.listdir(runtime) == []
