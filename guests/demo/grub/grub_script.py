"""The language of GRUB's entries and command line: words, quotes, variables and the commands themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .menu_entries import GRUB_FILES, LOADABLE, BootRequest

#: GRUB's environment at the start.
_ENVIRONMENT: Final[Mapping[str, str]] = {
    "?": "0",
    "cmdpath": "(hd0)",
    "color_highlight": "black/light-gray",
    "color_normal": "light-gray/black",
    "default": "0",
    **dict.fromkeys(
        (
            "feature_200_final",
            "feature_all_video_module",
            "feature_chainloader_bpb",
            "feature_default_font_path",
            "feature_menuentry_id",
            "feature_menuentry_options",
            "feature_nativedisk_cmd",
            "feature_ntldr",
            "feature_platform_search_hint",
            "feature_timeout_style",
        ),
        "y",
    ),
    "grub_cpu": "i386",
    "grub_platform": "pc",
    "lang": "",
    "locale_dir": "",
    "net_default_ip": "(null)",
    "net_default_mac": "(null)",
    "net_default_server": "",
    "pager": "",
    "prefix": "(hd0,msdos1)/boot/grub",
    "pxe_default_server": "",
    "root": "hd0,msdos1",
    "secondary_locale_dir": "",
}

#: Commands and their usage, for ``help`` and completion.
HELP: Final[Mapping[str, str]] = {
    "boot": "",
    "cat": "FILE",
    "clear": "",
    "echo": "[-e|-n] [STRING]",
    "exit": "",
    "false": "",
    "halt": "",
    "help": "[PATTERN ...]",
    "initrd": "FILE",
    "insmod": "MODULE",
    "linux": "FILE [ARGS...]",
    "load_video": "",
    "ls": "[-l|-h|-a] [FILE ...]",
    "normal": "",
    "reboot": "",
    "search": "[-f|-l|-u|-s|-n] NAME",
    "set": "[ENVVAR=VALUE]",
    "setparams": "[VALUE]...",
    "true": "",
    "unset": "ENVVAR",
}


class GrubError(Exception):
    """A command has failed; the message is what GRUB prints after ``error: ``."""


class PowerCommand(Exception):
    """``reboot`` or ``halt`` was given; the attribute ``reason`` is "reboot" or "poweroff"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BootNow(Exception):
    """``boot`` was given and a kernel is loaded."""


class LeaveCommandLine(Exception):
    """``exit`` or ``normal`` was given: back to the menu."""


class Interpreter:
    """Runs commands one by one and collects what they load.

    Attributes:
        variables: GRUB's environment.
        request: the kernel that is loaded, if any.
        output: what the commands have printed; the caller shows and clears it.
    """

    def __init__(self) -> None:
        self.variables = dict(_ENVIRONMENT)
        self.request: BootRequest | None = None
        self.output = ""

    def run(self, line: str) -> None:
        """Run one line.

        Raises:
            GrubError: the command has failed.
            BootNow: it was ``boot``, and a kernel is loaded.
            LeaveCommandLine: it was ``exit`` or ``normal``.
            PowerCommand: it was ``reboot`` or ``halt``.
        """
        words = split_words(line, self.variables)
        if not words:
            return
        name, *arguments = words
        if "=" in name and not arguments and name.partition("=")[0].isidentifier():
            self._set([name])
            return
        command = getattr(self, f"_do_{name.replace('.', '_')}", None)
        if command is None:
            raise GrubError(f"can't find command `{name}'.")
        command(arguments)

    # ------------------------------------------------------------------------------------------------------- commands
    def _set(self, arguments: list[str]) -> None:
        for argument in arguments:
            name, equals, value = argument.partition("=")
            if equals:
                self.variables[name] = value
            elif name in self.variables:
                self.output += f"{name}={self.variables[name]}\n"

    def _do_set(self, arguments: list[str]) -> None:
        self._set(arguments or sorted(self.variables))

    def _do_unset(self, arguments: list[str]) -> None:
        for name in arguments:
            self.variables.pop(name, None)

    def _do_echo(self, arguments: list[str]) -> None:
        newline = "\n"
        while arguments and arguments[0] in ("-n", "-e"):
            if arguments.pop(0) == "-n":
                newline = ""
        self.output += " ".join(arguments) + newline

    def _do_setparams(self, arguments: list[str]) -> None:
        self.variables.update({str(number): value for number, value in enumerate(arguments, 1)})

    def _nothing(self, _arguments: list[str]) -> None:
        """Accept a command that has no effect here."""

    _do_insmod = _do_load_video = _do_gfxmode = _do_search = _do_true = _do_export = _do_savedefault = _nothing
    _do_recordfail = _do_serial = _do_terminal_input = _do_terminal_output = _do_setroot = _nothing

    def _do_false(self, _arguments: list[str]) -> None:
        raise GrubError("false")

    def _do_linux(self, arguments: list[str]) -> None:
        if not arguments:
            raise GrubError("filename expected.")
        path = _without_device(arguments[0])
        if path not in LOADABLE:
            raise GrubError(f"file `{path}' not found.")
        self.request = BootRequest(" ".join((f"BOOT_IMAGE={path}", *arguments[1:])))

    _do_linux16 = _do_linux

    def _do_initrd(self, arguments: list[str]) -> None:
        if not arguments:
            raise GrubError("filename expected.")
        if self.request is None:
            raise GrubError("you need to load the kernel first.")
        path = _without_device(arguments[0])
        if path not in LOADABLE:
            raise GrubError(f"file `{path}' not found.")
        self.request = self.request._replace(has_initrd=True)

    _do_initrd16 = _do_initrd

    def _do_ls(self, arguments: list[str]) -> None:
        if not arguments:
            self.output += "(hd0) (hd0,msdos1) \n"
            return
        for argument in arguments:
            if argument in ("-l", "-h", "-a"):
                continue
            path = _without_device(argument)
            if argument.startswith("(") and not path:
                self.output += (
                    f"\tPartition {argument.strip('()')}: Filesystem type ext* - Label `root' - "
                    "UUID 7d1c9c3b-51a2-4d0f-9c43-0a8f5d1f7e55 - Partition start at 1024KiB - Total size 920576KiB\n"
                )
                continue
            listing = GRUB_FILES.get(path.rstrip("/") or "/")
            if listing is None:
                raise GrubError(f"file `{path}' not found.")
            self.output += listing + " \n"

    def _do_cat(self, arguments: list[str]) -> None:
        if not arguments:
            raise GrubError("filename expected.")
        raise GrubError(f"file `{_without_device(arguments[0])}' not found.")

    def _do_boot(self, _arguments: list[str]) -> None:
        if self.request is None:
            raise GrubError("you need to load the kernel first.")
        raise BootNow

    def _do_reboot(self, _arguments: list[str]) -> None:
        raise PowerCommand("reboot")

    def _do_halt(self, _arguments: list[str]) -> None:
        raise PowerCommand("poweroff")

    def _do_normal(self, _arguments: list[str]) -> None:
        raise LeaveCommandLine

    _do_exit = _do_normal

    def _do_clear(self, _arguments: list[str]) -> None:
        self.output += "\f"

    def _do_help(self, _arguments: list[str]) -> None:
        names = [(f"{name} {usage}", name) for name, usage in HELP.items()]
        for left, right in zip(names[::2], [*names[1::2], ("", "")], strict=False):
            self.output += f"{left[0]:<40}{right[0]}".rstrip() + "\n"


def _without_device(path: str) -> str:
    return path.partition(")")[2] if path.startswith("(") else path


def split_words(line: str, variables: Mapping[str, str]) -> list[str]:
    """The words of a line of GRUB's script language: quotes, backslashes, ``$name`` and ``${name}``, comments."""
    words: list[str] = []
    current: str | None = None
    quoted = False  # between double quotes
    position = 0
    while position < len(line):
        piece = line[position]
        position += 1
        if piece == "\\" and position < len(line):
            piece = line[position]
            position += 1
        elif piece == "$":
            name, position = _variable_name(line, position)
            piece = variables.get(name, "") if name else "$"
        elif piece == '"':
            piece, quoted = "", not quoted
        elif quoted:
            pass
        elif piece == "'":
            piece = line[position:].partition("'")[0]
            position += len(piece) + 1
        elif piece in " \t;":
            if current is not None:
                words.append(current)
            current = None
            continue
        elif piece == "#" and current is None:
            break
        current = (current or "") + piece
    if current is not None:
        words.append(current)
    return words


def _variable_name(line: str, position: int) -> tuple[str, int]:
    if line[position : position + 1] == "{":
        end = line.find("}", position)
        if end > 0:
            return line[position + 1 : end], end + 1
    if line[position : position + 1] == "?":
        return "?", position + 1
    end = position
    while end < len(line) and (line[end].isalnum() or line[end] == "_"):
        end += 1
    return line[position:end], end
