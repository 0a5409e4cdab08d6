"""The far end of a guest's line in tests, and guests made on the spot."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, ParamSpec

import trio

from tests.patience import is_running, patience
from uartsim.guest.catalogue import GuestDefinition
from uartsim.guest.make_guest import make_guest
from uartsim.guest.reaper import descendants
from uartsim.line_format import seconds_to_ticks
from uartsim.machine import AgentGuest, Machine, agent_of, open_machine
from uartsim.machine.sides import QuietFarEnd

P = ParamSpec("P")


def in_trio(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run an async test; one that hangs fails."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def limited() -> None:
            with trio.fail_after(patience(90)):
                await test(*args, **kwargs)

        trio.run(limited)

    return run


def guest(kind: str, folder: Path, settings: Mapping[str, Any] | None = None, **options: Any) -> GuestDefinition:
    """A guest as a manifest in ``folder`` would define it."""
    return GuestDefinition("test", kind, "a test's guest", folder, (), settings or {}, options)


async def wait_until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait for what nobody tells us of."""
    with trio.fail_after(patience(timeout_s)):
        while True:
            if condition():
                return
            await trio.sleep(0.01)


def names_in(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def name_of(pid: int) -> str:
    """The name of a running process."""
    return Path(f"/proc/{pid}/comm").read_text().strip()


@contextmanager
def owner_of_a_guest(code: str, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own that runs ``code``, and has said that its guest is up; killed at the end."""
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment}
    command = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, start_new_session=True) as owner:
        try:
            assert owner.stdout is not None
            assert owner.stdout.readline() == b"up\n"
            yield owner
        finally:
            with suppress(ProcessLookupError):
                os.killpg(owner.pid, signal.SIGKILL)


def family(pid: int, *wanted: str, timeout_s: float = 10.0) -> set[int]:
    """All below a process, as soon as programs with all of these names are among them."""
    give_up_at = time.monotonic() + patience(timeout_s)
    while True:
        found = {below: _name(below) for below in descendants(pid)}
        if all(any(name.startswith(want) for name in found.values()) for want in wanted):
            return set(found)
        assert time.monotonic() < give_up_at, f"{wanted} are not among {found}"
        time.sleep(0.01)


def _name(pid: int) -> str:
    try:
        return name_of(pid)
    except OSError:
        return ""


def left_after(pids: set[int], timeout_s: float = 2.0) -> set[int]:
    """Those of ``pids`` that still run after ``timeout_s``, or an empty set as soon as none does."""
    give_up_at = time.monotonic() + patience(timeout_s)
    while (left := {pid for pid in pids if is_running(pid)}) and time.monotonic() < give_up_at:
        time.sleep(0.01)
    return left


def alive_with(marker: str) -> list[int]:
    """The processes that have ``marker`` in their environment."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if marker.encode() in Path("/proc", name, "environ").read_bytes() and int(name) != os.getpid():
                found.append(int(name))
        except OSError:
            continue
    return found


class Line(QuietFarEnd):
    """Somebody at the far end: collects what the guest sends, and sends."""

    def __init__(self) -> None:
        self.received = b""
        self.logged: list[str] = []
        self._machine: Machine | None = None
        self._more = trio.Event()

    def open(self, definition: GuestDefinition, **options: Any) -> AbstractAsyncContextManager[Machine]:
        """A machine with this guest, and us at its line."""
        return open_machine(make_guest(definition), log=self.logged.append, prepare=self._listen, **options)

    def _listen(self, machine: Machine) -> None:
        self._machine = machine
        machine.com1.far_end = self

    @property
    def machine(self) -> Machine:
        """The machine at whose line we are."""
        assert self._machine is not None
        return self._machine

    @property
    def agent(self) -> AgentGuest:
        """The machine's guest agent."""
        return agent_of(self.machine)

    def output(self, data: bytes, at: int) -> None:
        """The guest has sent something."""
        self.received += data
        self._more.set()

    async def expect(self, wanted: bytes, timeout_s: float = 30.0) -> bytes:
        """Wait for ``wanted``; takes all up to its end and returns it."""
        with trio.move_on_after(patience(timeout_s)):
            while wanted not in self.received:
                self._more = trio.Event()
                await self._more.wait()
            end = self.received.index(wanted) + len(wanted)
            taken, self.received = self.received[:end], self.received[end:]
            return taken
        raise AssertionError(f"no {wanted!r} within {timeout_s} s, but {self.received[-2000:]!r}")

    def send(self, data: bytes) -> None:
        """Send, after what is queued already."""
        assert self._machine is not None
        self._machine.com1.far_send(data)

    def send_break(self, duration_s: float = 0.01) -> None:
        """A break, after what is queued already."""
        assert self._machine is not None
        self._machine.com1.far_break(seconds_to_ticks(duration_s))

    async def log_in(self) -> None:
        """From the login prompt to the shell's."""
        await self.expect(b"login: ")
        self.send(b"root\r")
        await self.expect(b"Password: ")
        self.send(b"toor\r")
        await self.expect(b":~# ")

    async def run(self, command: str) -> str:
        """A command in the shell; returns what it printed, without the echo."""
        self.send(command.encode() + b"\r")
        return (await self.expect(b":~# ")).decode().partition("\r\n")[2].rpartition("\r\n")[0]
