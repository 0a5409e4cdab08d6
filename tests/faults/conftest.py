"""What every test of faults gets."""

from __future__ import annotations

from tests.access.conftest import guest_folder, runtime

__all__ = ["guest_folder", "runtime"]
