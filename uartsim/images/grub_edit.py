"""Changing the settings of a guest's GRUB while the guest is off.

``update-grub`` cannot run, so a setting is changed in both places: in ``/etc/default/grub``, from which the guest makes
its next ``grub.cfg``, and in the ``grub.cfg`` that is there, with the same effect.  What is not a kernel's command line is
set by commands at the end of ``grub.cfg``, where they come after all that was generated.  Command lines are changed where
they are: in ``grub.cfg``, in entries of the Boot Loader Specification, and in ``kernelopts`` of the environment block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from uartsim.errors import UsageError
from uartsim.images.grub_settings import COMMAND_LINES, TERMINALS, check_grub_settings
from uartsim.images.grub_text import (
    assignment,
    change_boot_entry,
    change_linux_lines,
    entry_names,
    is_recovery,
    read_environment,
    setting_after,
    with_commands,
    with_parameters,
    with_setting,
    write_environment,
)
from uartsim.images.guest_tree import GuestTree
from uartsim.printable import quoted

_DEFAULTS: Final = "/etc/default/grub"
_MORE_DEFAULTS: Final = "/etc/default/grub.d"
#: Where ``grub.cfg`` is: Debian's path, Red Hat's and SUSE's, and Red Hat's links to it.
_CONFIGS: Final = ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/etc/grub2.cfg", "/etc/grub2-efi.cfg")
_ENVIRONMENTS: Final = ("/boot/grub/grubenv", "/boot/grub2/grubenv")
_BOOT_ENTRIES: Final = "/boot/loader/entries"
_KERNEL_OPTIONS: Final = "kernelopts"


def change_grub(tree: GuestTree, settings: Mapping[str, str]) -> list[str]:
    """Change settings of GRUB in a guest.

    Args:
        tree: the guest's files.
        settings: values by their keys, as in ``/etc/default/grub``.

    Returns: what was changed in which file, as lines for the user.

    Raises:
        UsageError: a setting is unknown or cannot have its effect here, or the guest has no GRUB.  Nothing is written then.
    """
    check_grub_settings(settings)
    edit = _GrubEdit(tree)
    for key, value in settings.items():
        old = edit.set_default(key, value)
        if key in COMMAND_LINES:
            edit.set_command_lines(key, old, value)
    edit.add_commands(settings)
    return edit.write()


def change_command_lines(tree: GuestTree, change: Callable[[str], str]) -> list[str]:
    """Change the command line of every kernel that ``grub.cfg`` starts, where it was not made from settings.

    Args:
        tree: the guest's files.
        change: is given a command line, and returns the new one.

    Returns: what was changed in which file, as lines for the user.

    Raises:
        UsageError: the guest has no GRUB, or no entry starts a kernel whose command line becomes another.  Nothing is written
            then.
    """
    edit = _GrubEdit(tree)
    edit.rewrite_command_lines(change)
    return edit.write()


class _GrubEdit:
    """The files of a guest's GRUB, as they are and as they are to become."""

    def __init__(self, tree: GuestTree) -> None:
        self._tree = tree
        self._notes: list[str] = []
        self._texts: dict[str, str] = {}
        self._changed: set[str] = set()
        configs = [path for path in _CONFIGS if self._load(path)]
        self._configs = [*dict.fromkeys(tree.resolve(path)[0] for path in configs)]
        if not self._configs:
            raise UsageError(
                f"--grub: the image has no GRUB: none of {', '.join(_CONFIGS[:2])} is there; for another boot loader, give its "
                "file with --edit"
            )
        self._defaults = [path for path in (_DEFAULTS, *self._in_folder(_MORE_DEFAULTS, ".cfg")) if self._load(path)]
        self._entries = [path for path in self._in_folder(_BOOT_ENTRIES, ".conf") if self._load(path)]
        self._environments = [path for path in _ENVIRONMENTS if self._load(path)]

    def _in_folder(self, folder: str, suffix: str) -> list[str]:
        return [f"{folder}/{name}" for name in self._tree.names(folder) if name.endswith(suffix)]

    def _load(self, path: str) -> bool:
        """Load a file under its path without links; whether there is one."""
        content = self._tree.read(path)
        if content is None:
            return False
        self._texts[self._tree.resolve(path)[0]] = content.decode(errors="surrogateescape")
        return True

    def _file(self, path: str) -> str:
        return self._tree.resolve(path)[0]

    def _replace(self, path: str, text: str, note: str) -> None:
        real = self._file(path)
        if text != self._texts[real]:
            self._texts[real] = text
            self._changed.add(real)
            self._notes.append(f"{real}: {note}")

    def set_default(self, key: str, value: str) -> str | None:
        """Set a key in the file that has the last word on it.

        Returns: the value before: empty if there was none; None if only a shell could tell.
        """
        old: str | None = ""
        last: str | None = None
        for path in self._defaults:
            text = self._texts[self._file(path)]
            after = setting_after(key, old, text)
            if assignment(key).search(text) or path == _DEFAULTS:
                last = path
            old = after
        if last is None:
            note = f"{_DEFAULTS}: not there; the next update-grub in the guest undoes the change"
            self._notes += [note] * (note not in self._notes)
        else:
            text = self._texts[self._file(last)]
            self._replace(last, with_setting(key, value, text), f'{key}="{value}"')
        return old

    def set_command_lines(self, key: str, old: str | None, value: str) -> None:
        """Replace the old value of a key by the new one in every kernel's command line that it concerns."""
        if old == value:
            return
        if old is None:
            raise UsageError(
                f"--grub {key}: its value in {_DEFAULTS} is computed by the shell, so it cannot be found in the kernel's "
                "command line: change grub.cfg with --edit"
            )
        seen = concerned = in_environment = 0

        def change(title: str, command_line: str) -> str | None:
            nonlocal seen, concerned, in_environment
            seen += 1
            if key == COMMAND_LINES[1] and is_recovery(title, command_line):
                return None
            concerned += 1
            if {f"${_KERNEL_OPTIONS}", f"${{{_KERNEL_OPTIONS}}}"} & {*command_line.split()}:
                in_environment += 1
                return None
            new = with_parameters(command_line, old.split(), value.split())
            if new is None:
                raise UsageError(
                    f"--grub {key}: its value in {_DEFAULTS}, {quoted(old)}, is not in the command line of the entry "
                    f"{quoted(title)}, which was not made from it: change grub.cfg with --edit"
                )
            return new

        for path in self._configs:
            text, count = change_linux_lines(self._texts[path], change)
            self._replace(path, text, f"{count} kernel command line{'s' * (count != 1)}: {_replaced(old, value)}")
        for path in self._entries:
            text = change_boot_entry(self._texts[self._file(path)], change)
            self._replace(path, text, f"options: {_replaced(old, value)}")
        if in_environment and not self._set_environment(change, _replaced(old, value)):
            raise UsageError(
                f"--grub {key}: entries take it from {_KERNEL_OPTIONS} of GRUB's environment block, and no grubenv has that: "
                "change the entries with --edit"
            )
        if not concerned:
            raise UsageError(
                f"--grub {key}: no entry of {self._configs[0]} starts a kernel with it"
                + ("" if seen else " (there is no linux command)")
            )

    def rewrite_command_lines(self, change: Callable[[str], str]) -> None:
        """Change every kernel's command line in ``grub.cfg``."""
        changed = 0
        for path in self._configs:
            text, count = change_linux_lines(self._texts[path], lambda _, line: f" {change(line)}")
            self._replace(path, text, f"{count} kernel command line{'s' * (count != 1)} changed")
            changed += count
        if not changed:
            raise UsageError(
                f"the command line of a kernel cannot be changed: no entry of {self._configs[0]} has one that would be another"
            )

    def _set_environment(self, change: Callable[[str, str], str | None], note: str) -> bool:
        """Change the kernel's command line in the environment blocks; whether one has it."""
        found = False
        for path in self._environments:
            variables = read_environment(self._texts[self._file(path)].encode(errors="surrogateescape"))
            if variables is None or _KERNEL_OPTIONS not in variables:
                continue
            found = True
            new = change("", variables[_KERNEL_OPTIONS])
            if new is None:
                continue
            block = write_environment({**variables, _KERNEL_OPTIONS: new})
            if block is None:
                raise UsageError(f"--grub: {path} has no room for the new command line: give fewer parameters")
            self._replace(path, block.decode(errors="surrogateescape"), f"{_KERNEL_OPTIONS}: {note}")
        return found

    def add_commands(self, settings: Mapping[str, str]) -> None:
        """Put the commands that have the settings' effect at the end of ``grub.cfg``."""
        for path in self._configs:
            commands = [*self._commands(path, settings)]
            if commands:
                text = with_commands(self._texts[path], commands)
                self._replace(path, text, f"at the end: {'; '.join(commands)}")

    def _commands(self, path: str, settings: Mapping[str, str]) -> Iterator[str]:
        text = self._texts[path]
        if "GRUB_TIMEOUT" in settings:
            command = f"set timeout={settings['GRUB_TIMEOUT']}"
            yield f'if [ "${{recordfail}}" != 1 ]; then {command}; fi' if "recordfail" in text else command
        if "GRUB_RECORDFAIL_TIMEOUT" in settings:
            yield f'if [ "${{recordfail}}" = 1 ]; then set timeout={settings["GRUB_RECORDFAIL_TIMEOUT"]}; fi'
        if "GRUB_TIMEOUT_STYLE" in settings:
            yield f"set timeout_style={settings['GRUB_TIMEOUT_STYLE']}"
        if "GRUB_DEFAULT" in settings:
            yield from _default_entry(settings["GRUB_DEFAULT"], text, found_in_files=bool(self._entries))
        yield from self._terminals(settings)

    def _terminals(self, settings: Mapping[str, str]) -> Iterator[str]:
        chosen = {
            command: settings[key] for key, commands in TERMINALS.items() if key in settings for command in commands
        }
        serial = settings.get("GRUB_SERIAL_COMMAND")
        if serial is None and any("serial" in value.split() for value in chosen.values()):
            serial = ""
            for path in self._defaults:
                serial = setting_after("GRUB_SERIAL_COMMAND", serial, self._texts[self._file(path)])
            if not serial:
                raise UsageError(
                    "--grub: a serial terminal needs its speed: add --grub GRUB_SERIAL_COMMAND='serial --unit=0 --speed=115200'"
                )
        if serial is not None:
            yield serial
        yield from (f"{command} {value}" for command, value in chosen.items())

    def write(self) -> list[str]:
        """Write the files that are different.  Returns what was changed, as lines for the user."""
        for path in sorted(self._changed):
            self._tree.write(path, self._texts[path].encode(errors="surrogateescape"))
        return self._notes


def _replaced(old: str, new: str) -> str:
    if not old:
        return f"{new} added"
    return f"{old} replaced by {new}" if new else f"{old} removed"


def _default_entry(value: str, config: str, *, found_in_files: bool) -> Iterator[str]:
    """The commands that choose an entry, unless another was chosen for one boot (``grub-reboot``)."""
    titles, names = entry_names(config)
    parts = value.split(">")
    if not found_in_files and value != "saved":
        if parts[0].isdecimal() and int(parts[0]) >= len(titles):
            raise UsageError(f"--grub GRUB_DEFAULT={value}: the menu has {len(titles)} entries, numbered from 0")
        unknown = [part for part in parts if not part.isdecimal() and part not in names]
        if unknown:
            shown = "; ".join(sorted(names)[:8])
            raise UsageError(
                f"--grub GRUB_DEFAULT={value}: no entry is called {quoted(unknown[0])}; there are: {shown}"
            )
    if value == "saved":
        yield "load_env"
        value = "${saved_entry}"
    yield f'if [ "${{boot_once}}" != true ]; then set default="{value}"; fi'
