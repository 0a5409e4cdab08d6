"""The pytest plugin: a console as a fixture, and the guest's last words in the report of a failure.

Nothing but the standard library and pytest is imported until a fixture is used.  Of the plugin itself, a session imports only
the options and the fixtures until a test has to do with consoles.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from uartsim.pytest_plugin.console_fixtures import (
    _uartsim_guest,
    _uartsim_maker,
    async_console,
    console,
    console_module,
    console_session,
    guest,
    machine,
    parametrize_guests,
    uartsim_attach,
    uartsim_console_factory,
    uartsim_factory,
    uartsim_seed,
)
from uartsim.pytest_plugin.console_use import (
    CURRENT_TEST,
    IN_SETUP,
    IS_ENDING,
    has_to_do_with_consoles,
    is_in_use,
)
from uartsim.pytest_plugin.one_sentence import hide_unless_mistake
from uartsim.pytest_plugin.plugin_options import (
    ARTIFACTS,
    ATTACH,
    CLOCK,
    OPTIONS,
    SEED,
    SET,
    STRICT,
    chosen_guests,
    read_options,
    tell_worker,
)

if TYPE_CHECKING:
    from uartsim.pytest_plugin.console_mixin import ConsoleMixin
    from uartsim.pytest_plugin.opened_consoles import consoles_of

__all__ = [
    "OPTIONS",
    "STRICT",
    "ConsoleMixin",
    "_uartsim_guest",
    "_uartsim_maker",
    "async_console",
    "console",
    "console_module",
    "console_session",
    "consoles_of",
    "guest",
    "machine",
    "pytest_addoption",
    "pytest_collection_finish",
    "pytest_configure",
    "pytest_configure_node",
    "pytest_exception_interact",
    "pytest_fixture_setup",
    "pytest_generate_tests",
    "pytest_report_header",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_runtest_protocol",
    "pytest_runtest_setup",
    "pytest_runtest_teardown",
    "uartsim_attach",
    "uartsim_console_factory",
    "uartsim_factory",
    "uartsim_seed",
]


def __getattr__(name: str) -> Any:
    """What tests and other plugins import from here by name."""
    if name == "ConsoleMixin":
        from uartsim.pytest_plugin.console_mixin import ConsoleMixin

        return ConsoleMixin
    if name == "consoles_of":
        from uartsim.pytest_plugin.opened_consoles import consoles_of

        return consoles_of
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the options."""
    for option in OPTIONS:
        option.add_to(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks and check the options."""
    config.addinivalue_line(
        "markers",
        "uartsim(guest=NAME, settings={...}, timeout=SECONDS, clock='real' or 'virtual', allow=[...], uart=CHIP, "
        "record=True, trace=True, vcd=True, rate=..., flow=..., fault=..., restore=FOLDER or a function, "
        "scenario=NAME, ...): what the console fixture starts, "
        "how long it waits, in which time, which problems are ignored, what the line is like, and where it begins; the "
        "options of open_console(); guest=[NAME, NAME] runs the test with each",
    )
    config.addinivalue_line(
        "markers",
        "uartsim_requires('kvm', 'root', PROGRAM, '/PATH', guest=NAME): what this machine must have for the test, which "
        "skips with the remedy where it lacks it",
    )
    read_options(config)
    if ATTACH.value(config):
        from uartsim.pytest_plugin.attach_pause import check_attach

        check_attach(config)
    has_workers = not hasattr(config, "workerinput") and getattr(config.option, "dist", "no") != "no"
    if ARTIFACTS.value(config) or has_workers:
        from uartsim.pytest_plugin.report_outputs import set_up_reporting

        set_up_reporting(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist's the session's options."""
    tell_worker(node.config, node.workerinput)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which guests the tests have."""
    if SET.value(session.config):
        from uartsim.pytest_plugin.given_settings import note_guests

        note_guests(session.config, session.items)


def pytest_report_header(config: pytest.Config) -> str:
    """Say what consoles go by, and which seed repeats the session."""
    return (
        f"uartsim: guest {', '.join(chosen_guests(config))}, clock {CLOCK.value(config)}, "
        f"seed {SEED.value(config)} ({SEED.flag}={SEED.value(config)} repeats it)"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let a test with a console run once for each of several guests."""
    parametrize_guests(metafunc)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Note which test runs."""
    item.config.stash[CURRENT_TEST] = item
    try:
        return (yield)
    finally:
        del item.config.stash[CURRENT_TEST]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that cannot run here or whose guest has not booted; fail one whose marks are wrong."""
    __tracebackhide__ = hide_unless_mistake
    if is_in_use(item.config) or has_to_do_with_consoles(item):
        from uartsim.pytest_plugin.item_checks import check

        check(item)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Note that the set-up of a test has gone well."""
    if is_in_use(item.config):
        from uartsim.pytest_plugin.broken_boots import note_set_up

        note_set_up(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """Note that a test is over."""
    item.config.stash[IS_ENDING] = True
    try:
        return (yield)
    finally:
        item.config.stash[IS_ENDING] = False


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Note which fixture is set up, and which has failed."""
    __tracebackhide__ = hide_unless_mistake
    stack = request.config.stash.setdefault(IN_SETUP, [])
    stack.append(request)
    try:
        return (yield)
    except pytest.fail.Exception:
        if fixturedef.argname == "async_console" and isinstance(request.node, pytest.Item):
            from uartsim.pytest_plugin.async_fixtures import not_handled

            raise not_handled(request.node) from None
        raise
    except Exception as error:
        if is_in_use(request.config):
            from uartsim.pytest_plugin.broken_boots import note_failed_fixture

            note_failed_fixture(request.config, error, fixturedef.argname)
        raise
    finally:
        stack.pop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failed test what its consoles know, and write the files of the test."""
    if not is_in_use(item.config):
        return (yield)
    from uartsim.pytest_plugin.failure_report import add_to_report

    return (yield from add_to_report(item, call))


def pytest_exception_interact(
    node: pytest.Item | pytest.Collector, call: pytest.CallInfo[Any], report: pytest.TestReport | pytest.CollectReport
) -> None:
    """A test has failed: keep that its guest has not booted, and stop for a person if that was asked for."""
    if isinstance(node, pytest.Item) and call.excinfo is not None and is_in_use(node.config):
        from uartsim.pytest_plugin.attach_pause import pause_after_failure
        from uartsim.pytest_plugin.broken_boots import note_failure

        if call.when == "setup":
            note_failure(node, call.excinfo.value)
        pause_after_failure(node, call.excinfo.value)
