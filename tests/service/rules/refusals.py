"""The failure of a test whose console opened where it had to be refused."""

from __future__ import annotations


class NotRefused(AssertionError):
    """A request that had to be refused has been answered."""
