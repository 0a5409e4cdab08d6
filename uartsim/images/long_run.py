"""Running a program that takes minutes: its lines are told as they come, all that it says is kept if it fails.

The program ends when this process does, however that ends (``setpriv --pdeathsig``).  The thread that calls
:func:`run_long` must live as long as the program, because the kernel watches the thread.  A program that mounts
something, as mmdebstrap does for root, is run in namespaces of its own (pid_namespaces(7), mount_namespaces(7)), where the
system allows it: all that it has started ends with it, and what it has mounted is mounted nowhere else, and no longer.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from uartsim.errors import UartsimError
from uartsim.file_cache import Progress
from uartsim.images.host_tools import find_tool
from uartsim.own_files.outputs import NewFile
from uartsim.printable import printable

#: How often the progress function is called while the program says nothing, in seconds.
TICK_S: Final = 0.1
#: How long a program may take to clean up after SIGTERM, in seconds.
FAREWELL_S: Final = 5.0

_UTIL_LINUX: Final = "apt-get install util-linux"
_LAST_LINES: Final = 12
_PIPE_BYTES: Final = 1 << 16


def run_long(
    command: Sequence[str],
    install: str,
    *,
    progress: Progress,
    phase: Callable[[str], str | None],
    explain: Callable[[str], UartsimError | None],
    variables: Mapping[str, str],
    output: Path,
    mounts: bool = False,
) -> None:
    """Run a program to its end.

    Args:
        command: its name and arguments.
        install: the command that installs it.
        progress: called with the text of the phase, about ten times a second; it may raise an exception to give up.
        phase: the text of the phase that a line of its standard error begins, or None if it begins none.
        explain: an error with a sentence that says what its standard error means, if it has failed; None if it is unknown.
        variables: additions to the environment.
        output: a new file for its standard output.
        mounts: it is run by root and mounts something: run it in namespaces of its own.

    Raises:
        UsageError: the program is missing, or the new file cannot be made.
        UartsimError: it failed (or what ``explain`` returns); the message has its last lines, and names the file that has all.
    """
    program = find_tool(command[0], install)
    apart = _namespaces() if mounts else []
    setpriv = [find_tool("setpriv", _UTIL_LINUX), "--pdeathsig", "KILL" if apart else "TERM", "--"]
    watched = [*setpriv, *apart, program, *command[1:]]
    written = NewFile(str(output), "output")
    try:
        child = subprocess.Popen(
            watched,
            stdin=subprocess.DEVNULL,
            stdout=written.fd,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C.UTF-8", **variables},
            start_new_session=True,
        )
    finally:
        os.close(written.fd)
    assert child.stderr is not None
    with child.stderr:
        try:
            said = _follow(child, progress, phase)
            status = child.wait()
        finally:
            _end(child, apart=bool(apart))
    if status:
        how = f"status {status}" if status > 0 else f"signal {signal.Signals(-status).name}"
        error = explain(said) or UartsimError(f"{command[0]} failed")
        raise type(error)(f"{error} ({how}):\n  {_last_lines(said)}\nall that {command[0]} said is in {_kept(said)}")


def _follow(child: subprocess.Popen[bytes], progress: Progress, phase: Callable[[str], str | None]) -> str:
    """Read a program's standard error until it has ended, whatever its children do; returns it."""
    said, seen, text = bytearray(), 0, ""
    stderr = child.stderr
    assert stderr is not None
    os.set_blocking(stderr.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(stderr, selectors.EVENT_READ)
        while True:
            ended = child.poll() is not None
            if selector.select(0 if ended else TICK_S):
                data = os.read(stderr.fileno(), _PIPE_BYTES)
                if not data:
                    return said.decode(errors="replace")
                said += data
                while (end := said.find(b"\n", seen)) >= 0:
                    line, seen = said[seen:end].decode(errors="replace"), end + 1
                    text = phase(line) or text
            elif ended:
                return said.decode(errors="replace")
            if text:
                progress(text)


def _namespaces() -> list[str]:
    """The command that runs another one in namespaces of its own; empty where that is not possible."""
    unshare = [find_tool("unshare", _UTIL_LINUX), "--mount", "--pid", "--fork", "--kill-child"]
    for propagation in ([], ["--propagation", "unchanged"]):  # the first needs a root directory that is a mount point
        command = [*unshare, *propagation, "--"]
        if not subprocess.run(
            [*command, "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False
        ).returncode:
            return command
    return []


def _end(child: subprocess.Popen[bytes], *, apart: bool) -> None:
    """Make sure that a program has ended with all that it has started; outside namespaces of its own it may clean up."""
    if child.poll() is None and not apart:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(FAREWELL_S)
    running = child.poll() is None
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    if running and apart and child.stderr is not None:
        os.set_blocking(child.stderr.fileno(), True)
        while child.stderr.read(_PIPE_BYTES):  # up to the end, when the last of them is gone
            pass


def _last_lines(said: str) -> str:
    return "\n  ".join(printable(line) for line in said.splitlines()[-_LAST_LINES:])


def _kept(said: str) -> str:
    """Keep what a program has said in a new file; returns the file's path."""
    path = os.path.join(tempfile.gettempdir(), f"uartsim-build-{os.getpid()}-{time.time_ns() // 1000}.log")
    log = NewFile(path, "log")
    with open(log.fd, "w", encoding="utf-8") as file:
        file.write(said)
    return path
