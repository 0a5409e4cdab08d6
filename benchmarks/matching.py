"""Finding a prompt at the end of a long console log, beside pexpect in the same run.

    python -m benchmarks.matching [ROUNDS]

Streams of 1 and 16 MB in pieces of 4 KB, of three kinds: ordinary log lines, kernel lines only, and one kernel line in
ten.  ``matching`` is the matcher alone, on cleaned text: it lifts kernel lines and takes none of them apart, for nobody
asks.  ``all`` is what a console does with each byte: it is cleaned, kernel lines are lifted and taken apart, the whole
catalogue of problems is on, and a pattern is waited for.  pexpect reads the same bytes from a pipe, 65536 at a time at
most (its own 2000 cost it much).  Megabytes of input
for each second of processor time, the best of the rounds; linear is the time for a megabyte of 16 over that of 1.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

import pexpect.fdpexpect

from uartsim.console.problems.problem_monitor import ProblemMonitor
from uartsim.console.text.cleaned_text import TextCleaner, Transcript
from uartsim.console.text.matcher import Matcher
from uartsim.console.text.patterns import Pattern, exact, expression

PROMPT: Final = b"uartsim login: "
KERNEL: Final = b"[    1.%06d] device eth0: link becomes ready, carrier detected 12345\r\n"
ORDINARY: Final = b"Nov 22 10:00:00 demo daemon[%06d]: it goes on, and there is nothing to say of it\r\n"
PIECE: Final = 4096
MAXREAD: Final = 65536
PATTERNS: Final = {"fixed text": exact("login: "), "login: $": expression("login: $")}


def stream(kind: str, megabytes: int) -> bytes:
    """So many megabytes of a kind of log, and a prompt."""
    lines, size, number = [], 0, 0
    while size < megabytes * 1_000_000:
        kernel = kind == "kernel" or (kind == "mixed" and number % 10 == 0)
        lines.append((KERNEL if kernel else ORDINARY) % (number % 1_000_000))
        size += len(lines[-1])
        number += 1
    return b"".join([*lines, PROMPT])


def matching(data: bytes, pattern: Pattern) -> Callable[[], None]:
    """The matcher alone."""
    text = TextCleaner().feed(data)
    pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]

    def run() -> None:
        matcher = Matcher()
        search = matcher.search([pattern])
        for piece in pieces:
            matcher.feed(piece)
            search.find()
        assert search.find(paused=True) is not None

    return run


def everything(data: bytes, pattern: Pattern) -> Callable[[], None]:
    """All that a console does."""
    pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]

    def run() -> None:
        transcript, matcher = Transcript(), Matcher()
        monitor = ProblemMonitor(matcher)
        search = matcher.search([pattern])
        for number, piece in enumerate(pieces):
            at = number * 0.3  # as at 115200 baud
            monitor.take(matcher.feed(transcript.feed(piece, at), at), piece, at)
            search.find()
            assert monitor.fatal() is None
        assert search.find(paused=True) is not None

    return run


def peer(data: bytes, window: int | None) -> Callable[[], None]:
    """pexpect's own loop, with its defaults or a search window."""

    def run() -> None:
        read, write = os.pipe()

        def feed() -> None:
            view = memoryview(data)
            while view:
                view = view[os.write(write, view[:PIECE]) :]
            os.close(write)

        feeder = threading.Thread(target=feed)
        feeder.start()
        spawn = pexpect.fdpexpect.fdspawn(read, timeout=300, searchwindowsize=window, maxread=MAXREAD)
        spawn.expect(rb"login: $")
        feeder.join()
        spawn.close()

    return run


def rate(run: Callable[[], None], megabytes: int, rounds: int) -> float:
    """Megabytes for each second of processor time, the best of some rounds."""
    best = 0.0
    for _ in range(rounds):
        begin = time.process_time()
        run()
        best = max(best, megabytes / (time.process_time() - begin))
    return best


def main(rounds: int) -> None:
    """Measure and print."""
    print(f"{'MB/s of processor time':42} {'1 MB':>8} {'16 MB':>8}  linear")
    for kind in ("ordinary", "kernel", "mixed"):
        short, long = stream(kind, 1), stream(kind, 16)
        cases = {f"matching, {name}": (matching, pattern) for name, pattern in PATTERNS.items()}
        cases["all, login: $"] = (everything, PATTERNS["login: $"])
        for name, (make, pattern) in cases.items():
            figures = rate(make(short, pattern), 1, rounds), rate(make(long, pattern), 16, rounds)
            print(
                f"{kind + ': ' + name:42} {figures[0]:8.1f} {figures[1]:8.1f}  x{figures[0] / figures[1]:.2f}",
                flush=True,
            )
    short, long = stream("kernel", 1), stream("kernel", 16)
    windowed = rate(peer(short, 200), 1, rounds), rate(peer(long, 200), 16, 1)
    print(
        f"{'pexpect, searchwindowsize=200':42} {windowed[0]:8.1f} {windowed[1]:8.1f}  x{windowed[0] / windowed[1]:.2f}"
    )
    plain = rate(peer(short, None), 1, 1)
    print(f"{'pexpect, as it is':42} {plain:8.1f}        -  (16 MB would take minutes)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
