"""GRUB's editor: finding a line of an entry, and changing it.

The line on the screen is compared with the wanted one, and the difference is typed, again and again until there is none:
a key that was lost, or came twice, is a difference like any other.
"""

from __future__ import annotations

import re
from typing import Final

from uartsim.console.console_errors import GrubFailed, TypingFailed
from uartsim.console.grub import grub_keys as key
from uartsim.console.grub.grub_keys import PROBES, Keys
from uartsim.console.grub.grub_screen import EditorView, read_editor
from uartsim.console.text.screen import Screen

#: How many keys are sent before their effect is read: as many as a 16550A holds.
_BATCH: Final = 16
#: How many times in a row keys may have no effect before that is an error.
_STALLS: Final = 8
#: A bound for the length of an entry, in lines or keys.
_MOST: Final = 5000
_TAB: Final = " " * 8


class NoSuchLine(GrubFailed):
    """The entry has no line as was asked for."""


class Editor:
    """The editor, while it is open.

    Args:
        keys: the keyboard.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    @property
    def view(self) -> EditorView:
        """What it shows.

        Raises:
            GrubFailed: it is not open.
        """
        __tracebackhide__ = True
        view = read_editor(self._keys.screen)
        if view is None:
            raise self._keys.fail("GRUB's editor has gone from the screen")
        return view

    async def find(self, pattern: re.Pattern[str]) -> str:
        """Move to the first line that matches; returns its text.  If none does, the cursor is where it was.

        Raises:
            NoSuchLine: no line matches.
        """
        __tracebackhide__ = True
        start = self.view.line.text
        while self.view.more_above:
            await self._step(key.UP)
        seen: list[str] = []
        for _ in range(_MOST):
            view = self.view
            for place, line in enumerate(view.lines):
                if line.is_whole and pattern.search(line.text):
                    await self._go(place, line.text)
                    return line.text
            seen = _merged(seen, [line.text.strip() for line in view.lines if line.text.strip()])
            if not view.more_below:
                if await self._is_being_drawn(view):
                    continue
                break
            await self._step(key.DOWN)
        await self._go_back(start)
        raise NoSuchLine(f"no line of the entry matches {pattern.pattern!r}; there are {', '.join(map(repr, seen))}")

    async def rewrite(self, wanted: str) -> None:
        """Change the line that the cursor is in.

        Raises:
            TypingFailed: it does not become ``wanted``.
        """
        __tracebackhide__ = True
        await self._keys.change(key.LINE_END, most=1, shows=is_open)  # shows the spaces at the end; may have no effect
        row, top, stalls, batch = self.view.line.row, self.view.lines[0].text, 0, _BATCH
        for _ in range(_MOST):
            view = self.view
            if view.line.row != row and view.lines[0].text != top:
                row = view.line.row  # it has scrolled because the line has grown
            elif view.line.row != row:
                view = await self._in_row(row)  # a key that came twice has moved out of the line
            text, top = view.text, view.lines[0].text
            if _same(text, wanted):
                return
            keys, expected = _next(view, wanted, batch)

            def done(_: object, expected: tuple[str, int] = expected) -> bool:
                now = read_editor(self._keys.screen)
                return now is not None and (now.text, now.offset) == expected

            if await self._keys.press(keys, done):
                stalls = 0
                continue
            batch = max(1, batch // 2)
            after = read_editor(self._keys.screen)
            stalls = stalls + 1 if after is None or (after.text == text and after.offset == view.offset) else 0
            if stalls >= _STALLS:
                break
        raise TypingFailed(
            f"GRUB's editor does not take {wanted!r}: the line is {self.view.text!r}{self._keys.evidence()}"
        )

    async def go_to(self, text: str) -> None:
        """Move the cursor into a line with this text, if one is shown."""
        place = next((number for number, line in enumerate(self.view.lines) if line.text == text), None)
        if place is not None:
            await self._go(place, text)

    async def rewind(self) -> None:
        """Delete what keys have typed at the beginning of an entry that was just opened."""
        while (offset := self.view.offset) and self.view.current == 0:
            if not await self._keys.change(key.BACKSPACE * offset, shows=is_open):
                return

    async def _is_being_drawn(self, shown: EditorView) -> bool:
        """Wait whether the editor comes to show something else by itself; it does on a machine that is busy."""
        return await self._keys.press("", lambda screen: read_editor(screen) not in (None, shown))

    async def _step(self, direction: str) -> None:
        """Move the cursor by a line."""
        __tracebackhide__ = True
        if not await self._keys.change(direction, shows=is_open):
            raise self._keys.fail("GRUB's editor does not react to keys")

    async def _go_back(self, text: str) -> None:
        """Move the cursor into the line with a text, upwards and then downwards as far as there are lines.

        Counting keys would not do: GRUB draws slowly, and what is drawn late looks like the effect of the next key.
        """
        for direction in (key.UP, key.DOWN):
            for _ in range(_MOST):
                if self.view.line.text == text:
                    return
                if not await self._keys.change(direction, PROBES, shows=is_open):
                    break

    async def _go(self, place: int, text: str) -> None:
        """Move the cursor into a line that is shown.

        The rows of the frame do not name it: on the way the entry may scroll, by a line that does not fit.

        Args:
            place: the number of the line, as it is shown now.
            text: its text.
        """
        __tracebackhide__ = True
        for _ in range(_MOST):
            view = self.view
            if view.line.text == text:
                return
            place = next((now for now, line in enumerate(view.lines) if line.text == text), place)
            if not await self._keys.change(key.DOWN if view.current < place else key.UP, shows=is_open):
                break
        raise self._keys.fail("GRUB's editor does not react to keys")

    async def _in_row(self, row: int) -> EditorView:
        """Move the cursor into the line that begins in a row; returns what the editor then shows."""
        __tracebackhide__ = True
        for _ in range(_MOST):
            view = self.view
            if view.line.row == row:
                return view
            if not await self._keys.change(key.DOWN if view.line.row < row else key.UP, shows=is_open):
                break
        raise self._keys.fail("GRUB's editor does not react to keys")


def is_open(screen: Screen) -> bool:
    """Whether the editor is shown with an entry in it, and the cursor in the entry: not while it is being drawn."""
    view = read_editor(screen)
    return view is not None and any(line.text for line in view.lines)


def changed(
    text: str,
    append: str,
    replace: tuple[str | re.Pattern[str], str] | None,
    remove: str | re.Pattern[str] | None,
) -> str:
    """A line after an edit.

    Raises:
        GrubFailed: what is to be replaced or removed is not in the line.
    """
    changes = [] if remove is None else [(remove, "")]
    changes += [] if replace is None else [replace]
    for pattern, put in changes:
        if not re.search(pattern, text):
            shown = pattern if isinstance(pattern, str) else pattern.pattern
            raise GrubFailed(f"{shown!r} matches nothing in the line {text.strip()!r}")
        text = re.sub(pattern, put, text)
    return text + append


def _same(text: str, wanted: str) -> bool:
    return text == wanted or (text.rstrip() == wanted and wanted == wanted.rstrip())


def _next(view: EditorView, wanted: str, most: int) -> tuple[str, tuple[str, int]]:
    """The next keys, and the text and offset that they lead to."""
    text, offset = view.text, view.offset
    begin = _common(text, wanted)
    end = _common(text[begin:][::-1], wanted[begin:][::-1])
    stop = len(text) - end
    target = stop if stop > begin else begin
    if offset != target:
        between = text[min(offset, target) : max(offset, target)]
        if target == len(text) and len(between) > 1:
            return key.LINE_END, (text, target)
        count = 1 if _TAB in between else min(most, len(between))
        arrow, arrived = (key.RIGHT, offset + count) if target > offset else (key.LEFT, offset - count)
        return arrow * count, (text.rstrip().ljust(arrived), arrived)
    if stop > begin:
        count = 1 if _TAB in text[begin:stop] else min(most, stop - begin)
        left = text[: stop - count] + text[stop:]
        return key.BACKSPACE * count, (left, stop - count)
    typed = wanted[begin : len(wanted) - end][:most]
    return typed, (text[:begin] + typed + text[begin:], begin + len(typed))


def _common(one: str, other: str) -> int:
    """How many characters two texts have in common at the beginning."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _merged(seen: list[str], shown: list[str]) -> list[str]:
    """What was seen before and what is shown now, with their overlap only once."""
    overlap = next((n for n in range(min(len(seen), len(shown)), 0, -1) if seen[-n:] == shown[:n]), 0)
    return seen + shown[overlap:]
