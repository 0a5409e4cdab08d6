"""How long a test waits for what happens in real time, and whether a process still runs.

A slow or busy machine is given more time by ``UARTSIM_TIMEOUT_SCALE``, as the plugin gives it to its users' tests.  Only
what must never be reached is scaled: a test that measures how long something takes does not use this.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

#: All real time-outs of the suite are multiplied with it.
SCALE: Final = float(os.environ.get("UARTSIM_TIMEOUT_SCALE") or 1)


def patience(seconds: float) -> float:
    """How long to wait before giving up, in seconds."""
    return seconds * SCALE


def state_of(pid: int) -> str:
    """One letter: R, S, T (stopped), Z (ended, and nobody has asked how), as in proc(5); empty if there is no process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[0]


def is_running(pid: int) -> bool:
    """Whether a process has not ended.

    In a container whose process 1 reaps nobody, ``/proc/PID`` and ``kill(PID, 0)`` find the ended one for ever.
    """
    return state_of(pid) not in ("", "Z", "X")
