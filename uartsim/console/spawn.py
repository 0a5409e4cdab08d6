"""A pty through which scripts that were written for pexpect talk to the guest."""

from __future__ import annotations

import os
import select
import tty
from typing import TYPE_CHECKING, Any, Final

import trio

from uartsim.console.session import Session
from uartsim.errors import UartsimError, UsageError
from uartsim.machine.ticker import is_virtual

if TYPE_CHECKING:
    from pexpect.fdpexpect import fdspawn

_CHUNK: Final = 4096
#: The interval at which it is checked whether a script has read a guest's last output, in seconds.
_LOOK_S: Final = 0.01
#: How many bytes may wait for a script that does not read; further ones are not passed on to it.
_MOST_WAITING: Final = 1 << 24


class Spawn:
    """``spawn`` of a console.

    Args:
        session: the console's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def spawn(self, **options: Any) -> fdspawn[Any]:
        """See ``Console.spawn``."""
        __tracebackhide__ = True
        session, received = self._session, self._session.received
        session.check_running("spawn()")
        if is_virtual():
            raise UsageError(
                "spawn(): pexpect waits in real time and this console's clock is virtual; use clock='real'"
            )
        if session.background is None:
            raise UsageError("spawn(): this console does not receive; open it with open_console()")
        try:
            from pexpect import fdpexpect
        except ImportError:
            raise UsageError("spawn() needs pexpect, which is not installed: pip install pexpect") from None
        try:
            master, slave = os.openpty()
        except OSError as error:
            raise UartsimError(
                f"spawn(): there is no pty for it: {error.strerror}; end programs that use ptys"
            ) from None
        tty.setraw(slave)
        os.set_blocking(master, False)
        session.take_all()
        feed = _Feed(received.transcript.raw_between(received.matcher.position, received.transcript.text_end))
        received.feeds.add(feed)
        session.background.start_soon(self._carry, master, os.ttyname(slave), feed)
        spawned: fdspawn[Any] = fdpexpect.fdspawn(slave, **options)
        spawned.linesep = "\r" if options.get("encoding") else b"\r"
        return spawned

    async def _carry(self, master: int, path: str, feed: _Feed) -> None:
        try:
            async with trio.open_nursery() as nursery:

                @nursery.start_soon
                async def _() -> None:
                    await self._carry_in(master)
                    nursery.cancel_scope.cancel()

                await self._carry_out(master, feed)
                await _until_read(path)
                nursery.cancel_scope.cancel()
        finally:
            self._session.received.feeds.discard(feed)
            trio.lowlevel.notify_closing(master)
            os.close(master)

    async def _carry_out(self, master: int, feed: _Feed) -> None:
        """Pass what the guest sends to the script, until the guest has ended."""
        while True:
            while feed.data:
                try:
                    del feed.data[: os.write(master, feed.data[:_CHUNK])]
                except BlockingIOError:
                    await trio.lowlevel.wait_writable(master)
                except OSError:
                    return
            if self._session.ended:
                return
            await self._session.more()

    async def _carry_in(self, master: int) -> None:
        """Pass what the script types to the guest, until the script closes its end."""
        while True:
            await trio.lowlevel.wait_readable(master)
            try:
                data = os.read(master, _CHUNK)
            except BlockingIOError:
                continue
            except OSError:
                return
            if not data or self._session.ended or self._session.closed:
                return
            await self._session.send(data)


async def _until_read(path: str) -> None:
    """Wait until a tty's reader has read everything: what is left when the master closes is lost.

    poll(2) also sees what is still in the tty's other buffers; FIONREAD does not.
    """
    slave = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        while select.select([slave], [], [], 0)[0]:
            await trio.sleep(_LOOK_S)
    finally:
        os.close(slave)


class _Feed:
    """Output that waits for a script."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)

    def put(self, data: bytes) -> None:
        if len(self.data) < _MOST_WAITING:
            self.data += data
