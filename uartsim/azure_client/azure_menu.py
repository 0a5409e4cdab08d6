"""The menu of ``az serial-console connect`` on Ctrl-], with its texts.

The real client takes a capital Y only, where it asks; here y is taken as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from uartsim.access.keys import ESCAPE

_QUIT: Final = "| q to quit Console | CTRL + ] to forward input |"
_LINUX: Final = "| Press n for NMI | s for SysRq | r to Reset VM |"
_WINDOWS: Final = "| Press n for NMI | r to Reset VM |"
_SYSRQ: Final = "Which SysRq command would you like to send? Press h for help: "
_CONFIRM: Final = {b"n": ("nmi", "Send an NMI to the VM? (Y/n): "), b"r": ("reset", "Reset the VM? (Y/n): ")}
_CANCEL: Final = (b"\x1b", b"\x03", b"\r", b"\n", b" ")


class AzureMenu:
    """The menu, for :class:`uartsim.access.keys.Keys`.

    It says ``ask`` a question, ``echo`` a key, ``clear`` (the menu line is done), ``nmi``, ``reset``, ``sysrq`` key,
    ``quit``, ``send`` a Ctrl-], ``unknown`` key.

    Args:
        is_windows: the guest is Windows, which has no SysRq.
    """

    def __init__(self, *, is_windows: bool) -> None:
        self.lines = (_WINDOWS if is_windows else _LINUX, _QUIT)
        self._is_windows = is_windows
        self._state = ""  # or "menu", "sysrq", or what is to be confirmed

    @property
    def is_open(self) -> bool:
        """Whether the next key is the menu's."""
        return bool(self._state)

    def open(self) -> None:
        """Ctrl-] was pressed."""
        self._state = "menu"

    def close(self) -> None:
        """The next key is the guest's."""
        self._state = ""

    def press(self, key: bytes) -> Iterator[tuple[str, bytes]]:
        """What to do after a key, and with which bytes."""
        state, self._state = self._state, ""
        if state == "menu":
            yield from self._choose(key)
            return
        if len(key) == 1 and key.isalnum():
            yield "echo", key
        yield "clear", b""
        if state == "sysrq":
            if len(key) == 1 and key.isalnum():
                yield "sysrq", key
            elif key not in (*_CANCEL, ESCAPE):
                yield "unknown", key
        elif key in (b"Y", b"y"):
            yield state, key

    def _choose(self, key: bytes) -> Iterator[tuple[str, bytes]]:
        letter = key.lower()
        if letter in _CONFIRM:
            self._state, question = _CONFIRM[letter]
            yield "ask", question.encode()
        elif letter == b"s" and not self._is_windows:
            self._state = "sysrq"
            yield "ask", _SYSRQ.encode()
        else:
            yield "clear", b""
            if letter == b"q":
                yield "quit", key
            elif key == ESCAPE:
                yield "send", ESCAPE
            elif key not in _CANCEL:
                yield "unknown", key
