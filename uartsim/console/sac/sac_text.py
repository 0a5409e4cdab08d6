"""What SAC writes: its prompts, header pages and tables.  No I/O, no clock.

SAC fills every line with blanks up to the 80th column.  Its texts are those of Microsoft's documents on the serial console
and on the Special Administration Console commands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

#: What a Windows without SAC sends.
HEALTH_REPORT: Final = re.compile(r"Microsoft Azure VM Health Report - (?:Start|End)")
#: What is said of such a Windows, with the documents' mitigation.
SAC_IS_OFF: Final = (
    "SAC is not enabled in this Windows, which sends its health report only: run 'bcdedit /ems {current} on' and "
    "'bcdedit /emssettings EMSPORT:1 EMSBAUDRATE:115200' in it as an administrator, and restart it"
)
CHANNEL_CREATED: Final = re.compile(r"EVENT:\s+A new channel has been created\.[^\n]*\n\s*Channel: (\S+)")
CMD_AVAILABLE: Final = re.compile(r"EVENT:\s+The CMD command is now available")
_CHANNEL_CLOSED: Final = re.compile(r"EVENT:\s+A channel has been closed\.(?P<why>[^\n]*)\n\s*Channel: (?P<name>\S+)")
_CHANNEL_ROW: Final = re.compile(r"^[ \t]*(\d{1,9})[ \t]+\(([^)\n]{1,9})\)[ \t]+(\S[^\n]*)$", re.MULTILINE)


class Place(Enum):
    """What reads the keys, by the line that the cursor is in."""

    SAC = "SAC's prompt"
    STOPPED = "the prompt !SAC> of a Windows that has stopped"
    HEADER = "a channel's header page"
    USER = "a channel's question for a user name"
    DOMAIN = "a channel's question for a domain"
    PASSWORD = "a channel's question for a password"
    COMMAND = "a Command Prompt"
    OTHER = "something else"


_PLACES: Final = (
    (Place.STOPPED, re.compile(r"\s*!SAC> ?\Z")),
    (Place.SAC, re.compile(r"\s*SAC> ?\Z")),
    (Place.USER, re.compile(r"(?i)\s*user ?name\s*: *\Z")),
    (Place.DOMAIN, re.compile(r"(?i)\s*domain\s*: *\Z")),
    (Place.PASSWORD, re.compile(r"(?i)\s*password\s*: *\Z")),
    (Place.COMMAND, re.compile(r"(?:PS )?[A-Za-z]:\\[^>\n]*> ?\Z")),
)
_HEADER: Final = re.compile(r"Use any other key to view this channel\.\s*\Z")


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of SAC.

    Attributes:
        number: its number; 0 is SAC itself.
        name: its name, such as ``"Cmd0001"``.
        status: the letters of its status: ``A`` active or ``I`` inactive, ``V`` VT-UTF8 or ``R`` raw.
    """

    number: int
    name: str
    status: str


def place_of(line: str, tail: str) -> Place:
    """What reads the keys.

    Args:
        line: the text before the cursor in its line.
        tail: the last part of all that the guest has sent.
    """
    for place, pattern in _PLACES:
        if pattern.match(line):
            return place
    return Place.HEADER if not line.strip() and _HEADER.search(tail) else Place.OTHER


def read_channels(table: str) -> list[Channel]:
    """The channels that the command ``ch`` has listed."""
    return [Channel(int(number), name.rstrip(), status) for number, status, name in _CHANNEL_ROW.findall(table)]


def unpadded(text: str) -> str:
    """Lines without the blanks that fill them, and without blank lines at both ends."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def before_prompt(text: str) -> str:
    """A command's output without the events behind it, each of which SAC tells after a prompt."""
    lines = text.splitlines(keepends=True)
    end = next((index for index, line in enumerate(lines) if line.rstrip() == "SAC>"), len(lines))
    return "".join(lines[:end])


def closed_channel(tail: str) -> tuple[str, str] | None:
    """The channel that was closed last, and why, as far as SAC has said it; None if none was."""
    closed = [(found["name"], found["why"].strip()) for found in _CHANNEL_CLOSED.finditer(tail)]
    return closed[-1] if closed else None
