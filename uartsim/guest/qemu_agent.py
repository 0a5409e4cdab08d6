"""A client of qemu-guest-agent, which runs in the guest behind a port of a virtio serial device.

The protocol is QMP's, without a greeting: JSON objects, one on each line (QEMU's docs/interop/qemu-ga-ref).  The other side
is the guest's, and may not be there, answer late, or send anything at all.  Each request therefore begins with
``guest-sync-delimited``: a byte 0xFF makes the agent forget what it was reading, and its answer, after another 0xFF, has
the number that we sent; all that came before it is skipped.  Only then is something asked that changes the guest, so that
nothing old is carried out when an agent comes up late.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import re
import socket
from collections.abc import Awaitable, Sequence
from typing import Any, Final, TypeVar

import trio

from uartsim.errors import UsageError
from uartsim.guest.catalogue import GuestDefinition
from uartsim.guest.json_lines import json_object
from uartsim.guest.manifest import AGENT_PACKAGE
from uartsim.machine import AgentError, CommandResult
from uartsim.printable import printable_line

#: QEMU's arguments for the port in the guest; the chardev is another one in each run, as the monitor's is.
DEVICES: Final = (
    "-device",
    "virtio-serial-pci",
    "-device",
    "virtserialport,chardev=agent,name=org.qemu.guest_agent.0",
)
#: How long the agent may take for one answer, in seconds; an emulated processor is slow.
ANSWER_TIMEOUT_S: Final = 30.0
#: The longest answer that is accepted, in bytes.
ANSWER_BYTES: Final = 8 << 20
#: The longest script, in bytes: the kernel's limit for one argument (MAX_ARG_STRLEN), less some.
SCRIPT_BYTES: Final = 120_000

_POLL_S: Final = 0.1
#: How much of what the guest says an error shows, in characters.
_SHOWN: Final = 500
_DELIMITER: Final = b"\xff"
_USER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
_PASSWORD: Final = re.compile(r"[^\x00-\x1f\x7f]+")
#: Creates the user $1 as an administrator, where there is none.
_ADD_USER: Final = """\
id -u "$1" >/dev/null 2>&1 && exit 0
useradd --create-home --shell /bin/bash "$1" || exit
for group in sudo wheel; do
    if getent group "$group" >/dev/null; then usermod --append --groups "$group" "$1" || exit; fi
done
"""
#: Kills process $1 and all below it.
_KILL: Final = """\
below() { for child in $(cat /proc/"$1"/task/*/children); do echo "$child"; below "$child"; done; }
kill -KILL $(below "$1") "$1"
"""
_Answer = TypeVar("_Answer")


def cannot(definition: GuestDefinition) -> UsageError:
    """What a guest says whose agent cannot be asked."""
    has = definition.options.get("agent")
    why = "it is not running" if has else f"its manifest names no {AGENT_PACKAGE} in it (agent = true in [qemu])"
    return UsageError(f"{definition.name} cannot run commands or set passwords from outside: {why}")


class QemuAgent:
    """The agent of one run of QEMU.

    Args:
        name: the guest's name, for errors.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        ours, self._theirs = socket.socketpair()
        self._stream = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
        self._received = bytearray()
        self._numbers = itertools.count(1)
        self._lock = trio.Lock()
        self._requests: set[trio.CancelScope] = set()

    @property
    def descriptor(self) -> int:
        """The descriptor that QEMU inherits."""
        return self._theirs.fileno()

    @property
    def chardev(self) -> tuple[str, str]:
        """QEMU's arguments for its end of the socket."""
        return "-chardev", f"socket,id=agent,fd={self.descriptor}"

    def close(self) -> None:
        """QEMU has ended."""
        self.interrupt()
        self._theirs.close()
        self._stream.socket.close()

    def interrupt(self) -> None:
        """The guest has been reset, or has gone back in time: nothing that was asked will be answered."""
        for scope in self._requests:
            scope.cancel()

    # ------------------------------------------------------------------------------------------------------- requests
    async def run_command(self, script: str, *, shell: str, timeout_s: float | None) -> CommandResult:
        """Run a script in the guest; see :class:`uartsim.machine.AgentGuest`."""
        if len(script.encode()) > SCRIPT_BYTES:
            raise UsageError(f"the script has more than {SCRIPT_BYTES} bytes: put it into a file of the guest in parts")
        if "\0" in script + shell:
            raise UsageError("the script or its shell has a NUL character, which no argument of a program can have")
        return await self._interruptible(self._run([shell, "-c", script], timeout_s))

    async def set_password(self, user: str, password: str) -> None:
        """Set a user's password; see :class:`uartsim.machine.AgentGuest`."""
        if not _USER.fullmatch(user):
            raise UsageError(
                f"{user!r} is not a possible user name: use a letter, then up to 31 letters, digits and '_', '-', '.'"
            )
        if not _PASSWORD.fullmatch(password):
            raise UsageError(
                f"the password of {user} is impossible: use 1 or more characters, and no control character"
            )
        await self._interruptible(self._set_password(user, password))

    async def _set_password(self, user: str, password: str) -> None:
        added = await self._run(["sh", "-c", _ADD_USER, "sh", user], ANSWER_TIMEOUT_S)
        if added.status:
            why = printable_line(added.stderr.strip()[:_SHOWN]) or f"status {added.status}"
            raise AgentError(f"{self._name}: the user {user} cannot be created: {why}")
        encoded = base64.b64encode(password.encode()).decode()
        await self._ask("guest-set-user-password", username=user, password=encoded, crypted=False)

    async def _interruptible(self, request: Awaitable[_Answer]) -> _Answer:
        with trio.CancelScope() as scope:
            self._requests.add(scope)
            try:
                return await request
            finally:
                self._requests.remove(scope)
        raise AgentError(f"{self._name}: the guest was reset or switched off before its agent had answered")

    async def _run(self, words: Sequence[str], timeout_s: float | None) -> CommandResult:
        """Run a program and wait for its end.

        Raises:
            UsageError: the guest does not have it.
            AgentError: the agent does not answer, or the program has not ended in time.
        """
        pid: int | None = None
        with trio.CancelScope() if timeout_s is None else trio.move_on_after(timeout_s):
            arguments = {"path": words[0], "arg": list(words[1:]), "capture-output": True}
            pid = _number(await self._ask("guest-exec", **arguments), "pid")
            while True:
                answer = await self._ask("guest-exec-status", pid=pid)
                if answer.get("exited") is True:
                    return _result(answer)
                await trio.sleep(_POLL_S)
        if pid is None:
            raise AgentError(f"{self._name}: the guest agent has not answered within {timeout_s:g} s{_PERHAPS}")
        with trio.move_on_after(ANSWER_TIMEOUT_S):
            await self._ask("guest-exec", path="sh", arg=["-c", _KILL, "sh", str(pid)])
        raise AgentError(f"{self._name}: the command took longer than {timeout_s:g} s, and was stopped")

    # ------------------------------------------------------------------------------------------------------- protocol
    async def _ask(self, command: str, **arguments: object) -> dict[str, Any]:
        """Give the agent a command and wait for its answer.

        Raises:
            UsageError: the program to run does not exist in the guest.
            AgentError: the agent does not answer, answers with something else, or refuses.
        """
        async with self._lock:
            with trio.move_on_after(ANSWER_TIMEOUT_S):
                await self._synchronize()
                await self._send(b"", command, arguments)
                return self._value_of(command, _parsed(await self._line()))
        raise AgentError(f"{self._name}: the guest agent has not answered within {ANSWER_TIMEOUT_S:g} s{_PERHAPS}")

    async def _synchronize(self) -> None:
        """Wait until the agent answers just this."""
        number = next(self._numbers)
        await self._send(_DELIMITER, "guest-sync-delimited", {"id": number})
        skipped = 0
        while True:
            start = self._received.find(_DELIMITER)
            if start < 0:
                skipped += len(self._received)
                self._received.clear()
                if skipped > ANSWER_BYTES:
                    raise AgentError(f"{self._name}: the guest agent's port sends {skipped} bytes that are no answer")
                await self._receive()
                continue
            del self._received[: start + 1]
            line = await self._line()
            skipped += len(line)
            try:
                if _parsed(line).get("return") == number:
                    return
            except _NotAnAnswer:
                continue

    async def _send(self, before: bytes, command: str, arguments: dict[str, object]) -> None:
        try:
            await self._stream.send_all(
                before + json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n"
            )
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise AgentError(f"{self._name}: QEMU has ended") from None

    async def _line(self) -> bytes:
        searched = 0
        while (end := self._received.find(b"\n", searched)) < 0:
            searched = len(self._received)
            if searched > ANSWER_BYTES:
                self._received.clear()
                raise AgentError(f"{self._name}: the guest agent's answer is longer than {ANSWER_BYTES} bytes")
            await self._receive()
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line

    async def _receive(self) -> None:
        try:
            data = await self._stream.receive_some()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            data = b""
        if not data:
            raise AgentError(f"{self._name}: QEMU has ended")
        self._received += data

    def _value_of(self, command: str, answer: dict[str, Any]) -> dict[str, Any]:
        error = answer.get("error")
        if error is not None:
            text = printable_line(str(error.get("desc", error) if isinstance(error, dict) else error)[:_SHOWN])
            if "Failed to execute child process" in text:
                raise UsageError(f"{self._name} cannot run this: {text}")
            raise AgentError(f"{self._name}: the guest agent refuses {command}: {text}")
        value = answer.get("return")
        if not isinstance(value, dict):
            raise _NotAnAnswer(f"{self._name}: the guest agent's answer to {command} is {str(answer)[:80]!r}")
        return value


class _NotAnAnswer(AgentError):
    """What came is not what the protocol has here."""


_PERHAPS: Final = ": its system may not have started yet, or has no running qemu-guest-agent"


def _parsed(line: bytes) -> dict[str, Any]:
    message = json_object(line)
    if message is None:
        raise _NotAnAnswer(f"the guest agent's answer {line[:80]!r} is not a JSON object")
    return message


def _number(answer: dict[str, Any], key: str) -> int:
    value = answer.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _NotAnAnswer(f"the guest agent's answer {str(answer)[:80]!r} has no number {key!r}")
    return value


def _result(answer: dict[str, Any]) -> CommandResult:
    """The result of a program that has ended, as ``guest-exec-status`` describes it."""
    texts = []
    for key in ("out-data", "err-data"):
        value = answer.get(key, "")
        try:
            texts.append(base64.b64decode(value, validate=True).decode(errors="replace"))
        except (TypeError, ValueError, binascii.Error):
            raise _NotAnAnswer(f"the guest agent's {key} {str(value)[:80]!r} is not base64") from None
    status = 128 + _number(answer, "signal") if "signal" in answer else _number(answer, "exitcode")
    return CommandResult(status, *texts)
