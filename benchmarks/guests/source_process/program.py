"""A program on a tty that sends as many bytes as it is asked for: a decimal number and a line feed."""

from __future__ import annotations

import os
import termios
import tty

CHUNK = bytes(range(32, 96)) * 1024


def main() -> None:
    """Serve requests until the tty is gone."""
    tty.setraw(0, termios.TCSANOW)
    os.write(1, b"+")  # ready: what came before went to a tty that was not open yet
    asked = b""
    try:
        while data := os.read(0, 65536):
            asked += data
            while b"\n" in asked:
                number, _, asked = asked.partition(b"\n")
                left = int(number)
                while left:
                    left -= os.write(1, CHUNK[:left])
    except OSError:
        pass


if __name__ == "__main__":
    main()
