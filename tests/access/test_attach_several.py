"""Several people with ``uartsim attach``: who holds the line, who watches, and who is told what."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from tests.access.attached import Attached
from tests.access.rig import ECHO, SILENT, running

GuestFolder = Callable[[str], Path]
Attach = Callable[..., Attached]


def test_who_holds_the_line_who_watches_and_who_takes_it_are_told(
    runtime: Path, guest_folder: GuestFolder, attach: Attach
) -> None:
    with running(runtime, guest_folder(ECHO)):
        first = attach("box")
        first.wait_raw()
        first.send(b"first")
        first.expect(b"first")
        second = attach("box")
        second.expect(b"holds the line: you can only watch")
        second.send(b"x" * 10)
        second.expect(b"cannot send")
        watcher = attach("box", "--watch")
        watcher.expect(b"first")
        third = attach("box", "--force")
        first.expect(b"has taken the line over: you only watch now")
        third.send(b"third")
        for client in (first, second, watcher, third):
            client.expect(b"third")
        third.menu(b"q")
        first.expect(b"[uartsim: the line is free]")
        first.send(b"again")
        for client in (first, second, watcher):
            client.expect(b"again")
        watcher.send(b"me")
        watcher.expect(b"cannot send")


def test_what_a_watcher_s_terminal_answers_by_itself_is_not_complained_about(
    runtime: Path, guest_folder: GuestFolder, attach: Attach
) -> None:
    with running(runtime, guest_folder(ECHO)) as machine:
        watcher = attach("box", "--watch")
        watcher.wait_raw()
        watcher.send(b"\x1b[24;80R")
        watcher.send(b"\x1b[?62;c\x1b]11;rgb:0/0/0\x1b\\")
        watcher.send(b"typed")
        watcher.expect(b"cannot send")
        assert machine.status()["com1"]["line"]["bytes_in"] == 0


def test_a_terminal_where_a_machine_was_started_yields_and_gets_the_line_back(
    runtime: Path, guest_folder: GuestFolder, attach: Attach
) -> None:
    guest = str(guest_folder(ECHO))
    owner = Attached(runtime, sys.executable, "-m", "uartsim", "run", guest, "--name", "box")
    try:
        owner.wait_raw()
        owner.send(b"mine")
        owner.expect(b"mine")
        for _ in range(2):  # the line yields again after it has come back
            guest_client = attach("box", "--history", "0")
            owner.expect(b"has taken the line over")
            guest_client.send(b"ours")
            owner.expect(b"ours")
            guest_client.menu(b"q")
            owner.expect(b"the line is free")
            owner.send(b"back")
            owner.expect(b"back")
        owner.menu(b"q")
        assert owner.ended() == 0
        owner.assert_as_before()
        assert os.listdir(runtime) == []
    finally:
        owner.close()


def test_a_name_may_be_left_out_only_where_one_machine_runs(runtime: Path, guest_folder: GuestFolder) -> None:
    def refused() -> bytes:
        client = Attached(runtime, sys.executable, "-m", "uartsim", "attach")
        try:
            assert client.ended() == 2
            while client.read(0.1):
                pass
            return client.seen
        finally:
            client.close()

    assert b"no machine is running; start one with 'uartsim run'" in refused()
    folder = guest_folder(SILENT)
    with running(runtime, folder, "one"), running(runtime, folder, "two"):
        assert b"several machines are running: one, two; say which" in refused()
