"""How the gateway behaves where Azure's behaviour is not known, and what it can do beyond Azure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Final

from uartsim.errors import UsageError
from uartsim.printable import quoted

_TRUE: Final = frozenset({"", "1", "true", "yes"})
_FALSE: Final = frozenset({"0", "false", "no"})
#: The options in a WebSocket's URL; the first two are those of Azure's older clients.
KNOWN: Final = ("authorization", "new", "watch", "replay", "paste", "frames", "boot", "from")
#: The longest number of bytes; browsers count up to 16 digits.
_DIGITS: Final = 16
_BOOT: Final = re.compile(r"[0-9A-Za-z]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """The options of a gateway; times are in seconds.

    Attributes:
        open_within_s: how long a session waits for its WebSocket.
        token_within_s: how long a WebSocket may take to send its token.
        ping_every_s: how often the server pings; 0 for never.
        pong_within_s: how long a client may take to answer a ping, or to send anything else.
        idle_limit_s: a console at which nobody has typed for so long is closed; 0 for never.
        replay_bytes: how much of the guest's past output a new client is shown; None for all that is kept.
        refuse_second: a second user is refused while a console is in use, instead of taking it over.
        logout_on_disconnect: carrier is dropped when the last user has left, so that the guest ends his login.
    """

    open_within_s: float = 60.0
    token_within_s: float = 60.0
    ping_every_s: float = 30.0
    pong_within_s: float = 60.0
    idle_limit_s: float = 0.0
    replay_bytes: int | None = None
    refuse_second: bool = False
    logout_on_disconnect: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_s") and not (_is_number(value) and math.isfinite(value) and value >= 0):
                raise UsageError(f"{field.name} = {quoted(str(value))}: use a number of seconds, 0 or more, such as 30")
            if isinstance(field.default, bool) and not isinstance(value, bool):
                raise UsageError(f"{field.name} = {quoted(str(value))}: use true or false")
        size = self.replay_bytes
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 0):
            raise UsageError(f"replay_bytes = {quoted(str(size))}: use a whole number of bytes, 0 or more")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Resume:
    """What a client that comes again has seen.

    Attributes:
        boot: the id of the boot.
        offset: where in the guest's output the next byte is that it has not seen.
    """

    boot: str
    offset: int


@dataclass(frozen=True, slots=True)
class SocketOptions:
    """What a client asks for in the URL of its WebSocket.

    Attributes:
        token: the access token, as clients of before 2023 give it; None if it is not there.
        watch: only read, and leave the console to whoever has it.
        replay_bytes: how much of the past is shown; None for as much as the gateway's options say.
        paste_flow: take pastes of any length, at the guest's speed.
        binary: the guest's bytes in binary frames, and control messages in text frames.
        resume: what the client has seen; None if it has seen nothing.
    """

    token: str | None = None
    watch: bool = False
    replay_bytes: int | None = None
    paste_flow: bool = False
    binary: bool = False
    resume: Resume | None = None


def read_query(pairs: Iterable[tuple[str, str]]) -> SocketOptions:
    """Read the options in a WebSocket's URL.

    Args:
        pairs: names and values, decoded.

    Raises:
        UsageError: an option is unknown, given twice, or has a wrong value.
    """
    values: dict[str, str] = {}
    for name, value in pairs:
        if name not in KNOWN:
            raise UsageError(f"{quoted(name)} is not an option of a console: use {', '.join(KNOWN)}")
        if name in values:
            raise UsageError(f"{name} is given twice")
        values[name] = value
    paste, frames = values.get("paste"), values.get("frames")
    if paste not in (None, "flow", "limit"):
        raise UsageError(f"paste={quoted(str(paste))}: use flow, or limit for Azure's limit of 2048 characters")
    if frames not in (None, "binary", "text"):
        raise UsageError(f"frames={quoted(str(frames))}: use binary, or text as Azure has it")
    return SocketOptions(
        token=values.get("authorization"),
        watch=_flag("watch", values.get("watch")),
        replay_bytes=_whole_number("replay", values.get("replay")),
        paste_flow=paste == "flow",
        binary=frames == "binary",
        resume=_resume(values),
    )


def _resume(values: Mapping[str, str]) -> Resume | None:
    boot, offset = values.get("boot"), _whole_number("from", values.get("from"))
    if boot is None and offset is None:
        return None
    if boot is None or offset is None:
        raise UsageError("boot and from go together: the id of the boot, and the offset of the next byte of its output")
    if not _BOOT.fullmatch(boot):
        raise UsageError(f"boot={quoted(boot)}: use the boot of the hello message, letters and digits")
    if values.get("frames") != "binary":
        raise UsageError("boot and from need frames=binary: in text frames there are no offsets")
    if "replay" in values:
        raise UsageError("from and replay both say where the past begins: use one of them")
    return Resume(boot, offset)


def _whole_number(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise UsageError(f"{name}={quoted(text)}: use a whole number of bytes, 0 or more")
    return int(text)


def _flag(name: str, value: str | None) -> bool:
    word = None if value is None else value.casefold()
    if word is not None and word not in _TRUE | _FALSE:
        raise UsageError(f"{name}={quoted(str(value))}: use 1 or 0")
    return word in _TRUE
