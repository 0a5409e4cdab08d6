"""The stages of the boots in a record, and the record as a log."""

from __future__ import annotations

from pathlib import Path

import pytest

from uartsim import blocking
from uartsim.boot_stages import BOOT_STAGES
from uartsim.playback.boot_timeline import stages_of, timeline
from uartsim.playback.plain_log import log_lines
from uartsim.record.casts import Record, read_record
from uartsim.record.transcript import Event

BOOT = (
    b"SeaBIOS (version 1.16.2)\r\n",
    b"Welcome to GRUB!\r\n",
    b"\x1b[2;24HGNU GRUB  version 2.06\r\n",
    b"[    0.000000] Linux version 6.1.0-18 (debian)\r\n",
    b"[    0.500000] Run /init as init process\r\n[    0.9] systemd[1]: systemd 252 running in system mode\r\n",
    b"\r\nbox log",
    b"in: ",
)


def record(*parts: bytes) -> Record:
    return Record("box", 24, 80, tuple(Event(float(second), "o", part) for second, part in enumerate(parts)))


def test_each_stage_is_told_when_it_is_first_seen() -> None:
    stages = list(stages_of(record(*BOOT)))
    assert [stage.name for stage in stages] == list(BOOT_STAGES)
    assert [stage.seconds for stage in stages] == [0, 1, 2, 3, 4, 6]  # of the login prompt, when it was whole
    assert {stage.boot for stage in stages} == {1}


def test_a_restart_begins_another_boot_and_a_second_login_does_not() -> None:
    twice = record(*BOOT, b"\r\nbox login: ", b"\r\n[  9.0] reboot: Restarting system\r\n", *BOOT)
    told = [(stage.boot, stage.name) for stage in stages_of(twice)]
    assert told == [(boot, name) for boot in (1, 2) for name in BOOT_STAGES]


def test_the_table_has_when_and_how_long() -> None:
    lines = list(timeline(record(*BOOT)))
    assert lines[0].split() == ["boot", "stage", "at", "took"]
    assert lines[3].split()[:6] == ["1", "menu", "2.000", "s", "1.000", "s"]
    assert lines[-1].endswith("box login:")
    assert list(timeline(record(b"hello\r\n", b"x"))) == ["no stage of a boot is in this record of 1.000 s"]


@pytest.mark.parametrize("ending", ["jsonl", "cast"])
def test_an_ordinary_session_is_one_boot_up_to_its_login(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"session.{ending}"
    with blocking.open_console("demo", clock="virtual", record=path) as console:
        console.expect("GNU GRUB")
        console.send("e")
        console.expect("setparams")  # the editor, which shows GRUB's name again
        console.send("\x1b")
        console.expect("GNU GRUB")
        console.send("\r")
        console.expect("login: ")
        console.send("root\r")
        console.expect("Password: ")
        console.send("toor\r")
        console.expect("# ")
        for command in ("dmesg | head", "dmesg"):
            console.send(f"{command}\r")
            console.expect("Linux version")  # which a kernel says first
            console.expect("# ")
        console.send("exit\r")
        console.expect("login: ")
        live = console.stages
    stages = list(stages_of(read_record(str(path))))
    assert [(stage.boot, stage.name) for stage in stages] == [(1, name) for name in BOOT_STAGES]
    assert {stage.name: stage.seconds for stage in stages} == pytest.approx(live, abs=0.2)
    lines = {stage.name: stage.line.strip() for stage in stages}
    assert lines["menu"].startswith("GNU GRUB  version")
    assert lines["kernel"].startswith("[    0.000000] Linux version 6.1")
    assert lines["login"] == "demo login: root"


def test_a_log_has_clean_lines_and_stamps_if_they_are_wanted() -> None:
    events = (
        Event(0.25, "o", b"\x1b[1mone\x1b[m\r\ntw"),
        Event(1, "m", "ann takes the line"),
        Event(1.5, "b", "i"),
        Event(2, "o", b"o\r\nbox login: "),
        Event(3, "m", "the end"),
    )
    of = Record("box", 24, 80, events)
    assert list(log_lines(of)) == ["one", "two", "box login: "]
    assert list(log_lines(of, stamps=True)) == [
        "[    0.250000] one",
        "[    0.250000] two",
        "[    1.000000] -- ann takes the line",
        "[    1.500000] -- break to the guest",
        "[    2.000000] box login: ",
        "[    3.000000] -- the end",
    ]
