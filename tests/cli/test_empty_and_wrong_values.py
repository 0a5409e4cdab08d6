"""Empty values, names of nothing, and settings of demo that cannot be: a sentence each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.access.rig import uartsim


@pytest.mark.parametrize("option", ["--name", "--link", "--record", "--trace", "--vcd", "--restore"])
def test_an_empty_value_is_refused(runtime: Path, option: str) -> None:
    assert f"{option} '' is empty" in uartsim(runtime, "run", "demo", "--no-attach", option, "", status=2).stderr


def test_names_in_sentences_are_seen_and_short(runtime: Path) -> None:
    assert "no machine named '' is running" in uartsim(runtime, "status", "", status=2).stderr
    assert len(uartsim(runtime, "status", "x" * 5000, status=2).stderr) < 300
    assert len(uartsim(runtime, "run", "--no-attach", "--name", "x" * 5000, status=2).stderr) < 400


def test_a_line_policy_is_refused_in_virtual_time(runtime: Path) -> None:
    done = uartsim(runtime, "run", "demo", "--clock", "virtual", "--line-policy", "take-over", status=2)
    assert "--line-policy take-over with --clock virtual" in done.stderr


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("boot_seconds=-1", "boot_seconds is -1"),
        ("time_scale=-1", "time_scale is -1"),
        ("hostname=" + "x" * 100_000, "hostname:"),
        ("hostname=a\nb", "hostname:"),
        ("hostname=\x1b[m", "hostname:"),
        ("hostname=", "hostname:"),
    ],
    ids=["boot", "scale", "long", "line feed", "ESC", "empty"],
)
def test_settings_of_demo_are_checked(runtime: Path, setting: str, said: str) -> None:
    assert said in uartsim(runtime, "run", "demo", "--clock", "virtual", "--set", setting, status=1).stderr
