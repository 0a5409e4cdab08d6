"""The end of a guest, in a sentence and an exit status."""

from __future__ import annotations

import json
import marshal
import re
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.access.rig import ROOT, environment, make_guest_folder, uartsim
from tests.patience import patience


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


def limited(runtime: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """``uartsim`` with files of up to 16 KiB."""
    return subprocess.run(
        ["bash", "-c", 'ulimit -f 16; exec "$@"', "bash", sys.executable, "-m", "uartsim", *arguments],
        env={**environment(runtime), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=patience(60),
        check=False,
    )


@pytest.mark.parametrize("clock", ["real", "virtual"])
def test_an_incomplete_recording_is_said_and_the_status_is_1(runtime: Path, tmp_path: Path, clock: str) -> None:
    source = """
        async def main(host):
            host.tty.open()
            for number in range(5000):
                await host.tty.write(b"%07d\\n" % number)
            return "poweroff"
    """
    folder = make_guest_folder(tmp_path / "guest", source)
    files = {what: tmp_path / f"a.{what}" for what in ("record", "trace", "vcd")}
    options = [word for what, path in files.items() for word in (f"--{what}", str(path))]
    done = limited(runtime, "run", str(folder), "--no-attach", "--clock", clock, *options)
    for what, path in files.items():
        assert re.search(f"the {what} {path} lacks [1-9][0-9]* .*File too large", done.stderr), (what, done.stderr)
    assert "powered off" in done.stderr
    assert done.returncode == 1


def test_an_incomplete_recording_of_a_machine_whose_time_is_over(runtime: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    done = limited(runtime, "run", "demo", "--clock", "virtual", "--for", "60", "--trace", str(trace))
    assert f"the trace {trace} lacks" in done.stderr
    assert done.returncode == 1


def test_a_limit_to_files_cuts_no_module_short(runtime: Path, tmp_path: Path) -> None:
    """Python would keep the half of a .pyc file, and the next run of the demo could not import that module."""
    cache = tmp_path / "pyc"
    variables = {"PYTHONPYCACHEPREFIX": str(cache), "PYTHONDONTWRITEBYTECODE": ""}
    limited(runtime, "run", "demo", "--clock", "virtual", "--for", "60", **variables)
    written = list(Path(f"{cache}{ROOT}").rglob("*.pyc"))  # of the packages that others bring, pip has made them
    assert written
    for path in written:
        marshal.loads(path.read_bytes()[16:])
