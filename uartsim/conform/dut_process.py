"""A device under test that is a process: it ends when we do, however we end.

It runs below :mod:`uartsim.guest.reaper`, like every process of a guest.  :class:`uartsim.guest.child.Child` does not fit
here: it needs trio, while the tests of a device wait for one answer after the other; and it gives a command no pipes.

Standard error is kept, so that the message about a process that has ended can say why.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from uartsim.guest import reaper

#: How long :meth:`WatchedProcess.close` waits for the reaper before it kills it, in seconds.
_END_TIMEOUT_S: Final = reaper.PATIENCE_S + 1.0
#: The reaper gives its command no standard input, and keeps standard output open itself, so that we would never see the
#: end of it.  This program puts two other descriptors there (arguments: both descriptors, then the command).
_WITH_PIPES: Final = """
import os, sys
try:
    for number in (0, 1):
        os.dup2(int(sys.argv[1 + number]), number)
    for number in sys.argv[1:3]:
        os.close(int(number))
    os.execvp(sys.argv[3], sys.argv[3:])
except OSError as error:
    os.write(2, f"{sys.argv[3]}: {error.strerror}\\n".encode())
    os._exit(127)
"""


class WatchedProcess:
    """A command below a reaper.

    Args:
        command: the program, looked up in PATH, and its arguments.
        pipes: its standard input and output; without them it reads nothing and its output is thrown away.
        pass_fds: further descriptors that it inherits, under the same numbers.
        folder: for its files; a new temporary folder if not given.

    Attributes:
        folder: for its files; removed by :meth:`close`, or by the reaper if we are killed.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        pipes: tuple[int, int] | None = None,
        pass_fds: Sequence[int] = (),
        folder: tempfile.TemporaryDirectory[str] | None = None,
    ) -> None:
        self._folder = folder or tempfile.TemporaryDirectory(prefix="uartsim-dut-")
        self.folder = Path(self._folder.name)
        inherited = list(pass_fds)
        if pipes is not None:
            inherited += pipes
            command = [sys.executable, "-I", "-S", "-c", _WITH_PIPES, *map(str, pipes), *command]
        ours = [str(os.getpid()), "-1", ",".join(map(str, inherited)), str(self.folder)]
        with (self.folder / "stderr").open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", reaper.__file__, *ours, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
                pass_fds=inherited,
            )

    @property
    def reaper_pid(self) -> int:
        """The process id of the reaper."""
        return self._process.pid

    def wait(self, timeout_s: float) -> int | None:
        """Its exit status (128 + N if signal N ended it, 127 if it could not be started); None if it still runs."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout_s)
        return None

    def last_words(self) -> str:
        """The last line that it wrote to standard error, or an empty string."""
        with suppress(OSError):
            lines = (self.folder / "stderr").read_text(errors="replace").strip().splitlines()
            return lines[-1].strip() if lines else ""
        return ""

    def close(self) -> None:
        """End the process and everything that it started; may be called again."""
        life_line = self._process.stdin
        if life_line is not None and not life_line.closed:
            with suppress(OSError):
                life_line.write(b"end")
                life_line.flush()
            with suppress(OSError):
                life_line.close()
        if self.wait(_END_TIMEOUT_S) is None:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()
