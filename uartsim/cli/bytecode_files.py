"""Keep no .pyc file that a full disk or a limit (``ulimit -f``) has cut short.

Before 3.12.8 and 3.13.1 Python takes a short write for a whole one (https://github.com/python/cpython/issues/126606),
and can never import that module again: "marshal data too short".
"""

from __future__ import annotations

import contextlib
import os
import sys
from importlib.machinery import SourceFileLoader
from typing import Any


def keep_whole_bytecode_only() -> None:
    """From now on, remove each .pyc file that Python has just written and that is cut short."""
    if sys.version_info >= (3, 13, 1) or (3, 12, 8) <= sys.version_info < (3, 13):
        return
    write = SourceFileLoader.set_data

    def write_whole(loader: SourceFileLoader, path: Any, data: Any, **mode: Any) -> None:
        write(loader, path, data, **mode)
        with contextlib.suppress(OSError):  # none was written
            if os.stat(path).st_size < len(data):
                os.unlink(path)

    SourceFileLoader.set_data = write_whole  # type: ignore[assignment, method-assign]
