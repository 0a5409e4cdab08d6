"""Does anything get lost in the long run?

    python -m benchmarks.soak [SECONDS] [--lines 3]        (600 seconds if not given; tox -e soak)

Several machines at 115200 baud and one at unlimited rate, each a process of its own with an ``echo`` guest.  To each
pty a client writes a counted stream as fast as the line takes it, and reads what comes back: both directions run at
their full rate all the time.  Every byte is compared in its place, and both streams are summed with CRC-32.

Goal: 0 bytes lost, none doubled or changed; the machine's own counters agree; no descriptor more than at the start,
and no memory but the scrollback's.  Exit status 1 if a byte or a descriptor is lost.
"""

from __future__ import annotations

import argparse
import os
import random
import select
import sys
import time
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.rig import open_raw, table, uartsim_machine, wait_for
from uartsim.access.control import ask
from uartsim.errors import UartsimError

#: How long nothing may come back before what is missing is lost, in seconds.
PATIENCE_S = 20.0
#: Bytes that may be on their way: more than the line, the driver and the pty hold together.
IN_FLIGHT = 1 << 17


def control_of(link: str) -> str:
    """The control socket of the machine whose pty has this link."""
    return str(Path(link).parent / "bench" / "control")


def answers(control: str) -> bool:
    """Whether the machine has come so far that it can be asked."""
    try:
        ask(control, "status")
    except UartsimError:
        return False
    return True


class Stream:
    """One machine, and the counted stream that goes there and back."""

    def __init__(self, name: str, link: str, pid: int, fd: int) -> None:
        self.name = name
        self.pid = pid
        self.fd = fd
        self.control = control_of(link)
        self.sent = self.received = self.wrong = 0
        self.crc_sent = self.crc_received = 0
        self.done = False
        self._random = random.Random(name)
        self._block = 0
        self._waiting = b""
        self._expected = bytearray()
        self.moved_at = time.monotonic()
        os.set_blocking(fd, False)
        self.before = self.facts()

    def facts(self) -> dict[str, Any]:
        """Memory, descriptors and counters of the machine, now."""
        status = ask(self.control, "status")
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{self.pid}/status").read_text().splitlines())
        return {
            "memory_kb": int(fields["VmRSS"].split()[0]),
            "descriptors": len(os.listdir(f"/proc/{self.pid}/fd")),
            "line": status["com1"]["line"],
            "missed": sum(client["missed"] for client in status["hub"]["clients"]),
            "refused": status["pty"]["refused_bytes"],
        }

    @property
    def wants_to_write(self) -> bool:
        """Whether there is more to send."""
        return not self.done and self.sent - self.received < IN_FLIGHT

    @property
    def complete(self) -> bool:
        """Whether everything has come back."""
        return self.received >= self.sent

    def write(self) -> None:
        """Send what the pty takes: blocks with a number, and random bytes of every value."""
        if not self._waiting:
            self._waiting = b"%08x" % self._block + self._random.randbytes(1016)
            self._block += 1
        size = os.write(self.fd, self._waiting)
        part, self._waiting = self._waiting[:size], self._waiting[size:]
        self._expected += part
        self.crc_sent = zlib.crc32(part, self.crc_sent)
        self.sent += size
        self.moved_at = time.monotonic()

    def read(self) -> None:
        """Take what has come back and compare it."""
        data = os.read(self.fd, 65536)
        expected = self._expected[: len(data)]
        if data != expected:
            self.wrong += sum(a != b for a, b in zip(data, expected, strict=False)) + len(data) - len(expected)
        del self._expected[: len(data)]
        self.crc_received = zlib.crc32(data, self.crc_received)
        self.received += len(data)
        self.moved_at = time.monotonic()

    def troubles(self, after: dict[str, Any]) -> list[str]:
        """All that went wrong, in words."""
        line, old = after["line"], self.before["line"]
        found = []
        if self.sent != self.received:
            found.append(f"{self.sent - self.received} bytes lost")
        if self.wrong:
            found.append(f"{self.wrong} bytes are not what was sent")
        if self.crc_sent != self.crc_received:
            found.append(f"checksums differ: {self.crc_sent:08x} sent, {self.crc_received:08x} received")
        for direction in ("bytes_in", "bytes_out"):
            if line[direction] - old[direction] != self.sent:
                found.append(f"the line has counted {line[direction] - old[direction]} {direction}")
        for what in ("overruns", "errors_out", "dropped_by_full_transmitter", "queued_in"):
            if line[what]:
                found.append(f"{what}: {line[what]}")
        if after["missed"] or after["refused"]:
            found.append(f"missed: {after['missed']}, refused: {after['refused']}")
        if after["descriptors"] > self.before["descriptors"]:
            found.append(f"{after['descriptors'] - self.before['descriptors']} descriptors more than before")
        return found


def serve(streams: list[Stream], until: float) -> None:
    """Move bytes until ``until``, or until every stream is complete or has lost patience."""
    while (now := time.monotonic()) < until:
        open_streams = [stream for stream in streams if not stream.done or not stream.complete]
        if not open_streams or all(now > stream.moved_at + PATIENCE_S for stream in open_streams):
            return
        writers = [stream for stream in open_streams if stream.wants_to_write]
        readable, writable, _ = select.select(
            [stream.fd for stream in open_streams], [stream.fd for stream in writers], [], 0.5
        )
        for stream in open_streams:
            if stream.fd in readable:
                stream.read()
        for stream in writers:
            if stream.fd in writable:
                stream.write()


def main() -> None:
    """Run, print, and leave with 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seconds", type=float, nargs="?", default=600.0)
    parser.add_argument("--lines", type=int, default=3, help="machines at 115200 baud")
    options = parser.parse_args()
    with ExitStack() as stack:
        streams = []
        for name, *more in [*([f"line {n + 1}"] for n in range(options.lines)), ["unlimited", "--rate", "unlimited"]]:
            link, pid = stack.enter_context(uartsim_machine("echo", *more))
            wait_for(lambda at=link: answers(control_of(at)))  # type: ignore[misc]
            streams.append(Stream(name, link, pid, stack.enter_context(open_raw(link))))
        began = time.monotonic()
        steps = min(20, max(1, round(options.seconds / 5)))
        for step in range(1, steps + 1):
            serve(streams, began + options.seconds * step / steps)
            progress = ", ".join(f"{stream.name} {stream.received:,}" for stream in streams)
            wrong = sum(stream.wrong for stream in streams)
            print(f"{time.monotonic() - began:6.0f} s: {progress} bytes there and back; {wrong} wrong", flush=True)
        for stream in streams:
            stream.done = True
            stream.moved_at = time.monotonic()
        serve(streams, time.monotonic() + 10 * PATIENCE_S)
        after = [stream.facts() for stream in streams]
        rows, troubles = [], []
        for stream, facts in zip(streams, after, strict=True):
            old = stream.before
            found = stream.troubles(facts)
            troubles += [f"{stream.name}: {text}" for text in found]
            rows.append(
                [
                    stream.name,
                    f"{stream.sent:,}",
                    f"{stream.sent - stream.received}",
                    f"{stream.crc_sent:08x}",
                    f"{stream.crc_received:08x}",
                    f"{old['memory_kb']} -> {facts['memory_kb']}",
                    f"{old['descriptors']} -> {facts['descriptors']}",
                ]
            )
    table(
        f"a soak of {options.seconds:g} s, both directions at once",
        ["machine", "bytes each way", "lost", "CRC sent", "CRC received", "memory KiB", "descriptors"],
        rows,
    )
    if troubles:
        print("\n".join(["", *troubles]))
        sys.exit(1)
    print("\nnothing lost, nothing doubled, nothing changed")


if __name__ == "__main__":
    main()
