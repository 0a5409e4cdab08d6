"""``uartsim pause`` and ``uartsim resume``, and what ``uartsim status`` and ``uartsim list`` say in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.access.rig import running, uartsim


@pytest.mark.needs(guest="linux")
@pytest.mark.parametrize("served", [pytest.param("--registers", marks=pytest.mark.needs("gcc")), "--no-registers"])
def test_paused_machine_is_said_to_be_paused_until_it_goes_on(runtime: Path, served: str) -> None:
    with running(runtime, "linux", "box", served) as machine:
        for order, state in (("pause", "paused"), ("resume", "running")):
            uartsim(runtime, order, "box")
            assert machine.status()["state"] == state
            assert uartsim(runtime, "status", "box").stdout.startswith(f"machine    box (qemu), {state}, up ")
            assert uartsim(runtime, "list").stdout.split()[3] == state
