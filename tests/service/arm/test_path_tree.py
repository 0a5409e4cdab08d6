"""Finding operations by path."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.dispatcher import subject
from uartsim.service.arm.operation import Answer, Operation
from uartsim.service.arm.operation_table import OPERATIONS
from uartsim.service.arm.path_tree import PathTree
from uartsim.service.store import ResourceId

TREE = PathTree(OPERATIONS)
VALUE = st.text(
    st.characters(codec="ascii", categories=["L", "N"], include_characters="-_.()"), min_size=1, max_size=20
)

CASES: list[Callable[[str], str]] = [str.upper, str.lower, str.swapcase, str.strip]


async def _nothing(request: ArmRequest) -> Answer:
    return Answer()


def operation(path: str, method: str = "GET") -> Operation:
    return Operation(method, path, None, _nothing, "nothing", {200: None})


@st.composite
def written(draw: st.DrawFn) -> tuple[Operation, str, dict[str, str]]:
    """An operation, a path of it with names in any case of its words, and what stands in the places of its parameters."""
    chosen = draw(st.sampled_from(OPERATIONS))
    change = draw(st.sampled_from(CASES))
    segments, values = [], {}
    for segment in chosen.path.strip("/").split("/"):
        if segment == "{scope}":
            values["scope"] = draw(st.sampled_from(["", "/subscriptions/s", "/subscriptions/s/resourceGroups/g"]))
            segments += values["scope"].split("/")[1:]
        elif segment.startswith("{"):
            # The word of a template in the place of a name is found as that word.
            values[segment[1:-1]] = draw(VALUE)
            segments.append(values[segment[1:-1]])
        else:
            segments.append(change(segment))
    return chosen, "/".join(segments), values


@given(written())
def test_every_operation_is_found_by_its_path_in_any_case(case: tuple[Operation, str, dict[str, str]]) -> None:
    chosen, path, values = case
    match = TREE.find(path.split("/"))
    assert match is not None
    if match.operations.get(chosen.method) is chosen:
        assert {"scope": "", **values} == dict(match.parameters[chosen.method])
    else:
        # A value was a word of another template, which goes before a parameter.
        words = {word.casefold() for one in OPERATIONS for word in one.path.split("/") if not word.startswith("{")}
        assert {value.casefold() for value in values.values()} & words or "{parentProvider}" in chosen.path


@given(st.lists(st.text(max_size=10) | st.sampled_from(["providers", "subscriptions"]), max_size=15))
def test_any_path_is_found_or_not(segments: list[str]) -> None:
    TREE.find(segments)


def test_a_literal_goes_before_a_parameter_and_a_dead_end_is_left() -> None:
    tree = PathTree([operation("/a/{name}/b"), operation("/a/x/c"), operation("/{scope}/providers/P/locks/{lock}")])

    def found(path: str) -> str | None:
        match = tree.find(path.split("/"))
        return match.operations["GET"].path if match is not None else None

    assert found("a/x/c") == "/a/x/c"
    assert found("a/x/b") == "/a/{name}/b"
    assert found("a/x/d") is None
    assert found("providers/P/locks/1") == "/{scope}/providers/P/locks/{lock}"
    match = tree.find(["providers", "P", "locks", "1", "providers", "P", "locks", "2"])
    assert match is not None
    assert match.parameters["GET"] == {"scope": "/providers/P/locks/1", "lock": "2"}


def test_an_operation_is_in_the_table_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        PathTree([operation("/a/{b}"), operation("/A/{c}")])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/subscriptions", "/"),
        ("/subscriptions/s", "/subscriptions/s"),
        ("/subscriptions/s/resourceGroups", "/subscriptions/s"),
        ("/subscriptions/s/providers/P/vms", "/subscriptions/s"),
        ("/subscriptions/s/providers/P/vms/v", "/subscriptions/s/providers/P/vms/v"),
        ("/subscriptions/s/providers/P/vms/v/start", "/subscriptions/s/providers/P/vms/v"),
        ("/subscriptions/s/providers/P/vms/v/providers/Q/ports", "/subscriptions/s/providers/P/vms/v"),
        ("/providers/Q/operations", "/"),
        ("/providers", "/"),
    ],
)
def test_a_role_is_looked_for_at_what_a_path_is_about(path: str, expected: str) -> None:
    assert subject(ResourceId(path)) == ResourceId(expected)
