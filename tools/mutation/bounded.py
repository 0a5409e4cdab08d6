"""How pytest runs here: quietly, with the same examples in every run, and with fewer of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

#: How many examples a property test is given, where it asks for more.
EXAMPLES = 60

_PROFILE = "mutation"

# No example is looked up in a database, and none is made smaller: that a test fails is all that counts.
settings.register_profile(
    _PROFILE,
    deadline=None,
    max_examples=EXAMPLES,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


def bound_property_tests(items: Iterable[pytest.Item]) -> None:
    """Give the property tests among `items` the profile, and no more examples than it allows."""
    settings.load_profile(_PROFILE)
    for item in items:
        test = getattr(item, "obj", None)
        test = getattr(test, "__func__", test)
        own = getattr(test, "_hypothesis_internal_use_settings", None)
        if isinstance(own, settings):
            # Hypothesis has no public way to change the settings of a test that states its own.
            fewer = settings(settings.get_profile(_PROFILE), max_examples=min(own.max_examples, EXAMPLES))
            test._hypothesis_internal_use_settings = fewer  # type: ignore[union-attr]


def pytest_arguments(temporary: Path) -> list[str]:
    """The options of every run.

    Args:
        temporary: the folder for the tests' temporary files.
    """
    return [
        *("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=1", f"--basetemp={temporary}"),
        # A module that is loaded before pytest starts cannot have its assertions rewritten: pytest warns of it, and
        # the suite makes errors of warnings.
        *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
    ]
