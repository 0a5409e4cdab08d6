"""GRUB's menu: its entries, countdown and keys, and the booting of the chosen entry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import trio

from . import menu_frame as frame
from .command_prompt import Prompt
from .entry_editor import Editor
from .grub_script import BootNow, GrubError, Interpreter
from .menu_entries import BootRequest, Entry
from .serial_terminal import CURSOR_ON, HIGHLIGHT, NORMAL, GrubTerminal

#: In place of a key: the countdown has ended.
TIMED_OUT: Final = "timed out"


class Menu:
    """The boot loader's menu.

    Args:
        terminal: the serial terminal.
        entries: the entries of the menu.
        timeout_s: whole seconds until the first entry boots by itself; 0 for at once, negative for never.
        pause_s: how long reading the kernel or the ramdisk from the disk takes, in seconds.
    """

    def __init__(self, terminal: GrubTerminal, entries: Sequence[Entry], timeout_s: int, pause_s: float = 0.0) -> None:
        self._terminal = terminal
        self._entries = entries
        self._timeout_s: int | None = timeout_s if timeout_s >= 0 else None
        self._pause_s = pause_s
        self._rows = 0

    async def run(self) -> BootRequest:
        """Show the menu until an entry boots.

        Raises:
            PowerCommand: ``reboot`` or ``halt`` was given on the command line.
        """
        if self._timeout_s == 0:
            request = await self._boot(self._entries[0], by_itself=True)
            if request is not None:
                return request
        self._timeout_s = self._timeout_s or None
        while True:
            request = await self._run_menu(self._entries, is_submenu=False)
            if request is not None:
                return request

    async def _run_menu(self, entries: Sequence[Entry], *, is_submenu: bool) -> BootRequest | None:
        selected = 0
        self._draw(entries, selected, is_submenu=is_submenu)
        while True:
            key = await (self._terminal.key() if self._timeout_s is None else self._count_down(selected))
            target = self._target(key, selected, len(entries))
            if target is not None:
                self._draw_entry(entries, selected, selected=False)
                self._draw_entry(entries, target, selected=True)
                selected = target
                continue
            if key == "esc" and is_submenu:
                self._terminal.raw(CURSOR_ON)
                return None
            by_itself = key == TIMED_OUT
            if by_itself or key in ("enter", "right", "c-f"):
                request = await self._choose(entries[selected], by_itself=by_itself)
                selected = selected if by_itself else 0
            elif key == "e" and not entries[selected].entries:
                request = await self._edit(entries[selected])
            elif key == "c":
                request = await self._command_line()
            else:
                continue
            if request is not None:
                return request
            self._draw(entries, selected, is_submenu=is_submenu)

    def _target(self, key: str, selected: int, count: int) -> int | None:
        """The entry that a key moves to from ``selected``, or None if it does not move."""
        targets = {
            "up": selected - 1,
            "^": selected - 1,
            "down": selected + 1,
            "v": selected + 1,
            "home": 0,
            "end": count - 1,
            "pgup": selected - self._rows,
            "pgdown": selected + self._rows,
        }
        return min(max(0, targets[key]), count - 1) if key in targets else None

    # --------------------------------------------------------------------------------------------------------- drawing
    def _draw(self, entries: Sequence[Entry], selected: int, *, is_submenu: bool) -> None:
        terminal = self._terminal
        frame.begin_menu(terminal)
        self._rows = frame.draw_frame(terminal, frame.SUBMENU_HELP if is_submenu else frame.MENU_HELP)
        terminal.goto(frame.FIRST_ROW, frame.SCROLL_COLUMN)
        terminal.text(" ")
        for index in range(self._rows):
            self._draw_entry(entries, index, selected=index == selected)
        terminal.goto(frame.FIRST_ROW + self._rows - 1, frame.SCROLL_COLUMN)
        terminal.text(" ")
        terminal.goto(frame.FIRST_ROW + selected, 78)
        if self._timeout_s is None:
            frame.clear_message(terminal, frame.FIRST_ROW + selected, 78)

    def _draw_entry(self, entries: Sequence[Entry], index: int, *, selected: bool) -> None:
        terminal = self._terminal
        row = frame.FIRST_ROW + index
        title = entries[index].title if index < len(entries) else ""
        terminal.raw(HIGHLIGHT if selected else NORMAL)
        terminal.goto(row, frame.FIRST_COLUMN)
        terminal.text(("*" if selected else " ") + f"{title[:75]:<75}")
        terminal.raw(NORMAL)
        terminal.goto(row, 78)
        terminal.raw(NORMAL)

    async def _count_down(self, selected: int) -> str:
        """Count down in place; the key that has stopped it, or `TIMED_OUT`.

        A tick does not cut the decoding of a key short: a task of its own waits for the key.
        """
        terminal = self._terminal
        assert self._timeout_s is not None
        left = self._timeout_s
        end = trio.current_time() + left
        keys: list[str] = []
        async with trio.open_nursery() as nursery:
            stopped = nursery.cancel_scope

            async def wait_for_key() -> None:
                keys.append(await terminal.key())
                stopped.cancel()

            self._show_seconds(left, selected)
            await terminal.flush()
            nursery.start_soon(wait_for_key)
            while left > 0:
                await trio.sleep_until(end - left + 1)
                left -= 1
                self._show_seconds(left, selected)
                await terminal.flush()
            await trio.lowlevel.checkpoint()
            stopped.cancel()
        self._timeout_s = None
        if not keys:
            return TIMED_OUT
        frame.clear_message(terminal, frame.FIRST_ROW + selected, 78)
        return keys[0]

    def _show_seconds(self, left: int, selected: int) -> None:
        terminal = self._terminal
        terminal.goto(frame.MESSAGE_ROW, 1)
        message = f"   The highlighted entry will be executed automatically in {left}s."
        terminal.text(f"{message:<79}")
        terminal.goto(frame.FIRST_ROW + selected, 78)

    # ---------------------------------------------------------------------------------------------------------- booting
    async def _choose(self, entry: Entry, *, by_itself: bool) -> BootRequest | None:
        terminal = self._terminal
        terminal.raw(CURSOR_ON)
        terminal.clear()
        if entry.entries:
            return await self._run_menu(entry.entries, is_submenu=True)
        return await self._boot(entry, by_itself=by_itself)

    async def _boot(self, entry: Entry, *, by_itself: bool) -> BootRequest | None:
        self._terminal.clear()
        if by_itself:
            self._terminal.text(f"  Booting `{entry.title}'\n\n")
        return await self._execute(entry.lines)

    async def _execute(self, lines: Sequence[str]) -> BootRequest | None:
        """Run commands; return what they have loaded, or None after an error and a key."""
        terminal = self._terminal
        interpreter = Interpreter()
        failed = False
        for line in lines:
            try:
                interpreter.run(line)
            except BootNow:
                break
            except GrubError as error:
                interpreter.output += f"error: {error}\n"
                failed = True
            terminal.text(interpreter.output)
            interpreter.output = ""
            await terminal.flush()
            if line.split()[:1] in (["linux"], ["initrd"]):
                await trio.sleep(self._pause_s)
        if interpreter.request is not None and not failed:
            await terminal.flush()
            return interpreter.request
        if interpreter.request is None and not failed:
            terminal.text(
                "error: no server is specified.\n" if not lines else "error: you need to load the kernel first.\n"
            )
        terminal.text("\nPress any key to continue...")
        await terminal.flush()
        with trio.move_on_after(10.0 if interpreter.request is not None else math.inf):
            await terminal.key()
        if interpreter.request is not None:
            terminal.text("\n")
            await terminal.flush()
        return interpreter.request

    async def _edit(self, entry: Entry) -> BootRequest | None:
        terminal = self._terminal
        terminal.raw(CURSOR_ON)
        terminal.clear()
        editor = Editor(terminal, entry.editor_lines)
        while True:
            reason = await editor.run()
            if reason == "command line":
                request = await self._command_line(from_editor=True)
                if request is not None:
                    return request
                continue
            if reason == "discard":
                return None
            terminal.clear()
            terminal.text("  Booting a command list\n\n")
            request = await self._execute(editor.lines)
            if request is not None:
                return request

    async def _command_line(self, *, from_editor: bool = False) -> BootRequest | None:
        if not from_editor:
            self._terminal.raw(CURSOR_ON)
            self._terminal.clear()
        return await Prompt(self._terminal).run()
