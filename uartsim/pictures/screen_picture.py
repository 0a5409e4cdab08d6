"""A screen with its colours and attributes, as HTML and as SVG.

Both are whole by themselves: no script, no font and no style from elsewhere.  The guest's text is only ever text in them.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final, NamedTuple

from wcwidth import wcswidth

from uartsim.console.text.screen import Cell, ScreenModel
from uartsim.record.transcript import Event

#: What tells our pictures from other files.
MADE_BY: Final = "made by uartsim"
#: The colours of a dark terminal, by the names that pyte gives them.
_COLOURS: Final = {
    "black": "#1e1e1e",
    "red": "#cd3131",
    "green": "#0dbc79",
    "brown": "#e5e510",
    "blue": "#3b78ff",
    "magenta": "#bc3fbc",
    "cyan": "#11a8cd",
    "white": "#e5e5e5",
    "brightblack": "#767676",
    "brightred": "#f14c4c",
    "brightgreen": "#23d18b",
    "brightbrown": "#f5f543",
    "brightyellow": "#f5f543",
    "brightblue": "#6f9cff",
    "brightmagenta": "#d670d6",
    "bfightmagenta": "#d670d6",  # as pyte spells one of them
    "brightcyan": "#29b8db",
    "brightwhite": "#ffffff",
}
FOREGROUND: Final = "#d4d4d4"
BACKGROUND: Final = "#1e1e1e"
#: The size of a cell and of its font in SVG, in pixels.
CELL_WIDTH: Final = 9
CELL_HEIGHT: Final = 18
_FONT_SIZE: Final = 15
_BASE_LINE: Final = 14
_MARGIN: Final = 8
#: SVG drops spaces at the ends of a text, and no viewer drops this one.
_NO_BREAK: Final = "\u00a0"
_FONTS: Final = "'DejaVu Sans Mono','Liberation Mono',Menlo,Consolas,monospace"
#: How much is drawn in full, in bytes; of what is longer, the end.
_DRAWN_BYTES: Final = 4 << 20
_AT_ONCE: Final = 1 << 15


class Run(NamedTuple):
    """Neighbouring characters of one look.

    Attributes:
        row, column: where it begins.
        width: how many columns it takes.
        text: the characters.
        foreground, background: their colours, as ``#rrggbb``.
        bold, italic, underlined, struck: their attributes.
    """

    row: int
    column: int
    width: int
    text: str
    foreground: str
    background: str
    bold: bool
    italic: bool
    underlined: bool
    struck: bool


class ScreenPicture(NamedTuple):
    """A screen at one moment, ready to be drawn.

    Attributes:
        rows, columns: its size.
        runs: what is on it, from the top left; what is empty is left out.
    """

    rows: int
    columns: int
    runs: tuple[Run, ...]


def picture_of(model: ScreenModel) -> ScreenPicture:
    """A picture of a screen as it is now, with its cursor."""
    cursor = model.read().cursor if model.shows_cursor else None
    runs: list[Run] = []
    for row, cells in enumerate(model.cells()):
        empty = Cell(" ", "default", "default", *[False] * 5)
        width = max(len(cells), cursor[1] + 1 if cursor is not None and cursor[0] == row else 0)
        for column in range(min(width, model.columns)):
            cell = cells[column] if column < len(cells) else empty
            if cursor == (row, column):
                cell = cell._replace(reverse=not cell.reverse)
            if cell.text:
                _append(runs, _run(row, column, cell))
    return ScreenPicture(model.rows, model.columns, tuple(run for run in runs if _is_seen(run)))


def _run(row: int, column: int, cell: Cell) -> Run:
    foreground, background = _colour(cell.foreground, FOREGROUND), _colour(cell.background, BACKGROUND)
    if cell.reverse:
        foreground, background = background, foreground
    text = cell.text if cell.text.isprintable() else "\ufffd"
    width = 2 if wcswidth(text) == 2 else 1
    return Run(row, column, width, text, foreground, background, cell.bold, cell.italic, cell.underlined, cell.struck)


def _append(runs: list[Run], run: Run) -> None:
    """Put a run behind others, as one with the last if they look alike."""
    last = runs[-1] if runs else None
    if last is not None and last.row == run.row and last[4:] == run[4:] and last.column + last.width == run.column:
        runs[-1] = last._replace(text=last.text + run.text, width=last.width + run.width)
    else:
        runs.append(run)


def _is_seen(run: Run) -> bool:
    return bool(run.text.strip()) or run.background != BACKGROUND or run.underlined or run.struck


def _colour(name: str, usual: str) -> str:
    if name in _COLOURS:
        return _COLOURS[name]
    is_hex = len(name) == 6 and all(digit in "0123456789abcdefABCDEF" for digit in name)
    return f"#{name.lower()}" if is_hex else usual


def screen_at(
    events: Iterable[Event], at_s: float | None = None, *, columns: int = 80, rows: int = 24
) -> ScreenPicture:
    """The screen of a recorded session at a moment.

    Args:
        events: those of the record.
        at_s: the moment, in seconds since the beginning; None for the end.
        columns, rows: the size of the terminal.
    """
    model, drawn, waiting = ScreenModel(rows, columns), 0, 0
    for seconds, kind, data in events:
        if at_s is not None and seconds > at_s:
            break
        if kind == "o" and isinstance(data, bytes):
            for start in range(0, len(data), _AT_ONCE):
                piece = data[start : start + _AT_ONCE]
                if waiting + len(piece) > _AT_ONCE and drawn < _DRAWN_BYTES:
                    model.read()
                    drawn, waiting = drawn + waiting, 0
                model.feed(piece)
                waiting += len(piece)
        elif kind == "r":
            wide, _, high = str(data).partition("x")
            if wide.isdecimal() and high.isdecimal() and 1 <= int(wide) <= 1000 and 1 <= int(high) <= 1000:
                model.resize(int(high), int(wide))
    return picture_of(model)


def screen_svg(picture: ScreenPicture, title: str = "") -> str:
    """A screen as an SVG document."""
    width = picture.columns * CELL_WIDTH + 2 * _MARGIN
    height = picture.rows * CELL_HEIGHT + 2 * _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="{_FONTS}" font-size="{_FONT_SIZE}">',
        f"<!-- {MADE_BY} -->",
        f"<title>{_text(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="{BACKGROUND}"/>',
    ]
    for run in picture.runs:
        x, y = _MARGIN + run.column * CELL_WIDTH, _MARGIN + run.row * CELL_HEIGHT
        if run.background != BACKGROUND:
            parts.append(
                f'<rect x="{x}" y="{y}" width="{run.width * CELL_WIDTH}" height="{CELL_HEIGHT}" fill="{run.background}"/>'
            )
    for run in picture.runs:
        x, y = _MARGIN + run.column * CELL_WIDTH, _MARGIN + run.row * CELL_HEIGHT
        lines = " ".join(["underline"] * run.underlined + ["line-through"] * run.struck)
        style = ' font-weight="bold"' * run.bold + ' font-style="italic"' * run.italic
        style += f' text-decoration="{lines}"' if lines else ""
        parts.append(
            f'<text x="{x}" y="{y + _BASE_LINE}" textLength="{run.width * CELL_WIDTH}" lengthAdjust="spacingAndGlyphs" '
            f'fill="{run.foreground}"{style}>{_text(run.text).replace(" ", _NO_BREAK)}</text>'
        )
    parts.append("</svg>\n")
    return "\n".join(parts)


def screen_pre(picture: ScreenPicture) -> str:
    """A screen as one HTML element ``pre``, with its styles in it."""
    lines = []
    for row in range(picture.rows):
        parts, column = [], 0
        for run in picture.runs:
            if run.row != row:
                continue
            parts += [" " * (run.column - column), f'<span style="{_style(run)}">{_text(run.text)}</span>']
            column = run.column + run.width
        lines.append("".join(parts))
    style = (
        f"color:{FOREGROUND};background:{BACKGROUND};padding:{_MARGIN}px;margin:0;display:inline-block;"
        f"min-width:{picture.columns}ch;line-height:1.2;font-family:{_FONTS}"
    )
    return f'<pre style="{style}">' + "\n".join(lines) + "</pre>"


def screen_html(picture: ScreenPicture, title: str = "") -> str:
    """A screen as an HTML document."""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><!-- {MADE_BY} -->'
        f'<title>{_text(title)}</title></head>\n<body style="background:{BACKGROUND}">\n{screen_pre(picture)}\n</body></html>\n'
    )


def _style(run: Run) -> str:
    lines = " ".join(["underline"] * run.underlined + ["line-through"] * run.struck)
    return (
        f"color:{run.foreground}"
        + f";background:{run.background}" * (run.background != BACKGROUND)
        + ";font-weight:bold" * run.bold
        + ";font-style:italic" * run.italic
        + (f";text-decoration:{lines}" if lines else "")
    )


def _text(text: str) -> str:
    """Text for XML and HTML: escaped, and without what XML cannot have."""
    return escape("".join(c if c.isprintable() else "\ufffd" for c in text))
