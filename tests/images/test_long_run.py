"""Programs that take minutes: their phases, their failures, and their end when nobody waits for them any more."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.patience import is_running, patience
from uartsim.errors import UartsimError, UsageError
from uartsim.images.long_run import run_long

pytestmark = pytest.mark.needs("setpriv")


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def run(
    script: str, output: Path, progress: Callable[[str], None] = lambda text: None, *, mounts: bool = False
) -> None:
    run_long(
        ["sh", "-c", script],
        "apt-get install dash",
        progress=progress,
        phase=lambda line: line[3:] if line.startswith("I: ") else None,
        explain=lambda said: UsageError("there is no such package") if "E: no package" in said else None,
        variables={"GREETING": "hello"},
        output=output,
        mounts=mounts,
    )


def test_phases_are_told_and_the_output_is_written(tmp_path: Path, logs: Path) -> None:
    told: list[str] = []
    run('echo "I: first" >&2; sleep 0.3; echo "I: second" >&2; echo $GREETING', tmp_path / "out", told.append)
    assert list(dict.fromkeys(told)) == ["first", "second"]
    assert len(told) >= 3  # also while it says nothing, so that the caller can give up
    assert (tmp_path / "out").read_bytes() == b"hello\n"
    assert list(logs.iterdir()) == []


def test_a_failure_has_the_last_lines_and_names_the_log(tmp_path: Path, logs: Path) -> None:
    with pytest.raises(UsageError) as caught:
        run(
            'for i in $(seq 100); do echo "line $i" >&2; done; printf "E: no package \\033[2J\\n" >&2; exit 7',
            tmp_path / "o",
        )
    message = str(caught.value)
    assert message.startswith("there is no such package (status 7):\n")
    assert "line 99\n" in message
    assert "line 50\n" not in message
    assert "\x1b" not in message
    (log,) = logs.iterdir()
    assert message.endswith(f"is in {log}")
    assert "line 1\n" in log.read_text()


def test_a_program_killed_by_a_signal_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(UartsimError, match=r"sh failed \(signal SIGKILL\)"):
        run("kill -KILL $$", tmp_path / "out")


def test_a_program_that_has_ended_is_not_waited_for_because_of_its_children(tmp_path: Path) -> None:
    with pytest.raises(UartsimError, match=r"sh failed \(signal SIGKILL\)"):
        run(f"sleep 1000 & echo $! >{tmp_path / 'number'}; kill -KILL $$", tmp_path / "out")
    give_up_at = time.monotonic() + patience(20)
    while is_running(int((tmp_path / "number").read_text())):
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def test_giving_up_ends_the_program_which_may_clean_up(tmp_path: Path) -> None:
    def give_up(text: str) -> None:
        if text == "go":
            raise KeyboardInterrupt

    clean = tmp_path / "clean"
    with pytest.raises(KeyboardInterrupt):
        run(
            f'trap "echo done >{clean}; exit 1" TERM; echo "I: go" >&2; while :; do sleep 0.1; done',
            tmp_path / "o",
            give_up,
        )
    assert clean.read_text() == "done\n"


def test_the_program_ends_when_this_process_is_killed(tmp_path: Path) -> None:
    number = tmp_path / "number"
    code = (
        "import pathlib, tests.images.test_long_run as rig\n"
        f"rig.run('echo $$ >{number}; while :; do sleep 0.1; done', pathlib.Path({str(tmp_path / 'out')!r}))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).resolve().parents[2])
    give_up_at = time.monotonic() + patience(20)
    while not (number.exists() and re.fullmatch(r"\d+\n", number.read_text())):
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
    child = int(number.read_text())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while is_running(child):
        assert time.monotonic() < give_up_at, "the program goes on"
        time.sleep(0.02)


#: Mounts something, starts a program that does not end, and ignores signals, as mmdebstrap does.
MOUNTING = 'mount -t tmpfs none {place} && trap "" TERM INT; sleep 1000 & echo "I: go" >&2; while :; do sleep 0.1; done'


@pytest.fixture
def _root_may_mount() -> None:
    unshare = ["unshare", "--mount", "--propagation", "unchanged", "--pid", "--fork", "--kill-child", "true"]
    if subprocess.run(unshare, check=False).returncode:
        pytest.skip("root may not mount here: run it outside of a container")


def _mounts(place: Path) -> bool:
    return str(place) in Path("/proc/self/mountinfo").read_text()


def _users_of(place: Path) -> list[str]:
    """The processes that see a mount."""
    found = []
    for file in Path("/proc").glob("[0-9]*/mountinfo"):
        with contextlib.suppress(OSError):
            found += [file.parent.name] * (str(place) in file.read_text())
    return found


@pytest.mark.needs("root")
@pytest.mark.usefixtures("_root_may_mount")
def test_what_a_program_has_mounted_and_started_goes_with_it(tmp_path: Path) -> None:
    (place := tmp_path / "place").mkdir()

    def give_up(text: str) -> None:
        assert not _mounts(place)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(MOUNTING.format(place=place), tmp_path / "out", give_up, mounts=True)
    assert _users_of(place) == []
    place.rmdir()


@pytest.mark.needs("root")
@pytest.mark.usefixtures("_root_may_mount")
def test_it_goes_too_when_this_process_is_killed(tmp_path: Path) -> None:
    (place := tmp_path / "place").mkdir()
    code = (
        "import pathlib, tests.images.test_long_run as rig\n"
        f"rig.run({MOUNTING.format(place=place)!r}, pathlib.Path({str(tmp_path / 'out')!r}), mounts=True)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).resolve().parents[2])
    give_up_at = time.monotonic() + patience(20)
    while len(_users_of(place)) < 2:
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while _users_of(place):
        assert time.monotonic() < give_up_at, "the program goes on"
        time.sleep(0.02)
    place.rmdir()
