"""The boot manager's menu on the serial line.

It is there if the BCD says so: ``displaybootmenu``, a ``timeout`` and ``bootems`` of ``{bootmgr}``.  With ``bootems`` alone
nothing is shown, but F8 is heard in a moment at the start.
"""

from __future__ import annotations

from typing import Final

import trio

from uartsim.guest.script import LineFormat, ScriptHost, UsageError

from ..disk.boot_store import BootOptions, BootStore
from .advanced_options import OPTIONS
from .bootmgr_keys import DOWN, ENTER, ESCAPE, F8, TAB, UP, BootKeys

_TITLE: Final = "Windows Boot Manager"
_COUNTDOWN: Final = "Seconds until the highlighted choice will be started automatically: "
_FOOT: Final = "ENTER=Choose              TAB=Menu                              ESC=Cancel"
_OPTIONS_FOOT: Final = "ENTER=Choose                                                    ESC=Cancel"
_TOOL: Final = "Windows Memory Diagnostic"
_COUNTDOWN_LINE: Final = 11
_DESCRIPTION_LINE: Final = 20
#: How long F8 is heard where no menu is shown, in seconds; scaled.
F8_WINDOW_S: Final = 0.5
#: How long the memory diagnostic takes, in seconds; scaled.
DIAGNOSTIC_S: Final = 5.0


class BootManager:
    """The boot manager of one start.

    Args:
        host: the guest's host.
        store: the BCD.
        time_scale: the factor for waits that are not documented.
    """

    def __init__(self, host: ScriptHost, store: BootStore, time_scale: float) -> None:
        self._host = host
        self._store = store
        self._time_scale = time_scale
        self._keys = BootKeys(host)
        self._countdown: int | None = store.timeout
        self._on_tool = False

    async def run(self) -> BootOptions | None:
        """Decide what is started.

        Returns:
            What Windows is started with, or None for a restart.
        """
        options = self._store.options()
        if not self._store.talks_on_serial:
            return options
        self._set_speed(options.baud)
        if not self._store.shows_menu or not self._countdown:
            return await self._hear_f8(options)
        return await self._menu(options)

    # ------------------------------------------------------------------------------------------------------- the menu
    async def _menu(self, options: BootOptions) -> BootOptions | None:
        await self._draw_menu(options)
        while True:
            key = await self._next_key()
            if key is None:
                return options
            had_countdown, self._countdown = self._countdown is not None, None
            if key == F8 and not self._on_tool:
                chosen = await self._advanced(options)
                if chosen is not None:
                    return chosen
            elif key == ENTER:
                await self._write("\x1b[0m\x1b[2J\x1b[H")
                if not self._on_tool:
                    return options
                await self._diagnose()
                return None
            elif key == ESCAPE:
                await self._write("\x1b[0m\x1b[2J\x1b[H")
                return None
            elif key == TAB:
                self._on_tool = not self._on_tool
            elif not had_countdown:
                continue
            await self._draw_menu(options)

    async def _next_key(self) -> str | None:
        """The next key; None if the countdown has ended."""
        while self._countdown is not None:
            with trio.move_on_after(1.0):
                return await self._keys.next()
            self._countdown -= 1
            if self._countdown <= 0:
                await self._write("\x1b[0m\x1b[2J\x1b[H")
                return None
            await self._write(f"\x1b[{_COUNTDOWN_LINE};{len(_COUNTDOWN) + 1}H{self._countdown:<4}")
        return await self._keys.next()

    async def _draw_menu(self, options: BootOptions) -> None:
        name = options.description + (" [EMS Enabled]" if options.ems else "")
        entry = _highlighted(f"    {name:<68}>", not self._on_tool)
        tool = _highlighted(f"    {_TOOL:<69}", self._on_tool)
        countdown = "" if self._countdown is None else f"{_COUNTDOWN}{self._countdown}"
        lines = (
            _highlighted(f"{_TITLE:^79}", on=True),
            "",
            "Choose an operating system to start, or press TAB to select a tool:",
            "(Use the arrow keys to highlight your choice, then press ENTER.)",
            "",
            entry,
            "",
            "",
            "To specify an advanced option for this choice, press F8.",
            "",
            countdown,
            "",
            "Tools:",
            "",
            tool,
            *[""] * 8,
            _highlighted(f"{_FOOT:<79}", on=True),
        )
        await self._write("\x1b[0m\x1b[2J\x1b[H" + "\r\n".join(lines))

    # ---------------------------------------------------------------------------------------------- the advanced options
    async def _hear_f8(self, options: BootOptions) -> BootOptions:
        with trio.move_on_after(F8_WINDOW_S * self._time_scale) as scope:
            while await self._keys.next() != F8:
                pass
        if scope.cancelled_caught:
            return options
        return await self._advanced(options) or options

    async def _advanced(self, options: BootOptions) -> BootOptions | None:
        chosen = len(OPTIONS) - 1
        while True:
            await self._draw_options(options, chosen)
            key = await self._keys.next()
            if key == UP:
                chosen = max(0, chosen - 1)
            elif key == DOWN:
                chosen = min(len(OPTIONS) - 1, chosen + 1)
            elif key == ESCAPE:
                return None
            elif key == ENTER:
                await self._write("\x1b[0m\x1b[2J\x1b[H")
                return OPTIONS[chosen].apply(options)

    async def _draw_options(self, options: BootOptions, chosen: int) -> None:
        lines = [
            _highlighted(f"{'Advanced Boot Options':^79}", on=True),
            "",
            f"Choose Advanced Options for: {options.description}",
            "(Use the arrow keys to highlight your choice.)",
            "",
            *(_highlighted(f"    {option.title:<60}", on=n == chosen) for n, option in enumerate(OPTIONS)),
        ]
        lines += [""] * (_DESCRIPTION_LINE - len(lines))
        lines += [f"Description: {OPTIONS[chosen].description}", "", "", _highlighted(f"{_OPTIONS_FOOT:<79}", on=True)]
        await self._write("\x1b[0m\x1b[2J\x1b[H" + "\r\n".join(lines))

    # -------------------------------------------------------------------------------------------------------- the rest
    async def _diagnose(self) -> None:
        await self._write(f"{_TOOL}\r\n\r\nChecking for memory problems...\r\n")
        for part in (25, 50, 75, 100):
            await trio.sleep(DIAGNOSTIC_S / 4 * self._time_scale)
            await self._write(f"Test progress: {part} %\r\n")
        await self._write("\r\nNo memory problems were found. The computer restarts now.\r\n")
        await self._host.tty.drain()

    def _set_speed(self, baud: int) -> None:
        try:
            self._host.tty.set_format(LineFormat.from_baud(baud))
        except (UsageError, ValueError):
            pass  # no divisor gives it: the speed stays

    async def _write(self, text: str) -> None:
        await self._host.tty.write(text.encode())


def _highlighted(text: str, on: bool) -> str:
    return f"\x1b[7m{text}\x1b[0m" if on else text
