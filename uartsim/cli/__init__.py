"""The command line: ``uartsim`` and ``python -m uartsim``."""

# Here, before the rest is imported: a full disk must cut no module's .pyc short.
from uartsim.cli.bytecode_files import keep_whole_bytecode_only

keep_whole_bytecode_only()

from uartsim.cli.entry import main  # noqa: E402

__all__ = ["main"]
