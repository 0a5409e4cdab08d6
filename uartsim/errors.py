"""The family of errors.

The message of each says what was wrong, with which value, and what to do about it.
"""

from __future__ import annotations


class UartsimError(Exception):
    """The base of every error that uartsim raises on purpose."""


class UsageError(UartsimError):
    """A mistake of the caller: a wrong name, option, file or value.  The command line exits with status 2."""
