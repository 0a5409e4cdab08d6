"""What ``uartsim run --scenario`` says when the scenario has begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.access.rig import RunningMachine, running
from uartsim.cli.scenario_start import begun_lines
from uartsim.scenarios import find_scenarios


def test_each_scenario_is_told_with_its_way_out() -> None:
    names = ("paused", "tmout-demo")
    paused, tmout = begun_lines(names, "box")
    of_paused, of_tmout = find_scenarios(names)
    assert paused == (
        f"scenario paused: {of_paused.summary}     go on: uartsim resume box     the way out: uartsim scenarios paused\n"
    )
    assert tmout == f"scenario tmout-demo: {of_tmout.summary}     the way out: uartsim scenarios tmout-demo\n"


def test_scenario_is_told_once_it_has_begun_and_not_if_that_fails(runtime: Path) -> None:
    code = """
import sys
from uartsim.errors import UartsimError
from uartsim.scenarios import begin_steps, staging

async def fails(stage):
    raise UartsimError("it cannot begin")

staged = staging.staged
staging.staged = lambda *given: staged(*given)._replace(begin=(fails,))
from uartsim.cli.entry import main
sys.exit(main())
"""
    machine = RunningMachine(runtime, "demo", "box", "--scenario", "tmout-demo", code=code)
    out, err = machine.process.communicate(timeout=60)
    assert "it cannot begin" in err
    assert "machine  box" in out
    assert "scenario tmout-demo" not in out
    assert machine.process.returncode == 1


@pytest.mark.needs(guest="debian-12")
def test_name_that_is_taken_is_told_before_the_guest_boots_for_its_scenario(runtime: Path) -> None:
    code = """
import sys
from uartsim.cli import scenario_start

def start_at(start, definition):
    sys.exit("the guest boots")

scenario_start.start_at = start_at
from uartsim.cli.entry import main
sys.exit(main())
"""
    with running(runtime, "demo", "box") as machine:
        second = RunningMachine(runtime, "debian-12", "box", "--scenario", "paused", code=code)
        err = second.process.communicate(timeout=60)[1]
        assert "a machine named box is already running" in err
        assert second.process.returncode == 2
        assert machine.status()["state"] == "running"
    free = RunningMachine(runtime, "debian-12", "box", "--scenario", "paused", code=code)
    assert free.process.communicate(timeout=60)[1] == "the guest boots\n"
    assert not (runtime / "box").exists()
