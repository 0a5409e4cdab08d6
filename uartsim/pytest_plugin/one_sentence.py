"""Failures that are one sentence in the report: a mistake that the user sees to, and no traceback."""

from __future__ import annotations

import pytest
from _pytest.outcomes import Failed

from uartsim.pytest_plugin.plugin_options import STRICT


class Mistake(Failed):
    """A failure whose report is its message.

    Args:
        text: one sentence.
        place: ``FILE:LINE`` of what is wrong, if that is known.
    """

    __module__ = "builtins"  # pytest's summary has the name without a module, as for its own failures

    def __init__(self, text: str, place: str = "") -> None:
        super().__init__(f"{place}: {text}" if place else text, pytrace=False)


def hide_unless_mistake(error: pytest.ExceptionInfo[BaseException]) -> bool:
    """A value for ``__tracebackhide__``: where every frame is hidden, pytest says so, below a sentence too."""
    return not error.errisinstance(Mistake)


def skip_or_fail(config: pytest.Config, why: str, *, is_of_test: bool = False) -> None:
    """Skip the test that runs; where the option for that is on, let it fail.

    Args:
        config: the session's.
        why: a sentence.
        is_of_test: whether the summary says where the test is, and not where the fixture is that has no console.
    """
    __tracebackhide__ = True
    if STRICT.value(config):
        raise Mistake(f"{why} ({STRICT.flag} is on)")
    raise pytest.skip.Exception(why, _use_item_location=is_of_test)
