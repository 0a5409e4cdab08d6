"""Whether a JSON value fits a schema, as far as the schemas of this service go.

Of JSON Schema: ``type``, ``nullable``, ``enum``, ``required``, ``properties``, ``additionalProperties``, ``items``,
``minLength``, ``maxLength``, ``pattern``, ``minimum``, ``maximum`` and ``$ref`` to ``#/components/schemas``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from uartsim.printable import quoted

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


class SchemaCheck:
    """Checks values.

    Args:
        schemas: the schemas by their names.
    """

    def __init__(self, schemas: Mapping[str, Mapping[str, Any]]) -> None:
        self._schemas = schemas

    def fault(self, value: Any, schema: Mapping[str, Any] | str, path: str = "") -> str | None:
        """What is wrong with a value, in a sentence, or None.

        Args:
            value: the value.
            schema: a schema or the name of one.
            path: where the value is in the whole, such as ``properties.disabled``.
        """
        if isinstance(schema, str):
            schema = self._schemas[schema]
        elif "$ref" in schema:
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        if value is None and schema.get("nullable"):
            return None
        return (
            _wrong_type(value, schema, path) or _wrong_value(value, schema, path) or self._within(value, schema, path)
        )

    def _within(self, value: Any, schema: Mapping[str, Any], path: str) -> str | None:
        if isinstance(value, list):
            of_items = schema.get("items", {})
            faults = (self.fault(item, of_items, f"{path}[{at}]") for at, item in enumerate(value))
            return next((fault for fault in faults if fault), None)
        if not isinstance(value, dict):
            return None
        for name in schema.get("required", ()):
            if name not in value:
                return f"{_joined(path, name)} is missing"
        known = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        for name, inner in value.items():
            if name in known:
                fault = self.fault(inner, known[name], _joined(path, name))
            elif others is False:
                fault = f"{_joined(path, name)} is not a member of the object"
            else:
                fault = self.fault(inner, others, _joined(path, name)) if isinstance(others, Mapping) else None
            if fault:
                return fault
        return None


def _wrong_type(value: Any, schema: Mapping[str, Any], path: str) -> str | None:
    wanted = schema.get("type")
    if wanted is None or (isinstance(value, _TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool))):
        return None
    article = "an" if wanted[0] in "aio" else "a"
    return f"{path or 'the body'} is {quoted(value)}, which is not {article} {wanted}"


def _wrong_value(value: Any, schema: Mapping[str, Any], path: str) -> str | None:
    named = path or "the body"
    if "enum" in schema and value not in schema["enum"]:
        return f"{named} is {quoted(value)}; use one of {', '.join(map(str, schema['enum']))}"
    if isinstance(value, str):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            return f"{named} has {len(value)} characters, which is not allowed"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            return f"{named} is {quoted(value)}, which does not match {schema['pattern']}"
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        return f"{named} is {value}, which is out of range"
    return None


def _joined(path: str, name: str) -> str:
    shown = name if name.isidentifier() else quoted(name)
    return f"{path}.{shown}" if path else shown
