"""Files that the user names as outputs: records, traces, waveforms, pictures."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import BinaryIO, TypeVar

from uartsim.errors import UsageError

#: How much of an existing file is read to tell whether it is ours, in bytes.
_LOOKED_AT = 1 << 26

_Path = TypeVar("_Path", bound="str | os.PathLike[str]")


class NewFile:
    """A file that did not exist before, open for writing.

    Args:
        path: the path of the file.
        what: the kind of file, for messages, such as ``"trace"``.
        mode: its mode, from which the umask is taken.
        shown: the path in messages, if it is not ``path``.

    Attributes:
        fd: the descriptor.  The caller closes it, after :meth:`discard` if the file is not wanted.

    Raises:
        UsageError: the file exists, or cannot be made.
    """

    def __init__(self, path: str, what: str, mode: int = 0o600, shown: str = "") -> None:
        self.path = path
        shown = shown or path
        try:
            self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        except FileExistsError:
            raise UsageError(f"the {what} {shown} exists: remove it or give another file") from None
        except OSError as error:
            raise UsageError(f"the {what} {shown} cannot be made ({error.strerror}): give another file") from None

    def discard(self) -> None:
        """Remove the file, unless another file has taken its name: while it is open, its inode number is unique."""
        with contextlib.suppress(OSError):
            if os.path.samestat(os.lstat(self.path), os.fstat(self.fd)):
                os.unlink(self.path)


def write_new_output(path: str, what: str, data: bytes, mode: int = 0o666) -> None:
    """Write an output that does not exist yet, whole or not at all.

    Args:
        path: the path of the file.
        what: the kind of file, for messages, such as ``"picture"``.
        data: its content.
        mode: its mode, from which the umask is taken.

    Raises:
        UsageError: it exists, or cannot be made or written.
    """
    new = NewFile(path, what, mode)
    with _whole(new, what, path), open(new.fd, "wb", closefd=False) as file:
        file.write(data)


@contextlib.contextmanager
def _whole(new: NewFile, what: str, path: str) -> Iterator[None]:
    """A block that writes a new file, which is closed at its end: one that did not become whole is removed.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        new.discard()
        raise UsageError(f"the {what} {path} cannot be written ({error.strerror}): give another file") from None
    except BaseException:
        new.discard()
        raise
    finally:
        os.close(new.fd)


def check_distinct(paths: Mapping[str, str | os.PathLike[str]] | Iterable[tuple[str, str | os.PathLike[str]]]) -> None:
    """Check that outputs are different files.

    Args:
        paths: the files, by the option that names each, such as ``"record"``; or pairs of option and file.

    Raises:
        UsageError: two are the same file.
    """
    seen: dict[str, str] = {}
    for option, path in _pairs(paths):
        real = os.path.realpath(path)
        if real in seen:
            raise UsageError(f"--{seen[real]} and --{option} are the same file, {path}: give each a file of its own")
        seen[real] = option


def check_outputs(paths: Mapping[str, str] | Iterable[tuple[str, str]]) -> None:
    """Check that outputs can be made, before anything is made.

    Args:
        paths: the files, by the option that names each: ``"record"``, ``"trace"`` or ``"vcd"``; or pairs of option and
            file.

    Raises:
        UsageError: two are the same file, a file exists already, or its folder does not exist.
    """
    pairs = list(_pairs(paths))
    check_distinct(pairs)
    for option, path in pairs:
        what = "waveform" if option == "vcd" else option
        if os.path.lexists(path):
            raise UsageError(f"the {what} {path} exists: remove it or give another file")
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            raise UsageError(f"the {what} {path} cannot be made (there is no folder {folder}): give another file")


def _pairs(paths: Mapping[str, _Path] | Iterable[tuple[str, _Path]]) -> Iterable[tuple[str, _Path]]:
    return paths.items() if isinstance(paths, Mapping) else paths


def replace_output(path: str, what: str, is_ours: Callable[[bytes], bool], write: Callable[[BinaryIO], object]) -> None:
    """Write an output, replacing an earlier one of ours.  The replacement is atomic, and no other file is replaced.

    Args:
        path: the path of the file.
        what: the kind of file, for messages, such as ``"picture"``.
        is_ours: tells from a file's content whether uartsim made it.
        write: writes the output to an open file.

    Raises:
        UsageError: a file that is not ours is in its place, or it cannot be written.
    """
    place = os.path.realpath(path)
    if os.path.lexists(path):
        _check_ours(path, what, is_ours)
    draft = NewFile(f"{os.path.dirname(place)}/.{os.path.basename(place)}.{os.getpid()}", what, 0o666, path)
    with _whole(draft, what, path):
        with open(draft.fd, "wb", closefd=False) as file:
            write(file)
        os.fsync(draft.fd)
        os.rename(draft.path, place)


def _check_ours(path: str, what: str, is_ours: Callable[[bytes], bool]) -> None:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            is_file = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            ours = is_file and is_ours(file.read(_LOOKED_AT))
    except OSError as error:
        raise UsageError(f"the {what} {path} cannot be replaced ({error.strerror}): give another file") from None
    if not ours:
        raise UsageError(f"{path} exists and is not a {what} that uartsim made: remove it or give another file")
