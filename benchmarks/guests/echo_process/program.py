"""A program on a tty that sends back what it receives; standard library only."""

from __future__ import annotations

import os
import termios
import tty


def main() -> None:
    """Echo until the tty is gone."""
    tty.setraw(0, termios.TCSANOW)
    os.write(1, b"+")  # ready: what came before went to a tty that was not open yet
    try:
        while data := os.read(0, 65536):
            while data:
                data = data[os.write(1, data) :]
    except OSError:
        pass


if __name__ == "__main__":
    main()
