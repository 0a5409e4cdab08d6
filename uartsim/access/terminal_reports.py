"""Reports: what a terminal sends by itself when the guest asks it for its name, its state, the cursor's place."""

from __future__ import annotations

import re
from typing import Final

from uartsim.control_sequences import ControlSequenceParser, Kind, Token

#: CSI sequences by which a terminal answers: the cursor's place, its name, its state, its size, a mode.
_CSI_REPORT: Final = re.compile(rb"[?>=]?[0-9;]*(?:[Rcnt]|\$y)")


def is_report(data: bytes) -> bool:
    """Whether ``data`` holds only reports, which a terminal sends by itself when the guest asks it, and no keys."""
    parser = ControlSequenceParser()
    tokens = parser.feed(data)
    if not tokens or parser.pending or tokens[-1].kind not in (Kind.CSI, Kind.STRING_END):
        return False
    return all(map(_reports, tokens))


def _reports(token: Token) -> bool:
    if token.kind is Kind.CSI:
        return _CSI_REPORT.fullmatch(token.body) is not None
    if token.kind is Kind.STRING_BEGIN:
        return token.body in (b"]", b"P")
    return token.kind is Kind.STRING or (token.kind is Kind.STRING_END and bool(token.data))
