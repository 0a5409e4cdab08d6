"""Transfers files over the line: in short printable lines that are acknowledged, and checked with the guest's own tools.

To the guest, a loop in its shell reads lines of at most 76 characters (a tty keeps 4095 characters of input) and
acknowledges every few of them, so that nothing is sent for which the tty has no room, however slow the guest is.  The
lines are base64 if the guest has it, or else octal escapes for ``printf``, which every shell has.  From the guest they are
base64 or the output of ``od``.

A file is sent in segments.  Each is checked, with sha256sum, md5sum or the cksum of POSIX.  A damaged segment is sent
again, and then in quarters, down to 256 bytes: only a very bad line lets none of those through.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import re
import shlex
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

import trio

from uartsim.console.console_errors import TransferFailed, TypingFailed
from uartsim.console.expectations import Timeout
from uartsim.console.guest_output import SETTLE_S
from uartsim.console.session import Session
from uartsim.console.shell.run import Runner
from uartsim.console.text.patterns import expression
from uartsim.console.typing import KILL_LINE, Typing
from uartsim.errors import UartsimError, UsageError
from uartsim.printable import quoted

#: The size of a segment, and the smallest that it is divided into, in bytes of the file.
_SEGMENT: Final = 1 << 14
_SMALLEST: Final = 1 << 8
_LINE: Final = 76
#: How many lines may be unacknowledged: they must fit into the guest's tty, 4095 characters.
_WINDOW: Final = 48
#: How many lines the guest acknowledges at a time.
_ACKNOWLEDGED: Final = 16
#: How long the guest may take for that, in seconds.
_PATIENCE_S: Final = 20.0
#: How many times a segment is tried, and one that cannot be divided further.
_ATTEMPTS: Final = 2
_LAST_ATTEMPTS: Final = 6
#: How often the sum of a whole file is asked for: the line may damage the answer, too.
_SUM_ATTEMPTS: Final = 3
#: How long a command in the guest may take, besides the time for its output, in seconds.
_COMMAND_S: Final = 60.0
#: How long the removal of what a failed transfer has left may take, in seconds.
_REMOVAL_S: Final = 10.0
#: How long the guest may take to print a segment, in seconds: 16 KiB in hexadecimal take 400 s at 1200 baud.
_SEGMENT_S: Final = 600.0
#: Programs that compute checksums, the best first; and all programs that are used.
_SUMS: Final = ("sha256sum", "md5sum", "cksum")
_TOOLS: Final = (*_SUMS, "base64", "od", "dd", "stty", "mv", "rm", "cat", "wc")

#: Called with how many bytes have been carried, and how many there are.
Progress: TypeAlias = Callable[[int, int], object]


class Transfer:
    """``put_file`` and ``get_file`` of a console.

    Args:
        session: the console's session.
        typing: how it types.
        runner: how it runs a command in the guest's shell.
    """

    def __init__(self, session: Session, typing: Typing, runner: Runner) -> None:
        self._session = session
        self._typing = typing
        self._runner = runner

    async def put_file(
        self, source: str | os.PathLike[str] | bytes, path: str, progress: Progress | None, timeout: Timeout
    ) -> None:
        """See ``Console.put_file``."""
        __tracebackhide__ = True
        self._session.check_running("put_file()")
        _check_path("put_file()", path, progress)
        if not isinstance(source, (str, bytes, os.PathLike)):
            raise UsageError(f"put_file(): {quoted(source)} is not a file: give its path here, or its bytes")
        try:
            data = source if isinstance(source, bytes) else await trio.to_thread.run_sync(Path(source).read_bytes)
        except OSError as error:
            raise UsageError(f"put_file(): {source!s} cannot be read: {error.strerror}") from None
        with self._session.one_wait(f"put_file({path!r})"):
            deadline = self._session.deadline(timeout)
            tools = await self._tools(deadline)
            part = shlex.quote(f"{path}.part")
            segment = shlex.quote(f"{path}.seg")
            await self._command(f": > {part}", deadline, f"{path} cannot be written")
            try:
                if progress is not None:
                    progress(0, len(data))
                for at in range(0, len(data), _SEGMENT):
                    piece = data[at : at + _SEGMENT]
                    await self._put_piece(piece, segment, part, tools, deadline, f"{path} at byte {at}")
                    if progress is not None:
                        progress(at + len(piece), len(data))
                await self._compare(data, part, tools, deadline, path)
                await self._command(
                    f"rm -f {segment}; mv -f {part} {shlex.quote(path)}", deadline, "it cannot be put there"
                )
            except UartsimError:
                await self._remove(f"{part} {segment}")
                raise

    async def get_file(self, path: str, progress: Progress | None, timeout: Timeout) -> bytes:
        """See ``Console.get_file``."""
        __tracebackhide__ = True
        self._session.check_running("get_file()")
        _check_path("get_file()", path, progress)
        with self._session.one_wait(f"get_file({path!r})"):
            deadline = self._session.deadline(timeout)
            tools = await self._tools(deadline)
            if "base64" not in tools and "od" not in tools:
                raise TransferFailed(f"get_file({path!r}): the guest has neither base64 nor od to print the file with")
            place = shlex.quote(path)
            size = int((await self._command(f"wc -c < {place}", deadline, f"{path} cannot be read")).split()[0])
            data = bytearray()
            if progress is not None:
                progress(0, size)
            while len(data) < size:
                at = len(data)
                data += await self._get_piece(place, at, _SEGMENT, tools, deadline, f"{path} at byte {at}")
                if len(data) < size and len(data) != at + _SEGMENT:
                    raise TransferFailed(f"get_file({path!r}): the file has changed while it was read")
                if progress is not None:
                    progress(min(len(data), size), size)
            await self._compare(bytes(data), place, tools, deadline, path)
            return bytes(data)

    # -- the guest's side -----------------------------------------------------------------------------------------

    async def _tools(self, deadline: float) -> set[str]:
        """The programs that the guest has."""
        result = await self._runner.run_command(
            f"for t in {' '.join(_TOOLS)}; do command -v $t >/dev/null 2>&1 && echo has-$t; done", deadline
        )
        return set(re.findall(r"has-(\w+)", result.output))

    async def _command(self, command: str, deadline: float, failing: str) -> str:
        __tracebackhide__ = True
        result = await self._runner.run_command(command, min(deadline, trio.current_time() + _COMMAND_S))
        if result.status:
            raise TransferFailed(f"{failing}: {result.output.strip() or f'status {result.status}'}")
        return result.output

    async def _compare(self, data: bytes, quoted: str, tools: set[str], deadline: float, path: str) -> None:
        """Compare the guest's checksum of a file with that of ``data``."""
        __tracebackhide__ = True
        command, wanted = _sum_of(data, tools)
        seconds = _COMMAND_S + len(data) / 1e5
        said = ""
        for _ in range(_SUM_ATTEMPTS):
            result = await self._runner.run_command(
                f"{command} < {quoted}", min(deadline, trio.current_time() + seconds)
            )
            said = result.output.strip()
            if not result.status and said.split()[: len(wanted)] == wanted:
                return
        raise TransferFailed(
            f"{path} did not arrive whole: {command} says {said!r} and should say {' '.join(wanted)!r}"
        )

    # -- to the guest -----------------------------------------------------------------------------------------------

    async def _put_piece(
        self, data: bytes, segment: str, part: str, tools: set[str], deadline: float, what: str
    ) -> None:
        """Send a piece, if necessary in quarters, and have the guest append it to ``part``."""
        __tracebackhide__ = True
        smallest = len(data) <= _SMALLEST
        for attempt in range(_LAST_ATTEMPTS if smallest else _ATTEMPTS):
            if await self._put_segment(data, segment, tools, _WINDOW >> attempt, deadline):
                await self._command(f"cat {segment} >> {part}", deadline, f"{what}: it cannot be written")
                return
            if trio.current_time() >= deadline or self._session.ended:
                break
        if smallest or trio.current_time() >= deadline or self._session.ended:
            raise self._torn(f"{what} does not arrive whole, however short the pieces", deadline)
        quarter = -(-len(data) // 4)
        for at in range(0, len(data), quarter):
            await self._put_piece(data[at : at + quarter], segment, part, tools, deadline, what)

    async def _put_segment(self, data: bytes, quoted: str, tools: set[str], window: int, deadline: float) -> bool:
        """Send a piece into a file of its own; returns whether it arrived whole."""
        __tracebackhide__ = True
        command, wanted = _sum_of(data, tools)
        if "base64" in tools:
            lines = textwrap.wrap(base64.b64encode(data).decode(), _LINE)
            decode = f"""printf '%s\\n' "$l"; done 3>&2 | base64 -d > {quoted}"""
        else:
            lines = _octal_lines(data)
            decode = f"""printf "$l"; done 3>&2 > {quoted}"""
        loop = (
            " stty -echo; n=0; printf 'uartsim-%s\\n' ready; "
            'while IFS= read -r l; do [ "$l" = . ] && break; n=$((n+1)); '
            f"[ $((n%{_ACKNOWLEDGED})) = 0 ] && printf 'uartsim-%s\\n' $n >&3; {decode}; stty echo"
        )
        try:
            if await self._send_lines(loop, lines, window, deadline):
                result = await self._runner.run_command(
                    f"{command} < {quoted}", min(deadline, trio.current_time() + _COMMAND_S)
                )
                return result.output.split()[: len(wanted)] == wanted
        except TypingFailed:
            pass
        await self._recover(deadline)
        return False

    async def _send_lines(self, loop: str, lines: list[str], window: int, deadline: float) -> bool:
        """Feed the loop; returns whether it has read all that it was sent."""
        __tracebackhide__ = True
        self._session.received.matcher.consume_all()
        await self._typing.enter(loop, KILL_LINE, deadline)
        if not await self._said("uartsim-ready\n", deadline):
            return False
        acknowledged = 0
        window = max(window, 1)
        for number in range(0, len(lines), _ACKNOWLEDGED):
            batch = lines[number : number + _ACKNOWLEDGED]
            while number + len(batch) - acknowledged > max(window, _ACKNOWLEDGED):
                acknowledged += _ACKNOWLEDGED
                if not await self._said(f"uartsim-{acknowledged}\n", deadline):
                    return False
            await self._session.send("".join(f"{line}\r" for line in batch))
        await self._session.send(".\r")
        while acknowledged + _ACKNOWLEDGED <= len(lines):
            acknowledged += _ACKNOWLEDGED
            if not await self._said(f"uartsim-{acknowledged}\n", deadline):
                return False
        return True

    async def _said(self, text: str, deadline: float) -> bool:
        """Wait until the guest prints a text, and read past it; returns whether it did."""
        search = self._session.received.matcher.search([expression(text.replace("\n", r"\r?\n"))])
        late = min(deadline, trio.current_time() + _PATIENCE_S)
        found = await self._session.watch(lambda now: (search.find(), float("inf")), late)
        if found is not None:
            self._session.received.matcher.consume(found)
        return found is not None

    async def _remove(self, quoted: str) -> None:
        """Remove what a failed transfer has left in the guest, if its shell still answers."""
        if self._session.ended:
            return
        late = trio.current_time() + _REMOVAL_S
        with contextlib.suppress(UartsimError):
            await self._recover(late)
            await self._runner.run_command(f"rm -f {quoted}", late)

    async def _recover(self, deadline: float) -> None:
        """End the loop, which may still be reading or waiting for a lost line, and switch the echo on again.

        While the echo is off, Enter begins no new line, and prompts pile up on one.  The last Enter has an echo: behind it
        there is one prompt on a line of its own.
        """
        for keys in ("\r.\r", "\x03", "stty echo\r", "\r"):
            await self._session.send(keys)
            await self._session.quiet(4 * SETTLE_S, deadline)

    # -- from the guest ---------------------------------------------------------------------------------------------

    async def _get_piece(self, quoted: str, at: int, size: int, tools: set[str], deadline: float, what: str) -> bytes:
        """Fetch ``size`` bytes at ``at``, a multiple of it, if necessary in quarters; fewer at the end of the file."""
        __tracebackhide__ = True
        read = f"dd if={quoted} bs={size} skip={at // size} count=1 2>/dev/null"
        printed = "base64" if "base64" in tools else "od -An -v -tx1"
        sum_name = _sum_of(b"", tools)[0]
        for _ in range(_LAST_ATTEMPTS if size <= _SMALLEST else _ATTEMPTS):
            late = min(deadline, trio.current_time() + _SEGMENT_S)
            result = await self._runner.run_command(f"{read} | {printed}; echo =; {read} | {sum_name}", late)
            text, _, said = result.output.rpartition("=\n")
            try:
                data = base64.b64decode(text) if "base64" in tools else bytes.fromhex(text)
            except (ValueError, binascii.Error):
                continue
            wanted = _sum_of(data, tools)[1]
            if said.split()[: len(wanted)] == wanted:
                return data
        if size <= _SMALLEST:
            raise self._torn(f"{what} does not arrive whole, however short the pieces", deadline)
        data = b""
        for quarter in range(at, at + size, size // 4):
            data += await self._get_piece(quoted, quarter, size // 4, tools, deadline, what)
        return data

    def _torn(self, what: str, deadline: float) -> TransferFailed:
        """The error for a piece that does not arrive.

        Raises:
            GuestEnded: the guest has ended.
        """
        __tracebackhide__ = True
        if self._session.ended:
            self._session.raise_ended(what)
        late = "; the time given is over" if trio.current_time() >= deadline else ""
        return TransferFailed(f"{what}{late}{self._session.evidence()}")


def _check_path(what: str, path: object, progress: object) -> None:
    __tracebackhide__ = True
    if progress is not None and not callable(progress):
        raise UsageError(f"{what}: progress is {quoted(progress)}: give a function of two numbers, or None")
    if not isinstance(path, str) or not path or "\0" in path:
        raise UsageError(f"{what}: {quoted(path)} is not a path in the guest: give text, such as '/tmp/file'")


def _sum_of(data: bytes, tools: set[str]) -> tuple[str, list[str]]:
    """The guest's program for checksums, and the words that it prints for ``data``."""
    if "sha256sum" in tools:
        return "sha256sum", [hashlib.sha256(data).hexdigest()]
    if "md5sum" in tools:
        return "md5sum", [hashlib.md5(data, usedforsecurity=False).hexdigest()]
    if "cksum" in tools:
        return "cksum", [str(posix_cksum(data)), str(len(data))]
    return "wc -c", [str(len(data))]


def _cksum_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C11DB7 if value & 0x80000000 else 0)
        table.append(value & 0xFFFFFFFF)
    return tuple(table)


_TABLE: Final = _cksum_table()


def posix_cksum(data: bytes) -> int:
    """The checksum that ``cksum`` prints: CRC-32 over the data and then its length, as POSIX defines it."""
    value, length = 0, len(data)
    tail = bytearray()
    while length:
        tail.append(length & 0xFF)
        length >>= 8
    for part in (data, tail):
        for byte in part:
            value = ((value << 8) & 0xFFFFFFFF) ^ _TABLE[(value >> 24) ^ byte]
    return value ^ 0xFFFFFFFF


def _octal_lines(data: bytes) -> list[str]:
    """``data`` as lines for ``printf``: letters and digits as they are, everything else as octal escapes."""
    lines, line = [], ""
    for byte in data:
        word = chr(byte) if chr(byte).isalnum() and byte < 0x80 else f"\\{byte:03o}"
        if len(line) + len(word) > _LINE:
            lines.append(line)
            line = ""
        line += word
    return [*lines, line] if line else lines
