"""``$filter`` of lists, as far as the Azure CLI and the SDKs send it: terms joined by ``and``.

A term is ``FIELD eq 'TEXT'``, ``startswith(FIELD, 'TEXT')``, ``substringof('TEXT', FIELD)``, ``FIELD/any(x:x eq 'TEXT')``,
``assignedTo('TEXT')``, ``atScope()`` or ``atScopeAndBelow()``.  Source: OData 4.0, part 2, 5.1.1.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from uartsim.printable import quoted
from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm_error import ArmError

_TEXT: Final = r"'(?P<text>(?:[^']|'')*)'"
_TERMS: Final = tuple(
    (kind, re.compile(rf"\s*\(*\s*{pattern}\s*\)*\s*", re.IGNORECASE))
    for kind, pattern in (
        ("eq", rf"(?P<field>[\w/]+)\s+eq\s+{_TEXT}"),
        ("startswith", rf"startswith\(\s*(?P<field>[\w/]+)\s*,\s*{_TEXT}\s*\)"),
        ("substringof", rf"substringof\(\s*{_TEXT}\s*,\s*(?P<field>[\w/]+)\s*\)"),
        ("any", rf"(?P<field>\w+)/any\(\s*(?P<one>\w+)\s*:\s*(?P=one)\s+eq\s+{_TEXT}\s*\)"),
        ("assignedto", rf"(?P<field>assignedTo)\(\s*{_TEXT}\s*\)"),
        ("atscope", r"(?P<field>atScope)\(\)(?P<text>)"),
        ("atscopeandbelow", r"(?P<field>atScopeAndBelow)\(\)(?P<text>)"),
    )
)
_LONGEST: Final = 2000


@dataclass(frozen=True, slots=True)
class Term:
    """A term.

    Attributes:
        kind: ``eq``, ``startswith``, ``substringof``, ``any``, ``assignedto``, ``atscope`` or ``atscopeandbelow``.
        field: what is looked at, in lower case.
        text: what it is compared with.
    """

    kind: str
    field: str
    text: str

    def holds(self, value: str) -> bool:
        """Whether a value of the field fits; case does not matter."""
        value, text = value.casefold(), self.text.casefold()
        return {"startswith": value.startswith(text), "substringof": text in value}.get(self.kind, value == text)


def filter_of(request: ArmRequest, fields: Collection[str]) -> list[Term]:
    """The terms of a request's ``$filter``; empty if it has none.

    Args:
        request: the request.
        fields: the fields and functions that the list knows, in lower case.

    Raises:
        ArmError: 400 ``InvalidFilterInQueryString``.
    """
    return parse_filter(request.query.get("$filter", ""), fields)


def parse_filter(text: str, fields: Collection[str]) -> list[Term]:
    """The terms of a ``$filter``; empty if it is empty.

    Args:
        text: the filter.
        fields: the fields and functions that the list knows, in lower case.

    Raises:
        ArmError: 400 ``InvalidFilterInQueryString``.
    """
    text = text.strip()
    if not text:
        return []
    terms = [_term(part) for part in _parts(text)] if len(text) <= _LONGEST else [None]
    found = [term for term in terms if term is not None and term.field in fields]
    if len(found) != len(terms):
        raise ArmError(
            400,
            "InvalidFilterInQueryString",
            f"Invalid $filter {quoted(text)} specified in the query string: join terms by 'and', such as "
            f"NAME eq 'VALUE', with {', '.join(sorted(fields))}.",
        )
    return found


def _parts(text: str) -> list[str]:
    """What stands between the words ``and`` outside quotation marks."""
    parts, begun = [""], False
    for piece in re.split(r"('|\s+and\s+)", text, flags=re.IGNORECASE):
        if piece == "'":
            begun = not begun
        if not begun and piece.strip().casefold() == "and":
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def _term(text: str) -> Term | None:
    for kind, pattern in _TERMS:
        match = pattern.fullmatch(text)
        if match is not None:
            return Term(kind, match["field"].casefold(), match["text"].replace("''", "'"))
    return None
