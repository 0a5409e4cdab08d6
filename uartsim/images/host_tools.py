"""Running the host's programs that work on disk images: found in administrators' folders too, in English, with a limit."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from uartsim.errors import UartsimError, UsageError

#: The folders of administrators' programs, such as debugfs, which an ordinary user's PATH lacks.
_SYSTEM_FOLDERS: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")


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
    try:
        done = subprocess.run(
            [program, *command[1:]],
            input=given,
            capture_output=True,
            timeout=timeout_s,
            pass_fds=pass_fds,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UartsimError(
            f"{command[0]} did not end within {timeout_s:g} s: try again when the host is less busy"
        ) from None
    except ValueError:
        raise UsageError(f"{command[0]} cannot be given a name that holds a NUL") from None
    return ToolResult(done.returncode, done.stdout, done.stderr.decode(errors="replace").strip())
