"""Measure how many characters go wrong when the sender's speed differs from the receiver's, and draw the curve.

``python -m tools.mismatch_curve docs/pictures/mismatch.svg`` draws 8N1 from 10 % slow to 10 % fast with the computed
limits; it needs matplotlib.  ``python -m tools.mismatch_curve`` prints the limits of common formats, computed and
measured.  Everything is measured on :class:`uartsim.wire.channel.Channel`, with fixed seeds: two runs give the same.
"""

from __future__ import annotations

import random
import sys
from bisect import bisect
from dataclasses import replace
from fractions import Fraction

from uartsim.line_format import NEVER, LineFormat
from uartsim.wire.channel import Channel
from uartsim.wire.frame import Arrival
from uartsim.wire.tolerance import speed_limits

FORMATS = ("8N1", "8N2", "7E1", "7E2", "8E1", "8M1", "5N1", "5N1.5")


def wrong_characters(
    receiver: LineFormat, sender: LineFormat, data: bytes, pause_bits: float = 0, seed: int = 1
) -> int:
    """How many of ``data`` do not arrive as they were sent, in their time and without an error.

    Args:
        receiver: the receiver's format.
        sender: the sender's format.
        data: the characters.
        pause_bits: the longest random pause after each character, in the sender's bits; with 0 there are no pauses, and
            the phase of the receiver's clock is drawn anew for every sixteen characters.
        seed: the seed of the pauses and phases.
    """
    chance = random.Random(seed)
    wrong = 0
    length = len(data) if pause_bits else 16
    for first in range(0, len(data), length):
        channel = Channel(receiver, phase=chance.randrange(receiver.bit_ticks))
        starts, start = [], 0
        for character in data[first : first + length]:
            starts.append(start)
            channel.put_frame(start, character, sender)
            start += sender.frame_ticks + round(chance.random() * pause_bits * sender.bit_ticks)
        arrivals = channel.arrived(start + 30 * sender.frame_ticks)
        wrong += len(starts) - right_characters(data[first : first + length], starts, arrivals)
    return wrong


def right_characters(data: bytes, starts: list[int], arrivals: list[Arrival]) -> int:
    """How many of ``data``, with frames that began at ``starts``, are in ``arrivals`` in their time and without an error."""
    right = 0
    for number, (character, start) in enumerate(zip(data, starts, strict=True)):
        following = starts[number + 1] if number + 1 < len(starts) else NEVER
        within = arrivals[bisect(arrivals, start, key=_at) : bisect(arrivals, following, key=_at)]
        right += any(arrival.character == character and not arrival.errors for arrival in within)
    return right


def _at(arrival: Arrival) -> int:
    return arrival.at


def with_speed(line_format: LineFormat, ratio: float | Fraction) -> LineFormat:
    """The format at ``ratio`` times its speed."""
    return replace(line_format, bit_ticks=round(line_format.bit_ticks / ratio))


def measured_limits(receiver: LineFormat) -> tuple[float, float]:
    """The slowest and the fastest sender that every character survives, as ratios to the receiver's speed, by bisection.

    Every character is sent twice in a row, in the worst phase of the receiver's clock.
    """

    def good(ratio: float, phase: int) -> bool:
        sender = with_speed(receiver, ratio)
        for character in range(receiver.data_mask + 1):
            channel = Channel(receiver, phase=phase)
            channel.put_run(0, bytes((character, character)), sender)
            arrivals = channel.arrived(30 * sender.frame_ticks)
            if [(arrival.character, arrival.errors) for arrival in arrivals] != [(character, 0)] * 2:
                return False
        return True

    limits = []
    for worst, phase in ((0.8, 0), (1.25, -1)):
        inside, outside = 1.0, worst
        while abs(outside - inside) > 1e-7:
            middle = (inside + outside) / 2
            if good(middle, phase):
                inside = middle
            else:
                outside = middle
        limits.append(inside)
    return limits[0], limits[1]


def print_limits() -> None:
    """Print the table of limits for the documentation."""
    print("| format | slowest, computed | measured | fastest, computed | measured |")
    print("|---|---|---|---|---|")
    for text in FORMATS:
        receiver = LineFormat.from_baud(115200, text)
        computed, measured = speed_limits(receiver), measured_limits(receiver)
        cells = [
            f"{100 * (float(value) - 1):+.2f} %"
            for value in (computed.slowest, measured[0], computed.fastest, measured[1])
        ]
        print(f"| {text} | {' | '.join(cells)} |")


def draw(path: str) -> None:
    """Draw the picture for 8N1 into the file ``path``."""
    import matplotlib
    from matplotlib.figure import Figure

    receiver = LineFormat.from_baud(115200)
    chance = random.Random(2026)
    data = chance.randbytes(1600)
    curves = (
        ("random characters, no pause", data, 0.0, "#1f77b4", "-"),
        ("random characters, random pauses", data, 30.0, "#2ca02c", "-"),
        ("the worst character (7F), no pause", b"\x7f" * 1600, 0.0, "#d62728", "--"),
    )
    percents = [step / 20 for step in range(-200, 201)]
    matplotlib.rcParams.update({"svg.hashsalt": "uartsim", "svg.fonttype": "none", "font.family": "DejaVu Sans"})
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for label, sent, pause_bits, colour, style in curves:
        wrong = [
            100 * wrong_characters(receiver, with_speed(receiver, 1 + percent / 100), sent, pause_bits) / len(sent)
            for percent in percents
        ]
        axes.plot(percents, wrong, style, color=colour, label=label, linewidth=1.4)
    slowest, fastest = (100 * (float(limit) - 1) for limit in speed_limits(receiver))
    for limit, name in ((slowest, "9/9.5"), (fastest, "10/9.5625")):
        axes.axvline(limit, color="0.4", linestyle=":", linewidth=1.2)
        axes.annotate(f"{name}\n{limit:+.2f} %", (limit, 104), ha="center", va="bottom", annotation_clip=False)
    axes.set(xlim=(-10, 10), ylim=(-2, 102), xticks=range(-10, 11, 2))
    axes.set_xlabel("sender's speed against the receiver's, per cent")
    axes.set_ylabel("characters that go wrong, per cent")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper center", bbox_to_anchor=(0.49, 0.97), fontsize="small")
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    if len(sys.argv) > 1:
        draw(sys.argv[1])
    else:
        print_limits()
