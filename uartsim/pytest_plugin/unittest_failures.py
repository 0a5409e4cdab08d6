"""Failures of unittest's test cases, which pytest keeps beside the call of the test, known before the report is made."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest


class UnittestFailures:
    """A plugin: the hooks that make a report of a test find its error in the call, as that of any other test."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
        """Put the error where pytest's own hook for test cases is about to put it."""
        errors = getattr(item, "_excinfo", None)
        if call.excinfo is None and errors:
            call.excinfo = errors[0]
        return (yield)
