"""A short run of the soak (``tox -e soak`` is the long one), and whether it would see a loss."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable

from benchmarks.soak import Stream
from tests.access.rig import ROOT
from tests.patience import patience


def soak(seconds: float, lines: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", str(seconds), "--lines", str(lines)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=patience(120),
        check=False,
    )


def test_ten_seconds_of_full_lines_in_both_directions_lose_nothing() -> None:
    done = soak(10, 2)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = re.findall(
        r"^  (line \d|unlimited) +([\d,]+) +0 +([0-9a-f]{8}) +([0-9a-f]{8}) +(\d+) -> (\d+) +(\d+) -> (\d+)$",
        done.stdout,
        re.MULTILINE,
    )
    assert [row[0] for row in rows] == ["line 1", "line 2", "unlimited"], done.stdout
    for name, size, sent, received, memory, memory_after, files, files_after in rows:
        assert int(size.replace(",", "")) > (80_000 if name != "unlimited" else 500_000)
        assert (sent, files) == (received, files_after)
        assert int(memory_after) - int(memory) < 20_000


class FakeStream(Stream):
    """A stream whose guest does something else with what it gets."""

    def __init__(self, fd: int) -> None:
        self.fake_facts = {
            "line": {"bytes_in": 0, "bytes_out": 0, "overruns": 0, "errors_out": 0}
            | {"dropped_by_full_transmitter": 0, "queued_in": 0},
            "descriptors": 9,
            "missed": 0,
            "refused": 0,
        }
        super().__init__("fake", "/nowhere/link", os.getpid(), fd)

    def facts(self) -> dict[str, object]:
        return self.fake_facts


def test_the_soak_sees_bytes_that_are_lost_doubled_or_changed() -> None:
    ways: list[tuple[Callable[[bytes], bytes], str]] = [
        (lambda data: data[:-1], "1 bytes lost"),
        (lambda data: data[:10] + data[9:], "-1 bytes lost"),
        (lambda data: data[:10] + b"\0" + data[11:], "1 bytes are not what was sent"),
    ]
    for spoil, word in ways:
        from_client, to_guest = os.pipe()
        stream = FakeStream(to_guest)
        stream.write()
        data = os.read(from_client, 65536)
        back, send_back = os.pipe()
        os.write(send_back, spoil(data))
        os.close(to_guest)
        stream.fd = back
        stream.read()
        troubles = "; ".join(stream.troubles(stream.fake_facts))
        assert word in troubles
        assert "checksums differ" in troubles
        for fd in (from_client, back, send_back):
            os.close(fd)
