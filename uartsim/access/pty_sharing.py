"""Which processes read a pty: two clients of one pty take each other's bytes, and are told so.

Each byte that comes out of a tty goes to one of its readers, by chance.  So some time after a client has come, this module
looks which processes have the pty open for reading.  ``/proc/PID/fd`` names them, as far as it may be read; where two
processes share one open file, as a shell and its child do, kcmp(2) says so, and they count as one.  The count of inotify
only says when to look: after this process was stopped for a while, it may include a client that has gone.
"""

from __future__ import annotations

import ctypes
import os
import platform
import stat
from typing import TYPE_CHECKING, Final, NamedTuple

import trio

if TYPE_CHECKING:
    from uartsim.access.pty import PtyAccess

#: Two clients share a pty if both have had it open for so long, in seconds: a shell's ``printf > LINK`` ends long before.
STAY_SECONDS: Final = 1.2
#: How long after a client has come the first look is, in seconds.
SETTLE_SECONDS: Final = 0.3
#: How often to look while there is a client, where inotify cannot tell of a second one, in seconds.
LOOK_SECONDS: Final = 5.0
#: How often the sentence is written, and the pause between, in seconds: each time one client gets it, by chance.
TELLINGS: Final = 2
TELLING_PAUSE: Final = 0.2
#: How many processes are looked at before other tasks get their turn.
_SLICE: Final = 16
_SYS_KCMP: Final = {"x86_64": 312, "aarch64": 272, "riscv64": 272}.get(platform.machine(), -1)
_KCMP_FILE: Final = 0


class OpenFile(NamedTuple):
    """A descriptor of the pty in some process."""

    pid: int
    fd: int
    reads: bool


async def find_open_files(path: str, own_fd: int) -> list[OpenFile]:
    """The descriptors of ``path`` in all processes that may be inspected, except ``own_fd`` of this process."""
    found: list[OpenFile] = []
    try:
        names = os.listdir("/proc")
    except OSError:  # no descriptor is left, or no /proc is there
        return found
    for number, name in enumerate(names):
        if not name.isdigit():
            continue
        if number % _SLICE == 0:
            await trio.lowlevel.checkpoint()
        folder = f"/proc/{name}/fd"
        try:
            fds = os.listdir(folder)
        except OSError:  # another user's, or gone
            continue
        for fd in fds:
            try:
                if os.readlink(f"{folder}/{fd}") == path and (int(name), int(fd)) != (os.getpid(), own_fd):
                    mode = os.lstat(f"{folder}/{fd}").st_mode
                    found.append(OpenFile(int(name), int(fd), bool(mode & stat.S_IRUSR)))
            except OSError:
                continue
    return found


def are_one(a: OpenFile, b: OpenFile) -> bool:
    """Whether two descriptors share one open file; where kcmp is missing, whether one process descends from the other."""
    libc = ctypes.CDLL(None)
    if _SYS_KCMP >= 0:
        order = libc.syscall(_SYS_KCMP, a.pid, b.pid, _KCMP_FILE, a.fd, b.fd)
        if order >= 0:
            return bool(order == 0)
    return a.pid == b.pid or b.pid in _ancestors(a.pid) or a.pid in _ancestors(b.pid)


def _ancestors(pid: int) -> list[int]:
    found: list[int] = []
    while pid > 1 and len(found) < 64:
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                pid = int(file.read().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            break
        found.append(pid)
    return found


def name_of(pid: int) -> str:
    """A process in words, such as ``picocom (1234)``."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            name = "".join(letter for letter in file.read().strip() if letter.isprintable())
    except OSError:
        name = "process"
    return f"{name} ({pid})"


class Sharing:
    """Detects that several clients read one pty, and tells them.

    Args:
        access: the pty.
    """

    def __init__(self, access: PtyAccess) -> None:
        self._access = access
        self._counted = 0
        self._told = False
        self._came = trio.Event()
        #: The processes that share it now, in words; empty while there is one client at most.
        self.sharers: list[str] = []

    def clients_changed(self) -> None:
        """Note that a client has come or gone."""
        opened = self._access.opened
        if opened > self._counted:
            self._came.set()
        elif self.sharers or not opened:
            self.sharers = []
            if opened:
                self._came.set()  # two may still be there
        self._counted = opened
        if not opened:
            self._told = False

    async def run(self) -> None:
        """Look after clients have come, until cancelled."""
        while True:
            await self._came.wait()
            await trio.sleep(SETTLE_SECONDS)
            self._came = trio.Event()
            await self._look()
            if self._access.device.watch < 0 and self._access.opened:
                with trio.move_on_after(LOOK_SECONDS):
                    await self._came.wait()
                self._came.set()

    async def _look(self) -> None:
        access = self._access
        if not access.opened:
            return
        path, presence = access.device.path, access.presence
        files = await self._distinct(path)
        if presence.opened < 2 and sum(file.reads for file in files) < 2:
            self.sharers = []
            return
        await trio.sleep(STAY_SECONDS)
        files = [file for file in await self._distinct(path) if file in files]
        readers = dict.fromkeys(file.pid for file in files if file.reads)  # a process that has opened it twice knows
        if len(readers) < 2 or not access.opened:
            self.sharers = []
            return
        self.sharers = [name_of(pid) for pid in readers]
        if not self._told:
            self._told = True
            await self._tell(path)

    async def _distinct(self, path: str) -> list[OpenFile]:
        """The pty's open files that can be seen, each once."""
        distinct: list[OpenFile] = []
        for file in await find_open_files(path, self._access.device.slave):
            if not any(are_one(file, other) for other in distinct):
                distinct.append(file)
        return distinct

    async def _tell(self, path: str) -> None:
        text = (
            f"{len(self.sharers)} clients read {path}: {', '.join(self.sharers)}. Each byte of the guest reaches only one "
            "of them; make another pty with 'uartsim pty', and everything reaches both"
        )
        if self._access.log is not None:
            self._access.log(text)
        for telling in range(TELLINGS):
            if telling:
                await trio.sleep(TELLING_PAUSE)
            self._access.say_to_all(text)
