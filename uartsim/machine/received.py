"""What a driver hands on of what it has received."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Flag(Enum):
    """What is special about received data (Linux: TTY_NORMAL and its kin)."""

    NORMAL = "normal"
    BREAK = "break"
    PARITY = "parity"
    FRAMING = "framing"
    OVERRUN = "overrun"


class Received(NamedTuple):
    """A run of good characters, or one flagged one.

    A break's data is one NUL.  An overrun's is empty: it stands where one or more characters are missing.
    """

    data: bytes
    flag: Flag
