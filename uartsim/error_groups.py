"""Errors out of a nursery: trio wraps them in an exception group, even a single one.

A person is told one sentence, and a caller catches one class of error, so a group never leaves a simple call: the first
error stands for all, and the others are notes on it (PEP 678), which every traceback shows.  Nothing is lost, and nobody
has to know that there was a nursery.
"""

from __future__ import annotations

from collections.abc import Iterator


def first_error(error: BaseException) -> BaseException:
    """The error that stands for a group.

    Args:
        error: a group, however deeply nested, or any other error.

    Returns:
        The first error in the group, with a note for each of the others; an error that is not a group, unchanged.
    """
    if not isinstance(error, BaseExceptionGroup):
        return error
    first, *others = _errors(error)
    for other in others:
        note = f"at the same time: {type(other).__name__}: {other}"
        if note not in getattr(first, "__notes__", ()):
            first.add_note(note)
    return first


def holds_no_exception(error: BaseException) -> bool:
    """Whether an error, or all of a group, is no ``Exception``: a cancellation, an interrupt from the keyboard."""
    return not any(isinstance(one, Exception) for one in _errors(error))


def _errors(error: BaseException) -> Iterator[BaseException]:
    """The errors in a group that are not groups, in their order."""
    waiting = [error]
    while waiting:
        error = waiting.pop()
        if isinstance(error, BaseExceptionGroup):
            waiting += reversed(error.exceptions)
        else:
            yield error
