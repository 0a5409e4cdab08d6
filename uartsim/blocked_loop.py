"""Finds the code that keeps a trio loop from going on, such as a guest's script that calls ``time.sleep``."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Final

#: What the names of all modules of script guests begin with.
GUEST_PACKAGE: Final = "uartsim_guest_"


def blocking_code(thread: int) -> str:
    """What a thread is busy with, as the subject of a sentence: ``the guest's script (/demo/guest.py:12)``.

    The place is the innermost line of a guest's script; where the thread is not in a script, the innermost of all.

    Args:
        thread: the identifier of the thread, as :attr:`threading.Thread.ident` has it.
    """
    innermost = frame = sys._current_frames().get(thread)
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith(GUEST_PACKAGE):
            return f"the guest's script ({_place(frame)})"
        frame = frame.f_back
    return f"code of this process ({_place(innermost)})" if innermost is not None else "code of this process"


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
