"""Settings that ``--uartsim-set`` gives the guests of all tests.

A suite may have several guests: each gets those of the settings that it has.  One that no guest of the session has is a
mistake.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import pytest

from uartsim.pytest_plugin.console_marks import guests_of
from uartsim.pytest_plugin.console_use import FIXTURES
from uartsim.pytest_plugin.one_sentence import Mistake
from uartsim.pytest_plugin.opened_consoles import fixtures_of
from uartsim.pytest_plugin.plugin_options import SET, chosen_guests

if TYPE_CHECKING:
    from uartsim.guest.catalogue import GuestDefinition

#: The guests of the session's tests, as far as their marks and pytest's options name them.
_GUESTS: Final = pytest.StashKey[list[Any]]()


def note_guests(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Note which guests the tests of the session have."""
    guests: list[Any] = []
    for item in items:
        if fixtures_of(item) & FIXTURES:
            guests += guests_of(item.iter_markers("uartsim")) or chosen_guests(config)
    config.stash[_GUESTS] = guests


def given_settings(config: pytest.Config, definition: GuestDefinition) -> dict[str, str]:
    """Those of the settings that a guest has; fails if there is one that no guest of the session has."""
    __tracebackhide__ = True
    given: dict[str, str] = SET.value(config)
    if not given:
        return {}
    from uartsim.errors import UsageError

    unknown = [key for key in given if key not in definition.settings]
    if unknown and (lacking := [key for key in unknown if key not in _settings_of(config)]):
        from uartsim.guest.manifest import near_matches

        key = lacking[0]
        hint = near_matches(key, definition.settings.keys()) or "; it has no settings"
        raise Mistake(f"{SET.flag} {key}={given[key]}: guest {definition.name!r} has no setting {key!r}{hint}")
    settings = {key: value for key, value in given.items() if key in definition.settings}
    try:
        definition.with_settings(settings)
    except UsageError as error:
        why = f"{SET.flag}: {error}"
    else:
        return settings
    raise Mistake(why)


def _settings_of(config: pytest.Config) -> set[str]:
    """The names of the settings that the guests of the session have; of one that cannot be found, none."""
    from uartsim.errors import UartsimError
    from uartsim.guest.catalogue import GuestDefinition, find_guest

    names: set[str] = set()
    seen: list[Any] = []
    for guest in config.stash.get(_GUESTS, []):
        if guest in seen:
            continue
        seen.append(guest)
        try:
            names.update((guest if isinstance(guest, GuestDefinition) else find_guest(str(guest))).settings)
        except UartsimError:
            continue  # the tests with that guest say so
    return names
