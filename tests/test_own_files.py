"""One room knows what of the file system is ours: no other removes, overwrites or makes files, or changes modes."""

from __future__ import annotations

import ast
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from uartsim import file_cache as cache
from uartsim.access import runtime_folder as runtime
from uartsim.errors import UsageError
from uartsim.guest import snapshot_folder
from uartsim.own_files.folder import MARK, open_own
from uartsim.own_files.outputs import NewFile
from uartsim.own_files.trees import remove_tree

ROOT = Path(__file__).resolve().parent.parent
ROOM = "own_files"

#: Functions of os and shutil that change the file system by name.
CHANGING = {
    *(
        "chflags",
        "chmod",
        "chown",
        "fchmod",
        "fchown",
        "lchmod",
        "lchown",
        "link",
        "makedirs",
        "mkdir",
        "mkfifo",
        "mknod",
    ),
    *(
        "remove",
        "removedirs",
        "removexattr",
        "rename",
        "renames",
        "replace",
        "rmdir",
        "setxattr",
        "symlink",
        "truncate",
    ),
    *("unlink", "utime", "chown", "copy", "copy2", "copyfile", "copymode", "copystat", "copytree", "move", "rmtree"),
}
#: Methods of paths that do.
METHODS = {
    *("chmod", "hardlink_to", "lchmod", "mkdir", "rename", "rmdir", "symlink_to", "touch", "unlink"),
    *("write_bytes", "write_text"),
}

#: What other rooms may do all the same, and why.
ALLOWED = {
    ("standard_streams.py", "open for writing"): "/dev/null, and a descriptor that is open already",
    ("cli/bytecode_files.py", "os.unlink"): "what Python has just written itself",
    ("console/guest_output.py", "rename"): "a machine in messages",
    ("console/session.py", "rename"): "the same",
    ("images/host_tools.py", "open for writing"): "a file in memory, without a name",
    ("guest/boot_files.py", "write_bytes"): "into the draft that the cache has given it",
    ("guest/boot_files.py", "mkdir"): "in a folder of tempfile's",
    ("guest/boot_files.py", "tempfile.TemporaryDirectory"): "beside that draft, under its name",
    ("guest/checkpoints.py", "tempfile.TemporaryFile"): "without a name, for QEMU",
    ("guest/checkpoints.py", "tempfile.gettempdir"): "its name, for a message",
    ("guest/guest_disk.py", "tempfile.gettempdir"): "its name, for a message and its free space",
    ("guest/tiny_initramfs.py", "write_bytes"): "into the draft that the cache has given it",
    ("images/debian_root.py", "mkdir"): "beside the draft that the store has given it, under its name",
    ("images/debian_root.py", "open for writing"): "the same",
    ("images/debian_root.py", "tempfile.TemporaryDirectory"): "in the system's folder for temporary files",
    ("images/debian_root.py", "os.chmod"): "that folder, for subordinate users",
    ("images/disk_layout.py", "open for writing"): "the same",
    ("images/disk_layout.py", "os.truncate"): "the same",
    ("images/ext4_partition.py", "open for writing"): "the same",
    ("images/package_files.py", "write_text"): "into a temporary folder of its own",
    ("images/long_run.py", "tempfile.gettempdir"): "the log of a failure, a new file with a name of ours",
    ("images/long_run.py", "open for writing"): "that file, which is open already",
    ("images/root_tree.py", "mkdir"): "in a folder beside that draft",
    ("images/root_tree.py", "open for writing"): "in that folder",
    ("images/root_tree.py", "os.link"): "in that folder",
    ("images/root_tree.py", "symlink_to"): "in that folder",
    ("guest/process.py", "tempfile.mkdtemp"): "in the machine's folder, under a name that is known there",
    ("images/ext_files.py", "open for writing"): "a file in memory, without a name",
    ("images/partition_copy.py", "tempfile.TemporaryFile"): "a copy without a name, beside the image",
    ("images/nbd_client.py", "tempfile.TemporaryDirectory"): "in the system's folder, gone before qemu-nbd starts",
    ("images/alpine_builder.py", "tempfile.TemporaryDirectory"): "beside the store's draft, under its name",
    ("images/alpine_builder.py", "open for writing"): "in that folder",
    ("images/installer_builder.py", "tempfile.TemporaryDirectory"): "beside the store's draft, under its name",
    ("images/installer_builder.py", "open for writing"): "in that folder",
    ("conform/dut_process.py", "tempfile.TemporaryDirectory"): "in the system's folder for temporary files",
    ("conform/dut_process.py", "open for writing"): "in that folder",
    ("conform/dut_qemu.py", "tempfile.TemporaryDirectory"): "in the system's folder for temporary files",
    ("conform/dut_qemu.py", "write_bytes"): "in that folder",
}


def changes(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of every call in a module that makes, removes or overwrites files, or changes modes."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module="os" | "shutil" as module, names=names):
                yield from ((node.lineno, f"{module}.{a.name}") for a in names if a.name in CHANGING)
            case ast.ImportFrom(module="tempfile", names=names):
                yield from ((node.lineno, f"tempfile.{a.name}") for a in names)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="os" | "shutil" as module), attr=name)):
                if name in CHANGING:
                    yield node.lineno, f"{module}.{name}"
                elif name == "open" and {"O_CREAT", "O_TRUNC"} & {
                    part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)
                }:
                    yield node.lineno, "os.open to make or empty a file"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="tempfile"), attr=name)):
                yield node.lineno, f"tempfile.{name}"
            case ast.Call(func=ast.Attribute(attr=name)) if name in METHODS:
                yield node.lineno, name
            case ast.Call(func=ast.Attribute(attr="replace"), args=[_], keywords=[]):
                yield node.lineno, "replace of a path"
            case ast.Call(func=ast.Name(id="open") | ast.Attribute(attr="open" | "fdopen")):
                modes = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]
                if any(
                    isinstance(m, ast.Constant) and isinstance(m.value, str) and set(m.value) <= set("rwaxbt+U")
                    and set("wax+") & set(m.value)
                    for m in modes
                ):  # fmt: skip
                    yield node.lineno, "open for writing"


def test_no_other_room_touches_the_file_system() -> None:
    found: dict[tuple[str, str], str] = {}
    for file in sorted((ROOT / "uartsim").rglob("*.py")):
        name = str(file.relative_to(ROOT / "uartsim"))
        if not name.startswith(f"{ROOM}/"):
            found |= {(name, what): f"{name}:{line}: {what}" for line, what in changes(file.read_text())}
    assert [where for key, where in found.items() if key not in ALLOWED] == []
    assert [key for key in ALLOWED if key not in found] == []  # the list is no longer than it must be


@pytest.mark.parametrize(
    "source",
    [
        "os.unlink(path)",
        "from os import remove",
        "from shutil import rmtree as r",
        "import shutil\nshutil.move(a, b)",
        "path.unlink(missing_ok=True)",
        "Path(a).rename(b)",
        "draft.replace(path)",
        "path.chmod(0o700)",
        "os.fchmod(fd, 0o700)",
        "os.open(path, os.O_WRONLY | os.O_CREAT)",
        "os.open(path, os.O_WRONLY | os.O_TRUNC)",
        "open(path, 'w')",
        "open(path, mode='r+b')",
        "path.open('ab')",
        "io.open(path, 'x')",
        "def f():\n    path.write_text('')",
        "tempfile.mkdtemp()",
        "from tempfile import TemporaryDirectory",
    ],
)
def test_a_change_is_found(source: str) -> None:
    assert len(list(changes(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "text.replace('a', 'b')",
        "replace(value, a=1)",
        "replace(value)",
        "open(path, 'rb')",
        "path.open()",
        "host.tty.open()",
        "os.open(path, os.O_RDWR | os.O_NOCTTY)",
        "line.open(format)",
        "items.remove(item)",
        "os.read(fd, 1)",
    ],
)
def test_what_changes_nothing_is_left_alone(source: str) -> None:
    assert list(changes(source)) == []


def test_the_page_names_all_that_is_made() -> None:
    page = (ROOT / "docs" / "files.md").read_text()
    assert f"`{MARK}`" in page
    names = [word for word in page.replace("`", " ").replace(",", " ").split() if not word.startswith("$")]
    samples = {name.replace("N", "1").replace("?", "a").rstrip("/") for name in names}
    assert set(filter(runtime.is_machine_file, samples)) == {
        *("lock", "link", "link.1", "control", "attach", "uartsim-aaaaaaaa")
    }
    assert set(filter(snapshot_folder.is_file_name, samples)) == {"machine", "disk-1.qcow2"}
    for sort in ("port-bridge", "tiny", "unpacked", "cd"):
        assert f"`{sort}-*" in page
    assert str(int(cache.UNUSED_S / 86400)) + " days" in page


# -- the room itself -----------------------------------------------------------------------------------------


def test_a_folder_that_is_replaced_between_check_and_use_changes_nothing_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "draft").write_text("ten years")
    with open_own(str(tmp_path / "ours"), "cache", "x") as own:
        own.write_new("draft", b"ours")
        (tmp_path / "ours").rename(tmp_path / "moved")
        (tmp_path / "ours").symlink_to(tmp_path / "precious")
        own.replace("draft", "file")
        own.write_new("draft", b"more")
        own.remove("draft")
    assert (tmp_path / "precious" / "draft").read_text() == "ten years"
    assert sorted(os.listdir(tmp_path / "moved")) == [MARK, "file"]


def test_a_mark_is_for_one_purpose(tmp_path: Path) -> None:
    open_own(str(tmp_path / "ours"), "cache", "x").close()
    (tmp_path / "ours" / "file").write_text("")
    open_own(str(tmp_path / "ours"), "cache", "x").close()
    with pytest.raises(UsageError, match="holds files that uartsim did not make"):
        open_own(str(tmp_path / "ours"), "snapshot", "x")


@pytest.mark.parametrize("half", [b"", b"uartsim ca"])
def test_a_mark_that_was_half_made_is_made_anew(tmp_path: Path, half: bytes) -> None:
    (tmp_path / MARK).write_bytes(half)
    for _ in range(2):
        with open_own(str(tmp_path), "cache", "x") as own:
            assert own.is_marked()
            assert own.names() == []


@pytest.mark.parametrize("words", [b"thesis", b"uartsim runtime folder\n", b"uartsim cache folders"])
def test_a_file_of_the_marks_name_that_is_not_one_is_left_alone(tmp_path: Path, words: bytes) -> None:
    (tmp_path / MARK).write_bytes(words)
    with pytest.raises(UsageError, match=r"cannot be written \(File exists\)"):
        open_own(str(tmp_path), "cache", "x")
    assert (tmp_path / MARK).read_bytes() == words


def test_removing_a_tree_follows_no_link_and_says_what_it_cannot(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("ten years")
    tree = tmp_path / "tree"
    (tree / "deep" / "er").mkdir(parents=True)
    (tree / "deep" / "link").symlink_to(tmp_path / "precious")
    (tree / "file").write_text("")
    remove_tree(str(tree))
    assert not tree.exists()
    tree.symlink_to(tmp_path / "precious")
    with pytest.raises(OSError):  # noqa: PT011 - ENOTDIR or ELOOP
        remove_tree(str(tree))
    assert (tmp_path / "precious" / "thesis.txt").read_text() == "ten years"


def test_an_output_that_somebody_has_replaced_is_not_discarded(tmp_path: Path) -> None:
    path = tmp_path / "record"
    file = NewFile(str(path), "record")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.unlink()
    path.write_text("mine")
    file.discard()
    os.close(file.fd)
    file.discard()
    assert path.read_text() == "mine"
