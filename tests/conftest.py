"""What every test shares: the plugin under test, and what a test does where this machine lacks something.

A test says what it needs with a mark, and skips with the remedy where that is missing.  With ``--uartsim-strict`` (or
UARTSIM_STRICT=1, as in CI) whatever skips, for whatever reason, fails:

    @pytest.mark.needs("tmux", "picocom")      # programs and files of tools/provision.py
    @pytest.mark.needs("root")
    @pytest.mark.needs(guest="linux")          # all that the manifest of a guest in the catalogue states

A test with the mark ``images`` builds or boots a disk image that CI has no time for.  Without ``--uartsim-images``, as in
``tox -e images``, it is deselected.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

from tools.provision import REQUIREMENTS
from uartsim import pytest_plugin
from uartsim.guest.catalogue import Need, find_guest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

pytest_plugins = ["pytester"]

# The machines of tests leave no transcripts in this user's folder.
os.environ.setdefault("UARTSIM_TRANSCRIPTS", "off")

# What tests start by themselves is found where uartsim finds it: administrators' folders are not in everybody's PATH.
os.environ["PATH"] = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))

# The command line of a test has no defaults of the person's who runs it; what tests start inherits that.
os.environ["UARTSIM_CONFIG"] = ""

# How long an example takes says more about the machine, which other tests load, than about the code.
settings.register_profile("house", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

_NEEDS = {
    "root": Need("root", "root"),
    **{
        wanted.name: Need(
            "file" if wanted.name.startswith("/") else "program", wanted.name, f"apt-get install {wanted.package}"
        )
        for wanted in REQUIREMENTS
    },
}


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    parser.addoption("--uartsim-images", action="store_true", help="also run the tests with the mark 'images'")
    parser.addoption("--uartsim-scenarios", action="store_true", help="also run the scenarios that CI has no time for")
    parser.addoption(
        "--uartsim-scenario-transcripts",
        action="store_true",
        help="write the scenarios' transcripts to docs/scenarios/",
    )
    parser.addoption("--uartsim-portal-pictures", action="store_true", help="write the pictures of the portal to docs/")
    # Installed, the plugin has come in by its entry point.  In a bare checkout, or where plugins are not loaded by
    # themselves, nobody has brought it.
    if not pluginmanager.is_registered(pytest_plugin):
        pluginmanager.register(pytest_plugin, "uartsim")


def pytest_configure(config: pytest.Config) -> None:
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            # Under nohup, or in the background of a shell script.  Ignored signals stay ignored in what a test starts;
            # a handler does not.
            signal.signal(number, _heard if number != signal.SIGINT else signal.default_int_handler)
    config.addinivalue_line("markers", "needs(*names, guest=NAME): what this machine must have for the test to run")
    config.addinivalue_line("markers", "rule_is_off(ID): the same test with that rule left out, in which it must fail")
    config.addinivalue_line(
        "markers", "azure(*rows, rule=ID): shows rows of docs/azure.md; fails with the rule switched off"
    )
    config.addinivalue_line("markers", "images: builds or boots disk images for minutes; runs with --uartsim-images")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--uartsim-images"):
        return
    left_out = [item for item in items if item.get_closest_marker("images")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("images")]


def _heard(number: int, frame: object) -> None:
    """Goes on as if the signal were ignored."""


def _needs(mark: pytest.Mark) -> list[Need]:
    unknown = [name for name in mark.args if name not in _NEEDS]
    if unknown:
        raise pytest.UsageError(f"mark needs: {unknown} is not in tools/provision.py")
    guest = mark.kwargs.get("guest")
    return [_NEEDS[name] for name in mark.args] + (list(find_guest(guest).needs) if guest else [])


def pytest_runtest_setup(item: pytest.Item) -> None:
    missing = [
        sentence
        for mark in item.iter_markers("needs")
        for need in _needs(mark)
        if (sentence := need.missing()) is not None
    ]
    if missing:
        pytest.skip("; ".join(missing))


@pytest.fixture(autouse=True)
def _no_controlling_terminal_is_taken() -> Generator[None, None, None]:
    """A session leader without a terminal, as under setsid or a service, gets one by opening a pty without O_NOCTTY.

    When that pty closes, SIGHUP ends the whole run.  Here it is the one test that fails.
    """
    before = _controlling_terminal()
    yield
    assert _controlling_terminal() == before, "the test has opened a terminal without O_NOCTTY"


def _controlling_terminal() -> str:
    """The device number of this process's controlling terminal, as in proc(5); "0" without one."""
    with open("/proc/self/stat", encoding="utf-8", errors="replace") as stat:
        return stat.read().rpartition(")")[2].split()[4]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _strictly(item.config, report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _strictly(collector.config, report)


def _strictly(config: pytest.Config, report: Report) -> Report:
    if report.skipped and not hasattr(report, "wasxfail") and pytest_plugin.STRICT.value(config):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
        report.outcome = "failed"
        report.longrepr = f"{why} (--uartsim-strict is on)"
    return report
