"""Names, locks, links and folders: what two machines, crashes and strangers can do to each other."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.access.rig import SILENT, RunningMachine, running, uartsim
from uartsim.access.endpoints import open_endpoints
from uartsim.access.machine_folder import MachineFolder
from uartsim.access.runtime_folder import running_machines, socket_path
from uartsim.errors import UartsimError, UsageError

GuestFolder = Callable[[str], Path]


@pytest.fixture(autouse=True)
def own_runtime(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UARTSIM_RUNTIME_DIR", str(runtime))


def test_a_claim_takes_the_name_and_gives_everything_back(runtime: Path) -> None:
    folder = MachineFolder("box")
    folder.make_link("/dev/pts/4711")
    assert running_machines() == ["box"]
    assert socket_path("box") == str(runtime / "box" / "control")
    assert os.readlink(runtime / "box.tty") == "/dev/pts/4711"
    folder.release()
    folder.release()
    assert running_machines() == []
    assert os.listdir(runtime) == []


def test_a_name_that_is_taken_is_refused_with_its_process(runtime: Path) -> None:
    folder = MachineFolder("box")
    try:
        with pytest.raises(
            UsageError, match=rf"box is already running \(process {os.getpid()}\).*--name.*uartsim stop"
        ):
            MachineFolder("box")
        assert running_machines() == ["box"]
    finally:
        folder.release()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-x", "a b", "x" * 65, "ä", "a\n", "+", "a\0"])
def test_an_impossible_name_is_refused_and_leaves_nothing(runtime: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a machine's name"):
        MachineFolder(name)
    assert os.listdir(runtime) == []


def test_a_path_too_long_for_a_socket_is_refused(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UARTSIM_RUNTIME_DIR", str(runtime / ("x" * 90)))
    with pytest.raises(UsageError, match="UARTSIM_RUNTIME_DIR to a folder with a shorter path"):
        MachineFolder("box")


def test_folders_are_made_private_whatever_the_umask(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UARTSIM_RUNTIME_DIR", str(runtime / "new"))
    before = os.umask(0)
    try:
        endpoints = open_endpoints("box")
    finally:
        os.umask(before)
    try:
        folder = runtime / "new"
        for path, mode in ((folder, 0o700), (folder / "box", 0o700), (folder / "box" / "control", 0o600)):
            assert stat.S_IMODE(os.stat(path).st_mode) == mode
    finally:
        endpoints.release()


@pytest.mark.needs("root")
def test_a_runtime_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    monkeypatch.setenv("UARTSIM_RUNTIME_DIR", str(folder))
    for use in (running_machines, lambda: MachineFolder("box")):
        with pytest.raises(UsageError, match=r"cannot be used \(it belongs to nobody\)"):
            use()


def test_a_link_as_runtime_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("UARTSIM_RUNTIME_DIR", str(tmp_path / "link"))
    with pytest.raises(UsageError, match="cannot be used"):
        MachineFolder("box")


def test_a_runtime_folder_that_cannot_be_made_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("UARTSIM_RUNTIME_DIR", str(tmp_path / "file" / "folder"))
    with pytest.raises(UsageError, match="cannot be made"):
        MachineFolder("box")


# -- links ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["file", "folder", "link", "dangling link"])
def test_a_link_path_that_is_not_ours_is_refused_and_left_alone(runtime: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "com1"
    target = "/dev/null" if kind == "link" else "/nowhere/at/all"
    if kind == "file":
        path.write_text("mine")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(target)
    with pytest.raises(
        UsageError, match=r"exists and is not a link of ours: remove it, or give another path with --link"
    ):
        open_endpoints("box", str(path))
    assert path.is_symlink() or path.exists()
    if "link" in kind:
        assert os.readlink(path) == target
    assert os.listdir(runtime) == []


def test_a_link_into_a_folder_that_is_not_there_is_refused(runtime: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be made"):
        open_endpoints("box", str(tmp_path / "no" / "com1"))
    assert os.listdir(runtime) == []


def test_two_machines_cannot_have_the_same_link(runtime: Path, tmp_path: Path) -> None:
    first = open_endpoints("one", str(tmp_path / "com1"))
    try:
        with pytest.raises(UsageError, match="not a link of ours"):
            open_endpoints("two", str(tmp_path / "com1"))
        assert os.readlink(tmp_path / "com1") == first.device.path
    finally:
        first.release()
    assert not os.path.lexists(tmp_path / "com1")


def test_a_link_that_somebody_has_replaced_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "com1"
    endpoints = open_endpoints("box", str(path))
    path.unlink()
    path.symlink_to("/dev/null")
    endpoints.release()
    assert os.readlink(path) == "/dev/null"


# -- crashes -------------------------------------------------------------------------------------------------


def test_what_a_killed_machine_has_left_is_cleaned_by_the_next_of_its_name(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    folder = guest_folder(SILENT)
    machine = RunningMachine(runtime, folder, "box")
    machine.wait_ready()
    (runtime / "box" / "uartsim-abcd_123" / "deeper").mkdir(parents=True)
    (runtime / "box" / "uartsim-abcd_123" / "deeper" / "file").write_text("")
    machine.process.kill()
    machine.process.communicate()
    assert (runtime / "box.tty").is_symlink()
    assert running_machines() == []
    assert "no machine is running" in uartsim(runtime, "list").stdout
    assert "no machine named box is running" in uartsim(runtime, "status", "box", status=2).stderr
    with running(runtime, folder) as second:
        assert second.status()["state"] == "running"
        assert not (runtime / "box" / "uartsim-abcd_123").exists()
    assert os.listdir(runtime) == []


def test_what_a_user_has_put_beside_our_files_stays(runtime: Path) -> None:
    for _ in range(2):
        folder = MachineFolder("box")
        (runtime / "box" / "thesis.txt").write_text("ten years")
        folder.release()
        assert (runtime / "box" / "thesis.txt").read_text() == "ten years"
        assert running_machines() == []


def test_a_dead_machine_s_link_elsewhere_is_removed_by_the_next_of_its_name(
    runtime: Path, tmp_path: Path, guest_folder: GuestFolder
) -> None:
    folder = guest_folder(SILENT)
    machine = RunningMachine(runtime, folder, "box", "--link", str(tmp_path / "com1"))
    machine.wait_ready()
    machine.process.kill()
    machine.process.communicate()
    assert (tmp_path / "com1").is_symlink()
    with running(runtime, folder):
        assert not (tmp_path / "com1").is_symlink()


def test_a_dead_machine_s_link_that_points_elsewhere_by_now_is_not_trusted(runtime: Path, tmp_path: Path) -> None:
    path = tmp_path / "com1"

    def die() -> None:
        open_endpoints("box", str(path))
        os.kill(os.getpid(), signal.SIGKILL)

    process = multiprocessing.get_context("fork").Process(target=die)
    process.start()
    process.join()
    path.unlink()
    path.symlink_to("/dev/null")
    with pytest.raises(UsageError, match="not a link of ours"):
        open_endpoints("box", str(path))
    assert os.readlink(path) == "/dev/null"


# -- many at once --------------------------------------------------------------------------------------------


def test_of_many_who_want_one_name_at_once_exactly_one_gets_it(runtime: Path) -> None:
    for _ in range(20):
        folders: list[MachineFolder] = []
        refused: list[UartsimError] = []
        start = threading.Barrier(8)

        def take(
            start: threading.Barrier = start,
            folders: list[MachineFolder] = folders,
            refused: list[UartsimError] = refused,
        ) -> None:
            start.wait()
            try:
                folders.append(MachineFolder("box"))
            except UsageError as error:
                refused.append(error)

        threads = [threading.Thread(target=take) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(folders), len(refused)) == (1, 7)
        folders[0].release()
        assert os.listdir(runtime) == []


def test_looking_at_what_runs_never_keeps_a_machine_from_starting(runtime: Path) -> None:
    (runtime / "box").mkdir(mode=0o700)
    (runtime / "box" / "lock").write_text("")
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            running_machines()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _ in range(200):
            MachineFolder("box").release()
    finally:
        done.set()
        thread.join()


def test_taking_and_giving_back_in_turns_never_fails(runtime: Path) -> None:
    """A folder that its owner is just removing is not mistaken for one's own."""
    errors: list[BaseException] = []

    def churn() -> None:
        for _ in range(100):
            try:
                folder = MachineFolder("box")
            except UsageError:
                continue
            except BaseException as error:
                errors.append(error)
                return
            if running_machines() != ["box"]:
                errors.append(AssertionError("taken, and not seen"))
            folder.release()

    threads = [threading.Thread(target=churn) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert os.listdir(runtime) == []


def test_machines_of_many_names_start_and_end_at_once(runtime: Path) -> None:
    """The folder's mark comes and goes meanwhile: none takes the others' folders for a stranger's."""
    errors: list[BaseException] = []

    def churn(name: str) -> None:
        try:
            for _ in range(25):
                folder = MachineFolder(name)
                folder.make_link("/dev/pts/4711")
                assert name in running_machines()
                folder.release()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=churn, args=(f"box{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert os.listdir(runtime) == []


def test_when_no_pty_is_left_it_is_a_sentence_and_nothing_stays_behind(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> tuple[int, int]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "openpty", refuse)
    with pytest.raises(UartsimError, match="no pty could be made"):
        open_endpoints("box")
    assert os.listdir(runtime) == []


def test_a_machine_of_another_name_is_named(runtime: Path) -> None:
    folders = [MachineFolder("one"), MachineFolder("two")]
    try:
        with pytest.raises(UsageError, match="no machine named three is running; running: one, two"):
            socket_path("three")
    finally:
        for folder in folders:
            folder.release()
    with pytest.raises(UsageError, match="none is running; start one with 'uartsim run'"):
        socket_path("three")


def test_a_socket_that_cannot_be_bound_leaves_nothing_behind(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, backlog: int = 0) -> None:
        raise OSError(105, "No buffer space available")

    monkeypatch.setattr(socket.socket, "listen", refuse)
    with pytest.raises(UartsimError, match="cannot be made"):
        open_endpoints("box")
    with contextlib.suppress(FileNotFoundError):
        assert os.listdir(runtime) == []


def killed(runtime: Path, folder: Path, name: str, *options: str) -> None:
    """A machine that was killed, and has left everything."""
    machine = RunningMachine(runtime, folder, name, *options)
    machine.wait_ready()
    machine.process.kill()
    machine.process.communicate()
    assert (runtime / name / "lock").exists()


def test_the_next_machine_removes_what_a_dead_one_of_another_name_left(
    runtime: Path, tmp_path: Path, guest_folder: GuestFolder
) -> None:
    folder, link = guest_folder(SILENT), tmp_path / "far.tty"
    killed(runtime, folder, "dead")
    killed(runtime, folder, "far", "--link", str(link))
    assert os.path.lexists(link)
    with running(runtime, folder, "next"):
        assert sorted(os.listdir(runtime)) == [".uartsim", "next", "next.tty"]
        assert not os.path.lexists(link)
    assert os.listdir(runtime) == []


def test_list_removes_what_a_dead_machine_left_and_nothing_of_one_that_lives(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    folder = guest_folder(SILENT)
    with running(runtime, folder, "alive"):
        killed(runtime, folder, "dead")
        assert "dead" not in uartsim(runtime, "list").stdout
        assert sorted(os.listdir(runtime)) == [".uartsim", "alive", "alive.tty"]
    killed(runtime, folder, "dead")
    uartsim(runtime, "list")
    assert os.listdir(runtime) == []


def test_a_dead_machines_folder_with_a_strangers_file_and_a_link_that_was_replaced_stay(
    runtime: Path, guest_folder: GuestFolder
) -> None:
    folder = guest_folder(SILENT)
    killed(runtime, folder, "dead")
    (runtime / "dead" / "mine").write_text("a stranger's")
    killed(runtime, folder, "other")
    (runtime / "other.tty").unlink()
    (runtime / "other.tty").symlink_to("/dev/null")
    uartsim(runtime, "list")
    assert sorted(os.listdir(runtime)) == [".uartsim", "dead", "dead.tty", "other.tty"]
    assert "mine" in os.listdir(runtime / "dead")
    assert len(os.listdir(runtime / "dead")) > 1
