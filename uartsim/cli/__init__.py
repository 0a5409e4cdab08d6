"""The command line: ``uartsim`` and ``python -m uartsim``."""

from uartsim.cli.entry import main

__all__ = ["main"]
