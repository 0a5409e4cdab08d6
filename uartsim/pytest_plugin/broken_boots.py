"""Guests that have not booted: their other tests are skipped with the reason, and do not wait for it one by one.

A guest counts as broken when the set-up of a test ends with an error of its console: it has ended, has met a fatal problem,
or has not let anybody log in; or nothing was typed yet and what was waited for did not come.  Then every test with the same
guest, settings and options is skipped.  Any other error of the console in a fixture is that fixture's: then only the
tests that use it are skipped.  The test in which it happened may be tried again, as pytest-rerunfailures does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pytest

from uartsim.pytest_plugin.one_sentence import skip_or_fail
from uartsim.pytest_plugin.opened_consoles import OpenedConsole, fixtures_of, opened_of

#: The exception that a fixture has raised last, and the fixture's name.
FAILED_FIXTURE: Final = pytest.StashKey[tuple[BaseException, str]]()


@dataclass(frozen=True)
class _Break:
    """A boot that has failed.

    Attributes:
        key: that of the console.
        fixture: the fixture in which it failed; empty: it matters to all tests with the key.
        test: the id of the test in whose set-up it was.
        reason: a sentence.
    """

    key: str
    fixture: str
    test: str
    reason: str


_BREAKS: Final = pytest.StashKey[list[_Break]]()


def note_failed_fixture(config: pytest.Config, error: BaseException, name: str) -> None:
    """A fixture has failed; of those that wait for each other, the innermost counts."""
    if config.stash.get(FAILED_FIXTURE, (None, ""))[0] is not error:
        config.stash[FAILED_FIXTURE] = (error, name)


def note_failure(item: pytest.Item, error: BaseException) -> None:
    """The set-up of a test has failed: if a console's guest is to blame, that is kept."""
    from uartsim.pytest_plugin.console_maker import is_imported

    if not is_imported() or not (opened := opened_of(item)):
        return
    from uartsim.console.console_errors import ExpectTimeout, GuestEnded, LoginFailed, ProblemFound

    if isinstance(error, GuestEnded | ProblemFound | LoginFailed | ExpectTimeout):
        raised, fixture = item.config.stash.get(FAILED_FIXTURE, (None, ""))
        culprit = _culprit(opened, error)
        at_boot = isinstance(error, GuestEnded | ProblemFound) or _in_login(error) or _nothing_typed(culprit)
        note_break(item, culprit.key, culprit.guest, error, "" if at_boot or raised is not error else fixture)


def note_break(item: pytest.Item, key: str, name: str, error: BaseException, fixture: str = "") -> None:
    """Keep that a guest has not booted.

    Args:
        item: the test in whose set-up that was.
        key: that of its console.
        name: the guest's.
        error: why.
        fixture: the fixture whose tests alone it matters to, if any.
    """
    from uartsim.printable import printable

    what = f"fixture {fixture} has failed on guest {name!r}" if fixture else f"guest {name!r} has not booted"
    why = printable(f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}")
    reason = f"{what} in the set-up of {item.nodeid}, and its other tests are skipped: {why}"
    item.config.stash.setdefault(_BREAKS, []).append(_Break(key, fixture, item.nodeid, reason))


def skip_if_broken(item: pytest.Item, key: str, *, is_shared: bool = False) -> None:
    """Skip a test if the guest of a console that it is about to open, or shares, has not booted before."""
    __tracebackhide__ = True
    for broken in item.config.stash.get(_BREAKS, []):
        if (
            broken.key == key
            and broken.test != item.nodeid
            and (not broken.fixture or broken.fixture in fixtures_of(item))
        ):
            skip_or_fail(item.config, broken.reason, is_of_test=is_shared)


def skip_if_shared_is_broken(item: pytest.Item) -> None:
    """Skip a test that uses a console of a wider scope whose guest has not booted."""
    __tracebackhide__ = True
    if item.config.stash.get(_BREAKS, []):
        for opened in opened_of(item):
            skip_if_broken(item, opened.key, is_shared=True)


def note_set_up(item: pytest.Item) -> None:
    """The set-up of a test has gone well: its guests boot after all, if it is one that is tried again."""
    breaks = item.config.stash.get(_BREAKS, [])
    breaks[:] = [broken for broken in breaks if broken.test != item.nodeid]


def _culprit(opened: list[OpenedConsole], error: BaseException) -> OpenedConsole:
    """The console that has raised an error."""
    traceback = error.__traceback__
    while traceback is not None:
        caller = traceback.tb_frame.f_locals.get("self")
        for each in opened:
            if caller is each.console:
                return each
        traceback = traceback.tb_next
    return opened[-1]


def _in_login(error: BaseException) -> bool:
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_name == "login" and code.co_filename.endswith("blocking_console.py"):
            return True
        traceback = traceback.tb_next
    return False


def _nothing_typed(opened: OpenedConsole) -> bool:
    from uartsim.errors import UartsimError

    try:
        return not opened.console.counters.get("bytes_in")
    except UartsimError:
        return False
