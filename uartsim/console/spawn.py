"""The line as a tty of its own, in the hands of pexpect: for scripts that were written for it."""

from __future__ import annotations

import os
import select
import tty
from typing import TYPE_CHECKING, Any, Final

import trio

from uartsim.console.typing import TypingVerbs
from uartsim.errors import UartsimError, UsageError
from uartsim.machine.ticker import is_virtual

if TYPE_CHECKING:
    from pexpect.fdpexpect import fdspawn

_CHUNK: Final = 4096
#: How often one looks whether a script has read the last words of a guest, in seconds.
_LOOK_S: Final = 0.01
#: What may wait for a script that does not read, in bytes; what comes on top of it is not handed to it.
_MOST_WAITING: Final = 1 << 24


class SpawnVerbs(TypingVerbs):
    """``spawn``."""

    def spawn(self, **options: Any) -> fdspawn[Any]:
        """A pexpect ``fdspawn`` on a tty that carries this line, from what no match has consumed yet on.

        Its ``sendline`` ends with ``\\r``, as the Enter key does.  This console goes on to see what the guest sends;
        ``close()`` of the spawn ends it.  It blocks: in async code call its methods in a thread.

        Args:
            options: for ``fdspawn``: ``timeout``, ``encoding``, ``logfile``, ``maxread``, ...

        Raises:
            UsageError: pexpect is not installed, or the clock is virtual: pexpect waits in real time.
            GuestEnded, ConsoleClosed: as :meth:`send`.
        """
        __tracebackhide__ = True
        self._check_running("spawn()")
        if is_virtual():
            raise UsageError(
                "spawn(): pexpect waits in real time and this console's clock is virtual; use clock='real'"
            )
        if self._background is None:
            raise UsageError("spawn(): nobody follows this console; open it with open_console()")
        try:
            from pexpect import fdpexpect
        except ImportError:
            raise UsageError("spawn() needs pexpect, which is not installed: pip install pexpect") from None
        try:
            master, slave = os.openpty()
        except OSError as error:
            raise UartsimError(f"spawn(): there is no tty for it: {error.strerror}; end what uses ptys") from None
        tty.setraw(slave)
        os.set_blocking(master, False)
        self._take_all()
        feed = _Feed(self._transcript.raw_between(self._matcher.position, self._transcript.text_end))
        self._feeds.add(feed)
        self._background.start_soon(self._carry, master, os.ttyname(slave), feed)
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
            self._feeds.discard(feed)
            trio.lowlevel.notify_closing(master)
            os.close(master)

    async def _carry_out(self, master: int, feed: _Feed) -> None:
        """What the guest sends goes to the script, until the guest has ended."""
        while True:
            while feed.data:
                try:
                    del feed.data[: os.write(master, feed.data[:_CHUNK])]
                except BlockingIOError:
                    await trio.lowlevel.wait_writable(master)
                except OSError:
                    return
            if self._ended:
                return
            await self._arrived.wait()

    async def _carry_in(self, master: int) -> None:
        """What the script types goes to the guest, until the script closes its end."""
        while True:
            await trio.lowlevel.wait_readable(master)
            try:
                data = os.read(master, _CHUNK)
            except BlockingIOError:
                continue
            except OSError:
                return
            if not data or self._ended or self._closed:
                return
            await self._send(data)


async def _until_read(path: str) -> None:
    """Wait until nothing is left in a tty for its reader: what is there when its master closes is lost.

    poll(2) sees also what is still on its way through the tty's buffers, which FIONREAD does not.
    """
    slave = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        while select.select([slave], [], [], 0)[0]:
            await trio.sleep(_LOOK_S)
    finally:
        os.close(slave)


class _Feed:
    """What waits for a script."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)

    def put(self, data: bytes) -> None:
        if len(self.data) < _MOST_WAITING:
            self.data += data
