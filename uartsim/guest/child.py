"""Running a command that ends when uartsim ends, with every process that it started.

The command runs below a reaper (:mod:`uartsim.guest.reaper`), which ends it when the life line, a pipe from uartsim,
breaks: because :meth:`Child.end` closes the pipe, or because uartsim has ended for any reason.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

import trio

from uartsim.errors import UartsimError
from uartsim.guest import reaper

#: How much of the command's output (standard output and error) is kept, in bytes from its end.
KEPT_OUTPUT_BYTES: Final = 4096
#: How long :meth:`Child.end` waits for the reaper before it kills the reaper too, in seconds.
END_TIMEOUT_S: Final = reaper.PATIENCE_S + 1.0


class Child:
    """A running command.  :meth:`start` makes it; :meth:`end`, or leaving an ``async with`` block, ends it."""

    def __init__(self, process: trio.Process) -> None:
        assert process.stdin is not None
        assert isinstance(process.stdout, trio.lowlevel.FdStream)
        self._process = process
        self._life_line = process.stdin
        self._output = process.stdout
        self._kept: deque[bytes] = deque()
        self._kept_bytes = 0

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        tty_fd: int | None = None,
        pass_fds: Sequence[int] = (),
        env: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> Child:
        """Start ``command`` in a session of its own.

        Args:
            command: the program, looked up in PATH, and its arguments.
            tty_fd: a tty that becomes its controlling terminal and its standard streams; with None it has no terminal,
                its standard input is empty, and its output is kept for :meth:`last_output`.
            pass_fds: further descriptors that it inherits, under the same numbers.
            env: its environment; with None it has ours.
            folder: a folder that the reaper removes, with everything in it, if uartsim is killed.

        Raises:
            UartsimError: the reaper cannot be started.  (If only the command cannot be started, it ends at once with
                status 127, and :meth:`last_output` gives the reason.)
        """
        inherited = (*pass_fds, *(() if tty_fd is None else (tty_fd,)))
        tty = str(-1 if tty_fd is None else tty_fd)
        others = ",".join(map(str, pass_fds))
        arguments = [str(os.getpid()), tty, others, "" if folder is None else str(folder), *command]
        try:
            process = await trio.lowlevel.open_process(
                [sys.executable, "-I", "-S", reaper.__file__, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=inherited,
                env=env,
            )
        except OSError as error:
            raise UartsimError(f"cannot start {sys.executable} to supervise {command[0]}: {error.strerror}") from error
        return cls(process)

    async def wait(self) -> int:
        """Wait until the command, and every process that it left behind, has ended.

        Meanwhile its output is read, so that the command never blocks on a full pipe.

        Returns:
            Its exit status, or 128 + N if signal N ended it; 127 if it could not be started.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._take_in_output)
            code = await self._process.wait()
            # The last output is in the pipe.  No process should hold its other end now; if one does, do not wait for it.
            nursery.cancel_scope.deadline = trio.current_time() + 0.25
        self._take_in_rest()
        return code if code >= 0 else 128 - code

    async def _take_in_output(self) -> None:
        try:
            async for data in self._output:
                self._keep(bytes(data))
        except trio.ClosedResourceError:
            pass  # end() has closed the pipe

    def _take_in_rest(self) -> None:
        """Read what is in the pipe: on a busy machine the deadline may have passed before the reading task had a turn."""
        with contextlib.suppress(OSError):  # BlockingIOError: nothing more is there; or end() has closed the pipe
            while data := os.read(self._output.fileno(), KEPT_OUTPUT_BYTES):
                self._keep(data)

    def _keep(self, data: bytes) -> None:
        self._kept.append(data)
        self._kept_bytes += len(data)
        while self._kept_bytes - len(self._kept[0]) >= KEPT_OUTPUT_BYTES:
            self._kept_bytes -= len(self._kept.popleft())

    def last_output(self) -> str:
        """The end of the output that :meth:`wait` has read, without white space around it."""
        return b"".join(self._kept)[-KEPT_OUTPUT_BYTES:].decode(errors="replace").strip()

    async def end(self) -> None:
        """End the command and every process that it started, and wait until they are gone.  This cannot be cancelled.

        It takes a few milliseconds, and at most :data:`END_TIMEOUT_S`.
        """
        with trio.CancelScope(shield=True):
            with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):  # the reaper has ended
                await self._life_line.send_all(b"end")
            await self._life_line.aclose()
            with trio.move_on_after(END_TIMEOUT_S):
                await self._process.wait()
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()
            await self._output.aclose()

    async def __aenter__(self) -> Child:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.end()
