"""The column in which a terminal's cursor stands after some output; N_TTY needs it to erase tabs."""

from __future__ import annotations


def is_control(byte: int) -> bool:
    """Whether ``byte`` is a control character (iscntrl(3) in the C locale)."""
    return byte < 0x20 or byte == 0x7F


def characters(data: bytes, *, utf8: bool = True) -> list[bytes]:
    """``data`` cut into characters: UTF-8 sequences, or bytes without ``utf8``."""
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
    """The column after one character; with ``echoctl`` a control character is shown as ``^X`` and takes two."""
    byte = character[0]
    if byte == 0x09:
        return (column | 7) + 1
    if is_control(byte):
        return column + 2 if echoctl else column
    return column + 1


def after_all(column: int, data: bytes) -> int:
    """The column after plain output, in which CR, LF and backspace move the cursor."""
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
    """``data`` with spaces in place of each tab; the output begins in ``column``."""
    result = bytearray()
    start = column
    for byte in data:
        if byte == 0x09:
            here = after_all(start, bytes(result))
            result += b" " * ((here | 7) + 1 - here)
        else:
            result.append(byte)
    return bytes(result)
