"""What an error of a console shows of the guest: its last lines, its screen, its losses and its problems.  No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from uartsim.console.guest_output import GuestOutput, as_shown
from uartsim.console.protocols import LineClient, MachineButtons

#: How many problems an error shows.
SHOWN_PROBLEMS: Final = 5


def line_counters(client: LineClient, machine: MachineButtons | None, dropped: int) -> dict[str, int]:
    """The counters of a line; ``missed`` are characters that came too fast for this console.

    Without a machine there is only ``missed``; else also ``bytes_out`` (from the guest) and ``bytes_in``, ``errors_out``,
    ``breaks_out``, ``breaks_in``, ``overruns`` of the guest's receiver, ``withheld`` by flow control, ``queued_in`` (what
    the guest has yet to take), ``dropped_by_full_transmitter``, and what faults did, as ``characters_lost_in``.

    Args:
        client: the line.
        machine: what is at its other end, or None.
        dropped: how many characters the console itself has dropped.
    """
    counters = {"missed": getattr(client, "missed", 0) + dropped}
    com1 = getattr(machine, "com1", None)
    if com1 is not None:
        com1.advance(com1.clock.now())
        counters |= {name: int(value) for name, value in com1.status()["line"].items()}
        for direction, kinds in com1.fault_counters().items():
            for done in kinds.values():
                for name, count in done.items():
                    if name not in ("characters", "bits"):  # that have passed
                        counters[f"{name}_{direction}"] = counters.get(f"{name}_{direction}", 0) + count
    return counters


def evidence(received: GuestOutput, counters: Mapping[str, int], now_s: float) -> str:
    """What an error says below its first line.

    Args:
        received: what the guest has sent.
        counters: those of :func:`line_counters`.
        now_s: the time, in seconds of the console's clock.
    """
    missed = counters["missed"]
    gap = f"\n({missed} characters were lost, unread, because too many waited)" if missed else ""
    lines = [f"  {line}" for line in received.last_lines()]
    told = [f"{gap}\nThe last lines it sent:", *lines] if lines else [f"\nIt has sent nothing.{gap}"]
    if received.screen.is_drawn and (screen := received.screen.read().shown()):
        told += ["The screen:", *(f"  {line}" for line in screen)]
    odd = [f"{name} {n}" for name, n in counters.items() if n and name not in ("missed", "bytes_in", "bytes_out")]
    if odd:
        told.append(f"The line: {', '.join(odd)}")
    wrong = [f"{problem.cause} ({problem.id})" for problem in received.monitor.look(counters, now_s)]
    if wrong:
        told.append(f"What went wrong: {'; '.join(wrong[-SHOWN_PROBLEMS:])}")
    excused = [f"{as_shown(problem.line)} ({problem.id})" for problem in received.monitor.watch.excused]
    if excused:
        told.append(f"Allowed or asked for: {'; '.join(excused[-SHOWN_PROBLEMS:])}")
    return "\n".join(told)
