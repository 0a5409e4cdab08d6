"""What reaches a person's terminal is text, whatever a guest, a file or a name says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.access.rig import environment, make_guest_folder, running, uartsim, wait_until

#: A clipboard, a title, queries, C1 controls in both forms, overrides of direction, nothing to see, a bell.
HOSTILE = "A\x1b]52;c;eA==\x07\x1b[6n\x1b[c\x1bP$q\x1b\\\u009d52;c;eA==\u009c\u009b31m\u202eB\u2066\u200bC\x07\x0e"


GUEST = f"""
    import trio

    HOSTILE = {HOSTILE!r}.encode()

    async def main(host):
        host.tty.open()
        await host.tty.write(b"Kernel panic - not syncing: " + HOSTILE + b"\\r\\n" + b"\\x9d52;c;eA==\\x9c\\r\\n")
        while True:
            await host.tty.receive()
            await host.tty.write(HOSTILE + b"\\r\\n")
"""


#: A character that a terminal obeys or does not show, as it comes out of a pipe.
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A guest that says such things, and whose manifest does."""
    folder = make_guest_folder(tmp_path / "guest", GUEST)
    described = json.dumps("panic " + HOSTILE).replace("\\u001b", "\\u001B")
    (folder / "guest.toml").write_text(
        f'[guest]\nkind = "script"\ndescription = {described}\n[script]\nfile = "guest.py"\n'
    )
    return folder


def assert_harmless(text: str) -> None:
    found = OBEYED.search(text)
    assert found is None, (found, text)


def test_no_command_hands_on_what_a_guest_or_a_client_says(runtime: Path, hostile: Path) -> None:
    with running(runtime, hostile) as machine:
        machine.wait_sent(50)
        wait_until(lambda: "52;c" in uartsim(runtime, "history", "box").stdout, "the guest's words")
        for arguments in (
            ["history"],
            ["history", "--bytes", "40"],
            ["sysrq", "h"],
            ["status"],
            ["status", "--json"],
            ["list"],
            ["list", "--json"],
            ["modem"],
            ["fault"],
        ):
            done = uartsim(runtime, *arguments)
            assert_harmless(done.stdout + done.stderr)
        assert "␛]52;c;eA==␇" in uartsim(runtime, "history").stdout
        assert "<9d>52;c;eA==<9c>" in uartsim(runtime, "history").stdout
        for arguments in (
            ["fault", HOSTILE],
            ["sysrq", HOSTILE],
            ["status", HOSTILE],
            ["run", HOSTILE],
            ["problems", HOSTILE],
        ):
            done = uartsim(runtime, *arguments, status=2)
            assert_harmless(done.stdout + done.stderr)


def test_raw_history_is_the_bytes_as_they_were_sent(runtime: Path, hostile: Path) -> None:
    with running(runtime, hostile) as machine:
        machine.wait_sent(len(b"Kernel panic - not syncing: " + HOSTILE.encode()) + 2 + 13)
        raw = subprocess.run(
            [sys.executable, "-m", "uartsim", "history", "--raw"],
            env=environment(runtime),
            capture_output=True,
            check=True,
        ).stdout
    assert raw == b"Kernel panic - not syncing: " + HOSTILE.encode() + b"\r\n\x9d52;c;eA==\x9c\r\n"


def test_the_banner_and_the_end_of_a_machine_are_text(runtime: Path, hostile: Path) -> None:
    (hostile / "guest.py").write_text(f"async def main(host):\n    raise ValueError({HOSTILE!r})\n")
    done = uartsim(runtime, "run", str(hostile), "--no-attach", status=1)
    assert_harmless(done.stdout + done.stderr)
    assert "ValueError: A␛]52;c;eA==␇" in done.stderr


def test_what_files_say_is_text(runtime: Path, hostile: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"Kernel panic - not syncing: " + HOSTILE.encode() + b"\n")
    done = uartsim(runtime, "problems", str(log), status=1)
    assert_harmless(done.stdout + done.stderr)
    assert "linux.panic" in done.stdout
    log.write_bytes(b"Kernel panic - not syncing: \xc2\x9d52;c;eA==\xc2\x9c\n")
    assert_harmless(uartsim(runtime, "problems", str(log), status=1).stdout)

    trace = tmp_path / "trace"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "uartsim",
            *("run", str(hostile), "--clock", "virtual", "--for", "1", "--trace", str(trace)),
        ],
        env=environment(runtime),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    for command in (["trace", "show"], ["trace", "summary"], ["trace", "show", "--json"]):
        assert_harmless(uartsim(runtime, *command, str(trace)).stdout)

    (hostile / "guest.toml").write_text(f"[guest]\n{json.dumps(HOSTILE)} = 1\n")
    assert_harmless(uartsim(runtime, "run", str(hostile), status=2).stderr)


def test_a_virtual_run_on_a_terminal_is_text(runtime: Path, hostile: Path) -> None:
    child = pexpect.spawn(
        sys.executable,
        ["-m", "uartsim", "run", str(hostile), "--clock", "virtual", "--for", "1"],
        env=environment(runtime),
        timeout=30,
        encoding="utf-8",
    )
    child.expect(pexpect.EOF)
    child.close()
    assert child.before is not None
    assert_harmless(child.before.replace("\r\n", "\n"))
    assert "␛]52;c;eA==␇" in child.before
