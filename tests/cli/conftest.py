"""What every test of the command line gets."""

from __future__ import annotations

from tests.access.conftest import attach, guest_folder, open_terminal, runtime

__all__ = ["attach", "guest_folder", "open_terminal", "runtime"]
