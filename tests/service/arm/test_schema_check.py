"""Whether JSON fits a schema."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.service.arm.operation_table import OPERATIONS, SCHEMAS
from uartsim.service.arm.schema_check import SchemaCheck

CHECK = SchemaCheck(
    {
        "Name": {"type": "string", "minLength": 2},
        "Tree": {"properties": {"next": {"$ref": "#/components/schemas/Tree"}}},
    }
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("schema", "good", "bad", "said"),
    [
        ({"type": "string"}, "a", 1, "not a string"),
        ({"type": "integer"}, 1, True, "not an integer"),
        ({"type": "integer"}, 1, 1.5, "not an integer"),
        ({"type": "number"}, 1.5, "1", "not a number"),
        ({"type": "boolean"}, False, 0, "not a boolean"),
        ({"type": "array", "items": {"type": "string"}}, ["a"], ["a", 1], "[1]"),
        ({"type": "object", "required": ["a"]}, {"a": 1}, {}, "a is missing"),
        ({"type": "object", "additionalProperties": False}, {}, {"b": 1}, "b is not a member"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, {"b": "c"}, {"b": 1}, "b is 1"),
        ({"type": "string", "enum": ["On", "Off"]}, "On", "on", "use one of On, Off"),
        ({"type": "string", "minLength": 1, "maxLength": 2}, "ab", "abc", "3 characters"),
        ({"type": "string", "pattern": "^[a-z]+$"}, "ab", "AB", "does not match"),
        ({"type": "integer", "minimum": 1, "maximum": 5}, 5, 6, "out of range"),
        ({"type": "string", "nullable": True}, None, 1, "not a string"),
        ("Name", "ab", "a", "1 characters"),
        ({"$ref": "#/components/schemas/Name"}, "ab", 7, "not a string"),
        ({"$ref": "#/components/schemas/Tree"}, {"next": {}}, None, None),
    ],
)
def test_a_value_fits_or_what_is_wrong_is_said(schema: Any, good: Any, bad: Any, said: str | None) -> None:
    assert CHECK.fault(good, schema) is None
    if said is not None:
        assert said in str(CHECK.fault(bad, schema))


def test_what_is_wrong_is_named_by_its_path() -> None:
    schema = {"properties": {"a": {"items": {"properties": {"b": {"type": "string"}}}}}}
    assert CHECK.fault({"a": [{}, {"b": 1}]}, schema) == "a[1].b is 1, which is not a string"


@given(st.sampled_from([one.body for one in OPERATIONS if one.body is not None]), JSON)
def test_any_json_is_checked_against_any_body(schema: Any, value: Any) -> None:
    fault = SchemaCheck(SCHEMAS).fault(value, schema)
    assert fault is None or fault.strip()
