"""What a manifest says about a distribution, as text for a person."""

from __future__ import annotations

from collections.abc import Iterator

from uartsim.guest.distribution import ConsoleDefault, Distribution, Procedure


def console_sentence(default: ConsoleDefault) -> str:
    """Whether the serial console is on by default in some versions."""
    state = "on by default" if default.on_by_default else "not on by default"
    return f"{default.versions}: {state}" + (f" ({default.note})" if default.note else "")


def run_sentence(procedure: Procedure) -> str:
    """On what a procedure was run."""
    return f"run on the stand-in {procedure.stand_in}" if procedure.stand_in else "not run here: no image"


def distribution_lines(distribution: Distribution) -> Iterator[str]:
    """The whole of it for a terminal, line by line."""
    yield distribution.title
    yield f"An image is had from: {distribution.image}."
    yield ""
    yield "Serial console:"
    for default in distribution.console:
        yield f"  {console_sentence(default)}"
    for heading, procedures in (("Set-up", distribution.set_up), ("Recovery", distribution.recovery)):
        for procedure in procedures.values():
            versions = f"; versions {procedure.versions}" if procedure.versions else ""
            yield ""
            yield f"{heading} {procedure.name!r}: {procedure.title}{versions} ({run_sentence(procedure)})"
            if heading == "Set-up" and not procedure.uses("by_hand"):
                yield "  In root's shell:"
            for number, step in enumerate(procedure.steps, 1):
                yield f"  {number:>2}. {step.sentence(distribution.menu)}"
            if procedure.note:
                yield f"  {procedure.note}"
