"""The plugin's fixtures: consoles, each with a machine of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any, Final

import pytest

from uartsim.pytest_plugin.plugin_options import CLOCK, GUEST, SCALE, STRICT

if TYPE_CHECKING:
    from uartsim.console.blocking_console import Console
    from uartsim.console.prepared_machines import PreparedMachines

#: The consoles of a test, each with its guest's name.
CONSOLES: Final = pytest.StashKey[list[tuple[str, "Console"]]]()


@pytest.fixture(scope="session")
def _uartsim_prepared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PreparedMachines]:
    """The machines that were booted once for many tests; the workers of pytest-xdist share them."""
    from uartsim.console.prepared_machines import PreparedMachines

    base = tmp_path_factory.getbasetemp()
    machines = PreparedMachines(base.parent if hasattr(request.config, "workerinput") else base)
    yield machines
    machines.close()


@pytest.fixture
def uartsim_console_factory(request: pytest.FixtureRequest) -> Iterator[Callable[..., Console]]:
    """Makes consoles, each with a machine of its own; all are switched off at the end of the test.

    ``uartsim_console_factory(guest=None, *, settings=None, timeout=30, clock=None, ...)``: what is not given comes from
    the options; the others are those of ``uartsim.open_console()``.  ``restore`` may also be a function: then the guest is
    booted once in the session, given to this function as a console, and each console begins where it has left the guest.
    """
    with ExitStack() as stack:

        def make(
            guest: Any = None,
            *,
            settings: Mapping[str, Any] | None = None,
            timeout: float | None = 30.0,
            clock: str | None = None,
            **options: Any,
        ) -> Console:
            __tracebackhide__ = True
            from uartsim.console.console_options import check_options

            check_options("uartsim_console_factory()", options)
            clock = clock if clock is not None else CLOCK.value(request.config)
            return _start(request, stack, guest, settings, {"timeout": timeout, "clock": clock, **options})

        yield make


@pytest.fixture
def console(request: pytest.FixtureRequest, uartsim_console_factory: Callable[..., Console]) -> Console:
    """The console of a fresh machine: ``console.login()``, ``console.expect("...")``, ``console.sendline("...")``.

    The machine is the guest of ``--uartsim-guest`` (``demo`` unless said otherwise), or of
    ``@pytest.mark.uartsim(guest="...", settings={...}, clock="virtual")``.  It is switched off after the test.
    """
    __tracebackhide__ = True
    from uartsim.console.console_options import check_options

    wanted: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers("uartsim"))):
        if mark.args:
            raise TypeError(f"mark uartsim takes no {', '.join(map(repr, mark.args))}: write guest=... and so on")
        check_options("mark uartsim", mark.kwargs, more=("guest",))
        wanted |= mark.kwargs
    return uartsim_console_factory(wanted.pop("guest", None), **wanted)


def _start(
    request: pytest.FixtureRequest,
    stack: ExitStack,
    guest: Any,
    settings: Mapping[str, Any] | None,
    options: dict[str, Any],
) -> Console:
    __tracebackhide__ = True
    from uartsim import blocking
    from uartsim.errors import UartsimError
    from uartsim.guest.catalogue import GuestDefinition, find_guest
    from uartsim.printable import printable

    config = request.config
    try:
        definition = guest if isinstance(guest, GuestDefinition) else find_guest(str(guest or GUEST.value(config)))
        missing = [text for need in definition.needs if (text := need.missing()) is not None]
        if missing:
            _cannot(config, f"guest {definition.name!r} cannot start here: {'; '.join(missing)}")
        options.setdefault("timeout_scale", SCALE.value(config))
        restore = options.get("restore")
        if callable(restore):
            _check_real(options)
            if settings:
                definition = definition.with_settings({key: str(value) for key, value in settings.items()})
            prepared: PreparedMachines = request.getfixturevalue("_uartsim_prepared")
            options = {key: value for key, value in options.items() if key not in ("restore", "clock")}
            started: AbstractContextManager[Console] = prepared.console(restore, definition, options)
        else:
            started = blocking.open_console(definition, settings=settings, **options)
        opened = stack.enter_context(started)
        request.node.stash.setdefault(CONSOLES, []).append((definition.name, opened))
        return opened
    except UartsimError as error:
        failure = printable(str(error))
    pytest.fail(failure, pytrace=False)  # out here, so that the report does not have it twice


def _check_real(options: Mapping[str, Any]) -> None:
    """UsageError if the clock is virtual, in which no guest runs that could be restored."""
    from uartsim.errors import UsageError

    if options.get("clock") == "virtual":
        raise UsageError(
            "restore is a function and the clock is virtual: a guest that runs in virtual time boots in no time, so call the "
            "function in the test; other guests need clock='real'"
        )


def _cannot(config: pytest.Config, why: str) -> None:
    __tracebackhide__ = True
    if STRICT.value(config):
        pytest.fail(f"{why} ({STRICT.flag} is on)", pytrace=False)
    pytest.skip(why)
