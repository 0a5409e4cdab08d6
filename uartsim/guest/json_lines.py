"""Messages of QEMU's monitor and of its guest agent: JSON objects, a line each."""

from __future__ import annotations

import json
from typing import Any


def json_object(line: bytes) -> dict[str, Any] | None:
    """The object in a line; None if it holds anything else."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None
