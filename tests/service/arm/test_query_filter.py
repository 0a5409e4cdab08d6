"""``$filter`` of lists."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.query_filter import filter_of
from uartsim.service.arm_error import ArmError

FIELDS = ("name", "resourcetype", "atscope", "assignedto", "tags/a")


def asked(text: str) -> list[tuple[str, str, str]]:
    request = cast(ArmRequest, SimpleNamespace(query={"$filter": text}))
    return [(one.kind, one.field, one.text) for one in filter_of(request, FIELDS)]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("name eq 'a'", [("eq", "name", "a")]),
        ("NAME EQ 'a' AND ResourceType eq 'B/c'", [("eq", "name", "a"), ("eq", "resourcetype", "B/c")]),
        ("name eq 'it''s and that'", [("eq", "name", "it's and that")]),
        ("(name eq 'a') and (name eq 'b')", [("eq", "name", "a"), ("eq", "name", "b")]),
        ("atScope() and assignedTo('x')", [("atscope", "atscope", ""), ("assignedto", "assignedto", "x")]),
        ("substringof('a', name)", [("substringof", "name", "a")]),
        ("startswith(tags/a, 'a')", [("startswith", "tags/a", "a")]),
    ],
)
def test_terms_are_read(text: str, terms: list[tuple[str, str, str]]) -> None:
    assert asked(text) == terms


@pytest.mark.parametrize(
    "text",
    ["name", "name eq a", "name eq 'a' or name eq 'b'", "color eq 'a'", "name eq 'a", "name eq 'a' and", "x" * 5000],
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(ArmError) as refused:
        asked(text)
    assert refused.value.code == "InvalidFilterInQueryString"


@given(st.text(alphabet=st.sampled_from("name eq'()and,/ \t") | st.characters(), max_size=60))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        found = asked(text)
    except ArmError:
        return
    assert all(field in FIELDS for _, field, _ in found)
