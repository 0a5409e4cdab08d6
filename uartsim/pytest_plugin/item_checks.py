"""What is looked at before each test of a session that has to do with consoles."""

from __future__ import annotations

import pytest

from uartsim.pytest_plugin.async_fixtures import check_is_handled
from uartsim.pytest_plugin.broken_boots import skip_if_shared_is_broken
from uartsim.pytest_plugin.console_marks import check_shared
from uartsim.pytest_plugin.failure_report import begin_report
from uartsim.pytest_plugin.mark_requirements import check_requirements
from uartsim.pytest_plugin.one_sentence import hide_unless_mistake
from uartsim.pytest_plugin.report_outputs import begin_use


def check(item: pytest.Item) -> None:
    """Begin a test: skip it if it cannot run here or its guest has not booted; fail it if its marks are wrong."""
    __tracebackhide__ = hide_unless_mistake
    begin_use(item.config)
    begin_report(item)
    check_requirements(item)
    check_shared(item)
    check_is_handled(item)
    skip_if_shared_is_broken(item)
