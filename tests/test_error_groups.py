"""One error stands for a group, and none of the others is lost."""

from __future__ import annotations

import sys
import traceback

import pytest
import trio

from uartsim.error_groups import first_error


def test_an_error_that_is_not_a_group_is_itself() -> None:
    error = ValueError("alone")
    assert first_error(error) is error
    assert not hasattr(error, "__notes__")


def test_a_group_of_one_is_its_error_however_deep() -> None:
    error = ValueError("deep")
    nested: BaseException = error
    for _ in range(2 * sys.getrecursionlimit()):
        nested = BaseExceptionGroup("nursery", [nested])
    assert first_error(nested) is error
    assert not hasattr(error, "__notes__")


def test_the_first_of_several_stands_for_all_and_its_traceback_names_the_others() -> None:
    first = KeyError("a")
    group = BaseExceptionGroup("outer", [BaseExceptionGroup("inner", [first, OSError(5, "b")]), SystemExit(3)])
    assert first_error(group) is first
    text = "".join(traceback.format_exception(first))
    assert "at the same time: OSError: [Errno 5] b" in text
    assert "at the same time: SystemExit: 3" in text


def test_asked_twice_it_notes_the_others_once() -> None:
    group = ExceptionGroup("several", [ValueError("a"), ValueError("b")])
    first_error(group)
    assert first_error(group).__notes__ == ["at the same time: ValueError: b"]


def test_a_nursery_with_two_failures_is_one_error() -> None:
    async def fail(text: str) -> None:
        raise ValueError(text)

    async def both() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail, "x")
            nursery.start_soon(fail, "x")

    with pytest.raises(ExceptionGroup) as caught:
        trio.run(both)
    error = first_error(caught.value)
    assert str(error) == "x"
    assert error.__notes__ == ["at the same time: ValueError: x"]
