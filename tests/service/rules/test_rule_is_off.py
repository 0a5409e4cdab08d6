"""The second run of a rule's test, without the rule: it must fail, and for the one reason that counts."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from tests.service.rules.conftest import pytest_pyfunc_call
from tests.service.rules.refusals import NotRefused

Run = Generator[None, object, object]


class ATest:
    """A test function with the mark of a rule that is off, or without."""

    def __init__(self, *marks: pytest.Mark) -> None:
        self._marks = {mark.name: mark for mark in marks}

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return self._marks.get(name)


def begun(*marks: pytest.MarkDecorator) -> Run:
    function: Any = ATest(*(mark.mark for mark in marks))
    run: Run = pytest_pyfunc_call(function)
    next(run)
    return run


@pytest.fixture
def off() -> Run:
    return begun(pytest.mark.rule_is_off("role"))


def test_a_test_that_passes_without_its_rule_fails(off: Run) -> None:
    with pytest.raises(pytest.fail.Exception, match="passes although its rule role is off"):
        off.send(True)


@pytest.mark.parametrize("error", [NotRefused("opened"), BaseExceptionGroup("", [NotRefused("opened")])])
def test_a_console_that_opens_without_its_rule_is_what_is_expected(off: Run, error: BaseException) -> None:
    with pytest.raises(StopIteration) as stopped:
        off.throw(error)
    assert stopped.value.value is True


@pytest.mark.parametrize("error", [AssertionError(), OSError(), BaseExceptionGroup("", [NotRefused(), OSError()])])
def test_another_failure_without_the_rule_is_a_failure(off: Run, error: BaseException) -> None:
    with pytest.raises(type(error)):
        off.throw(error)


def test_a_test_with_its_rule_is_left_alone() -> None:
    with pytest.raises(NotRefused):
        begun().throw(NotRefused())
