"""The texts that GRUB reads, and those that its settings come from: taken apart and changed, without any file.

- the settings: ``/etc/default/grub``, assignments in shell syntax
- ``grub.cfg``: a script; what comes last counts
- the environment block ``grubenv``: 1024 bytes, ``NAME=VALUE`` lines, padded with ``#`` (GNU GRUB manual, "Environment
  block")
- entries of the Boot Loader Specification: ``KEY VALUE`` lines, of which ``options`` is the kernel's command line
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Final

#: The length of an environment block, in bytes.
ENVIRONMENT_BYTES: Final = 1024
_ENVIRONMENT_HEAD: Final = "# GRUB Environment Block\n"
_LINUX: Final = re.compile(r"(\s*linux(?:16|efi)?\s+\S+)((?:\s.*)?)")
_ENTRY: Final = re.compile(r"\s*(?:menuentry|submenu)\s+(?:'([^']*)'|\"([^\"]*)\"|(\S+))")
_RECOVERY_WORDS: Final = frozenset(
    ("single", "recovery", "rescue", "systemd.unit=rescue.target", "systemd.unit=emergency.target")
)
_RECOVERY_TITLE: Final = re.compile(r"recovery mode|rescue", re.IGNORECASE)


def assignment(key: str) -> re.Pattern[str]:
    """A line of a settings file that sets ``key``: groups ``sign`` (``=`` or ``+=``) and ``value``."""
    return re.compile(rf"^[ \t]*(?:export[ \t]+)?{re.escape(key)}(?P<sign>\+?=)(?P<value>.*)$", re.MULTILINE)


def setting_after(key: str, before: str | None, text: str) -> str | None:
    """The value of a setting after a settings file has been read.

    Args:
        key: the setting.
        before: its value before the file, empty if there is none; None if that is not known.
        text: the file.

    Returns: the value; None if only a shell could tell.
    """
    value = before
    for found in assignment(key).finditer(text):
        try:
            words = shlex.split(found["value"], comments=True)
        except ValueError:  # a quotation that goes on in the next line
            return None
        written = words[0] if words else ""
        if value is not None:
            written = written.replace(f"${{{key}}}", value)
            written = value.join(re.split(rf"\${key}\b", written))
        unknown = "$" in written or "`" in written or (value is None and found["sign"] == "+=")
        value = None if unknown else (value or "") + written if found["sign"] == "+=" else written
    return value


def with_setting(key: str, value: str, text: str) -> str:
    """A settings file in which ``key`` has a value: its last assignment is replaced, or one is added at the end."""
    line = f'{key}="{value}"'
    last = [*assignment(key).finditer(text)][-1:]
    for found in last:
        return text[: found.start()] + line + text[found.end() :]
    return f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{line}\n"


def with_parameters(command_line: str, old: Sequence[str], new: Sequence[str]) -> str | None:
    """A kernel's command line with some neighbouring parameters replaced, or added at the end if ``old`` is empty.

    Returns: the new command line, with the spacing of the old one; None if ``old`` is not in it.
    """
    stripped = command_line.rstrip()
    end = command_line[len(stripped) :]
    if not old:
        return stripped + "".join(f" {word}" for word in new) + end
    wanted = re.compile(r"(?<!\S)" + r"\s+".join(map(re.escape, old)) + r"(?!\S)")
    found = [*wanted.finditer(stripped)][-1:]
    for match in found:
        rest = stripped[: match.start()] + " ".join(new) + stripped[match.end() :]
        return re.sub(r"(?<=\S)[ \t]+", " ", rest).rstrip() + end
    return None


def is_recovery(title: str, command_line: str) -> bool:
    """Whether a boot entry is one for recovery, which GRUB_CMDLINE_LINUX_DEFAULT does not concern."""
    return bool(_RECOVERY_TITLE.search(title) or _RECOVERY_WORDS & {*command_line.split()})


def change_linux_lines(config: str, change: Callable[[str, str], str | None]) -> tuple[str, int]:
    """Change the kernel's command lines in a ``grub.cfg``.

    Args:
        config: the script.
        change: is given the title of the entry and the command line, and returns the new one, or None to leave it.

    Returns: the new script, and how many command lines are different.
    """
    title, changed = "", 0
    lines = config.split("\n")
    for index, line in enumerate(lines):
        if entry := _ENTRY.match(line):
            title = entry[1] or entry[2] or entry[3] or ""
        elif found := _LINUX.fullmatch(line):
            new = change(title, found[2])
            if new is not None and new != found[2]:
                lines[index] = found[1] + new
                changed += 1
    return "\n".join(lines), changed


def entry_names(config: str) -> tuple[list[str], set[str]]:
    """The titles of the menu's first level, in order; and all titles and ids of a ``grub.cfg``, at any depth."""
    top, names = [], set()
    for line in config.split("\n"):
        if entry := _ENTRY.match(line):
            title = entry[1] or entry[2] or entry[3] or ""
            names.add(title)
            names |= {found[1] for found in re.finditer(r"(?:--id|\$menuentry_id_option)[ =]'?([^'\s]+)'?", line)}
            if not line[:1].isspace():
                top.append(title)
    return top, names


def with_commands(config: str, commands: Sequence[str]) -> str:
    """A ``grub.cfg`` with commands at its end, where they come after all that was generated."""
    gap = "" if config.endswith("\n") or not config else "\n"
    return "\n".join([config + gap + "### BEGIN uartsim --grub ###", *commands, "### END uartsim --grub ###", ""])


def read_environment(block: bytes) -> dict[str, str] | None:
    """The variables of an environment block; None if it is not one."""
    text = block.decode(errors="surrogateescape")
    if not text.startswith(_ENVIRONMENT_HEAD):
        return None
    lines = text[len(_ENVIRONMENT_HEAD) :].split("\n")
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def write_environment(variables: Mapping[str, str]) -> bytes | None:
    """An environment block; None if the variables do not fit into one."""
    text = _ENVIRONMENT_HEAD + "".join(f"{name}={value}\n" for name, value in variables.items())
    block = text.encode(errors="surrogateescape")
    return block.ljust(ENVIRONMENT_BYTES, b"#") if len(block) <= ENVIRONMENT_BYTES else None


def change_boot_entry(entry: str, change: Callable[[str, str], str | None]) -> str:
    """Change the kernel's command line of an entry of the Boot Loader Specification; ``change`` as above."""
    title = "".join(re.findall(r"^title\s+(.*)$", entry, re.MULTILINE)[:1])

    def replace(found: re.Match[str]) -> str:
        new = change(title, found[2])
        return found[0] if new is None else found[1] + new

    return re.sub(r"^(options)([ \t].*)$", replace, entry, flags=re.MULTILINE)
