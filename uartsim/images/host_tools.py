"""Running the host's programs that work on disk images: found in administrators' folders too, in English, with a limit.

Each has a session of its own, because Ctrl-C at the terminal is for uartsim, which would report that its tool has failed.
It ends when uartsim does, however that ends.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from uartsim.errors import UartsimError, UsageError

#: The folders of administrators' programs, such as debugfs, which an ordinary user's PATH lacks.
_SYSTEM_FOLDERS: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")

#: How often a tool that runs is left for a look at whether it is still wanted, in seconds.
_LOOK_S: Final = 0.1
#: Becomes a command if the process that wanted it has not ended before ``setpriv`` could watch it.
_IF_WANTED: Final = '[ "$PPID" = "$1" ] || exit 143; shift; exec "$@"'


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a program has left.

    Attributes:
        status: its exit status; negative for a signal.
        output: its standard output.
        complaints: its standard error, as text without the last newline.
    """

    status: int
    output: bytes
    complaints: str


def find_tool(name: str, install: str) -> str:
    """The path of a program.

    Args:
        name: the program's name.
        install: the command that installs it.

    Raises:
        UsageError: it is missing; the message names the command.
    """
    found = _path_of(name)
    if found is None:
        raise UsageError(f"the program {name} is missing: {install}")
    return found


def has_tool(name: str) -> bool:
    """Whether this machine has a program."""
    return _path_of(name) is not None


def _path_of(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS)))


def ending_with_us(command: Sequence[str], ending: str = "TERM") -> list[str]:
    """A command that gets a signal when this thread ends, and thus when this process does; the same without ``setpriv``."""
    setpriv = _path_of("setpriv")
    if setpriv is None:
        return list(command)
    return [setpriv, "--pdeathsig", ending, "--", "/bin/sh", "-c", _IF_WANTED, "sh", str(os.getpid()), *command]


def run_tool(
    command: Sequence[str],
    install: str,
    *,
    timeout_s: float,
    given: bytes = b"",
    pass_fds: Sequence[int] = (),
    variables: Mapping[str, str] | None = None,
) -> ToolResult:
    """Run a program to its end.  What its exit status means is for the caller to say.

    Args:
        command: its name and arguments; no shell reads them.
        install: the command that installs it.
        timeout_s: how long it may take, in seconds.
        given: its standard input.
        pass_fds: descriptors that it inherits.
        variables: additions to the environment.

    Raises:
        UsageError: the program is missing, or an argument holds a NUL.
        UartsimError: it took longer.
    """
    program = find_tool(command[0], install)
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **(variables or {})}
    standard_input = os.memfd_create("uartsim")  # communicate() cannot go on with a pipe's rest after a time-out
    try:
        with open(standard_input, "wb", closefd=False) as file:
            file.write(given)
        os.lseek(standard_input, 0, os.SEEK_SET)
        tool = subprocess.Popen(
            ending_with_us([program, *command[1:]]),
            stdin=standard_input,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=pass_fds,
            env=environment,
            start_new_session=True,
        )
    except ValueError:
        raise UsageError(f"{command[0]} cannot be given a name that holds a NUL") from None
    finally:
        os.close(standard_input)
    with tool:
        try:
            output, complaints = _communicate(tool, timeout_s)
        except subprocess.TimeoutExpired:
            tool.kill()
            raise UartsimError(
                f"{command[0]} did not end within {timeout_s:g} s: try again when the host is less busy"
            ) from None
        except BaseException:
            tool.kill()
            raise
    return ToolResult(tool.returncode, output, complaints.decode(errors="replace").strip())


def _communicate(tool: subprocess.Popen[bytes], timeout_s: float) -> tuple[bytes, bytes]:
    """What a tool writes up to its end.

    Raises:
        subprocess.TimeoutExpired: it has not ended in time.
        trio.Cancelled: this is a thread of trio's, and what waits for it has been cancelled.
    """
    give_up_at = time.monotonic() + timeout_s
    while True:
        left_s = give_up_at - time.monotonic()
        try:
            return tool.communicate(timeout=max(0.0, min(left_s, _LOOK_S)))
        except subprocess.TimeoutExpired:
            if left_s <= _LOOK_S:
                raise
        _check_cancelled()


def _check_cancelled() -> None:
    """Raise trio's Cancelled in a thread of trio's that is not wanted any more."""
    if (trio := sys.modules.get("trio")) is not None:
        try:
            trio.from_thread.check_cancelled()
        except RuntimeError:
            pass  # the thread is not one of trio's
