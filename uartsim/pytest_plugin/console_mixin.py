"""A console for the tests of ``unittest``'s classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from uartsim.console.blocking_console import Console


class ConsoleMixin:
    """Gives each test of a class ``self.console``: ``class TestBoot(ConsoleMixin, unittest.TestCase)``.

    The guest and the options are those of the fixture ``console``: those of the mark ``uartsim``, which may be on the class
    or a test.  pytest runs such a class; ``python -m unittest`` knows nothing of fixtures.

    Attributes:
        console: the console of a fresh machine.
    """

    console: Console

    @pytest.fixture(autouse=True)
    def _uartsim_console_of_the_test(self, console: Console) -> None:
        self.console = console
