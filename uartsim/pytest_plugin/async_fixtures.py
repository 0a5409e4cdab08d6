"""The console of an async test, on the test's own trio loop: what the fixture ``async_console`` opens."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from uartsim.pytest_plugin.broken_boots import skip_if_broken
from uartsim.pytest_plugin.console_maker import ConsoleMaker, key_of
from uartsim.pytest_plugin.console_marks import Wanted, wanted_of
from uartsim.pytest_plugin.machine_files import discard, place_files
from uartsim.pytest_plugin.mark_places import place_of_test
from uartsim.pytest_plugin.one_sentence import Mistake
from uartsim.pytest_plugin.opened_consoles import OpenedConsole, free_name, note_closed, note_opened

if TYPE_CHECKING:
    import pytest

    from uartsim.console.console import Console
    from uartsim.console.trio_thread import TrioThread

_T = TypeVar("_T")

NAME: Final = "async_console"
_REMEDY: Final = (
    "async_console is for async tests that run on trio: pip install pytest-trio and mark the test with "
    "@pytest.mark.trio, or use the fixture console"
)


@asynccontextmanager
async def opened_console(item: pytest.Item, guest: Any, maker: ConsoleMaker) -> AsyncIterator[Console]:
    """Open the console of a test, and close it.

    Args:
        item: the test.
        guest: its guest.
        maker: the session's.
    """
    from uartsim.console.open_console import open_console
    from uartsim.errors import UartsimError, UsageError
    from uartsim.printable import printable

    wanted = wanted_of(item)
    wanted.options["guest"] = guest
    definition = maker.definition(wanted)
    options = maker.options_of(wanted, definition, clock=False)
    if callable(options.get("restore")):
        raise Mistake(
            "restore is a function, which is given a blocking console: use the fixture console, or the folder of a snapshot",
            wanted.places.get("restore", ""),
        )
    key = key_of(definition, options)
    skip_if_broken(item, key)
    options["name"] = name = free_name(item, str(options.get("name") or definition.name))
    files = place_files(item.config, item, NAME, name, Wanted(options, wanted.places))
    async with AsyncExitStack() as stack:
        try:
            made = await stack.enter_async_context(open_console(definition, **options))
        except UartsimError as error:
            failure = printable(str(error))
            place = wanted.place_for(failure) if isinstance(error, UsageError) else ""
            discard(item.config, files)
        else:
            failure = place = ""
            opened = OpenedConsole(name, definition.name, _looked_at(made), key, NAME, item, files=files)
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
