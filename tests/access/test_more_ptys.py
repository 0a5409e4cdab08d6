"""Several at one line: ptys of their own, who of them may send, and what the record says of it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import serial

from tests.access.rig import ECHO, SERVER, SILENT, RunningMachine, running, status_json, uartsim, wait_until
from tests.access.test_control import AttachClient
from tests.patience import patience
from uartsim.errors import UsageError
from uartsim.own_files.folder import MARK
from uartsim.record import read_transcript

GuestFolder = Callable[[str], Path]


@contextmanager
def opened(path: str | Path) -> Iterator[serial.Serial]:
    with serial.Serial(str(path), 115200, timeout=patience(20)) as client:
        yield client


def made(runtime: Path, *arguments: str) -> dict[str, str]:
    """What ``uartsim pty`` prints."""
    lines = uartsim(runtime, "pty", *arguments).stdout.splitlines()
    return {line.rpartition(" ")[0].strip(): line.rpartition(" ")[2] for line in lines}


def marks(record: Path) -> list[str]:
    return [str(event.data) for event in read_transcript(str(record)) if event.kind == "m"]


def test_every_pty_gets_everything_and_each_may_send_in_turn(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(SERVER)) as machine:
        assert made(runtime) == {"pty 2": os.readlink(runtime / "box.2.tty"), "link": str(runtime / "box.2.tty")}
        assert made(runtime, "box")["link"] == str(runtime / "box.3.tty")
        machine.wait_sent(6)
        paths = [machine.link, runtime / "box.2.tty", runtime / "box.3.tty"]
        with opened(paths[0]) as a, opened(paths[1]) as b, opened(paths[2]) as c:
            clients = (a, b, c)
            for client in clients:
                assert client.read(6) == b"ready\n"
            a.write(b"8000\n")
            answers = [client.read(8000) for client in clients]
            assert answers[0] == answers[1] == answers[2] != b""
        wait_until(lambda: machine.status()["hub"]["writer"] is None, "the line is free")
        with opened(paths[1]) as b:
            b.write(b"8\n")
            assert b.read(8) == b"0000000\n"
            assert machine.status()["hub"]["writer"] == "pty 2"
    assert os.listdir(runtime) == []


def test_they_are_shown_by_status_and_list_and_can_be_taken_away(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(SILENT)) as machine:
        second = made(runtime, "--watch")
        third = made(runtime)
        text = uartsim(runtime, "status", "box").stdout
        assert f"pty 2      {second['pty 2']}, opened by 0, at 115200 baud, only watches, link {second['link']}" in text
        assert "held by    nobody (policy refuse)\nwatching   nobody\n" in text
        listed = uartsim(runtime, "list").stdout.splitlines()
        assert listed[1].split(maxsplit=1) == [second["pty 2"], f"{second['link']}, only watches"]
        assert listed[2].split() == [third["pty 3"], third["link"]]
        with opened(third["link"]):
            wait_until(lambda: machine.status()["more_ptys"][1]["opened"] == 1, "it is opened")
            assert "watching   pty 3\n" in uartsim(runtime, "status", "box").stdout
            uartsim(runtime, "pty", "--remove", "3")
        assert not os.path.lexists(third["link"])
        assert [more["number"] for more in machine.status()["more_ptys"]] == [2]
        assert "has no pty 3 to remove: there are 2" in uartsim(runtime, "pty", "--remove", "3", status=2).stderr
        assert made(runtime)["link"] == third["link"]


def test_what_a_watching_pty_sends_is_refused(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        with opened(made(runtime, "--watch")["link"]) as watcher, opened(machine.link) as writer:
            writer.write(b"hello")
            assert watcher.read(5) == b"hello"
            watcher.write(b"x")
            assert watcher.read_until(b"watches\r\n") == b"\r\nuartsim: not sent: this pty only watches\r\n"
        assert machine.status()["com1"]["line"]["bytes_in"] == 5


def test_a_link_can_be_anywhere_and_is_gone_with_the_machine(
    runtime: Path, tmp_path: Path, guest_folder: GuestFolder
) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        machine.ask("pty", link=str(tmp_path / "com1"))
        with opened(tmp_path / "com1") as client:
            client.write(b"x")
            assert client.read(1) == b"x"
        for path in (tmp_path / "com1", tmp_path / "none" / "com1"):
            with pytest.raises(UsageError, match="cannot be made"):
                machine.ask("pty", link=str(path))
        with pytest.raises(UsageError, match="give an absolute path"):
            machine.ask("pty", link="com1")
        assert len(machine.status()["more_ptys"]) == 1
    assert not os.path.lexists(tmp_path / "com1")


@pytest.mark.parametrize("wish", [{"remove": "x"}, {"remove": []}, {"remove": 1}, {"link": 3}, {"link": "/a\nb"}])
def test_a_wrong_wish_is_answered_with_a_sentence(
    runtime: Path, guest_folder: GuestFolder, wish: dict[str, Any]
) -> None:
    with running(runtime, guest_folder(SILENT)) as machine:
        with pytest.raises(UsageError):
            machine.ask("pty", **wish)
        assert machine.status()["more_ptys"] == []


def test_links_of_a_machine_that_was_killed_are_put_away_by_the_next(
    runtime: Path, tmp_path: Path, guest_folder: GuestFolder
) -> None:
    folder = guest_folder(ECHO)
    machine = RunningMachine(runtime, folder, "box")
    machine.wait_ready()
    machine.ask("pty")
    machine.ask("pty", link=str(tmp_path / "com1"))
    machine.ask("pty", link=str(tmp_path / "theirs"))
    machine.end(signal.SIGKILL)
    os.unlink(tmp_path / "theirs")
    os.symlink("/elsewhere", tmp_path / "theirs")  # somebody else's now
    assert (runtime / "box.2.tty").is_symlink()
    with running(runtime, folder) as machine:
        assert sorted(os.listdir(runtime)) == [MARK, "box", "box.tty"]
        assert not os.path.lexists(tmp_path / "com1")
        assert os.readlink(tmp_path / "theirs") == "/elsewhere"
        assert machine.ask("pty")["number"] == 2


def test_many_ptys_come_and_go_without_a_trace(runtime: Path, guest_folder: GuestFolder) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        descriptors = f"/proc/{machine.process.pid}/fd"
        machine.ask("pty", remove=machine.ask("pty")["number"])
        before = len(os.listdir(descriptors))
        for _ in range(30):
            number = machine.ask("pty")["number"]
            with opened(runtime / f"box.{number}.tty") as client:
                client.write(b"x")
                client.read(1)
            machine.ask("pty", remove=number)
        assert len(os.listdir(descriptors)) == before


# -- who may send --------------------------------------------------------------------------------------------


def test_a_second_writer_is_refused_and_the_record_says_so(
    runtime: Path, tmp_path: Path, guest_folder: GuestFolder
) -> None:
    record = tmp_path / "record"
    with running(runtime, guest_folder(ECHO), "box", "--record", str(record)) as machine:
        second = machine.ask("pty")["link"]
        with opened(machine.link) as a, opened(second) as b:
            a.write(b"a")
            assert (a.read(1), b.read(1)) == (b"a", b"a")
            b.write(b"b")
            assert b"not sent: pty holds the line" in b.read_until(b"f)\r\n")
            b.write(b"b")
            with_force = AttachClient(machine, who="chief", history=0, force=True)
            assert b"chief has taken the line over" in a.read_until(b"back)\r\n")
            with_force.close()
            wait_until(lambda: machine.status()["hub"]["writer"] is None, "the line is free")
            assert b"the line is free" in a.read_until(b"free\r\n")
            b.write(b"B")
            assert a.read(1) == b"B"
        machine.wait_opened(0)
        wait_until(lambda: machine.status()["more_ptys"][0]["opened"] == 0, "the second is closed")
    said = marks(record)
    for mark in (
        "pty was opened",
        "pty 2 was opened",
        "pty takes the line",
        "pty 2 is refused the line: pty holds it",
        "chief attached",
        "chief takes the line over from pty",
        "chief lets go of the line",
        "chief left",
        "pty 2 takes the line",
        "pty 2 lets go of the line",
        "pty was closed",
        "pty 2 was closed",
    ):
        assert said.count(mark) == 1, (mark, said)


def test_where_the_newest_gets_the_line_the_other_is_told_and_does_not_snatch_it_back(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    with running(runtime, guest_folder(ECHO), "box", "--line-policy", "take-over") as machine:
        assert status_json(runtime, "box")["hub"]["policy"] == "take-over"
        second = machine.ask("pty")["link"]
        with opened(machine.link) as a, opened(second) as b:
            a.write(b"a")
            assert (a.read(1), b.read(1)) == (b"a", b"a")
            b.write(b"b")
            assert b.read(1) == b"b"
            assert b"pty 2 has taken the line over" in a.read_until(b"back)\r\n")
            assert a.read(1) == b"b"
            a.write(b"a")
            assert b"not sent: pty 2 holds the line" in a.read_until(b"f)\r\n")
            third = AttachClient(machine, who="third", history=0)
            assert b"third has taken the line over" in b.read_until(b"back)\r\n")
            third.close()
        machine.wait_opened(0)
        with opened(machine.link) as a:  # who comes anew is the newest
            a.write(b"A")
            wait_until(lambda: machine.status()["hub"]["writer"] == "pty", "the newest holds the line")


def test_an_unknown_policy_is_refused(runtime: Path) -> None:
    done = uartsim(runtime, "run", "demo", "--line-policy", "fight", status=2)
    assert "'fight' is not one of 'refuse', 'take-over'" in done.stderr
