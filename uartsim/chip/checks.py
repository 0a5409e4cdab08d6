"""What the chip takes from outside, checked: a bad argument is refused before anything changes.

Register numbers and bits may come as ``IntEnum`` or ``IntFlag``; a bool, a float or a string is a mistake of the
caller's.  Time is always a plain ``int`` number of ticks.
"""

from __future__ import annotations


def whole_number(name: str, value: object) -> int:
    """``value`` as a plain ``int``; TypeError that names it for anything else, a bool among it."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is {value!r}: use a whole number")
    return int(value)


def bits(name: str, value: int, mask: int) -> int:
    """``value`` as a plain ``int`` without bits outside ``mask``; TypeError or ValueError that names it."""
    number = whole_number(name, value)
    if number & ~mask:
        raise ValueError(f"{name} is {number}: use bits of 0x{mask:02X} only")
    return number


def octet(name: str, value: int) -> int:
    """``value`` as a plain ``int`` from 0 to 255; TypeError or ValueError that names it."""
    number = whole_number(name, value)
    if not 0 <= number <= 0xFF:
        raise ValueError(f"{name} is {number}: use 0 to 255")
    return number


def characters(data: bytes) -> bytes:
    """``data``, if it is bytes or a bytearray; TypeError that names it for anything else."""
    if not isinstance(data, (bytes, bytearray)):
        raise TypeError(f"characters are {data!r}: use bytes")
    return data


def ticks(name: str, value: int) -> int:
    """``value``, if it is a number of ticks; TypeError or ValueError that names it."""
    if type(value) is not int:
        raise TypeError(f"{name} is {value!r}: use ticks, a whole number")
    if value < 0:
        raise ValueError(f"{name} is {value}: use 0 or more ticks")
    return value


def one_of(name: str, value: object, choices: tuple[str, ...]) -> None:
    """ValueError that names the argument, unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise ValueError(f"{name} is {value!r}: use {', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}")


def boolean(name: str, value: object) -> None:
    """TypeError that names the argument, unless ``value`` is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}: use True or False")
