"""A line without a machine, for tests of the console alone; and guests of a few lines, for tests with one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import trio
import trio.testing

from uartsim.console.console import Console


class FakeClient:
    """A line whose guest is the test: it says things, and sees what was typed."""

    def __init__(self) -> None:
        self._said: list[bytes] = []
        self._ended = False
        self._news = trio.lowlevel.ParkingLot()
        self._keys = trio.lowlevel.ParkingLot()
        self.typed = b""
        self.events: list[bytes | float] = []
        self.secrets: list[bytes] = []
        self.detached = False
        self.missed = 0

    def say(self, data: bytes) -> None:
        self._said.append(data)
        self._news.unpark_all()

    async def wait_typed(self, characters: int) -> None:
        """Until so many have been typed."""
        while len(self.typed) < characters:
            await self._keys.park()

    async def wait_enters(self, count: int) -> None:
        """Until Enter has been pressed so many times."""
        while self.typed.count(b"\r") < count:
            await self._keys.park()

    def end(self) -> None:
        self._ended = True
        self._news.unpark_all()

    async def receive(self) -> bytes:
        await trio.lowlevel.checkpoint()
        while not self._said and not self._ended:
            await self._news.park()
        return self.receive_nowait()

    def receive_nowait(self) -> bytes:
        return self._said.pop(0) if self._said else b""

    async def send(self, data: bytes, *, secret: bool = False) -> None:
        await trio.lowlevel.checkpoint()
        if secret:
            self.secrets.append(data)
        self.typed += data
        self._keys.unpark_all()
        self.events.append(data)

    async def send_break(self, duration_s: float = 0.25) -> None:
        await trio.sleep(duration_s)
        self.events.append(duration_s)

    def detach(self) -> None:
        self.detached = True


class FakeMachine:
    """Buttons that remember that they were pressed."""

    name = "fake"

    def __init__(self) -> None:
        self.guest: object = None
        self.ended: object = None
        self.pressed: list[str] = []

    async def reset(self) -> None:
        await trio.lowlevel.checkpoint()
        self.pressed.append("reset")

    async def nmi(self) -> None:
        await trio.lowlevel.checkpoint()
        self.pressed.append("nmi")


Scenario = Callable[[Console, FakeClient, FakeMachine], Awaitable[None]]


def run_virtually(
    scenario: Scenario, timeout: float | None = 30.0, timeout_scale: float = 1.0, allow: Iterable[str] = ()
) -> float:
    """Run a test against a fake line in virtual time; returns how many seconds of it passed."""

    async def main() -> float:
        client, machine = FakeClient(), FakeMachine()
        console = Console(client, machine, timeout=timeout, timeout_scale=timeout_scale, allow=allow)
        failure: BaseException | None = None
        begin = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(console.follow)
            try:
                await scenario(console, client, machine)
            except BaseException as error:
                failure = error
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure
        return trio.current_time() - begin

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def write_guest(folder: Path, body: str, settings: str = "", needs: str = "") -> Path:
    """A guest's folder, whose script has opened its port before ``body``."""
    folder.mkdir(parents=True)
    (folder / "guest.toml").write_text(
        f'[guest]\nkind = "script"\ndescription = "for a test"\n{needs}\n'
        f'[script]\nfile = "guest.py"\n[settings]\n{settings}\n'
    )
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    (folder / "guest.py").write_text(
        f"import trio\n\n\nasync def main(host):\n    tty = host.tty\n    tty.open()\n{lines}"
    )
    return folder
