"""Whose files a runtime folder holds: what is not uartsim's own is never removed, overwritten or changed."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.access.rig import SILENT, environment, uartsim
from uartsim.access.machine_folder import MachineFolder
from uartsim.access.runtime_folder import running_machines, runtime_folder, socket_path
from uartsim.errors import UsageError
from uartsim.own_files.folder import MARK

GuestFolder = Callable[[str], Path]


@pytest.fixture(autouse=True)
def own_runtime(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UARTSIM_RUNTIME_DIR", str(runtime))


def whole(folder: Path) -> dict[str, tuple[int, int, bytes | str]]:
    """All that is in a folder, with modes and times of change."""
    found: dict[str, tuple[int, int, bytes | str]] = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        state = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(folder))] = (state.st_mode, state.st_ctime_ns, content)
    return found


READERS = (["list"], ["list", "--json"], ["status", "my-guest"], ["stop", "my-guest"], ["history", "my-guest"])


@pytest.mark.parametrize("name", ["my-guest", "other"])
def test_a_folder_with_a_users_files_is_refused_and_nothing_in_it_touched(
    runtime: Path, guest_folder: GuestFolder, name: str
) -> None:
    guest = guest_folder(SILENT).rename(runtime / "my-guest")
    (runtime / "my-guest" / "lock").write_text("")
    (runtime / "demo").mkdir()
    (runtime / "demo" / "thesis.txt").write_text("ten years")
    before = whole(runtime)
    done = uartsim(runtime, "run", str(guest), "--name", name, "--no-attach", status=2)
    assert re.search("holds files that uartsim did not make .*my-guest.*set UARTSIM_RUNTIME_DIR", done.stderr)
    for arguments in READERS:
        uartsim(runtime, *arguments, status=2)
    assert whole(runtime) == before


def test_a_users_folder_in_a_marked_runtime_folder_is_refused_and_untouched(runtime: Path) -> None:
    other = MachineFolder("other")
    (runtime / "demo").mkdir()
    (runtime / "demo" / "thesis.txt").write_text("ten years")
    before = whole(runtime)
    done = uartsim(runtime, "run", "demo", "--no-attach", status=2)
    assert re.search(r"folder .*/demo holds files that uartsim did not make \(thesis.txt\).*--name", done.stderr)
    after = whole(runtime)
    after["."] = before["."]
    assert after == before
    other.release()
    assert sorted(os.listdir(runtime)) == [MARK, "demo"]


@pytest.mark.parametrize("mode", [0o1777, 0o777, 0o770, 0o720, 0o702])
def test_a_folder_that_others_can_write_to_is_refused_and_never_changed(runtime: Path, mode: int) -> None:
    runtime.chmod(mode)
    before = whole(runtime)
    for arguments in (["run", "demo", "--no-attach"], ["list"]) if mode == 0o1777 else ():
        assert "others can write" in uartsim(runtime, *arguments, status=2).stderr
    for use in (lambda: MachineFolder("box"), running_machines, lambda: socket_path("box")):
        with pytest.raises(UsageError) as caught:
            use()
        assert f"others can write to the runtime folder {runtime} (mode {mode:04o})" in str(caught.value)
        assert f"chmod go-w {runtime}" in str(caught.value)
    assert whole(runtime) == before
    runtime.chmod(mode & ~0o022)  # what the sentence says
    MachineFolder("box").release()


def test_looking_makes_nothing(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UARTSIM_RUNTIME_DIR", str(runtime / "none"))
    before = whole(runtime)
    assert running_machines() == []
    with pytest.raises(UsageError, match="none is running"):
        socket_path("box")
    assert whole(runtime) == before


@pytest.mark.parametrize("kind", ["file", "link", "fifo", "wrong words", "folder"])
def test_a_false_mark_is_none(runtime: Path, tmp_path: Path, kind: str) -> None:
    (runtime / "demo").mkdir()
    mark = runtime / MARK
    if kind == "fifo":
        os.mkfifo(mark)
    elif kind == "link":
        (tmp_path / "mark").write_text("uartsim runtime folder\n")
        mark.symlink_to(tmp_path / "mark")
    elif kind == "folder":
        mark.mkdir()
    else:
        mark.write_text("" if kind == "file" else "uartsim cache folder\n")
    with pytest.raises(UsageError, match="holds files that uartsim did not make"):
        MachineFolder("demo")
    assert sorted(os.listdir(runtime)) == [MARK, "demo"]


def test_what_an_earlier_version_without_marks_has_left_is_taken_over(runtime: Path) -> None:
    (runtime / "box").mkdir(mode=0o700)
    (runtime / "box" / "lock").write_text("4711\n")
    (runtime / "box" / "link").write_text(f"{runtime}/box.tty\n/dev/pts/4711\n")
    (runtime / "box" / "control").write_text("")
    (runtime / "box.tty").symlink_to("/dev/pts/4711")
    assert running_machines() == []
    MachineFolder("box").release()
    assert os.listdir(runtime) == []


@pytest.mark.parametrize("strange", ["thesis.txt", "box/thesis.txt", "note.tty", "elsewhere.tty"])
def test_a_folder_without_a_mark_that_holds_anything_else_as_well_is_not(runtime: Path, strange: str) -> None:
    (runtime / "box").mkdir(mode=0o700)
    (runtime / "box" / "lock").write_text("4711\n")
    if strange == "elsewhere.tty":
        (runtime / strange).symlink_to("/dev/null")
    else:
        (runtime / strange).write_text("")
    before = whole(runtime)
    with pytest.raises(UsageError, match="holds files that uartsim did not make"):
        MachineFolder("box")
    assert whole(runtime) == before


@pytest.mark.parametrize("place", ["box", "box/lock", "box/control", "box/uartsim-abcdefgh", "box/link"])
def test_a_link_that_somebody_has_put_in_our_place_leads_nowhere(runtime: Path, tmp_path: Path, place: str) -> None:
    """Its target is neither emptied, removed, written nor changed."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "lock").write_text("1\n")
    (tmp_path / "precious" / "thesis.txt").write_text("ten years")
    other = MachineFolder("other")
    target = tmp_path / "precious" / ("lock" if place in ("box/lock", "box/link") else "")
    if "/" in place:
        (runtime / "box").mkdir(mode=0o700)
        (runtime / "box" / "lock").write_text("1\n")
        (runtime / place).unlink(missing_ok=True)
    (runtime / place).symlink_to(target)
    before = whole(tmp_path)
    with contextlib.suppress(UsageError):
        MachineFolder("box").release()
    other.release()
    assert whole(tmp_path) == before


@pytest.mark.needs("root")
def test_what_is_mounted_in_a_dead_machines_folder_is_left_alone(runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("ten years")
    mounted = runtime / "box" / "uartsim-abcdefgh" / "mnt"
    mounted.mkdir(parents=True)
    (runtime / "box").chmod(0o700)
    (runtime / "box" / "lock").write_text("1\n")
    if subprocess.run(["mount", "--bind", tmp_path / "precious", mounted], check=False, capture_output=True).returncode:
        pytest.skip("root may not mount here: run it outside of a container")
    try:
        with pytest.raises(UsageError, match="something is mounted in it"):
            MachineFolder("box")
        assert (tmp_path / "precious" / "thesis.txt").read_text() == "ten years"
    finally:
        subprocess.run(["umount", mounted], check=True)
    MachineFolder("box").release()
    assert os.listdir(runtime) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--record", "taken"],
        ["--trace", "taken"],
        ["--vcd", "taken"],
        ["--vcd", "no/where"],
        ["--record", "same", "--trace", "same"],
        ["--set", "nonsense=1"],
        ["--fault", "nonsense"],
        ["--restore", "nowhere"],
        ["--rate", "9600"],
        ["--uart", "16650"],
        ["--for", "1"],
        ["--record"],
    ],
)
def test_nothing_is_removed_or_made_before_the_arguments_are_checked(
    runtime: Path, guest_folder: GuestFolder, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even what a dead machine of that name has left."""
    guest = guest_folder(SILENT)
    (runtime / "box").mkdir(mode=0o700)
    (runtime / "box" / "lock").write_text("4711\n")
    (tmp_path / "taken").write_text("mine")
    monkeypatch.chdir(tmp_path)
    before = whole(runtime)
    uartsim(runtime, "run", str(guest), "--name", "box", "--no-attach", *arguments, status=2)
    assert whole(runtime) == before
    assert (tmp_path / "taken").read_text() == "mine"


# -- where it is ---------------------------------------------------------------------------------------------


def test_a_link_is_printed_with_its_whole_path(runtime: Path, guest_folder: GuestFolder, tmp_path: Path) -> None:
    (tmp_path / "w").mkdir(mode=0o700)
    process = subprocess.Popen(
        [sys.executable, "-m", "uartsim", "run", str(guest_folder(SILENT)), "--no-attach"],
        env={**environment(runtime), "UARTSIM_RUNTIME_DIR": "w"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        printed = [process.stdout.readline() for _ in range(4)]
        process.terminate()
    assert f"link     {tmp_path}/w/guest.tty\n" in printed
    assert os.listdir(tmp_path / "w") == []


class TestWithoutAVariableOfOurs:
    @pytest.fixture(autouse=True)
    def environment(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.delenv("UARTSIM_RUNTIME_DIR")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def test_it_is_in_the_users_runtime_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        assert runtime_folder() == f"{tmp_path}/uartsim"

    @pytest.mark.parametrize("value", [".", "run", "./run"])
    def test_a_relative_one_counts_as_not_set(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        (tmp_path / "run").mkdir(mode=0o700)
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        without = runtime_folder()
        monkeypatch.setenv("XDG_RUNTIME_DIR", value)
        assert runtime_folder() == without

    def test_one_that_others_can_write_to_is_not_used(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        tmp_path.chmod(0o1777)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        assert not runtime_folder().startswith(str(tmp_path / "uartsim"))

    @pytest.mark.needs("root")
    @pytest.mark.parametrize("owned", [".", "uartsim", ".."])
    def test_one_of_another_user_is_not_used(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owned: str) -> None:
        """Root has it after ``sudo -E``; or root has left a folder of its own there, in that user's way."""
        his = tmp_path / "his" / "run"
        (his / "uartsim").mkdir(parents=True)
        os.chown(his / owned, 65534, 65534)
        before = whole(tmp_path)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(his))
        assert not runtime_folder().startswith(str(his))
        assert whole(tmp_path) == before
