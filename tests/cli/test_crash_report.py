"""No traceback reaches a user: every test runs the program where something is not as it should be."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.access.rig import environment, make_guest_folder, running, uartsim
from uartsim.cli import crash_report

PROGRAM = [sys.executable, "-m", "uartsim"]

#: Runs the command line with one command replaced by one that raises an error.
BROKEN = """
import sys, threading
from uartsim import cli
import uartsim.guest.catalogue

class Dropped:
    def __del__(self):
        raise ValueError("in a destructor")

def broken():
    {body}
uartsim.guest.catalogue.list_guests = broken
sys.argv = ["uartsim", *{arguments!r}]
cli.main()
"""


def run_broken(runtime: Path, state: Path, body: str, *before: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BROKEN.format(body=body, arguments=[*before, "guests"])],
        env={**environment(runtime), "XDG_STATE_HOME": str(state), **more},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# -- an error that nobody foresaw ------------------------------------------------------------------------------------


def test_an_unexpected_error_is_a_sentence_a_report_and_status_70(runtime: Path, tmp_path: Path) -> None:
    done = run_broken(runtime, tmp_path, "raise KeyError('a\\x1b]0;x\\x07b\\u202e')")
    assert done.returncode == 70
    assert len(done.stderr.splitlines()) == 1
    assert "KeyError" in done.stderr
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr
    (report,) = (tmp_path / "uartsim" / "reports").glob("*.txt")
    assert str(report) in done.stderr
    assert "Traceback (most recent call last)" in report.read_text()
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert stat.S_IMODE(report.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("how", ["option", "environment"])
def test_debug_shows_the_traceback(runtime: Path, tmp_path: Path, how: str) -> None:
    before, more = (["--debug"], {}) if how == "option" else ([], {"UARTSIM_DEBUG": "1"})
    done = run_broken(runtime, tmp_path, "1 / 0", *before, **more)
    assert done.returncode == 70
    assert "Traceback (most recent call last)" in done.stderr


def test_a_report_that_cannot_be_written_is_said(runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    done = run_broken(runtime, tmp_path / "file", "1 / 0")
    assert done.returncode == 70
    assert "no report could be written" in done.stderr
    assert "--debug" in done.stderr
    assert (tmp_path / "file").read_text() == "mine"


def test_reports_are_bounded_and_nothing_else_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = tmp_path / "uartsim" / "reports"
    crash_report.write_report("the first makes the folder")
    (folder / "notes.txt").write_text("mine")
    (folder / "report-of-mine.txt").write_text("mine")
    written = [crash_report.write_report(f"{number}") for number in range(crash_report.MOST_REPORTS + 3)]
    left = {path.name for path in folder.iterdir()}
    assert len(left) == crash_report.MOST_REPORTS + 3  # with the mark
    assert {"notes.txt", "report-of-mine.txt"} <= left
    assert Path(written[-1]).read_text().endswith(str(len(written) - 1))


def test_a_report_is_not_written_where_others_can_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = tmp_path / "uartsim" / "reports"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    with pytest.raises(PermissionError):
        crash_report.write_report("x")
    assert list(folder.iterdir()) == []
    assert stat.S_IMODE(folder.stat().st_mode) == 0o777


def test_an_error_in_a_thread_or_a_destructor_is_a_sentence_too(runtime: Path, tmp_path: Path) -> None:
    body = "t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join(); Dropped(); return []"
    done = run_broken(runtime, tmp_path, body)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert "in a destructor" in done.stderr
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('raise RuntimeError("can\'t start new thread")', "ulimit -u"),
        ("raise BlockingIOError(11, 'Resource temporarily unavailable')", "ulimit -u"),
        ("raise MemoryError", "memory"),
        ("raise OSError(24, 'Too many open files')", "ulimit -n"),
    ],
)
def test_what_the_system_has_run_out_of_is_said(runtime: Path, tmp_path: Path, body: str, words: str) -> None:
    done = run_broken(runtime, tmp_path, body)
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "uartsim").exists()


# -- streams and folders that are not there -------------------------------------------------------------------------


def run_in_shell(runtime: Path, line: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", line, "sh", *PROGRAM],
        env=environment(runtime),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **more,
    )


@pytest.mark.parametrize(
    "command", ["list", "guests", "guests --json", "--help", "--version", "fault --list", "problems --list"]
)
@pytest.mark.parametrize(("where", "why"), [(">&-", "Bad file descriptor"), (">/dev/full", "No space left on device")])
def test_output_that_cannot_be_written_is_said(runtime: Path, command: str, where: str, why: str) -> None:
    done = run_in_shell(runtime, f'"$@" {command} {where}')
    assert (done.returncode, done.stderr) == (1, f"uartsim: standard output cannot be written: {why}\n")


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full", "<&-", ">&- 2>&- <&-", ">/dev/full 2>/dev/full"])
def test_a_stream_that_is_missing_does_not_hide_the_exit_status(runtime: Path, where: str) -> None:
    done = run_in_shell(runtime, f'"$@" dance {where}')
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_seen_enough_is_no_error(runtime: Path) -> None:
    done = run_in_shell(runtime, '"$@" problems --list | head -n 1')
    assert (done.returncode, done.stderr) == (0, "")


def test_a_machine_runs_without_any_stream(runtime: Path) -> None:
    folder = make_guest_folder(runtime.parent / "ends", "async def main(host):\n    host.tty.open()\n")
    done = run_in_shell(runtime, f'"$@" run {folder} --name box >&- 2>&- <&-')
    assert done.returncode == 0
    assert os.listdir(runtime) == []


@pytest.mark.parametrize("arguments", ["list", "guests", "run ./x", "run demo --no-attach --link l", "problems log"])
def test_a_working_folder_that_is_gone_is_no_traceback(runtime: Path, tmp_path: Path, arguments: str) -> None:
    done = run_in_shell(runtime, f'mkdir gone && cd gone && rmdir ../gone && "$@" {arguments}', cwd=tmp_path)
    assert done.returncode in (0, 1, 2)
    assert "Traceback" not in done.stderr
    assert "report" not in done.stderr
    assert len((done.stdout + done.stderr).splitlines()) >= 1


def test_names_that_are_not_utf_8_are_shown_and_work(runtime: Path, tmp_path: Path) -> None:
    link = os.fsencode(tmp_path) + b"/tty\xff\x1b"
    folder = make_guest_folder(tmp_path / "box", "import trio\nasync def main(host):\n    await trio.sleep_forever()\n")
    with running(runtime, folder, "box", "--link", os.fsdecode(link)):
        assert os.readlink(link).startswith(b"/dev/pts/")
        assert "tty<dcff>␛" in uartsim(runtime, "status", "box").stdout
    assert not os.path.lexists(link)
    missing = uartsim(runtime, "problems", os.fsdecode(b"\xff\x9d"), status=2).stderr
    assert "<dcff>" in missing


# -- the moment of a signal ------------------------------------------------------------------------------------------


def test_a_signal_while_the_endpoints_are_imported_ends_quietly(runtime: Path) -> None:
    program = textwrap.dedent(
        """
        import os, signal, sys, types
        from uartsim.cli import entry
        sys.modules["uartsim.access.endpoints"] = types.ModuleType("uartsim.access.endpoints")  # half imported
        signal.signal(signal.SIGTERM, entry._terminated)
        os.kill(os.getpid(), signal.SIGTERM)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(runtime),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (128 + signal.SIGTERM, "")


# -- what a machine's client sends -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hello",
    [
        b"[" * 100_000,
        b'{"history": ' + b"9" * 5000 + b"}",
        b'{"who": "\\ud800\\u001b]0;x\\u0007"}',
        b'{"history": "x"}',
        b'{"history": 1e400}',
        b"\xff\xfe",
    ],
    ids=["deep", "digits", "surrogate", "word", "infinite", "bytes"],
)
def test_no_hello_ends_a_machine(runtime: Path, tmp_path: Path, hello: bytes) -> None:
    import socket

    folder = make_guest_folder(tmp_path / "box", "import trio\nasync def main(host):\n    await trio.sleep_forever()\n")
    with running(runtime, folder, "box") as machine, socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(runtime / "box" / "attach"))
        client.sendall(b"H" + len(hello).to_bytes(4, "big") + hello)
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass
        assert machine.status()["state"] == "running"


def test_a_guest_that_fails_in_its_own_thread_says_so(runtime: Path, tmp_path: Path) -> None:
    source = """
        import trio

        async def main(host):
            host.tty.open()
            await trio.to_thread.run_sync(lambda: 1 / 0)
    """
    folder = make_guest_folder(tmp_path / "box", source)
    done = uartsim(runtime, "run", str(folder), "--no-attach", status=1)
    assert "ZeroDivisionError: division by zero (guest.py:6)" in done.stderr
