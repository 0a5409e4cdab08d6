"""The console of an async test, on the test's own trio loop."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import pytest

from uartsim.pytest_plugin.broken_boots import skip_if_broken
from uartsim.pytest_plugin.console_maker import ConsoleMaker, key_of
from uartsim.pytest_plugin.console_marks import Wanted, wanted_of
from uartsim.pytest_plugin.machine_files import discard, place_files
from uartsim.pytest_plugin.mark_places import place_of_test
from uartsim.pytest_plugin.one_sentence import Mistake
from uartsim.pytest_plugin.opened_consoles import OpenedConsole, free_name, note_closed, note_opened

if TYPE_CHECKING:
    from uartsim.console.console import Console
    from uartsim.console.trio_thread import TrioThread

_T = TypeVar("_T")

NAME: Final = "async_console"
_REMEDY: Final = (
    "async_console is for async tests that run on trio: pip install pytest-trio and mark the test with "
    "@pytest.mark.trio, or use the fixture console"
)


@pytest.fixture
async def async_console(
    request: pytest.FixtureRequest, guest: Any, _uartsim_maker: ConsoleMaker
) -> AsyncIterator[Console]:
    """The console of a fresh machine on the test's own trio loop: ``await async_console.login()``.

    It is a ``uartsim.Console``, for tests that pytest-trio runs, or anyio's plugin on trio.  The guest and the options are
    those of ``console``; the clock is trio's, such as that of pytest-trio's ``autojump_clock``.
    """
    from uartsim.console.open_console import open_console
    from uartsim.errors import UartsimError, UsageError
    from uartsim.printable import printable

    wanted = wanted_of(request.node)
    wanted.options["guest"] = guest
    definition = _uartsim_maker.definition(wanted)
    options = _uartsim_maker.options_of(wanted, definition, clock=False)
    if callable(options.get("restore")):
        raise Mistake(
            "restore is a function, which is given a blocking console: use the fixture console, or the folder of a snapshot",
            wanted.places.get("restore", ""),
        )
    key = key_of(definition, options)
    skip_if_broken(request.node, key)
    options["name"] = name = free_name(request.node, str(options.get("name") or definition.name))
    files = place_files(request.config, request.node, NAME, name, Wanted(options, wanted.places))
    async with AsyncExitStack() as stack:
        try:
            made = await stack.enter_async_context(open_console(definition, **options))
        except UartsimError as error:
            failure = printable(str(error))
            place = wanted.place_for(failure) if isinstance(error, UsageError) else ""
            discard(request.config, files)
        else:
            failure = place = ""
            opened = OpenedConsole(name, definition.name, _looked_at(made), key, NAME, request.node, files=files)
            note_opened(opened)
            try:
                yield made
            finally:
                note_closed(opened)
    if failure:
        raise Mistake(failure, place)


def check_is_handled(item: pytest.Item) -> None:
    """Fail if a test that takes an async console is not async."""
    __tracebackhide__ = True
    if NAME in getattr(item, "fixturenames", ()) and not inspect.iscoroutinefunction(getattr(item, "obj", None)):
        raise not_handled(item)


def not_handled(item: pytest.Item) -> Mistake:
    """The failure of a test whose async fixture no plugin has taken."""
    return Mistake(_REMEDY, place_of_test(item))


def _looked_at(made: Console) -> Any:
    """An async console as a blocking one, which can be looked at when its loop does not run, as in a report."""
    from uartsim.console import blocking_console

    return blocking_console.Console(made, cast("TrioThread", _NoThread()))


class _NoThread:
    """Stands for the thread of a console whose loop is the test's own."""

    def read(self, function: Callable[..., _T], *args: Any, **kwargs: Any) -> _T:
        """Call a function; ConsoleClosed: it needs the loop, which has ended."""
        try:
            return function(*args, **kwargs)
        except RuntimeError as error:
            raise self._ended() from error

    def call(self, function: Callable[..., Awaitable[_T]], *args: Any) -> _T:
        """ConsoleClosed: there is no loop that could wait."""
        raise self._ended()

    def _ended(self) -> Exception:
        from uartsim.console.console_errors import ConsoleClosed

        return ConsoleClosed("the console of an async test ends with its loop")
