"""``uartsim scenarios``, and what ``uartsim run --scenario`` refuses before anything starts."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.access.rig import running, uartsim
from uartsim.scenarios import GROUPS, list_scenarios

MISTAKES = [
    (["run", "debian-12", "--scenario", "tmot"], r"unknown scenario 'tmot'; did you mean tmout"),
    (["run", "debian-12", "--scenario", "PAUSED"], r"unknown scenario 'PAUSED'; did you mean paused"),
    (["run", "debian-12", "--scenario", ""], r"--scenario '' is empty: give a value, or leave the option out"),
    (["run", "debian-12", "--scenario"], r"Option '--scenario' requires an argument"),
    (
        ["run", "alpine", "--scenario", "getty-masked"],
        r"does not fit guest 'alpine': it needs systemd; it fits debian-12",
    ),
    (["run", "demo", "--scenario", "panic"], r"does not fit guest 'demo': it needs .*; it fits debian-12"),
    (["run", "debian-12", "--scenario", "kernel-without-sysrq-on-serial"], r"is not run: the kernels of Debian"),
    (["run", "debian-12", "--scenario", "tmout", "--scenario", "tmout"], r"'tmout' is given twice"),
    (
        ["run", "debian-12", "--scenario", "hidden-menu", "--scenario", "grub-menu"],
        r"'hidden-menu' and 'grub-menu' exclude each other: both decide about grub-timeout",
    ),
    (["run", "debian-12", "--scenario", "tmout", "--restore", "saved"], r"scenario with restore"),
    (["run", "debian-12", "--scenario", "tmout", "--writable"], r"scenario with writable"),
    (["run", "debian-12", "--scenario", "paused", "--clock", "virtual"], r"it needs real time"),
    (
        ["run", "debian-12", "--scenario", "sshd-misconfigured", "--net", "none"],
        r"scenario 'sshd-misconfigured' with net 'none': the scenario needs net 'user'; leave one of them out",
    ),
    (
        ["run", "debian-12", "--scenario", "no-interface", "--net", "user"],
        r"scenario 'no-interface' with net 'user': the scenario needs net 'none'",
    ),
    (
        ["run", "debian-12", "--scenario", "no-interface", "--forward", "22"],
        r"scenario 'no-interface' with forward: a forward needs net 'user', and the scenario net 'none'",
    ),
    (
        ["run", "debian-12", "--scenario", "broken-fstab", "--edit", "/etc//fstab=:hello"],
        r"scenario 'broken-fstab' with edit /etc/fstab: the scenario changes this file",
    ),
    (["serve", "--scenario", "tmout"], r"No such option.*--scenario"),
    (["scenarios", "tmot"], r"unknown scenario 'tmot'; did you mean tmout"),
    (["scenarios", "--guest", "debian"], r"unknown guest 'debian'"),
    (["scenarios", "panic", "--guest", "alpine"], r"does not fit guest 'alpine': it needs systemd"),
]


@pytest.mark.needs(guest="debian-12")
@pytest.mark.parametrize(
    ("arguments", "why"), MISTAKES, ids=lambda value: "-".join(value) if isinstance(value, list) else ""
)
def test_mistake_with_a_scenario_is_one_sentence_and_makes_nothing(
    runtime: Path, arguments: list[str], why: str
) -> None:
    done = uartsim(runtime, *arguments, status=2)
    assert re.search(why, " ".join(done.stderr.split())), done.stderr
    assert done.stdout == ""
    assert os.listdir(runtime) == []


def test_list_has_every_scenario_under_its_group(runtime: Path) -> None:
    lines = uartsim(runtime, "scenarios").stdout.splitlines()
    assert [line.removesuffix(":") for line in lines if not line.startswith(" ")] == list(GROUPS.values())
    assert [line.split()[0] for line in lines if line.startswith(" ")] == [each.name for each in list_scenarios()]
    for each in list_scenarios():
        assert any(each.summary in line and ("(not run)" in line) is bool(each.not_run) for line in lines), each.name


def test_list_of_a_guest_has_what_fits_it(runtime: Path) -> None:
    of_alpine = json.loads(uartsim(runtime, "scenarios", "--guest", "alpine", "--json").stdout)
    assert {"grub-menu", "no-interface"} <= {each["name"] for each in of_alpine}
    assert all("alpine" in each["guests"] and not each["not_run"] for each in of_alpine)
    assert "getty-masked" not in {each["name"] for each in of_alpine}


def test_one_scenario_is_shown_whole(runtime: Path) -> None:
    masked = next(each for each in list_scenarios() if each.name == "getty-masked")
    shown = uartsim(runtime, "scenarios", "getty-masked").stdout
    for text in (masked.summary, masked.cause, masked.shown, masked.way_out, "debian-12-uefi"):
        assert text in shown
    facts = json.loads(uartsim(runtime, "scenarios", "getty-masked", "--json").stdout)
    assert (facts["name"], facts["cause"], facts["start"]) == ("getty-masked", masked.cause, masked.start)


def test_scenario_that_is_not_run_says_why_in_its_own_page(runtime: Path) -> None:
    assert "Not run: the kernels of Debian" in uartsim(runtime, "scenarios", "kernel-without-sysrq-on-serial").stdout


def test_guest_that_no_scenario_fits_is_told_so(runtime: Path) -> None:
    assert uartsim(runtime, "scenarios", "--guest", "windows").stdout == (
        "no scenario fits windows: 'uartsim scenarios' lists all, 'uartsim scenarios NAME' the guests of one\n"
    )


def test_run_says_in_what_scenario_the_machine_is(runtime: Path) -> None:
    with running(runtime, "demo", "box", "--scenario", "tmout-demo") as machine:
        said = machine.end()[0]
    assert "scenario tmout-demo: " in said
    assert said.rstrip().endswith("the way out: uartsim scenarios tmout-demo")
