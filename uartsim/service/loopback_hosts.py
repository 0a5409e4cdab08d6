"""The names by which a URL means this computer."""

from __future__ import annotations

from typing import Final

LOOPBACK_HOSTS: Final = ("localhost", "127.0.0.1", "::1")
