"""The console for ordinary, blocking code: the same names as :mod:`uartsim`'s, on one background trio thread."""

from __future__ import annotations

from uartsim.console.blocking_console import Console
from uartsim.console.open_blocking_console import open_console

__all__ = ["Console", "open_console"]
