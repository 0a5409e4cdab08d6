"""The telnet protocol as a client of a serial port speaks it, without any input or output: RFC 854, 855, 856 and 2217.

A server is asked for binary transmission both ways, and offered COM-PORT-OPTION.  Where it takes that (a console server,
ser2net), :class:`uartsim.guest.com_port_option.ComPortOption` speaks for the serial port.  Where it does not (QEMU), a
break is IAC BREAK.

QEMU's ``telnet=on`` is careless in two ways.  It takes every command for one of three bytes, so nothing shorter is sent to
it but IAC BREAK; and it sends a character 0xFF without doubling it.  Where the character behind that is not a command, both
are taken for characters; the others (0xEC to 0xFF) cannot be told.  A ``unix:`` or ``tcp:`` address carries every byte.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final

from uartsim.guest.com_port_option import COM_PORT, ComPortOption
from uartsim.line_format import LineFormat
from uartsim.machine import Flag, Received

IAC, DONT, DO, WONT, WILL, SB, BREAK, SE = 255, 254, 253, 252, 251, 250, 243, 240
BINARY, ECHO, SUPPRESS_GO_AHEAD = 0, 1, 3

#: The first of the commands (RFC 1184, RFC 854); what is below has no meaning behind IAC.
_FIRST_COMMAND: Final = 236
#: What we want the server to do, and what we do ourselves.
_HIS: Final = frozenset({BINARY, ECHO, SUPPRESS_GO_AHEAD, COM_PORT})
_OURS: Final = frozenset({BINARY, SUPPRESS_GO_AHEAD, COM_PORT})
#: A longer subnegotiation is ignored.
_LONGEST_SUBNEGOTIATION: Final = 1024
#: So many answers are enough for every option twice and a server that changes its mind.
_MOST_ANSWERS: Final = 2000


class EndlessNegotiation(Exception):
    """The server negotiates on and on."""


class _At(Enum):
    """Where in a command the next byte stands."""

    DATA = 0
    COMMAND = 1
    OPTION = 2
    SUBNEGOTIATION = 3
    COMMAND_IN_IT = 4


class TelnetCodec:
    """Our end of one telnet connection.

    Args:
        line_format: the format that a server with COM-PORT-OPTION is asked to set.

    Attributes:
        replies: what is to be sent to the server, of which whoever sends it takes it away.
        com_port: the serial port behind a server with COM-PORT-OPTION, or None.
    """

    def __init__(self, line_format: LineFormat) -> None:
        self.replies = bytearray()
        self.com_port: ComPortOption | None = None
        self._format = line_format
        self._at = _At.DATA
        self._verb = 0
        self._inner = bytearray()
        self._after_cr = False
        self._his: dict[int, bool] = {}
        self._ours: dict[int, bool] = {}
        self._answers = 0
        self._asked = {(WILL, COM_PORT), (WILL, BINARY), (DO, BINARY)}
        for verb, option in sorted(self._asked, reverse=True):
            self.replies += bytes((IAC, verb, option))

    @property
    def is_settled(self) -> bool:
        """The server has said of both directions whether they are binary."""
        return BINARY in self._his and BINARY in self._ours

    @property
    def in_command(self) -> bool:
        """What has come so far ends in the middle of a command."""
        return self._at is not _At.DATA

    # -- to the server -------------------------------------------------------------------------------------

    def encode(self, data: bytes) -> bytes:
        """Characters as they are sent."""
        data = data.replace(b"\xff", b"\xff\xff")
        return data if self._ours.get(BINARY) else data.replace(b"\r", b"\r\0")

    def taken(self, data: bytes, size: int) -> tuple[int, bytes]:
        """How many characters of ``data`` have begun in the first ``size`` bytes of its encoded form, and what they lack.

        A character of two bytes may have been cut in the middle.
        """
        count = 0
        while size > 0:
            encoded = self.encode(data[count : count + 1])
            count += 1
            if size < len(encoded):
                return count, encoded[size:]
            size -= len(encoded)
        return count, b""

    # -- from the server -----------------------------------------------------------------------------------

    def feed(self, data: bytes) -> list[Received]:
        """The characters, breaks and errors in what the server has sent.

        Raises:
            EndlessNegotiation: it has asked for more than there is to ask.
        """
        found: list[Received] = []
        good = bytearray()
        position = 0
        while position < len(data):
            if self._at is _At.DATA:
                mark = data.find(IAC, position)
                end = len(data) if mark < 0 else mark
                good += self._text(data[position:end])
                position = end + 1
                if mark >= 0:
                    self._at = _At.COMMAND
                continue
            event = self._command_byte(data[position], good)
            position += 1
            for received in event:
                if good:
                    found.append(Received(bytes(good), Flag.NORMAL))
                    good.clear()
                found.append(received)
        if good:
            found.append(Received(bytes(good), Flag.NORMAL))
        return found

    def _text(self, data: bytes) -> bytes:
        """Characters; where the server does not send binary, a NUL behind a CR is not one (RFC 854)."""
        if self._his.get(BINARY):
            return data
        if self._after_cr and data[:1] == b"\0":
            data = data[1:]
            self._after_cr = False
        if data:
            self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\0", b"\r")

    def _command_byte(self, byte: int, good: bytearray) -> list[Received]:
        """The next byte of a command; returns what it is to the line."""
        match self._at:
            case _At.COMMAND:
                self._at = _At.DATA
                if byte == IAC:
                    good.append(IAC)
                    self._after_cr = False
                elif byte in (WILL, WONT, DO, DONT):
                    self._verb, self._at = byte, _At.OPTION
                elif byte == SB:
                    self._inner.clear()
                    self._at = _At.SUBNEGOTIATION
                elif byte == BREAK:
                    return [Received(b"\0", Flag.BREAK)]
                elif byte < _FIRST_COMMAND:
                    good += bytes((IAC, byte))
                    self._after_cr = byte == ord("\r")
            case _At.OPTION:
                self._at = _At.DATA
                self._negotiate(self._verb, byte)
            case _At.SUBNEGOTIATION if byte == IAC:
                self._at = _At.COMMAND_IN_IT
            case _At.COMMAND_IN_IT if byte != IAC:
                self._at = _At.DATA
                if byte == SE:
                    return self._subnegotiated(bytes(self._inner))
                return self._command_byte_again(byte, good)
            case _:
                self._at = _At.SUBNEGOTIATION
                if len(self._inner) <= _LONGEST_SUBNEGOTIATION:
                    self._inner.append(byte)
        return []

    def _command_byte_again(self, byte: int, good: bytearray) -> list[Received]:
        """A subnegotiation without an end: the command that stands in it is one of its own."""
        self._at = _At.COMMAND
        return self._command_byte(byte, good)

    def _negotiate(self, verb: int, option: int) -> None:
        """The server says that it does an option (WILL, WONT), or that we shall (DO, DONT); see RFC 1143."""
        sides: dict[int, tuple[dict[int, bool], Callable[[int], bool], int, int]] = {
            WILL: (self._his, _HIS.__contains__, DO, DONT),
            WONT: (self._his, _never, DO, DONT),
            DO: (self._ours, _OURS.__contains__, WILL, WONT),
            DONT: (self._ours, _never, WILL, WONT),
        }
        state, wanted, yes, no = sides[verb]
        before, now = state.get(option), wanted(option)
        state[option] = now
        was_asked = (yes, option) in self._asked
        self._asked.discard((yes, option))
        if before is now or (before is None and (was_asked or verb in (WONT, DONT))):
            answer = False  # it has our answer, or this is its answer, or it refuses what nobody asked for
        else:
            answer = True
        if answer:
            self._answers += 1
            if self._answers > _MOST_ANSWERS:
                raise EndlessNegotiation
            self.replies += bytes((IAC, yes if now else no, option))
        if option == COM_PORT and now and self.com_port is None:
            self.com_port = ComPortOption(self._format, self.send_subnegotiation)
            self.com_port.begin()

    def send_subnegotiation(self, content: bytes) -> None:
        """Add a subnegotiation to the replies."""
        self.replies += bytes((IAC, SB)) + content.replace(b"\xff", b"\xff\xff") + bytes((IAC, SE))

    def _subnegotiated(self, content: bytes) -> list[Received]:
        if content[:1] == bytes((COM_PORT,)) and self.com_port is not None and len(content) <= _LONGEST_SUBNEGOTIATION:
            return self.com_port.notified(content[1:])
        return []


def _never(option: int) -> bool:
    return False
