"""Where the cursor of a terminal stands after some output: what N_TTY keeps to erase tabs, and readline to move."""

from __future__ import annotations


def is_control(byte: int) -> bool:
    """Whether a terminal shows nothing for it (iscntrl in the C locale)."""
    return byte < 0x20 or byte == 0x7F


def characters(data: bytes, *, utf8: bool = True) -> list[bytes]:
    """``data`` cut into characters: bytes, or UTF-8 sequences."""
    if not utf8:
        return [bytes((byte,)) for byte in data]
    result: list[bytes] = []
    for byte in data:
        if byte & 0xC0 == 0x80 and result:
            result[-1] += bytes((byte,))
        else:
            result.append(bytes((byte,)))
    return result


def after(column: int, character: bytes, *, echoctl: bool = False) -> int:
    """The column behind one character; control characters count 2 where they are shown as ``^X``."""
    byte = character[0]
    if byte == 0x09:
        return (column | 7) + 1
    if is_control(byte):
        return column + 2 if echoctl else column
    return column + 1


def after_all(column: int, data: bytes) -> int:
    """The column behind plain output, in which CR, LF and backspace move."""
    last = max(data.rfind(b"\r"), data.rfind(b"\n"))
    if last >= 0:
        column, data = 0, data[last + 1 :]
    for byte in data:
        if byte == 0x08:
            column = max(0, column - 1)
        elif byte == 0x09:
            column = (column | 7) + 1
        elif byte >= 0x20 and byte != 0x7F and byte & 0xC0 != 0x80:
            column += 1
    return column


def expand_tabs(column: int, data: bytes) -> bytes:
    """``data`` with every tab as the spaces it stands for."""
    result = bytearray()
    start = column
    for byte in data:
        if byte == 0x09:
            here = after_all(start, bytes(result))
            result += b" " * ((here | 7) + 1 - here)
        else:
            result.append(byte)
    return bytes(result)
