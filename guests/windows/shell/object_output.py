"""How PowerShell shows objects: a table of up to four properties, else a list."""

from __future__ import annotations

from collections.abc import Iterator

from .cmdlet_lines import PipedObject

_TABLE_COLUMNS = 4
#: The name of the only property of a plain text.
TEXT = "Text"


def object_lines(objects: list[PipedObject], as_list: bool) -> Iterator[str]:
    """The lines of some objects."""
    if not objects:
        return
    if all(list(each) == [TEXT] for each in objects):
        for each in objects:
            yield from each[TEXT].splitlines() or [""]
        return
    yield ""
    if as_list or any(len(each) > _TABLE_COLUMNS for each in objects):
        for each in objects:
            width = max(map(len, each), default=0)
            for name, value in each.items():
                yield f"{name:<{width}} : {value}"
            yield ""
        return
    names = list(objects[0])
    widths = [max(len(name), *(len(each.get(name, "")) for each in objects)) for name in names]
    yield _row(names, widths)
    yield _row(["-" * len(name) for name in names], widths)
    for each in objects:
        yield _row([each.get(name, "") for name in names], widths)
    yield ""


def _row(cells: list[str], widths: list[int]) -> str:
    return " ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()
