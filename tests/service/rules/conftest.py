"""A test of a rule also runs with the rule switched off, and must fail then.

The test carries ``@pytest.mark.azure("A-012", rule="role")`` and takes the fixture ``rules``, which it gives to the
service.  It runs a second time with ``rules`` short of that rule: then the console must open where it was refused, which
``tests.service.rules.refusals.refused`` notices.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.service.rules.refusals import NotRefused
from uartsim.service.rules.console_rules import ALL_RULES, RuleSet

_OFF = " is off"


def rule_of(mark: pytest.Mark | None) -> str | None:
    """The rule that a mark names, or None."""
    rule = None if mark is None else mark.kwargs.get("rule")
    return None if rule is None else str(rule)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    rule = rule_of(metafunc.definition.get_closest_marker("azure"))
    if rule is None:
        return
    if "rules" not in metafunc.fixturenames:
        raise pytest.UsageError(f"{metafunc.definition.nodeid} names the rule {rule}, but does not take `rules`")
    params = [
        pytest.param(ALL_RULES, id="rules"),
        pytest.param(ALL_RULES.without(rule), id=f"{rule}{_OFF}", marks=pytest.mark.rule_is_off(rule)),
    ]
    metafunc.parametrize("rules", params)


@pytest.fixture
def rules() -> RuleSet:
    """All rules, where the test names none."""
    return ALL_RULES


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    mark = pyfuncitem.get_closest_marker("rule_is_off")
    if mark is None:
        return (yield)
    try:
        yield
    except BaseException as error:
        if _holds(error):
            return True
        raise
    pytest.fail(f"the test passes although its rule {mark.args[0]} is off")


def _holds(error: BaseException) -> bool:
    """Whether it is, or holds, the one failure that is expected."""
    if isinstance(error, BaseExceptionGroup):
        return all(_holds(one) for one in error.exceptions)
    return isinstance(error, NotRefused)
