"""Files that the user has named as outputs: records, traces, waveforms, pictures."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Mapping
from typing import BinaryIO

from uartsim.errors import UsageError

#: Pictures larger than this are not looked into, in bytes.
_LOOKED_AT = 1 << 26


class NewFile:
    """A file that was not there before, open for writing.

    Args:
        path: where.
        what: what it is to the user, such as ``"trace"``.
        mode: its mode; the umask is taken off.
        shown: the path in messages, if it is another.

    Attributes:
        fd: the descriptor; the caller closes it, after :meth:`discard` if that is wanted.

    Raises:
        UsageError: something is there already, or it cannot be made.
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
        """Remove it, unless something else has its name by now: while it is open, no other file has its number."""
        with contextlib.suppress(OSError):
            if os.path.samestat(os.lstat(self.path), os.fstat(self.fd)):
                os.unlink(self.path)


def check_distinct(paths: Mapping[str, str | os.PathLike[str]]) -> None:
    """Check that outputs are different files.

    Args:
        paths: the files, by the option that names each, such as ``"record"``.

    Raises:
        UsageError: two are the same file.
    """
    seen: dict[str, str] = {}
    for option, path in paths.items():
        real = os.path.realpath(path)
        if real in seen:
            raise UsageError(f"--{seen[real]} and --{option} are the same file, {path}: give each a file of its own")
        seen[real] = option


def check_outputs(paths: Mapping[str, str]) -> None:
    """Check that outputs can be made, before anything is made.

    Args:
        paths: the files, by the option that names each: ``"record"``, ``"trace"`` or ``"vcd"``.

    Raises:
        UsageError: two are the same file, a file exists already, or its folder does not exist.
    """
    check_distinct(paths)
    for option, path in paths.items():
        what = "waveform" if option == "vcd" else option
        if os.path.lexists(path):
            raise UsageError(f"the {what} {path} exists: remove it or give another file")
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            raise UsageError(f"the {what} {path} cannot be made (there is no folder {folder}): give another file")


def replace_output(path: str, what: str, is_ours: Callable[[bytes], bool], write: Callable[[BinaryIO], object]) -> None:
    """Write an output, in place of an earlier one of ours; nothing else is replaced, and nothing by half a file.

    Args:
        path: where.
        what: what it is to the user, such as ``"picture"``.
        is_ours: whether what is in a file is recognisably from us.
        write: writes it.

    Raises:
        UsageError: something else is there, or it cannot be written.
    """
    place = os.path.realpath(path)
    if os.path.lexists(path):
        _check_ours(path, what, is_ours)
    draft = NewFile(f"{os.path.dirname(place)}/.{os.path.basename(place)}.{os.getpid()}", what, 0o666, path)
    try:
        with open(draft.fd, "wb", closefd=False) as file:
            write(file)
        os.fsync(draft.fd)
        os.rename(draft.path, place)
    except OSError as error:
        draft.discard()
        raise UsageError(f"the {what} {path} cannot be written ({error.strerror}): give another file") from None
    except BaseException:
        draft.discard()
        raise
    finally:
        os.close(draft.fd)


def _check_ours(path: str, what: str, is_ours: Callable[[bytes], bool]) -> None:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            is_file = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            ours = is_file and is_ours(file.read(_LOOKED_AT))
    except OSError as error:
        raise UsageError(f"the {what} {path} cannot be replaced ({error.strerror}): give another file") from None
    if not ours:
        raise UsageError(f"{path} exists and is not a {what} of ours: remove it or give another file")
