"""The plugin's fixtures: consoles of every scope, and what belongs to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import pytest

from uartsim.pytest_plugin.console_use import CURRENT_TEST
from uartsim.pytest_plugin.plugin_options import ATTACH, SEED, chosen_guests

if TYPE_CHECKING:
    from uartsim.console.blocking_console import Console
    from uartsim.console.console import Console as AsyncConsole
    from uartsim.pytest_plugin.console_maker import ConsoleMaker
    from uartsim.pytest_plugin.running_machine import RunningMachine

__all__ = [
    "_uartsim_guest",
    "_uartsim_maker",
    "async_console",
    "console",
    "console_module",
    "console_session",
    "guest",
    "machine",
    "parametrize_guests",
    "uartsim_attach",
    "uartsim_console_factory",
    "uartsim_factory",
    "uartsim_seed",
]

#: The fixture that is parametrised where there are several guests.
GUEST_PARAMETER: Final = "_uartsim_guest"


@pytest.fixture(scope="session")
def _uartsim_maker(request: pytest.FixtureRequest) -> Iterator[ConsoleMaker]:
    """Opens consoles; keeps the machines that were booted once for many tests."""
    from uartsim.pytest_plugin.console_maker import ConsoleMaker
    from uartsim.pytest_plugin.report_outputs import begin_use

    begin_use(request.config)
    maker = ConsoleMaker(request.config)
    yield maker
    maker.close()


@pytest.fixture(scope="session")
def _uartsim_guest(request: pytest.FixtureRequest) -> Any:
    """One of several guests, or None where there are not several."""
    return getattr(request, "param", None)


@pytest.fixture
def guest(request: pytest.FixtureRequest, _uartsim_guest: Any) -> Any:
    """The guest of this test's console, as the mark or ``--uartsim-guest`` names it.

    Each test that takes ``guest`` or a console runs once for each of several: ``--uartsim-guest demo,linux``, or
    ``@pytest.mark.uartsim(guest=["demo", "linux"])``.
    """
    from uartsim.pytest_plugin.console_marks import guests_of

    named = guests_of(request.node.iter_markers("uartsim"))
    if _uartsim_guest is not None:
        return _uartsim_guest
    return named[0] if named else chosen_guests(request.config)[0]


@pytest.fixture(scope="session")
def uartsim_factory(_uartsim_maker: ConsoleMaker) -> Callable[..., Console]:
    """Makes consoles, each with a machine of its own, for tests and for fixtures of any scope.

    ``uartsim_factory(guest=None, *, settings=None, timeout=30, clock=None, ...)``: what is not given comes from pytest's
    options; the others are those of ``uartsim.open_console()``.  A console that a fixture makes in its set-up is closed,
    and its machine switched off, when that fixture ends; one that a test makes ends with the test.  ``restore`` may also be a
    function: then the guest is booted once in the session, given to this function as a console, and each console begins
    where it has left the guest.
    """
    return _factory(_uartsim_maker, "uartsim_factory()")


@pytest.fixture
def uartsim_console_factory(_uartsim_maker: ConsoleMaker) -> Callable[..., Console]:
    """Makes consoles as ``uartsim_factory`` does, for tests and fixtures of a test."""
    return _factory(_uartsim_maker, "uartsim_console_factory()")


def _factory(maker: ConsoleMaker, what: str) -> Callable[..., Console]:
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
        from uartsim.pytest_plugin.console_marks import Wanted

        check_options(what, options)
        given = {"guest": guest, "settings": settings, "timeout": timeout, "clock": clock, **options}
        return maker.open_here(Wanted(given))

    return make


@pytest.fixture
def console(request: pytest.FixtureRequest, guest: Any, _uartsim_maker: ConsoleMaker) -> Console:
    """The console of a fresh machine: ``console.login()``, ``console.expect("...")``, ``console.sendline("...")``.

    The machine is the guest of ``--uartsim-guest`` (``demo`` unless said otherwise), or of
    ``@pytest.mark.uartsim(guest="...", settings={...}, clock="virtual")``.  It is switched off after the test.
    """
    __tracebackhide__ = True
    from uartsim.pytest_plugin.console_marks import wanted_of

    wanted = wanted_of(request.node)
    wanted.options["guest"] = guest
    return _uartsim_maker.open(request.node, "console", request.addfinalizer, wanted)


@pytest.fixture
async def async_console(
    request: pytest.FixtureRequest, guest: Any, _uartsim_maker: ConsoleMaker
) -> AsyncIterator[AsyncConsole]:
    """The console of a fresh machine on the test's own trio loop: ``await async_console.login()``.

    It is a ``uartsim.Console``, for tests that pytest-trio runs, or anyio's plugin on trio.  The guest and the options are
    those of ``console``; the clock is trio's, such as that of pytest-trio's ``autojump_clock``.
    """
    from uartsim.pytest_plugin.async_fixtures import opened_console

    async with opened_console(request.node, guest, _uartsim_maker) as console:
        yield console


@pytest.fixture(scope="module")
def console_module(request: pytest.FixtureRequest, _uartsim_guest: Any, _uartsim_maker: ConsoleMaker) -> Console:
    """The console of one machine for all tests of a module, as the module's ``pytestmark = pytest.mark.uartsim(...)`` says.

    What a test types and reads is gone for the next one; it is switched off after the module's last test.
    """
    __tracebackhide__ = True
    from uartsim.pytest_plugin.console_marks import wanted_of

    wanted = wanted_of(request.node)
    if _uartsim_guest is not None:
        wanted.options["guest"] = _uartsim_guest
    return _uartsim_maker.open(request.node, "console_module", request.addfinalizer, wanted)


@pytest.fixture(scope="session")
def console_session(request: pytest.FixtureRequest, _uartsim_guest: Any, _uartsim_maker: ConsoleMaker) -> Console:
    """The console of one machine for all tests of the session: the guest of ``--uartsim-guest``.

    Each worker of pytest-xdist has a machine of its own.
    """
    __tracebackhide__ = True
    from uartsim.pytest_plugin.console_marks import Wanted

    wanted = Wanted({} if _uartsim_guest is None else {"guest": _uartsim_guest})
    return _uartsim_maker.open(request.node, "console_session", request.addfinalizer, wanted)


@pytest.fixture
def machine(request: pytest.FixtureRequest) -> RunningMachine:
    """The running machine behind the test's console: power, reset and NMI buttons, display, state.

    The console is that of ``console``, ``console_module`` or ``console_session``, whichever the test takes, or else of a
    new machine, as for ``console``.
    """
    __tracebackhide__ = True
    from uartsim.pytest_plugin.running_machine import RunningMachine

    names = request.fixturenames
    fixture = next((name for name in ("console", "console_module", "console_session") if name in names), "console")
    return RunningMachine(request.getfixturevalue(fixture))


@pytest.fixture(scope="session")
def uartsim_seed(request: pytest.FixtureRequest) -> int:
    """The session's seed, for a test's own chance: ``random.Random(uartsim_seed)``; ``--uartsim-seed`` sets it."""
    seed: int = SEED.value(request.config)
    return seed


@pytest.fixture
def uartsim_attach(request: pytest.FixtureRequest) -> Callable[[], None]:
    """With ``--uartsim-attach``, ``uartsim_attach()`` stops the test there, and says at which pty its console can be used.

    Enter goes on.  Without the option the call does nothing.
    """

    def attach() -> None:
        __tracebackhide__ = True
        item = request.config.stash.get(CURRENT_TEST, None)
        if item is not None and ATTACH.value(request.config):
            from uartsim.pytest_plugin.attach_pause import pause

            pause(item, f"{item.nodeid} has stopped here")

    return attach


def parametrize_guests(metafunc: pytest.Metafunc) -> None:
    """Let a test with a console run once for each guest, where its mark or the option names several."""
    if GUEST_PARAMETER in metafunc.fixturenames:
        from uartsim.pytest_plugin.console_marks import guests_of

        guests = guests_of(metafunc.definition.iter_markers("uartsim")) or chosen_guests(metafunc.config)
        if len(guests) > 1:
            names = [str(getattr(guest, "name", guest)) for guest in guests]
            metafunc.parametrize(GUEST_PARAMETER, guests, ids=names, indirect=True, scope="session")
