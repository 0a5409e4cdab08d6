"""What reaches a person's terminal is text, whatever a guest, a file or a name says; and a guest's end has a status."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
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


# -- names -----------------------------------------------------------------------------------------------------------


def test_the_name_can_be_left_out_where_one_machine_runs(runtime: Path, tmp_path: Path) -> None:
    quiet = "import trio\nasync def main(host):\n    host.tty.open()\n    await trio.sleep_forever()\n"
    folder = make_guest_folder(tmp_path / "guest", quiet)
    with running(runtime, folder, "one"):
        assert uartsim(runtime, "status").stdout.startswith("machine    one")
        for arguments in (
            ["break"],
            ["nmi"],
            ["reset"],
            ["modem"],
            ["history"],
            ["fault"],
            ["fault", "noise:rate=0.1"],
        ):
            uartsim(runtime, *arguments)
        assert uartsim(runtime, "fault", "--clear").stdout == "1 ended\n"
        with running(runtime, folder, "h"):
            for arguments in (["status"], ["break"], ["sysrq", "b"], ["fault", "noise:rate=0.1"], ["stop"]):
                said = uartsim(runtime, *arguments, status=2).stderr
                assert "several machines are running: h, one; say which" in said
            uartsim(runtime, "stop", "h")
        uartsim(runtime, "stop")
    assert os.listdir(runtime) == []


@pytest.mark.parametrize("order", [["h", "box"], ["box", "h"], ["h"]])
def test_sysrq_takes_the_name_on_either_side_of_the_key(runtime: Path, tmp_path: Path, order: list[str]) -> None:
    source = """
        async def main(host):
            host.tty.open()
            while True:
                data, flag = await host.tty.receive()
                await host.tty.write(b"<%s>" % flag.value.encode() + data.strip(b"\\0"))
    """
    with running(runtime, make_guest_folder(tmp_path / "guest", source)):
        assert uartsim(runtime, "sysrq", *order).stdout == "<break><normal>h\n"


# -- how a guest ends ------------------------------------------------------------------------------------------------


def run_attached(runtime: Path, folder: Path) -> tuple[str, int | None]:
    child = pexpect.spawn(
        sys.executable, ["-m", "uartsim", "run", str(folder)], env=environment(runtime), timeout=30, encoding="utf-8"
    )
    child.expect(pexpect.EOF)
    child.close()
    return child.before or "", child.exitstatus


def process_guest(folder: Path, script: str) -> Path:
    folder.mkdir()
    command = json.dumps(["sh", "-c", script])
    (folder / "guest.toml").write_text(
        f'[guest]\nkind = "process"\ndescription = "sh"\n[process]\ncommand = {command}\n'
    )
    return folder


@pytest.mark.parametrize("attached", [True, False])
def test_a_script_that_fails_says_why_and_exits_with_1(runtime: Path, tmp_path: Path, attached: bool) -> None:
    source = "async def main(host):\n    host.tty.open()\n    nosuch\n"
    folder = make_guest_folder(tmp_path / "guest", source)
    if attached:
        said, status = run_attached(runtime, folder)
    else:
        said, status = uartsim(runtime, "run", str(folder), "--no-attach", status=1).stderr, 1
    assert "NameError: name 'nosuch' is not defined (guest.py:3)" in said
    assert status == 1


@pytest.mark.parametrize(
    ("script", "said", "status"),
    [
        ("sleep 1.1; kill -SEGV $$", r"failed with status 139: sh was ended by SIGSEGV", 1),
        ("sleep 1.1; exit 3", r"exited with status 3", 1),
        ("exit 3", r"failed with status 3", 1),
        ("exit 0", r"exited with status 0", 0),
    ],
)
@pytest.mark.parametrize("attached", [True, False])
def test_the_status_of_a_process_is_that_of_run(
    runtime: Path, tmp_path: Path, script: str, said: str, status: int, attached: bool
) -> None:
    folder = process_guest(tmp_path / "guest", script)
    if attached:
        found, left = run_attached(runtime, folder)
        assert left == status
    else:
        found = uartsim(runtime, "run", str(folder), "--no-attach", status=status).stderr
    assert re.search(said, found), found


# -- what a guest needs is looked at first ---------------------------------------------------------------------------

QEMU = '[guest]\nkind = "qemu"\ndescription = "x"\n[qemu]\n'


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('kernel = "nosuch"', "nosuch is missing"),
        ('kernel = "nosuch-*"', "no file is named .*nosuch-"),
        ('kernel = "."', "is a folder"),
        ('drives = ["file={folder}/nosuch.img,if=virtio"]', "the image .*nosuch.img is missing"),
        ('drives = ["if=virtio,file={folder}"]', "is a folder, not an image"),
    ],
)
@pytest.mark.needs("qemu-system-x86_64")
def test_what_qemu_boots_from_is_looked_at_before_a_machine_is_announced(
    runtime: Path, tmp_path: Path, table: str, words: str
) -> None:
    (tmp_path / "guest.toml").write_text(QEMU + table + "\n")
    done = uartsim(runtime, "run", str(tmp_path), status=2)
    assert done.stdout == ""
    assert re.search(words, done.stderr), done.stderr


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("no-such-program", "no-such-program is not in PATH"),
        ("/no/such/program", "/no/such/program is missing"),
        ("{folder}", "is a folder, not a program"),
        ("{folder}/guest.toml", "cannot be run by this user"),
    ],
)
def test_the_program_of_a_process_is_looked_at_before_a_machine_is_announced(
    runtime: Path, tmp_path: Path, command: str, words: str
) -> None:
    (tmp_path / "guest.toml").write_text(
        f'[guest]\nkind = "process"\ndescription = "x"\n[process]\ncommand = ["{command}"]\n'
    )
    done = uartsim(runtime, "run", str(tmp_path), status=2)
    assert done.stdout == ""
    assert re.search(words, done.stderr), done.stderr


def test_a_busybox_with_libraries_is_named_and_a_static_one_beside_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from uartsim.errors import UsageError
    from uartsim.guest import images

    dynamic, static = tmp_path / "dynamic", tmp_path / "static"
    dynamic.write_bytes(b"d")
    static.write_bytes(b"s")
    is_static: Callable[[bytes], bool] = lambda data: data == b"s"  # noqa: E731
    monkeypatch.setattr(images, "is_static", is_static)
    monkeypatch.setattr(images, "_BUSYBOX_PLACES", (str(dynamic),))
    with pytest.raises(UsageError, match=r"dynamic needs libraries.*apt-get install busybox-static"):
        images.check_tiny()
    monkeypatch.setattr(images, "_BUSYBOX_PLACES", (str(dynamic), str(static)))
    monkeypatch.setattr(images, "_PROGRAMS", {})
    images.check_tiny()


@pytest.mark.needs(guest="linux")
def test_a_cache_that_cannot_be_written_is_said_before_a_machine_is_announced(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    done = uartsim(runtime, "run", "linux", status=2)
    assert done.stdout == ""
    assert "set XDG_CACHE_HOME to another folder" in done.stderr
