"""A full line at 115200 8N1 through the pty: how exact is the rate that a client sees?

    python -m benchmarks.line_rate [--rounds 7] [--seconds 10]

Goal: within 0.005 % of 11520 bytes a second.  The client notes, for every read, when it returned and how many bytes
had come by then.  The rate is the bytes after the first read, over the time from the first read to the last: both ends
of the window are the ends of a chunk.  Each of the two may be late by what the scheduler makes it wait, so over 10 s a
lateness of 0.5 ms is 0.005 %; the fitted rate (least squares over all reads) has less of that.  Lateness is that of
each read against the line's own schedule, from the most punctual read of the round.  The peer, socat, has no pace: it
shows what a pty does when nobody keeps time.
"""

from __future__ import annotations

import argparse
import os
import time

from benchmarks.rig import median, open_raw, socat_machine, table, uartsim_machine

RATE = 11520.0


class Round:
    """What one round has shown: when each read returned, and the bytes that had come by then."""

    def __init__(self, fd: int, size: int) -> None:
        self.times: list[float] = []
        self.counts: list[int] = []
        os.write(fd, b"%d\n" % size)
        count = 0
        while count < size:
            count += len(os.read(fd, 65536))
            self.times.append(time.monotonic())
            self.counts.append(count)

    @property
    def rate(self) -> float:
        """Bytes a second from the end of the first chunk to the end of the last."""
        return (self.counts[-1] - self.counts[0]) / (self.times[-1] - self.times[0])

    @property
    def fitted_rate(self) -> float:
        """Bytes a second by least squares over the ends of all chunks."""
        n = len(self.times)
        mean_time, mean_count = sum(self.times) / n, sum(self.counts) / n
        above = sum((t - mean_time) * (c - mean_count) for t, c in zip(self.times, self.counts, strict=True))
        return above / sum((t - mean_time) ** 2 for t in self.times)

    def lateness_us(self) -> list[float]:
        """How late each read was against an exact line, in microseconds, sorted; the most punctual one is 0."""
        offsets = [t - c / RATE for t, c in zip(self.times, self.counts, strict=True)]
        first = min(offsets)
        return sorted((offset - first) * 1e6 for offset in offsets)


def percent(rate: float) -> float:
    """The error of a rate, in percent of the line's."""
    return (rate / RATE - 1) * 100


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    size = round(options.seconds * RATE)
    ours: list[Round] = []
    socat: list[Round] = []
    for _ in range(options.rounds):
        with uartsim_machine("source") as (link, _pid), open_raw(link) as fd:
            Round(fd, 2000)
            ours.append(Round(fd, size))
        with socat_machine("source") as (link, _pid), open_raw(link, program=True) as fd:
            Round(fd, 2000)
            socat.append(Round(fd, size))

    rows = []
    for name, rounds in (("uartsim", ours), ("socat (no pace)", socat)):
        errors = [percent(measured.rate) for measured in rounds]
        late = [measured.lateness_us() for measured in rounds]
        rows.append(
            [
                name,
                f"{median([measured.rate for measured in rounds]):.2f}",
                f"{median(errors):+.5f}",
                f"{median([abs(error) for error in errors]):.5f}",
                f"{max(abs(error) for error in errors):.5f}",
                f"{median([percent(measured.fitted_rate) for measured in rounds]):+.5f}",
                f"{median([values[len(values) // 2] for values in late]):.0f}" if rounds is ours else "-",
                f"{median([values[len(values) * 99 // 100] for values in late]):.0f}" if rounds is ours else "-",
            ]
        )
    table(
        f"{options.seconds:g} s of a full line at 115200 8N1, {options.rounds} rounds",
        ["peer", "B/s", "error %", "|error| %", "worst |error| %", "fitted error %", "late p50 us", "late p99 us"],
        rows,
    )


if __name__ == "__main__":
    main()
