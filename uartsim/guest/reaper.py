"""The reaper: a small helper process that makes sure that no process of a guest outlives uartsim.

A guest that is a real process (QEMU, or agetty and the shell behind it) must end with uartsim, even when uartsim is
ended by ``kill -9`` and has no chance to clean up.  So every such process is started through this program, which uartsim
runs as ``python -I -S reaper.py PARENT_PID TTY_FD OTHER_FDS FOLDER COMMAND...`` (see :mod:`uartsim.guest.child`):

- Standard input is the read end of the *life line*, a pipe whose write end only uartsim holds.  A byte means that
  uartsim wants the command to end; end of file means that uartsim has ended.  A process descriptor (pidfd) of uartsim
  reports its end as well, in case a process forked from uartsim has kept the write end open.
- When uartsim has ended, the reaper removes FOLDER, which uartsim cannot do any more.
- The reaper is a *child subreaper* (prctl(2)): every process that the command starts remains below it, even one that
  made its own session or lost its parent.  At the end the reaper kills all processes below it, until none is left.
- If the reaper itself is killed, the command gets SIGKILL by PR_SET_PDEATHSIG.  The kernel sends that signal when the
  *thread* that forked ends, so it could not be used in uartsim, where trio's worker threads come and go; the reaper has
  only one thread.

The exit status is the command's, or 128 + N if signal N ended it; 127 if it could not be started.

To start within a few hundredths of a second, this program imports only the standard library until it removes a folder.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

#: The exit status when the command could not be started.
CANNOT_START: Final = 127
#: How long the reaper tries to end the processes below it before it gives up, in seconds.
PATIENCE_S: Final = 5.0

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_TIOCSCTTY: Final = 0x540E


def exit_status(wait_status: int) -> int:
    """The exit status as shells report it: the command's, or 128 + the number of the signal that ended it."""
    code = os.waitstatus_to_exitcode(wait_status)
    return code if code >= 0 else 128 - code


def descendants(ancestor: int) -> list[int]:
    """The process IDs of all processes below ``ancestor``, from /proc."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as stat:
                fields = stat.read().rpartition(b")")[2].split()  # a command's name may hold spaces and parentheses
        except OSError:
            continue
        if len(fields) > 1:
            children.setdefault(int(fields[1]), []).append(int(name))
    found: list[int] = []
    waiting = [ancestor]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _kill(pid: int) -> None:
    """Send SIGKILL to a process, or to a process group if ``pid`` is negative."""
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # it has ended already, or is a set-user-ID program that we may not kill


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def remove(folder: Path) -> None:
    """Remove a folder, unless something is mounted in it: a program may have left a mount, of any file system."""
    package = Path(__file__).resolve().parents[1]
    if str(package.parent) not in sys.path:  # python -I -S finds only the standard library
        sys.path.insert(0, str(package.parent))
    from uartsim.own_files.trees import remove_tree  # imported here to keep the start of a guest fast

    with contextlib.suppress(OSError):
        remove_tree(str(folder))


class Reaper:
    """Runs one command, and ends it with every process that it started when the life line breaks.

    Args:
        parent: the process ID of uartsim.
        life_line: a descriptor that becomes readable when uartsim wants the command to end, or has ended itself.
    """

    def __init__(self, parent: int, life_line: int) -> None:
        self._parent = parent
        self._status: int | None = None
        self._life_line = life_line
        self._poll = select.poll()
        self._poll.register(life_line, select.POLLIN)
        self._child_ended, wake_up = os.pipe()
        os.set_blocking(self._child_ended, False)
        os.set_blocking(wake_up, False)
        signal.set_wakeup_fd(wake_up)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # these are meant for uartsim, which uses the life line to end us
        self._poll.register(self._child_ended, select.POLLIN)
        try:
            self._parent_ended = os.pidfd_open(parent)
        except OSError:  # a kernel before 5.3, or a sandbox that forbids it: the life line has to suffice
            self._parent_ended = -1
        else:
            self._poll.register(self._parent_ended, select.POLLIN)

    def run(self, command: Sequence[str], tty_fd: int | None, other_fds: Sequence[int], folder: Path | None) -> int:
        """Run ``command`` until it ends, or until the life line breaks.

        Args:
            command: the program and its arguments.
            tty_fd: a tty that becomes the command's controlling terminal and its standard streams; with None it has
                no terminal, an empty standard input, and our standard output and error.
            other_fds: further descriptors for the command; the reaper closes its copies, so as not to keep them open.
            folder: a folder to remove at the end if the parent has ended.

        Returns:
            The exit status, see :func:`exit_status`.
        """
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        if os.getppid() != self._parent:
            return 128 + signal.SIGKILL  # the parent ended before we could watch it
        reaper_pid = os.getpid()
        try:
            command_pid = os.fork()
        except OSError as error:
            os.write(2, b"cannot start " + os.fsencode(f"{command[0]}: {error.strerror}\n"))
            return CANNOT_START
        if command_pid == 0:
            become(command, tty_fd, reaper_pid)
        for descriptor in (*other_fds, *(() if tty_fd is None else (tty_fd,))):
            os.close(descriptor)
        wanted = True
        ready: set[int] = set()
        while wanted and self._status is None:
            ready = {descriptor for descriptor, _ in self._poll.poll()}
            wanted = ready <= {self._child_ended}
            self._collect(command_pid)
        self._end_all(command_pid)
        if folder is not None and not wanted and self._parent_has_ended(ready):
            remove(folder)
        return 128 + signal.SIGKILL if self._status is None else self._status

    def _parent_has_ended(self, ready: set[int]) -> bool:
        return self._parent_ended in ready or not os.read(self._life_line, 1)

    def _collect(self, command_pid: int) -> None:
        """Collect the children that have ended, and note the command's status if it is one of them."""
        try:
            while os.read(self._child_ended, 512):
                pass
        except BlockingIOError:
            pass
        while True:
            try:
                pid, wait_status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == command_pid:
                self._status = exit_status(wait_status)

    def _end_all(self, command_pid: int) -> None:
        """Kill all processes below the reaper, until none is left or :data:`PATIENCE_S` is over."""
        give_up_at = time.monotonic() + PATIENCE_S
        while True:
            self._collect(command_pid)
            try:  # is anything left?
                os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if time.monotonic() > give_up_at:
                return
            try:
                below = descendants(os.getpid())
            except OSError:  # /proc is not mounted
                below = [-command_pid]
            for pid in below:
                _kill(pid)
            select.select([self._child_ended], [], [], 0.02)


def become(command: Sequence[str], tty_fd: int | None, reaper_pid: int) -> NoReturn:
    """In the child process: make a session, set up the terminal and the signals, and execute ``command``."""
    try:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != reaper_pid:  # the reaper was killed before PR_SET_PDEATHSIG took effect
            os._exit(128 + signal.SIGKILL)
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if tty_fd is None:
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, 0)
        else:
            import fcntl

            fcntl.ioctl(tty_fd, _TIOCSCTTY, 0)
            for descriptor in (0, 1, 2):
                os.dup2(tty_fd, descriptor)
            if tty_fd > 2:
                os.close(tty_fd)
        os.execvp(command[0], list(command))
    except OSError as error:
        os.write(2, b"cannot start " + os.fsencode(f"{command[0]}: {error.strerror}\n"))
    finally:
        os._exit(CANNOT_START)


def main(arguments: Sequence[str]) -> int:
    """Run the program with the arguments ``PARENT_PID TTY_FD OTHER_FDS FOLDER COMMAND...``; returns the exit status.

    A TTY_FD of -1 means no terminal, an empty FOLDER no folder; OTHER_FDS are separated by commas, and may be empty.
    """
    parent, tty, others, folder, *command = arguments
    tty_fd = int(tty) if int(tty) >= 0 else None
    other_fds = [int(number) for number in others.split(",") if number]
    return Reaper(int(parent), 0).run(command, tty_fd, other_fds, Path(folder) if folder else None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
