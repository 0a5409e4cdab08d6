"""Enter does nothing: what has happened to the line, or to a machine that ran."""

from __future__ import annotations

from typing import Final

from uartsim.scenarios.scenario import Scenario

SCENARIOS: Final[tuple[Scenario, ...]] = (
    Scenario(
        name="cts-low",
        group="no-answer",
        summary="the far end does not let the guest send: CTS is low",
        cause="The fault lost-cts holds CTS inactive, and the getty uses hardware flow control.",
        shown="Nothing, and after CTS has come back all that was typed meanwhile, with its answers.",
        way_out="The line's other end lets CTS come back: uartsim fault NAME off lost-cts.",
        test="test_guest_that_waits_for_cts_goes_on_when_it_comes",
        needs=frozenset({"linux", "agent"}),
        concerns=frozenset({"cts"}),
        start="login",
        options={"fault": ["lost-cts"]},
    ),
)
