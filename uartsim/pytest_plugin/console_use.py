"""Which tests have to do with consoles, and which of them runs: a session without such a test imports little more than this."""

from __future__ import annotations

from typing import Final

import pytest

#: The mark that says what a test's console is, and the one that says what the test needs.
MARK: Final = "uartsim"
REQUIRES: Final = "uartsim_requires"
#: The fixtures with a machine for each test, which take its marks.
OF_A_TEST: Final = ("console", "async_console")
#: All fixtures that give or make consoles.
FIXTURES: Final = frozenset(
    {*OF_A_TEST, "console_module", "console_session", "uartsim_factory", "uartsim_console_factory", "machine"}
)
#: The test that runs, and the fixtures that are being set up, the innermost last.
CURRENT_TEST: Final = pytest.StashKey[pytest.Item]()
IN_SETUP: Final = pytest.StashKey[list[pytest.FixtureRequest]]()
#: Whether that test is over, and its fixtures end.
IS_ENDING: Final = pytest.StashKey[bool]()
#: Whether a test of the session has had to do with consoles.
IN_USE: Final = pytest.StashKey[bool]()


def has_to_do_with_consoles(item: pytest.Item) -> bool:
    """Whether a test names a console or one of the marks.  One that asks for a console only when it runs does not."""
    names = getattr(item, "fixturenames", ())
    return not FIXTURES.isdisjoint(names) or any(mark.name in (MARK, REQUIRES) for mark in item.iter_markers())


def is_in_use(config: pytest.Config) -> bool:
    """Whether a test of the session has had to do with consoles."""
    return config.stash.get(IN_USE, False)
