"""A program on a terminal of its own, whose other end the test holds."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import termios
import time
from pathlib import Path

from tests.access.rig import environment, wait_until
from tests.patience import patience
from uartsim.access.keys import ESCAPE, MENU


class Attached:
    """A program on a terminal of its own, whose other end is ours."""

    def __init__(self, runtime: Path, *command: str) -> None:
        self.master, self.slave = os.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("4H", 40, 132, 0, 0))
        settings = termios.tcgetattr(self.slave)
        settings[3] &= ~termios.ECHOCTL  # something that nobody would set by chance
        termios.tcsetattr(self.slave, termios.TCSANOW, settings)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            command,
            env=environment(runtime),
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.seen = b""
        os.set_blocking(self.master, False)

    def send(self, data: bytes) -> None:
        """Type; what comes to the screen meanwhile is read."""
        view = memoryview(data)
        while view:
            self.read(0)
            try:
                view = view[os.write(self.master, view) :]
            except BlockingIOError:
                select.select([self.master], [self.master], [], 20)

    def read(self, timeout_s: float) -> bool:
        """Read what has come to the screen; whether there was something."""
        if not select.select([self.master], [], [], timeout_s)[0]:
            return False
        self.seen += os.read(self.master, 65536)
        return True

    def expect(self, text: bytes, timeout_s: float = 20) -> None:
        """Wait until ``text`` has come to the screen; forget all up to it."""
        deadline = time.monotonic() + patience(timeout_s)
        while text not in self.seen:
            assert self.read(max(0, deadline - time.monotonic())), (text, self.seen[-2000:])
        self.seen = self.seen.partition(text)[2]

    def menu(self, key: bytes) -> None:
        """Press a key of the menu."""
        self.send(ESCAPE)
        self.expect(MENU.encode())
        self.send(key)

    def wait_raw(self) -> None:
        """Wait until it serves the terminal."""
        wait_until(lambda: termios.tcgetattr(self.slave)[3] & termios.ICANON == 0, "raw mode")

    def ended(self) -> int:
        """Wait for its end, whatever it still writes; its exit status."""
        wait_until(lambda: (self.read(0), self.process.poll() is not None)[1], "the end")
        return self.process.returncode

    def assert_as_before(self) -> None:
        """The terminal has its settings back, and whoever has it next finds it blocking."""
        assert termios.tcgetattr(self.slave) == self.before
        assert os.get_blocking(self.slave)

    def close(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for fd in {self.master, self.slave} - {-1}:
            os.close(fd)
