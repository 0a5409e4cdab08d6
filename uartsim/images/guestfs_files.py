"""The files of a guest on XFS, btrfs, LVM or anything else that Linux mounts: libguestfs, through its shell guestfish.

guestfish starts a small Linux in QEMU that has the image as its disk, finds the guest's system in it and mounts all of its
file systems (``-i``).  It is always emulated (TCG), as our guests are.  Commands go to its standard input, so that it ends
when this process does; its answers come from a pty, because it would keep them back in a pipe.
"""

from __future__ import annotations

import os
import re
import select
import stat
import subprocess
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from uartsim.errors import UartsimError, UsageError
from uartsim.images.guest_files import FileState
from uartsim.images.host_tools import find_tool
from uartsim.printable import printable_line

#: The command that installs guestfish.
INSTALL: Final = "apt-get install guestfish"
#: How long its Linux may take to start and to find the guest's system, and any command, in seconds.
TIMEOUT_S: Final = 600.0

_ENVIRONMENT: Final = {
    "LIBGUESTFS_BACKEND": "direct",
    "LIBGUESTFS_BACKEND_SETTINGS": "force_tcg",
    "LC_ALL": "C.UTF-8",
    "TERM": "dumb",
}
_DONE: Final = "uartsim-done"
_ERROR: Final = re.compile(r"^(?:\*stdin\*:\d+: )?(?:libguestfs: error: |guestfish: )(?:\w+: )?(.*)$", re.MULTILINE)
_KINDS: Final = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}


class GuestfsFiles:
    """The files of a guest; :func:`open_guestfs` makes these objects.  See :class:`uartsim.images.guest_files.GuestFiles`."""

    def __init__(self, process: subprocess.Popen[bytes], answers: int, file: int) -> None:
        self._process = process
        self._answers = answers
        self._file = file
        self._command()  # waits until the guest's file systems are mounted

    def state(self, path: str) -> FileState | None:
        """What is there; None if there is nothing."""
        try:
            answer = self._command("lstatns", path)
        except UartsimError as error:
            if "No such file or directory" in str(error):
                return None
            raise
        found = {key: int(value) for key, value in re.findall(r"^st_(\w+): (\d+)\r?$", answer, re.MULTILINE)}
        mode = found["mode"]
        kind = _KINDS.get(stat.S_IFMT(mode), "other")
        return FileState(kind, stat.S_IMODE(mode), found["uid"], found["gid"], found["nlink"])

    def link_target(self, path: str) -> str:
        """Where a symbolic link leads."""
        return self._command("readlink", path).removesuffix("\n")

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted."""
        return sorted(name for name in self._command("ls", folder).split("\n") if name and name.isprintable())

    def read(self, path: str) -> bytes:
        """The content of a file."""
        self._command("download", path, f"/proc/self/fd/{self._file}")
        return os.pread(self._file, os.fstat(self._file).st_size, 0)

    def write(self, path: str, content: bytes) -> None:
        """Make a file (mode 0644, root's), or replace the content of one."""
        is_new = self.state(path) is None
        os.ftruncate(self._file, 0)
        done = 0
        while done < len(content):
            done += os.pwrite(self._file, content[done:], done)
        self._command("upload", f"/proc/self/fd/{self._file}", path)
        if is_new:
            self._command("chmod", "0644", path)

    def make_folder(self, path: str) -> None:
        """Make a folder (mode 0755, root's)."""
        self._command("mkdir-mode", path, "0755")

    def close(self) -> None:
        """Unmount everything, so that all of it is in the image.

        Raises:
            UartsimError: it could not be written.
        """
        self._command("umount-all")
        self._command("shutdown")

    def _command(self, name: str = "", *words: str) -> str:
        """Give a command, and return its answer.

        Raises:
            UsageError: the guest's file system is full.
            UartsimError: the command failed, or guestfish has ended.
        """
        line = " ".join([f"-{name}" if name else "", *(_quoted(word) for word in words)])
        text = f"{line}\necho {_DONE}\n"
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(text.encode(errors="surrogateescape"))
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; what it said is read below
        answer = self._answer(name or "starting")
        if failure := _ERROR.search(answer):
            why = printable_line(failure[1])[:300]
            if "No space left on device" in why:
                raise UsageError(f"the guest's file system is full, and {words[-1]} does not fit: give less")
            raise UartsimError(f"guestfish cannot edit the image: {why}")
        return answer

    def _answer(self, what: str) -> str:
        """Everything up to the mark behind a command."""
        give_up_at = time.monotonic() + TIMEOUT_S
        answer = b""
        while not answer.endswith(f"{_DONE}\n".encode()):
            if not select.select([self._answers], [], [], max(0.0, give_up_at - time.monotonic()))[0]:
                raise UartsimError(f"guestfish did not answer within {TIMEOUT_S:g} s ({what})")
            try:
                portion = os.read(self._answers, 1 << 16)
            except OSError:  # EIO: it has ended
                portion = b""
            if not portion:
                said = _ERROR.search(answer.decode(errors="replace"))
                why = printable_line(said[1])[:300] if said else "it has ended"
                raise UartsimError(f"guestfish cannot open the image: {why}")
            answer += portion
        return answer.decode(errors="surrogateescape").removesuffix(f"{_DONE}\n")


def is_installed() -> bool:
    """Whether guestfish is there."""
    try:
        find_tool("guestfish", INSTALL)
    except UsageError:
        return False
    return True


@contextmanager
def open_guestfs(image: Path, image_format: str) -> Iterator[GuestfsFiles]:
    """The files of the system in an image, for this block.  When it is left without an error, all changes are in the image.

    Args:
        image: the image; nothing runs from it.
        image_format: its format, as QEMU names it.

    Raises:
        UsageError: guestfish is missing.
        UartsimError: it finds no system in the image, or more than one, or cannot start.
    """
    program = find_tool("guestfish", INSTALL)
    answers, terminal = os.openpty()
    file = os.memfd_create("uartsim")
    try:
        tty.setraw(terminal)
        process = subprocess.Popen(
            [program, f"--format={image_format}", "-a", str(image), "-i"],
            stdin=subprocess.PIPE,
            stdout=terminal,
            stderr=terminal,
            pass_fds=(file,),
            env={**os.environ, **_ENVIRONMENT},
            start_new_session=True,
        )
        os.close(terminal)
        terminal = -1
        try:
            files = GuestfsFiles(process, answers, file)
            yield files
            files.close()
        finally:
            _end(process)
    finally:
        for fd in (answers, file, terminal):
            if fd >= 0:
                os.close(fd)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait until guestfish has ended after its standard input has."""
    try:
        process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _quoted(word: str) -> str:
    """A word in guestfish's double quotes, in which a backslash escapes."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
