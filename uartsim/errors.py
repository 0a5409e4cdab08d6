"""The base classes of uartsim's errors.

Every message says what is wrong, names the offending value, and says what to do about it.
"""

from __future__ import annotations


class UartsimError(Exception):
    """The base of every error that uartsim raises on purpose."""


class UsageError(UartsimError):
    """The caller gave a wrong name, option, file or value.  The command line exits with status 2."""
