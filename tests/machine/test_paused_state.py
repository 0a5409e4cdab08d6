"""What a machine's status says while its processor is stopped."""

from __future__ import annotations

from typing import Any

import pytest

from tests.machine.rig import FunctionGuest, virtual_time
from uartsim.machine import open_machine


class Reporting(FunctionGuest):
    """A guest that reports what it is told to."""

    def __init__(self, facts: dict[str, Any]) -> None:
        super().__init__()
        self.facts = facts

    def status(self) -> dict[str, Any]:
        return self.facts


@virtual_time
@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({}, "running"),
        ({"running": True}, "running"),
        ({"running": False}, "paused"),
        ({"running": False, "stands_still": True}, "running"),
    ],
)
async def test_paused_machine_is_not_said_to_run(facts: dict[str, Any], state: str) -> None:
    async with open_machine(Reporting(facts), "box") as machine:
        assert machine.status()["state"] == state
        machine.power_off()
        await machine.wait_ended()
        assert machine.status()["state"] == "was stopped"
