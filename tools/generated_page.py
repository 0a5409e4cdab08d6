"""The part of a page of the docs that a tool writes, between two lines that mark it."""

from __future__ import annotations


def with_part(page: str, begin: str, part: str, end: str) -> str:
    """A page with the text between two marks replaced.

    Args:
        page: the page.
        begin: the line before the part, with its line feed.
        part: what stands between the marks.
        end: the line behind the part, with its line feed.

    Raises:
        ValueError: the page lacks a mark.
    """
    before, found, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise ValueError(f"the page must have the lines {begin.strip()!r} and {end.strip()!r}")
    return f"{before}{begin}\n{part}{end}{after}"
