"""Scenarios on real guests: each test begins in one, and works over COM1 until the machine is well.

    @pytest.mark.scenario("getty-masked", guests=("debian-12", "debian-12-uefi"))
    def test_masked_getty_is_unmasked_in_rescue_mode(scene):
        console = scene()

The test runs once on each of the guests.  CI runs those of :data:`IN_CI`; the others run with ``--uartsim-scenarios``, as in
``tox -e scenarios``.  With ``--uartsim-scenario-transcripts`` the first guest's test writes ``docs/scenarios/NAME.txt``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.scenarios.counted_nuls import text_with_counted_nuls
from tests.scenarios.transcript_files import write_transcript
from tests.scenarios.ways_out import BOOT_S
from uartsim.blocking import Console
from uartsim.guest.catalogue import find_guest
from uartsim.scenarios import find_scenarios

HERE: Final = Path(__file__).parent
#: What CI runs: one of each group at least, and some on each of the guests.
IN_CI: Final = frozenset(
    {
        ("broken-fstab", "debian-12"),
        ("paused", "linux"),
        ("xoff-received", "linux"),
        ("grub-menu", "alpine"),
        ("reset-to-menu", "debian-12-uefi"),
        ("sysrq-mask", "linux"),
        ("nmi-panic", "linux"),
        ("tmout", "debian-12"),
        ("tmout-demo", "demo"),
        ("ssh-key-only-demo", "ssh-key-only"),
    }
)

#: Opens the console of a guest in the test's scenario; options are those of ``open_console``.
Scene = Callable[..., Console]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "scenario(name, guests=(...)): begins in that scenario, on each of these guests in turn"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    mark = metafunc.definition.get_closest_marker("scenario")
    if mark is not None:
        guests = mark.kwargs.get("guests", ("debian-12",))
        metafunc.parametrize(
            "scenario_guest", [pytest.param(guest, marks=pytest.mark.needs(guest=guest)) for guest in guests]
        )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--uartsim-scenarios"):
        return
    left_out = [item for item in items if HERE in item.path.parents and _is_left_out(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _is_left_out(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("scenario")
    return mark is not None and (mark.args[0], item.callspec.params["scenario_guest"]) not in IN_CI  # type: ignore[attr-defined]


@pytest.fixture
def scene(
    request: pytest.FixtureRequest, uartsim_console_factory: Callable[..., Console], scenario_guest: str
) -> Iterator[Scene]:
    """Opens consoles of the guest in the scenario of the test's mark."""
    mark = request.node.get_closest_marker("scenario")
    consoles: list[Console] = []
    starts: list[int] = []

    def make(**options: Any) -> Console:
        guest = find_guest(scenario_guest)
        given = {"scenario": mark.args[0], "timeout": BOOT_S, **options}
        if guest.kind == "qemu":
            given.setdefault("registers", True)
        console = uartsim_console_factory(guest, **given)
        consoles.append(console)
        # of one that goes on from a snapshot, what it shows from there on
        restored = any(each.start != "boot" for each in find_scenarios(given["scenario"]))
        starts.append(console.raw.rfind(b"\n") + 1 if restored else 0)
        return console

    started = time.monotonic()
    yield make
    if request.config.getoption("--uartsim-scenario-transcripts") and request.node.stash.get(PASSED, False):
        guests = mark.kwargs.get("guests", ("debian-12",))
        if scenario_guest == guests[0]:
            write_transcript(
                mark.args[0],
                scenario_guest,
                [text_with_counted_nuls(each.raw[start:]) for each, start in zip(consoles, starts, strict=True)],
                time.monotonic() - started,
            )


#: Whether the test has passed: one that was interrupted has neither passed nor failed.
PASSED: Final = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and report.passed:
        item.stash[PASSED] = True
    return report
