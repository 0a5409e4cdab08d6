"""Command Prompt channels: the login, the session behind it, its time-out, and SAC's ``lock``.

A channel has a window for the login and one for the session.  The first is shown until somebody has logged on, and again
when the channel is locked; the session goes on behind it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import trio

from ..disk.local_users import Token
from ..system.running_windows import RunningWindows
from ..terminal.console_window import ConsoleWindow
from ..terminal.text_terminal import Interrupted
from .sac_channels import COMMAND_APPLICATION, Channel, ChannelSwitch

#: Runs a session in a window, until it ends.
Session = Callable[[ConsoleWindow, Token], Awaitable[None]]
#: How long a wrong password is considered, in seconds; scaled.
FAIL_DELAY_S: Final = 2.0


class CommandChannels:
    """All Command Prompt channels.

    Args:
        windows: the running system.
        switch: the channels.
        session: what runs once somebody has logged on.
        tell: says at SAC's prompt what has happened.
    """

    def __init__(
        self,
        windows: RunningWindows,
        switch: ChannelSwitch,
        session: Session,
        tell: Callable[[str], Awaitable[None]],
    ) -> None:
        self._windows = windows
        self._switch = switch
        self._session = session
        self._tell = tell
        self._doors: list[_Door] = []
        #: Whether `cmd` can make one.
        self.available = False

    def open(self, nursery: trio.Nursery) -> str:
        """Make a channel and start its login.

        Returns:
            Its name.

        Raises:
            ChannelError: there are too many.
        """
        scope = trio.CancelScope()
        channel = self._switch.open("Cmd", "Command", COMMAND_APPLICATION, scope.cancel)
        door = _Door(self._windows, self._switch, channel)
        self._doors.append(door)
        nursery.start_soon(self._run, door, scope)
        return channel.name

    async def lock(self) -> int:
        """Let nobody use a session before he has logged on again; returns how many are locked."""
        for door in self._doors:
            await door.lock()
        return len(self._doors)

    async def _run(self, door: _Door, scope: trio.CancelScope) -> None:
        process = self._windows.tasks.start("sacsess.exe")
        channel, timed_out = door.channel, False
        with scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._run_session, door, nursery.cancel_scope)
                nursery.start_soon(door.run)
                if self._windows.settings.session_timeout:
                    await door.idle_for(self._windows.settings.session_timeout)
                    timed_out = True
                    nursery.cancel_scope.cancel()
        self._windows.tasks.end(process.pid)
        self._doors.remove(door)
        await self._switch.forget(channel)
        why = "  It was not used for too long." if timed_out else ""
        await self._tell(f"EVENT:   A channel has been closed.{why}\nChannel: {channel.name}")

    async def _run_session(self, door: _Door, scope: trio.CancelScope) -> None:
        await door.opened.wait()
        assert door.token is not None
        await self._session(door.session_window, door.token)
        scope.cancel()


class _Door:
    """The login of one channel."""

    def __init__(self, windows: RunningWindows, switch: ChannelSwitch, channel: Channel) -> None:
        self.channel = channel
        self.session_window = channel.new_window()
        self.token: Token | None = None
        self.opened = trio.Event()
        self._windows = windows
        self._switch = switch
        self._closed = trio.Event()
        self._closed.set()

    async def idle_for(self, seconds: float) -> None:
        """Wait until no key has been pressed for so long, in either window."""
        while True:
            window = self.channel.window
            await window.idle_for(seconds)
            if window is self.channel.window:
                return

    async def lock(self) -> None:
        """Show the login."""
        if self.token is not None and self.channel.window is self.session_window:
            self.channel.window = self.channel.new_window()
            self._closed.set()
            await self._switch.refresh(self.channel)

    async def run(self) -> None:
        """Log people on; never returns."""
        while True:
            await self._closed.wait()
            self._closed = trio.Event()
            window = self.channel.window
            self.token = await self._log_on(window)
            self.session_window.last_key_s = trio.current_time()
            self.channel.window = self.session_window
            window.give_keys_to(self.session_window)
            if not self.opened.is_set():
                self.opened.set()
            await self._switch.refresh(self.channel)

    async def _log_on(self, window: ConsoleWindow) -> Token:
        while True:
            await window.write("Please enter login credentials.\n")
            try:
                await window.write("Username: ")
                user = await window.read_line()
                await window.write("Domain  : ")
                domain = await window.read_line()
                await window.write("Password: ")
                password = await window.read_line(mask="*")
            except Interrupted:
                continue
            token = self._windows.disk.users.log_on(user, domain, password)
            if token is None:
                await trio.sleep(self._windows.settings.scaled(FAIL_DELAY_S))
                await window.write("\nThe user name or password is incorrect.\n\n")
            elif self.token is not None and token.user != self.token.user:
                await window.write(f"\nThis session belongs to {self.token.user}, who alone can unlock it.\n\n")
            else:
                return token
