"""A person's terminal in raw mode, in which every key is passed on as it is typed (termios(3), cfmakeraw)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import termios
import tty

import trio


class RawTerminal:
    """A terminal in raw mode, as a context manager, which restores the terminal's settings.

    Attributes:
        keys: a non-blocking descriptor for the keys.
        screen: a non-blocking descriptor for the screen.

    Both are opened anew where possible: the given ones are shared with the shell, which would find them non-blocking.

    Args:
        input_fd: the terminal's keys.
        output_fd: the terminal's screen.
    """

    def __init__(self, input_fd: int, output_fd: int) -> None:
        self._terminal = input_fd
        self._before = termios.tcgetattr(input_fd)
        self._blocking: list[tuple[int, bool]] = []
        self.keys = self._own(input_fd, os.O_RDONLY)
        self.screen = self._own(output_fd, os.O_WRONLY)

    def _own(self, fd: int, mode: int) -> int:
        try:
            return os.open(f"/proc/self/fd/{fd}", mode | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:  # after su(1) the terminal is another user's: share the descriptor
            self._blocking.append((fd, os.get_blocking(fd)))
            os.set_blocking(fd, False)
            return os.dup(fd)

    def __enter__(self) -> RawTerminal:
        self.raw()
        return self

    def __exit__(self, *why: object) -> None:
        for fd, blocking in self._blocking:
            os.set_blocking(fd, blocking)
        os.close(self.keys)
        os.close(self.screen)
        self.cooked()

    def raw(self) -> None:
        """Switch to raw mode."""
        with contextlib.suppress(termios.error):  # the terminal may be gone
            tty.setraw(self._terminal, termios.TCSANOW)

    def cooked(self) -> None:
        """Restore the settings; a process in the background leaves them alone, because the terminal is the shell's."""
        with contextlib.suppress(OSError):  # it need not be our controlling terminal
            if os.tcgetpgrp(self._terminal) != os.getpgrp() and os.tcgetpgrp(self._terminal) > 0:
                return
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self._terminal, termios.TCSANOW, self._before)


def window_size(fd: int) -> tuple[int, int]:
    """Rows and columns of the terminal; 24 and 80 where it does not know them."""
    rows, columns, _, _ = struct.unpack("4H", fcntl.ioctl(fd, termios.TIOCGWINSZ, b"\0" * 8))
    return rows or 24, columns or 80


async def read_typed(fd: int) -> bytes:
    """Wait for what is typed at a terminal; ``b""`` once the terminal is gone."""
    while True:
        await trio.lowlevel.wait_readable(fd)
        try:
            return os.read(fd, 65536)
        except BlockingIOError:
            continue
        except OSError:
            return b""
