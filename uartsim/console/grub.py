"""GRUB's menu, read from the screen of the line and worked with its keys.

What is on the screen is the only truth: a key is pressed, and what it did is read.  Keys are sent as GRUB's serial
terminal needs them: the bytes of an escape sequence in one piece, since after a gap of 100 ms it takes them for single
keys (grub-core/term/terminfo.c).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import trio

from uartsim.console.core import SETTLE_S
from uartsim.console.errors import GrubFailed, TypingFailed
from uartsim.console.expectations import Timeout
from uartsim.console.screen import Screen
from uartsim.errors import UsageError

if TYPE_CHECKING:
    from uartsim.console.run import RunVerbs

_UP, _DOWN = "\x1b[A", "\x1b[B"
_END_OF_LINE: Final = "\x05"
_BOOT_EDITED: Final = "\x18"
_ESCAPE: Final = "\x1b"
#: Does nothing in the menu, except to stop the countdown.
_NO_KEY: Final = " "
#: How long GRUB may take to show what a key did, in seconds.
_KEY_S: Final = 1.0
#: No menu is longer.
_MOST_ENTRIES: Final = 1000

_EDGE: Final = re.compile(r"^\s*[+┌└╔╚][-─═]{10,}[+┐┘╗╝]")
_ROW: Final = re.compile(r"^\s*[|│║](.)(.*?)\s*[|│║].?\s*$")
_COUNTDOWN: Final = re.compile(r"automatically in (\d+)\s*s")
_EDITOR: Final = re.compile(r"(?i)emacs-like screen editing")
_PROMPT: Final = re.compile(r"^grub> ?$")


class Grub:
    """GRUB on this console: ``console.grub``.  The menu is waited for where it is not there yet.

    Args:
        console: the console.
    """

    def __init__(self, console: RunVerbs) -> None:
        self._console = console

    # -- what is on the screen ----------------------------------------------------------------------------------

    @property
    def entries(self) -> list[str]:
        """The titles that the menu shows now; a long menu shows a part of them."""
        return [title for _, title in _entries(self._console.screen)]

    @property
    def selected(self) -> str | None:
        """The title of the entry that is highlighted, or None if there is no menu."""
        return _selected(self._console.screen)

    @property
    def countdown(self) -> int | None:
        """In how many seconds GRUB boots by itself, or None if it does not count."""
        return _countdown(self._console.screen)

    # -- what can be done -----------------------------------------------------------------------------------------

    async def wait_for_menu(self, timeout: Timeout = "default") -> list[str]:  # noqa: ASYNC109 - pexpect's word
        """Wait until the menu is drawn; returns its entries.

        Raises:
            ExpectTimeout: it was not in time.
            GuestEnded, ConsoleBusy, ConsoleClosed: as for every wait.
        """
        __tracebackhide__ = True
        with self._console._one_wait("grub"):
            await self._menu(timeout)
        return self.entries

    async def stop_countdown(self, timeout: Timeout = "default") -> None:  # noqa: ASYNC109 - as above
        """Wait for the menu, and have it wait.

        Raises:
            as :meth:`wait_for_menu`.
        """
        __tracebackhide__ = True
        with self._console._one_wait("grub.stop_countdown()"):
            await self._stopped_menu(timeout)

    async def select(self, pattern: str | re.Pattern[str], timeout: Timeout = "default") -> str:  # noqa: ASYNC109
        """Move the highlight to the first entry whose title matches, counted from the top; stops the countdown.

        Args:
            pattern: a regular expression that is searched for in the title.
            timeout: how long to wait for the menu, in seconds.

        Returns:
            The entry's title.

        Raises:
            GrubFailed: no entry matches.
            UsageError: the expression does not compile.
            as :meth:`wait_for_menu`.
        """
        __tracebackhide__ = True
        regex = _compiled(pattern)
        with self._console._one_wait(f"grub.select({regex.pattern!r})"):
            await self._stopped_menu(timeout)
            await self._to_the_end(_UP)
            seen: list[str] = []
            for _ in range(_MOST_ENTRIES):
                title = self.selected
                if title is None:
                    break
                if regex.search(title):
                    return title
                seen.append(title)
                if not await self._press(_DOWN):
                    break
            raise GrubFailed(
                f"no entry of GRUB's menu matches {regex.pattern!r}; there are {', '.join(map(repr, seen))}"
            )

    async def boot(self, timeout: Timeout = "default") -> None:  # noqa: ASYNC109 - as above
        """Boot, or enter, the highlighted entry; in the editor, boot what was edited.

        Raises:
            as :meth:`wait_for_menu`.
        """
        __tracebackhide__ = True
        with self._console._one_wait("grub.boot()"):
            console, key = self._console, _BOOT_EDITED
            if not _EDITOR.search(console.screen.text):
                await self._menu(timeout)
                key = "\r"
            before = _picture(console.screen)
            await console._send(key)

            def look(now: float) -> tuple[bool | None, float]:
                return (True if _picture(console.screen) != before else None), now + SETTLE_S

            await console._watch(look, trio.current_time() + _KEY_S)

    async def edit(self, line: str | re.Pattern[str], append: str, timeout: Timeout = "default") -> None:  # noqa: ASYNC109
        """Open the highlighted entry in the editor and add to the end of a line of it, such as the kernel's.

        Then :meth:`boot` boots it.

        Args:
            line: a regular expression that is searched for in the lines, such as ``r"^\\s*linux"``.
            append: what to add; printable characters.
            timeout: how long to wait for the menu, in seconds.

        Raises:
            GrubFailed: the entry cannot be edited, or no line of it matches.
            TypingFailed: what was typed did not come back.
            UsageError: the expression does not compile, or the text is not printable.
            as :meth:`wait_for_menu`.
        """
        __tracebackhide__ = True
        regex = _compiled(line)
        if not append.isprintable():
            raise UsageError(f"{append!r} cannot be typed into GRUB's editor: give printable characters")
        console = self._console
        with console._one_wait("grub.edit()"):
            if not _EDITOR.search(console.screen.text):
                await self._stopped_menu(timeout)
                if not await self._press("e") or not _EDITOR.search(console.screen.text):
                    raise GrubFailed(f"GRUB opens no editor for {self.selected!r}: select an entry that boots")
            await self._to_line(regex)
            await self._press(_END_OF_LINE)
            for character in append:
                if not await self._press(character):
                    raise TypingFailed(f"GRUB's editor does not show {character!r} of {append!r}{console._evidence()}")

    async def command_line(self, timeout: Timeout = "default") -> None:  # noqa: ASYNC109 - as above
        """Open GRUB's command line; then ``console.run("ls")`` runs there.

        Raises:
            as :meth:`wait_for_menu`.
        """
        __tracebackhide__ = True
        console = self._console
        with console._one_wait("grub.command_line()"):
            if self._at_prompt():
                return
            await self._stopped_menu(timeout)
            await console._send("c")
            begin = trio.current_time()
            deadline = begin + console._seconds(timeout)

            def look(now: float) -> tuple[bool | None, float]:
                settled = console._last_output + SETTLE_S
                return (True if now >= settled and self._at_prompt() else None), max(settled, now + SETTLE_S)

            if not await console._watch(look, deadline):
                console._raise_unfinished("GRUB's command line was expected", begin, deadline)

    # -- the parts --------------------------------------------------------------------------------------------------

    def _at_prompt(self) -> bool:
        screen = self._console.screen
        row, column = screen.cursor
        return _PROMPT.match(screen.lines[row][:column]) is not None

    async def _menu(self, timeout: Timeout) -> None:  # noqa: ASYNC109 - as above
        """Wait until the menu stands still."""
        __tracebackhide__ = True
        console = self._console
        console._check_running("grub")
        begin = trio.current_time()
        deadline = begin + console._seconds(timeout)

        def look(now: float) -> tuple[bool | None, float]:
            settled = console._last_output + SETTLE_S
            if now < settled:
                return None, settled
            return (True if _selected(console.screen) is not None else None), float("inf")

        if not await console._watch(look, deadline):
            console._raise_unfinished("GRUB's menu was expected", begin, deadline)

    async def _stopped_menu(self, timeout: Timeout) -> None:  # noqa: ASYNC109 - as above
        __tracebackhide__ = True
        await self._menu(timeout)
        for _ in range(3):
            if self.countdown is None:
                return
            await self._press(_NO_KEY)

    async def _press(self, key: str) -> bool:
        """Press a key; whether the screen has changed by it.  What the countdown writes is no change."""
        console = self._console
        before = _picture(console.screen)
        await console._send(key)
        pressed = trio.current_time()

        def look(now: float) -> tuple[bool | None, float]:
            settled = max(console._last_output, pressed) + SETTLE_S
            if now < settled:
                return None, settled
            return (True if _picture(console.screen) != before else None), float("inf")

        return bool(await console._watch(look, pressed + _KEY_S))

    async def _to_the_end(self, key: str) -> None:
        for _ in range(_MOST_ENTRIES):
            if not await self._press(key):
                return

    async def _to_line(self, regex: re.Pattern[str]) -> None:
        """In the editor, move the cursor down to a line that matches."""
        seen: list[str] = []
        for _ in range(_MOST_ENTRIES):
            screen = self._console.screen
            row = _ROW.match(screen.lines[screen.cursor[0]])
            text = row[1] + row[2] if row else screen.lines[screen.cursor[0]].rstrip()
            if regex.search(text):
                return
            seen.append(text.strip())
            if not await self._press(_DOWN):
                break
        await self._console._send(_ESCAPE)
        raise GrubFailed(f"no line of the entry matches {regex.pattern!r}; there are {', '.join(map(repr, seen))}")


def _compiled(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise UsageError(f"{pattern!r} is no regular expression: {error}") from None


def _entries(screen: Screen) -> list[tuple[bool, str]]:
    """What stands in the menu's frame: whether it is highlighted, and its title."""
    edges = [row for row, line in enumerate(screen.lines) if _EDGE.match(line)]
    if len(edges) < 2 or _EDITOR.search(screen.text):
        return []
    found = []
    for row in range(edges[0] + 1, edges[-1]):
        if (match := _ROW.match(screen.lines[row])) and match[2].strip():
            found.append((match[1] == "*" or row in screen.reverse, match[2].strip()))
    return found


def _selected(screen: Screen) -> str | None:
    return next((title for highlighted, title in _entries(screen) if highlighted), None)


def _countdown(screen: Screen) -> int | None:
    found = _COUNTDOWN.search(screen.text)
    return int(found[1]) if found else None


def _picture(screen: Screen) -> tuple[object, ...]:
    """What a key may change."""
    return re.sub(r"automatically in \d+", "automatically in", screen.text), screen.cursor, screen.reverse
