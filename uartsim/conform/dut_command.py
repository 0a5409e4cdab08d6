"""A UART behind a program: one request a line on its standard input, one answer a line on its standard output.

========================  =========================================  ====================================================
request                   answer                                     meaning
========================  =========================================  ====================================================
``HELLO 1``               ``HELLO 1 PART CAN,CAN... NAME``           first of all: protocol version, part, what it can do
``R 5``                   ``60``                                     read the register at offset 5
``W 0 41``                ``OK``                                     write 41 to the register at offset 0
``IRQ``                   ``0`` or ``1``                             ``irq``: the interrupt line, gated by OUT2
``RESET``                 ``OK``                                     ``reset``: master reset
``TX``                    ``48656C`` or ``-``                        ``sent``: the characters that have left since last time
``RX 41 00``              ``0``                                      ``receive``: a character and its errors (LSR bits, not
                                                                     00 only with ``errors``); how many ns passed
``BREAK``                 ``0``                                      ``break``: the line was at space for over a frame
``MODEM B0``              ``OK``                                     ``modem``: CTS, DSR, RI, DCD at their places in MSR
``T 86806``               ``86806``                                  ``time``: let so many ns pass; how many did (with
                                                                     ``exact``: just as many)
========================  =========================================  ====================================================

Registers, characters and lines are two hexadecimal digits, times are decimal nanoseconds.  ``ERR text`` answers
anything and ends the run with that text.  Requests may come before the answers to earlier ones are read; the end of its
input is the end of the program.
"""

from __future__ import annotations

import os
import re
import select
import shlex
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from uartsim.conform.dut import Access, Answer, Can, DeviceUnderTest, DutError
from uartsim.conform.dut_process import WatchedProcess
from uartsim.errors import UsageError
from uartsim.registers import VARIANTS

#: The version of the protocol.
PROTOCOL_VERSION: Final = 1
#: How long an answer may take, in seconds.
ANSWER_TIMEOUT_S: Final = 10.0
#: This many requests are sent before an answer is read: far fewer than fit into a pipe.
_AT_ONCE: Final = 256
#: An answer longer than this, in bytes, is refused.
_LONGEST_ANSWER: Final = 1 << 20
_CANNOT_START: Final = 127


def _printable(text: str) -> str:
    """Text of a program without control characters, cut to a length that fits into a message."""
    shown = "".join(character if character.isprintable() else "?" for character in text.strip())
    return shown if len(shown) <= 200 else f"{shown[:197]}..."


class CommandDut(DeviceUnderTest):
    """The UART behind a command.

    Args:
        command: the program and its arguments; a string is split as a shell would, but no shell is run.
        answer_timeout_s: how long an answer may take, in seconds.

    Raises:
        UsageError: the command is empty, or its quotes do not match.
        DutError: the program cannot be started, ends, is silent, or answers nonsense.
    """

    def __init__(self, command: str | Sequence[str], answer_timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        if isinstance(command, str):
            try:
                command = shlex.split(command)
            except ValueError as error:
                raise UsageError(f"the command {command!r} cannot be read: {error}") from None
        if not command:
            raise UsageError("the command is empty: give a program that speaks the protocol of uartsim conform")
        self._shown = shlex.join(command)
        self.name = self._shown
        self._timeout_s = answer_timeout_s
        self._buffer = b""
        self._waiting: list[str] = []
        program_in, self._to = os.pipe()
        self._from, program_out = os.pipe()
        self._open = [self._to, self._from]
        try:
            self._process = WatchedProcess(command, pipes=(program_in, program_out))
        except BaseException:
            self._close_pipes()
            raise
        finally:
            os.close(program_in)
            os.close(program_out)
        os.set_blocking(self._from, False)
        try:
            self._greet()
        except BaseException:
            self.close()
            raise

    def _greet(self) -> None:
        answer = self._ask(f"HELLO {PROTOCOL_VERSION}")
        words = answer.split(None, 4)
        if len(words) < 5 or words[0] != "HELLO" or words[1] != str(PROTOCOL_VERSION):
            hello = f"HELLO {PROTOCOL_VERSION}"
            raise self._nonsense(hello, answer, f"{hello} PART CAN,CAN... NAME", f"{hello} 16550A irq,time My UART")
        if words[2] not in VARIANTS:
            raise DutError(f"{self._shown} names an unknown part {words[2]!r}: use one of {', '.join(VARIANTS)}")
        names = {can.name.lower(): can for can in Can if can.name is not None}
        for word in words[3].split(",") if words[3] != "-" else ():
            if word not in names:
                raise DutError(
                    f"{self._shown} names an unknown capability {word!r}: use some of {', '.join(names)}, or -"
                )
            self.can |= names[word]
        for can, needed in ((Can.EXACT, Can.TIME), (Can.ERRORS, Can.RECEIVE)):
            if can in self.can and needed not in self.can:
                one, other = str(can.name).lower(), str(needed.name).lower()
                raise DutError(f"{self._shown} names {one!r} without {other!r}: name both, or neither")
        self.part = words[2]
        self.name = _printable(words[4])

    # -- registers, pins and time ------------------------------------------------------------------------------

    def read(self, offset: int) -> int:
        """Read a register."""
        return self._hex(f"R {offset:X}")

    def write(self, offset: int, value: int) -> None:
        """Write a register."""
        self._do(f"W {offset:X} {value:02X}")

    def run(self, accesses: Iterable[Access]) -> list[Answer]:
        """Make several accesses in as few round trips as possible."""
        accesses = list(accesses)
        answers: list[Answer] = []
        with_irq = Can.IRQ in self.can
        for start in range(0, len(accesses), _AT_ONCE // 2):
            some = accesses[start : start + _AT_ONCE // 2]
            requests = []
            for offset, value in some:
                requests.append(f"R {offset:X}" if value is None else f"W {offset:X} {value:02X}")
                if with_irq:
                    requests.append("IRQ")
            self._send(requests)
            for n, (_, value) in enumerate(some):
                request = requests[n * (1 + with_irq)]
                got = None
                if value is None:
                    got = self._as_hex(request, self._answer(request))
                else:
                    self._as_ok(request, self._answer(request))
                answers.append(Answer(got, self._as_level(self._answer("IRQ")) if with_irq else False))
        return answers

    @property
    def irq(self) -> bool:
        """The level of the interrupt line."""
        return self._as_level(self._ask("IRQ"))

    def reset(self) -> None:
        """Master reset."""
        self._do("RESET")

    def take_sent(self) -> bytes:
        """The characters that have left completely since the last call."""
        answer = self._ask("TX")
        if answer == "-":
            return b""
        with suppress(ValueError):
            return bytes.fromhex(answer)
        raise self._nonsense("TX", answer, "the characters as hexadecimal digits, or -", "4869")

    def receive(self, character: int, errors: int = 0) -> int:
        """A character has come in from the line."""
        return self._count(f"RX {character:02X} {errors:02X}")

    def receive_break(self) -> int:
        """A break has come in from the line."""
        return self._count("BREAK")

    def set_modem_inputs(self, inputs: int) -> None:
        """Drive the modem inputs."""
        self._do(f"MODEM {inputs:02X}")

    def advance(self, ns: int) -> int:
        """Let at least ``ns`` nanoseconds pass."""
        passed = self._count(f"T {ns}")
        if passed < ns or (passed > ns and Can.EXACT in self.can):
            wanted = "exactly as many" if Can.EXACT in self.can else "at least as many"
            raise DutError(f"{self._shown} let {passed} ns pass when told {ns}: let {wanted} pass")
        return passed

    def close(self) -> None:
        """End the program; may be called again."""
        self._close_pipes()
        self._process.close()

    def _close_pipes(self) -> None:
        while self._open:
            os.close(self._open.pop())

    # -- requests and answers ----------------------------------------------------------------------------------

    def _do(self, request: str) -> None:
        self._as_ok(request, self._ask(request))

    def _hex(self, request: str) -> int:
        return self._as_hex(request, self._ask(request))

    def _count(self, request: str) -> int:
        answer = self._ask(request)
        if not re.fullmatch(r"[0-9]{1,18}", answer):
            raise self._nonsense(request, answer, "the nanoseconds that passed, as a decimal number", "0")
        return int(answer)

    def _as_ok(self, request: str, answer: str) -> None:
        if answer != "OK":
            raise self._nonsense(request, answer, "a word", "OK")

    def _as_hex(self, request: str, answer: str) -> int:
        if not re.fullmatch(r"[0-9A-Fa-f]{1,2}", answer):
            raise self._nonsense(request, answer, "two hexadecimal digits", "60")
        return int(answer, 16)

    def _as_level(self, answer: str) -> bool:
        if answer not in ("0", "1"):
            raise self._nonsense("IRQ", answer, "0 or 1", "0")
        return answer == "1"

    def _nonsense(self, request: str, answer: str, wanted: str, example: str) -> DutError:
        shown = answer if len(answer) <= 60 else f"{answer[:57]}..."
        wrong = f"{self._shown} answered {request!r} with {shown!r}"
        return DutError(f"{wrong}: the answer has to be {wanted}, such as {example}")

    def _ask(self, request: str) -> str:
        self._send([request])
        return self._answer(request)

    def _send(self, requests: list[str]) -> None:
        data = "".join(f"{request}\n" for request in requests).encode()
        try:
            while data:
                data = data[os.write(self._to, data) :]
        except BrokenPipeError:
            raise self._gone(requests[0]) from None

    def _answer(self, request: str) -> str:
        give_up_at = time.monotonic() + self._timeout_s
        while b"\n" not in self._buffer:
            left = give_up_at - time.monotonic()
            if left <= 0 or not select.select([self._from], [], [], left)[0]:
                raise DutError(f"{self._shown} has not answered {request!r} within {self._timeout_s:g} s")
            more = os.read(self._from, 65536)
            if not more:
                raise self._gone(request)
            self._buffer += more
            if len(self._buffer) > _LONGEST_ANSWER:
                raise DutError(f"{self._shown} answered {request!r} with over a megabyte and no end of line")
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer = line.decode(errors="replace").strip()
        if answer.startswith("ERR"):
            raise DutError(f"{self._shown} refused {request!r}: {_printable(answer[3:]) or 'without a reason'}")
        return answer

    def _gone(self, request: str) -> DutError:
        status = self._process.wait(2.0)
        said = _printable(self._process.last_words())
        why = f"; it said: {said}" if said else ""
        if status == _CANNOT_START:
            return DutError(f"{self._shown} cannot be started" + (f": {said}" if said else ""))
        ended = "closed its output" if status is None else f"ended with status {status}"
        return DutError(f"{self._shown} {ended} when it was to answer {request!r}{why}")
