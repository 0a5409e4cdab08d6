"""Guests that only libguestfs can edit: what guestfish is told, and what its answers mean.

The guestfish here is a stand-in that keeps the guest's files in a folder.  It reads and answers as the real one (1.48) does:
commands with double quotes from a pipe, one answer a line to a pty, errors with the line of the command in front.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from uartsim.errors import UartsimError, UsageError
from uartsim.images import guestfs_files
from uartsim.images.guest_files import FileState
from uartsim.images.guest_tree import GuestTree
from uartsim.images.guestfs_files import open_guestfs

GUESTFISH = """#!{python}
import os, shutil, sys

root = {root!r}
log = open({log!r}, "a")
print(*sys.argv[1:], file=log, flush=True)
if {start_error!r}:
    sys.exit({start_error!r})


def words(line):
    found, word, quoted, i = [], None, False, 0
    while i < len(line):
        c = line[i]
        if quoted and c == chr(92):
            i += 1
            word += line[i]
        elif c == '"':
            quoted, word = not quoted, word or ""
        elif c == " " and not quoted:
            found += [word] if word is not None else []
            word = None
        else:
            word = (word or "") + c
        i += 1
    return found + ([word] if word is not None else [])


for number, line in enumerate(sys.stdin, 1):
    name, *rest = words(line.rstrip("\\n")) or [""]
    try:
        match name.lstrip("-"):
            case "echo":
                print(*rest)
            case "lstatns":
                s = os.lstat(root + rest[0])
                for key in ("dev", "mode", "nlink", "uid", "gid"):
                    print(f"st_{{key}}: {{getattr(s, 'st_' + key)}}")
            case "readlink":
                print(os.readlink(root + rest[0]))
            case "ls":
                print(*os.listdir(root + rest[0]), sep="\\n")
            case "download":
                shutil.copyfile(root + rest[0], rest[1])
            case "upload":
                if "full" in rest[1]:
                    raise OSError(28, "No space left on device")
                with open(rest[0], "rb") as source, open(root + rest[1], "wb") as target:
                    shutil.copyfileobj(source, target)
            case "chmod":
                os.chmod(root + rest[1], int(rest[0], 8))
            case "mkdir-mode":
                os.mkdir(root + rest[0], int(rest[1], 8))
            case "umount-all" | "shutdown":
                print(name, file=log, flush=True)
            case "":
                pass
            case _:
                print(f"*stdin*:{{number}}: guestfish: {{name}}: unknown command")
    except OSError as error:
        print(f"*stdin*:{{number}}: libguestfs: error: {{name.lstrip('-')}}: {{rest[-1]}}: {{os.strerror(error.errno)}}")
    sys.stdout.flush()
"""


class Fish:
    """The stand-in, and what it was started with and told at the end."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = tmp_path / "root"
        (self.root / "etc").mkdir(parents=True)
        (self.root / "etc" / "issue").write_text("Fedora\n")
        (self.root / "etc" / "issue").chmod(0o600)
        (self.root / "etc" / "alias").symlink_to("/etc/issue")
        self._log = tmp_path / "log"
        self._program = tmp_path / "bin" / "guestfish"
        self._program.parent.mkdir()
        self.install()
        monkeypatch.setenv("PATH", f"{self._program.parent}:{os.environ['PATH']}")

    def install(self, start_error: str = "") -> None:
        text = GUESTFISH.format(python=sys.executable, root=str(self.root), log=str(self._log), start_error=start_error)
        self._program.write_text(text)
        self._program.chmod(0o755)

    @property
    def log(self) -> list[str]:
        return self._log.read_text().splitlines()


@pytest.fixture
def fish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fish:
    return Fish(tmp_path, monkeypatch)


IMAGE = Path("/x/disk.qcow2")


def test_files_are_changed_and_all_is_unmounted(fish: Fish) -> None:
    with open_guestfs(IMAGE, "qcow2") as files:
        tree = GuestTree({"/": files})
        assert tree.read("/etc/issue") == b"Fedora\n"
        assert tree.write("/etc/alias", b"\0new") == [
            "/etc/issue (through links from /etc/alias): replaced, mode 0600, 4 bytes"
        ]
        tree.write('/srv dir/a "b" \\c', b"")
        assert tree.names("/srv dir") == ['a "b" \\c']
        assert tree.read("/nothing") is None
        owner = (os.getuid(), os.getgid())
        assert files.state("/srv dir") == FileState("folder", 0o755, *owner, 2)
    assert (fish.root / "etc" / "issue").read_bytes() == b"\0new"
    made = (fish.root / "srv dir" / 'a "b" \\c').stat()
    assert stat.S_IMODE(made.st_mode) == 0o644
    assert fish.log == ["--format=qcow2 -a /x/disk.qcow2 -i", "-umount-all", "-shutdown"]


def test_large_file_goes_through_whole(fish: Fish) -> None:
    content = bytes(range(256)) * 20000
    with open_guestfs(IMAGE, "qcow2") as files:
        files.write("/etc/big", content)
        files.write("/etc/small", b"x")
        assert files.read("/etc/big") == content
        assert files.read("/etc/small") == b"x"


def test_full_file_system_is_said(fish: Fish) -> None:
    with (
        pytest.raises(UsageError, match="the guest's file system is full, and /full does not fit"),
        open_guestfs(IMAGE, "qcow2") as files,
    ):
        files.write("/full", b"x")
    assert fish.log[1:] == []


def test_failed_command_is_an_error(fish: Fish) -> None:
    with (
        pytest.raises(UartsimError, match=r"guestfish cannot edit the image: .*No such file"),
        open_guestfs(IMAGE, "qcow2") as files,
    ):
        files.names("/nowhere")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("guestfish: no operating system was found on this disk", "no operating system was found"),
        ("libguestfs: error: /x/disk.qcow2: No such file or directory", "No such file"),
        ("something else", "guestfish cannot open the image: it has ended"),
    ],
)
def test_guestfish_that_does_not_start_is_an_error(fish: Fish, said: str, words: str) -> None:
    fish.install(said)
    with pytest.raises(UartsimError, match=words), open_guestfs(IMAGE, "qcow2"):
        raise AssertionError("it was opened")


def test_guestfish_that_does_not_answer_is_given_up(fish: Fish, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guestfs_files, "TIMEOUT_S", 0.0)
    with pytest.raises(UartsimError, match="did not answer within 0 s"), open_guestfs(IMAGE, "qcow2"):
        raise AssertionError("it was opened")


def test_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda name, path: None)
    assert not guestfs_files.is_installed()
    with (
        pytest.raises(UsageError, match="the program guestfish is missing: apt-get install guestfish"),
        open_guestfs(IMAGE, "qcow2"),
    ):
        pass
