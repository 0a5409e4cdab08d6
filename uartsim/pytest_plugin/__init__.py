"""The pytest plugin: a console as a fixture, and the guest's last words in the report of a failure.

Nothing but the standard library and pytest is imported until a fixture is used.
"""

from __future__ import annotations

import pytest

from uartsim.pytest_plugin.console_fixtures import _uartsim_prepared, console, uartsim_console_factory
from uartsim.pytest_plugin.failure_report import pytest_runtest_makereport
from uartsim.pytest_plugin.plugin_options import OPTIONS, STRICT
from uartsim.pytest_plugin.report_outputs import set_up_reporting

__all__ = [
    "OPTIONS",
    "STRICT",
    "_uartsim_prepared",
    "console",
    "pytest_addoption",
    "pytest_configure",
    "pytest_runtest_makereport",
    "uartsim_console_factory",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the options."""
    for option in OPTIONS:
        option.add_to(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark and check the options."""
    config.addinivalue_line(
        "markers",
        "uartsim(guest=NAME, settings={...}, timeout=SECONDS, clock='real' or 'virtual', allow=[...], uart=CHIP, "
        "record=FILE, rate=..., flow=..., fault=..., restore=FOLDER or a function, "
        "scenario=NAME, ...): what the console fixture starts, "
        "how long it waits, in which time, which problems are ignored, what the line is like, and where it begins; the "
        "options of open_console()",
    )
    for option in OPTIONS:
        option.value(config)
    set_up_reporting(config)
