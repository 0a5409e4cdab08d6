"""The notation in which the sequences are written: text in, :class:`~uartsim.conform.steps.Sequence` out.

A file is read in three layers: :mod:`~uartsim.conform.notation.blocks` takes lines, comments and indentation apart and
unrolls loops, :mod:`~uartsim.conform.notation.scanner` reads the words and values of one line, and
:mod:`~uartsim.conform.notation.step_lines` knows what each kind of line means.  ``docs/conformance.md`` describes the
notation for its users.
"""

from uartsim.conform.notation.scanner import NotationError
from uartsim.conform.notation.sequence_file import parse

__all__ = ["NotationError", "parse"]
