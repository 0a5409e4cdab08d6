"""GRUB's menu and its submenus: moving the highlight to an entry."""

from __future__ import annotations

import re
from typing import Final

from uartsim.console.console_errors import GrubFailed
from uartsim.console.grub import grub_keys as key
from uartsim.console.grub.grub_keys import Keys
from uartsim.console.grub.grub_screen import MenuView, has_editor, read_menu
from uartsim.console.text.screen import Screen

#: A bound for the length of a menu.
_MOST_ENTRIES: Final = 1000
#: The submenu that grub-mkconfig makes for all kernels and their recovery modes.
SUBMENU: Final = re.compile(r"(?i)^advanced options\b")


class Menu:
    """The menu, while it is shown.

    Args:
        keys: the keyboard.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    @property
    def view(self) -> MenuView:
        """What the menu shows.

        Raises:
            GrubFailed: it is not shown any more.
        """
        __tracebackhide__ = True
        menu = read_menu(self._keys.screen)
        if menu is None:
            raise self._keys.fail("GRUB's menu has gone from the screen")
        return menu

    async def select(self, path: list[re.Pattern[str]]) -> str:
        """Go through submenus to an entry; if one does not match, everything is as it was.

        Raises:
            GrubFailed: an expression matches no entry, or GRUB does not react to keys.
        """
        __tracebackhide__ = True
        origins: list[int] = []
        try:
            for regex in path[:-1]:
                origin = (await self._find(regex))[1]
                await self._change_menu(key.ENTER)
                origins.append(origin)
            return (await self._find(path[-1]))[0]
        except GrubFailed:
            while origins and read_menu(self._keys.screen) is not None:
                await self._change_menu(key.ESCAPE)
                await self._go_to(origins.pop())
            raise

    async def _change_menu(self, by: str) -> None:
        """Enter or leave a submenu."""
        __tracebackhide__ = True
        shown = contents(self._keys.screen)
        if not await self._keys.press_until(by, lambda now: read_menu(now) is not None and contents(now) != shown):
            raise self._keys.fail("GRUB shows no other menu")

    async def _find(self, regex: re.Pattern[str]) -> tuple[str, int]:
        """Move the highlight to the first entry that matches; returns its title, and the place where the highlight was.

        Raises:
            GrubFailed: no entry matches; the highlight is where it was.
        """
        __tracebackhide__ = True
        origin, moved = 0, 0
        while (step := await self._step(key.UP)) if self.view.more_above else 0:
            moved += step
        origin = self.view.row - moved
        seen: list[str] = []
        for _ in range(_MOST_ENTRIES):
            menu = self.view
            found = next((row for row, title in enumerate(menu.titles) if regex.search(title)), None)
            if found is not None:
                await self._highlight(found)
                return menu.titles[found], origin
            seen += _behind(seen, list(menu.titles))
            if not menu.more_below and await self._is_being_drawn(menu):
                continue
            if not menu.more_below or not await self._step(key.DOWN):
                break
        await self._go_to(origin)
        raise GrubFailed(f"no entry of GRUB's menu matches {regex.pattern!r}; there are {', '.join(map(repr, seen))}")

    async def _is_being_drawn(self, shown: MenuView) -> bool:
        """Wait whether the menu comes to show something else by itself; it does on a machine that is busy."""
        return await self._keys.press("", lambda screen: read_menu(screen) not in (None, shown))

    def _stuck(self) -> GrubFailed:
        """The error that a key has had no effect.

        Raises:
            GrubFailed: the menu is not shown any more.
        """
        __tracebackhide__ = True
        _ = self.view
        return self._keys.fail("GRUB's menu does not react to keys")

    async def _go_to(self, place: int) -> None:
        """Move the highlight to the entry with a number, counted from 0."""
        __tracebackhide__ = True
        if self.view.more_above or self.view.more_below:
            while await self._step(key.UP):
                pass
            while place > 0 and (step := await self._step(key.DOWN)):
                place -= step
        else:
            await self._highlight(place)

    async def _step(self, direction: str) -> int:
        """Move the highlight up or down by an entry.

        Returns:
            By how many entries it has moved, positive for down; 0 at the end of the menu.
        """
        __tracebackhide__ = True
        before = self.view
        down = direction == key.DOWN
        edge = before.row == (len(before.titles) - 1 if down else 0)
        more = before.more_below if down else before.more_above
        if edge and not more:
            return 0

        def moved(screen: Screen) -> bool:
            menu = read_menu(screen)  # None while GRUB is moving the highlight
            return menu is not None and (menu.titles, menu.row) != (before.titles, before.row)

        if not await self._keys.press_until(
            direction, moved, key.PROBES if edge and not before.is_certain else key.PRESSES
        ):
            if edge and not before.is_certain:
                return 0
            raise self._stuck()
        after = self.view
        return after.row - before.row + _shift(before.titles, after.titles)

    async def _highlight(self, row: int) -> None:
        """Move the highlight to one of the entries that are shown."""
        __tracebackhide__ = True
        for _ in range(_MOST_ENTRIES):
            menu = self.view
            if menu.row == row:
                return
            await self._step(key.DOWN if menu.row < row else key.UP)
        raise self._stuck()


def contents(screen: Screen) -> object:
    """What is offered, to be compared: it changes when an entry boots or a submenu opens."""
    menu = read_menu(screen)
    return has_editor(screen) if menu is None else menu.titles


def _shift(before: tuple[str, ...], after: tuple[str, ...]) -> int:
    """By how many entries a menu has scrolled, positive for down."""
    for shift in range(len(before)):
        if after[: len(after) - shift] == before[shift:]:
            return shift
        if after[shift:] == before[: len(before) - shift]:
            return -shift
    return 0


def _behind(seen: list[str], shown: list[str]) -> list[str]:
    """The entries that are shown and come behind those that were seen."""
    overlap = next((n for n in range(min(len(seen), len(shown)), 0, -1) if seen[-n:] == shown[:n]), 0)
    return shown[overlap:]
