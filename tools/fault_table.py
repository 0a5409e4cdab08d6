"""Print the tables of faults in docs/wire.md as Markdown: the kinds of faults, and their measured effect on a receiver.

``python -m tools.fault_table`` sends the same 20,000 random characters at 115200 8E1 without a pause through every fault.
Seeds are fixed: two runs print the same.
"""

from __future__ import annotations

import random

from tools.mismatch_curve import right_characters
from uartsim.line_format import LineFormat
from uartsim.register_bits import BREAK_INTERRUPT, FRAMING_ERROR, PARITY_ERROR
from uartsim.wire.channel import Channel
from uartsim.wire.faults import FAULT_KINDS, parse_fault

CHARACTERS = 20_000
FAULTS = (
    "noise:rate=1e-3,seed=1",
    "noise:rate=1e-2,seed=1",
    "glitches:rate=1000,width=1000,seed=1",
    "glitches:rate=1000,width=10000,seed=1",
    "lost:rate=0.01,seed=1",
    "duplicated:rate=0.01,seed=1",
    "parity:rate=0.1,seed=1",
    "stuck-space",
    "stuck-space:seconds=0.1",
    "stuck-mark:seconds=0.1",
    "cut:seconds=0.1",
    "break:seconds=0.1",
    "drift:ppm=30000",
    "drift:ppm=-60000",
    "delay:seconds=0.5",
)


def kinds() -> list[str]:
    """The rows of the table of kinds of faults."""
    rows = []
    for kind in FAULT_KINDS.values():
        parameters = [
            f"`{parameter.name}`{f' in {parameter.unit}' if parameter.unit in ('Hz', 'ns') else ''}: {parameter.help}"
            + ("" if parameter.default is None else f" (default {parameter.default:g})")
            for parameter in kind.parameters
        ]
        rows.append(f"| `{kind.name}` | {'; '.join(parameters) or 'none'} | {kind.help} |")
    return rows


def main() -> None:
    """Print the tables."""
    print("| kind | parameters | what it does |", "|---|---|---|", *kinds(), "", sep="\n")
    line_format = LineFormat.from_baud(115200, "8E1")
    data = random.Random(2026).randbytes(CHARACTERS)
    print("| fault | what it did | received | right | PE | FE | BI |")
    print("|---|---|---|---|---|---|---|")
    for text in ("", *FAULTS):
        channel = Channel(line_format)
        if text:
            fault = parse_fault(text)
            channel.add_fault(fault, random.Random(fault.seed_of("in")), 0)
        starts = []
        for number, character in enumerate(data):
            starts.append(number * line_format.frame_ticks)
            channel.put_frame(starts[-1], character, line_format)
        arrivals = channel.arrived(channel.busy_until + line_format.frame_ticks)
        counters = channel.fault_counters.get(text.partition(":")[0], {})
        did = ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in counters.items() if name != "characters")
        errors = [
            sum(bool(arrival.errors & bit) for arrival in arrivals)
            for bit in (PARITY_ERROR, FRAMING_ERROR, BREAK_INTERRUPT)
        ]
        right = "later" if text.startswith(("delay", "duplicated")) else right_characters(data, starts, arrivals)
        cells = [f"`{text}`" if text else "none", did, len(arrivals), right, *errors]
        print(f"| {' | '.join(map(str, cells))} |")


if __name__ == "__main__":
    main()
