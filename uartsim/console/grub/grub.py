"""GRUB's menu, read from the screen and operated with its keys.

Only the screen counts: a key is pressed, and what it did is read from there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import trio

from uartsim.console.arguments import compiled
from uartsim.console.console_errors import GrubFailed
from uartsim.console.expectations import Timeout
from uartsim.console.grub import grub_keys as key
from uartsim.console.grub import grub_screen
from uartsim.console.grub.grub_editor import Editor, changed, is_open
from uartsim.console.grub.grub_keys import Keys
from uartsim.console.grub.grub_menu import SUBMENU, Menu, contents
from uartsim.console.grub.grub_screen import has_editor, read_menu
from uartsim.console.guest_output import SETTLE_S
from uartsim.console.session import Session
from uartsim.errors import UartsimError, UsageError
from uartsim.printable import quoted

#: How long a menu whose cursor is elsewhere must be unchanged, in seconds: it may still be drawn.
_UNSURE_S: Final = 0.5
#: How many characters of output are searched for a kernel.
_LOOKED_BACK: Final = 1 << 18
#: What shows that the menu will not come any more: a kernel that starts, or a prompt to log in at.
_TOO_LATE: Final = re.compile(
    r"^(?:Linux version \d.*|Booting Linux on .*|EFI stub: .*|(?:early console in )?[Dd]ecompress\w* Linux.*"
    r"|\[ *0\.000000\] .*|\S{1,64} login: ?$)",
    re.MULTILINE,
)
#: What the titles of entries have that boot into a rescue mode.
_RESCUE: Final = re.compile(r"(?i)\b(?:recovery|rescue|emergency|single)\b")


class Grub:
    """GRUB on a console: ``console.grub``.  Each call waits for the menu if it is not there yet.

    Besides the errors that are listed with each, all calls that wait raise ``GuestEnded``, ``ProblemFound``,
    ``ConsoleBusy`` and ``ConsoleClosed``, as those of the console do.

    Args:
        session: the console's session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    # -- what is on the screen ----------------------------------------------------------------------------------

    @property
    def entries(self) -> list[str]:
        """The titles that the menu shows now; a long menu shows a part of them."""
        menu = read_menu(self._session.read_screen())
        return list(menu.titles) if menu is not None else []

    @property
    def selected(self) -> str | None:
        """The title of the entry that is highlighted, or None if there is no menu."""
        menu = read_menu(self._session.read_screen())
        return menu.titles[menu.row] if menu is not None else None

    @property
    def countdown(self) -> int | None:
        """In how many seconds GRUB boots by itself, or None if it is not counting down."""
        return grub_screen.countdown(self._session.read_screen())

    # -- what can be done -----------------------------------------------------------------------------------------

    async def wait_for_menu(self, timeout: Timeout = "default") -> list[str]:
        """Wait until the menu is drawn; returns its entries.

        Raises:
            ExpectTimeout: the menu did not come in time.
            GrubFailed: it cannot come any more: a kernel has started, or there is a prompt to log in at.
        """
        __tracebackhide__ = True
        with self._session.one_wait("grub"):
            await self._menu(timeout)
        return self.entries

    async def stop_countdown(self, timeout: Timeout = "default") -> None:
        """Wait for the menu, and stop its countdown.

        Raises:
            ExpectTimeout: the menu did not come in time.
            GrubFailed: it cannot come any more, or GRUB does not react to keys.
        """
        __tracebackhide__ = True
        with self._session.one_wait("grub.stop_countdown()"):
            await self._stopped_menu(timeout)

    async def select(
        self,
        pattern: str | re.Pattern[str] | Sequence[str | re.Pattern[str]],
        timeout: Timeout = "default",
    ) -> str:
        """Move the highlight to the first entry whose title matches, counted from the top; stops the countdown.

        If no entry of the menu matches, the submenu "Advanced options ..." is searched too, if there is one.  If no entry
        matches at all, the highlight is where it was.

        Args:
            pattern: a regular expression that is searched for in the title, or a list of them, of which all but the last are
                for submenus, each in the one before.
            timeout: how long to wait for the menu, in seconds.

        Returns:
            The entry's title.

        Raises:
            GrubFailed: no entry matches, GRUB does not react to keys, or the menu cannot come any more.
            ExpectTimeout: the menu did not come in time.
            UsageError: an expression does not compile, or the list is empty.
        """
        __tracebackhide__ = True
        patterns = list(pattern) if isinstance(pattern, (list, tuple)) else [pattern]
        path = [compiled("grub.select()", each) for each in patterns]
        if not path:
            raise UsageError("grub.select(): an empty list was given: say which entry")
        with self._session.one_wait(f"grub.select({path[-1].pattern!r})"):
            await self._stopped_menu(timeout)
            try:
                return await Menu(self._keys).select(path)
            except GrubFailed as error:
                if len(path) > 1 or not any(SUBMENU.search(title) for title in self.entries):
                    raise
                failure = error
            try:
                return await Menu(self._keys).select([SUBMENU, *path])
            except GrubFailed as error:
                raise GrubFailed(f"{failure}; in the submenu: {error}") from None

    async def boot(self, timeout: Timeout = "default") -> None:
        """Boot the highlighted entry, or open it if it is a submenu; in the editor, boot what was edited.

        Raises:
            ExpectTimeout: the menu did not come in time.
            GrubFailed: it cannot come any more, or GRUB does not react to keys.
        """
        __tracebackhide__ = True
        with self._session.one_wait("grub.boot()"):
            screen, watch = self._session.read_screen(), self._session.received.monitor.watch
            if has_editor(screen):
                booted = key.BOOT_EDITED
                watch.note_command_line(" ".join(line.text for line in Editor(self._keys).view.lines))
            else:
                await self._menu(timeout)
                booted = key.ENTER
                if _RESCUE.search(self.selected or ""):
                    watch.ask_for("systemd.emergency")
            shown = contents(self._session.read_screen())
            if not await self._keys.press_until(booted, lambda now: contents(now) != shown):
                raise self._keys.fail("GRUB does not boot: it does not react to keys")

    async def edit(
        self,
        line: str | re.Pattern[str],
        append: str = "",
        timeout: Timeout = "default",
        *,
        replace: tuple[str | re.Pattern[str], str] | None = None,
        remove: str | re.Pattern[str] | None = None,
    ) -> None:
        """Open the highlighted entry in the editor and change a line of it, such as the kernel's.

        :meth:`boot` then boots it; further edits before that accumulate.  An edit that fails changes nothing.

        Args:
            line: a regular expression that is searched for in the lines, such as ``r"^\\s*linux"``; a wrapped line is one
                line, and a tab in it is eight spaces.
            append: what to add at the end; printable characters.
            timeout: how long to wait for the menu, in seconds.
            replace: a regular expression and what replaces each match of it in the line, as for ``re.sub``:
                ``(r"console=\\S+", "console=ttyS0")``.
            remove: a regular expression for what is removed, such as ``" quiet"``.

        Raises:
            GrubFailed: the entry cannot be edited, no line matches, or the line does not have what is to be replaced or
                removed; or the menu cannot come any more.
            ExpectTimeout: the menu did not come in time.
            TypingFailed: the line could not be changed as wanted.
            UsageError: an expression does not compile, a text is not printable, or there is nothing to do.
        """
        __tracebackhide__ = True
        regex = compiled("grub.edit(): line", line)
        _check_edit(append, replace, remove)
        session = self._session
        with session.one_wait("grub.edit()"):
            if opened := not has_editor(session.read_screen()):
                await self._stopped_menu(timeout)
                await self._open_editor()
            editor = Editor(self._keys)
            before = editor.view.line.text
            try:
                text = await editor.find(regex)
                wanted = changed(text, append, replace, remove)
                if not wanted.isprintable():
                    raise UsageError(f"{wanted!r} cannot be typed into GRUB's editor: give printable characters")
                try:
                    await editor.rewrite(wanted)
                except UartsimError:
                    if not opened and not session.ended:
                        await editor.rewrite(text)
                    raise
            except UartsimError:
                if not session.ended:
                    if opened:
                        await self._keys.press_until(key.ESCAPE, lambda screen: read_menu(screen) is not None)
                    else:
                        await editor.go_to(before)
                raise

    async def command_line(self, timeout: Timeout = "default") -> None:
        """Open GRUB's command line, where ``console.run("ls")`` then runs.

        Raises:
            ExpectTimeout: the menu did not come in time.
            GrubFailed: it cannot come any more, or GRUB does not react to keys.
        """
        __tracebackhide__ = True
        session = self._session
        with session.one_wait("grub.command_line()"):
            if grub_screen.at_prompt(session.read_screen()):
                return
            await self._stopped_menu(timeout)
            for _ in range(key.PRESSES):
                if await self._keys.press("c", grub_screen.at_prompt):
                    return
                if grub_screen.at_prompt_with_text(session.read_screen()):  # one that came late
                    await self._keys.press_until(key.KILL_LINE, grub_screen.at_prompt)
                    return
            raise self._keys.fail("GRUB opens no command line")

    # -- the parts --------------------------------------------------------------------------------------------------

    @property
    def _keys(self) -> Keys:
        return Keys(self._session)

    async def _menu(self, timeout: Timeout) -> None:
        """Wait until the menu is drawn and unchanged."""
        __tracebackhide__ = True
        session = self._session
        session.check_running("grub")
        begin = trio.current_time()
        deadline = session.deadline(timeout)
        start = (
            session.received.end
            if session.received.monitor.watch.boot_is_expected
            else session.received.matcher.position
        )

        def look(now: float) -> tuple[str | None, float]:
            settled = session.received.last_output + SETTLE_S
            if now < settled:
                return None, settled
            screen = session.received.screen.read()
            is_shown = read_menu(screen) is not None
            if is_shown and ("*" in screen.lines[screen.cursor[0]] or screen.cursor[0] in screen.reverse):
                return "", now
            # what is left of a menu may be on the screen of a kernel
            late = _TOO_LATE.search(
                session.received.matcher.between(max(start, session.received.end - _LOOKED_BACK), session.received.end)
            )
            if late is not None:
                return late[0].strip(), now
            sure = session.received.last_output + _UNSURE_S
            if is_shown and now >= sure:
                return "", now
            return None, sure if is_shown else float("inf")

        late = await session.watch(look, deadline)
        if late:
            raise self._keys.fail(
                f"GRUB's menu was expected, and {session.name} is past it: {late[:100]!r} came. It has no menu, shows it "
                "elsewhere (GRUB_TERMINAL=serial brings it to the serial line), or for too short a time"
            )
        if late is None:
            session.raise_unfinished("GRUB's menu was expected", begin, deadline)

    async def _stopped_menu(self, timeout: Timeout) -> None:
        __tracebackhide__ = True
        await self._menu(timeout)
        if self.countdown is not None and not await self._keys.press_until(
            key.NO_KEY, lambda screen: grub_screen.countdown(screen) is None and read_menu(screen) is not None
        ):
            raise self._keys.fail("GRUB's countdown goes on: it does not react to keys")

    async def _open_editor(self) -> None:
        __tracebackhide__ = True
        title = self.selected
        presses = waits = 0
        while not await self._keys.press("" if waits else "e", is_open):
            # a busy machine may draw the frame long before the entry; another key would be typed into it
            waits = waits + 1 if has_editor(self._session.read_screen()) else 0
            presses += not waits
            if presses >= key.PROBES or waits >= key.PRESSES:
                raise GrubFailed(f"GRUB opens no editor for {title!r}: select an entry that boots")
        if presses:
            await Editor(self._keys).rewind()


def _check_edit(
    append: str, replace: tuple[str | re.Pattern[str], str] | None, remove: str | re.Pattern[str] | None
) -> None:
    """Check the arguments of an edit.

    Raises:
        UsageError: the edit cannot be made.
    """
    __tracebackhide__ = True
    if not isinstance(append, str) or not append.isprintable():
        raise UsageError(f"{quoted(append)} cannot be typed into GRUB's editor: give printable characters")
    if replace is not None:
        if not isinstance(replace, tuple) or len(replace) != 2 or not isinstance(replace[1], str):
            raise UsageError(
                f"replace is {quoted(replace)}: give what to replace and with what, such as ('quiet', 'debug')"
            )
        pattern = compiled("grub.edit(): replace", replace[0])
        try:
            re.compile(f"(?:{pattern.pattern})?").sub(replace[1], "")
        except (re.error, IndexError, RecursionError, OverflowError, ValueError) as error:
            raise UsageError(f"{replace[1]!r} cannot replace {pattern.pattern!r}: {error}") from None
    if remove is not None:
        compiled("grub.edit(): remove", remove)
    if not append and replace is None and remove is None:
        raise UsageError("grub.edit(): say what to do: append=, replace= or remove=")
