"""The screen at a moment of a record, as HTML, SVG or PNG."""

from __future__ import annotations

import html
import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from uartsim.console.text.screen import LARGEST, ScreenModel, StyledText
from uartsim.errors import UsageError
from uartsim.record.casts import Record

#: A size of the terminal in a cast: columns and rows.
_SIZE: Final = re.compile(r"([0-9]{1,4})x([0-9]{1,4})")
#: The size of a character cell and its font, in pixels.
_WIDTH: Final = 8.4
_HEIGHT: Final = 18.0
_FONT: Final = 14.0
_MARGIN: Final = 12.0
_INK: Final = "#d8d8d8"
_PAPER: Final = "#101014"
#: The colours of a VGA, which a console's text was made for, by pyte's names for them ("bfightmagenta" is its misprint).
_COLORS: Final = {
    "black": "#000000", "red": "#aa0000", "green": "#00aa00", "brown": "#aa5500", "blue": "#3465c8", "magenta": "#aa00aa",
    "cyan": "#00aaaa", "white": "#aaaaaa", "brightblack": "#555555", "brightred": "#ff5555", "brightgreen": "#55ff55",
    "brightbrown": "#ffff55", "brightyellow": "#ffff55", "brightblue": "#5555ff", "brightmagenta": "#ff55ff",
    "bfightmagenta": "#ff55ff", "brightcyan": "#55ffff", "brightwhite": "#ffffff",
}  # fmt: skip
_FAMILY: Final = "'DejaVu Sans Mono','Liberation Mono',Menlo,Consolas,monospace"


@dataclass(frozen=True)
class Picture:
    """The screen at a moment.

    Attributes:
        name: what was recorded.
        seconds: the moment, in seconds since the start of the record.
        rows: the height in rows.
        columns: the width in columns.
        lines: each row's text, in pieces of one look.
    """

    name: str
    seconds: float
    rows: int
    columns: int
    lines: tuple[tuple[StyledText, ...], ...]

    @classmethod
    def of(cls, record: Record, at_s: float | None = None) -> Picture:
        """The screen at a moment of a record, with its cursor; at its end unless told otherwise."""
        at = record.seconds if at_s is None else at_s
        screen = ScreenModel(record.rows, record.columns)
        for event in record.events:
            if event.seconds > at:
                break
            if isinstance(event.data, bytes):
                if event.kind == "o":
                    screen.draw(event.data)
            elif event.kind == "r" and (size := _SIZE.fullmatch(event.data)):
                columns, rows = int(size[1]), int(size[2])
                if 1 <= columns <= LARGEST and 1 <= rows <= LARGEST:
                    screen.resize(rows, columns)
        lines = tuple(screen.styled(cursor=True))
        return cls(record.name, min(at, record.seconds), screen.rows, screen.columns, lines)

    @property
    def title(self) -> str:
        """What it shows, in words."""
        return f"{self.name or 'console'} at {self.seconds:.3f} s"

    def _pieces(self) -> Iterator[tuple[int, int, StyledText, str, str]]:
        """Row, column, text, its colour and the colour behind it; a piece that shows nothing is left out."""
        for row, line in enumerate(self.lines):
            for piece in line:
                ink, paper = _colors(piece)
                if piece.text.strip() or paper != _PAPER or piece.underline:
                    yield row, piece.column, piece, ink, paper

    def svg(self) -> str:
        """As a picture of vectors, complete in itself."""
        width, height = self.columns * _WIDTH + 2 * _MARGIN, self.rows * _HEIGHT + 2 * _MARGIN
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
            f'height="{height:g}" role="img" font-family="{_FAMILY}" font-size="{_FONT:g}">',
            f"<title>{_escaped(self.title)}</title>",
            f'<rect width="100%" height="100%" rx="6" fill="{_PAPER}"/>',
        ]
        for row, column, piece, ink, paper in self._pieces():
            x, y, wide = _MARGIN + column * _WIDTH, _MARGIN + row * _HEIGHT, piece.width * _WIDTH
            if paper != _PAPER:
                parts.append(f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{_HEIGHT:g}" fill="{paper}"/>')
            if piece.text.strip() or piece.underline:
                look = ' font-weight="bold"' if piece.bold else ""
                look += ' font-style="italic"' if piece.italic else ""
                look += ' text-decoration="underline"' if piece.underline else ""
                parts.append(
                    f'<text x="{x:g}" y="{y + 0.75 * _HEIGHT:g}" textLength="{wide:g}" lengthAdjust="spacingAndGlyphs" '
                    f'fill="{ink}"{look} xml:space="preserve">{_escaped(piece.text)}</text>'
                )
        return "\n".join([*parts, "</svg>"]) + "\n"

    def html(self) -> str:
        """As a page, complete in itself, whose text can be selected."""
        rows = []
        for line in self.lines:
            row = ""
            for piece in line:
                ink, paper = _colors(piece)
                look = f"color:{ink}" if ink != _INK else ""
                look += f";background:{paper}" if paper != _PAPER else ""
                look += ";font-weight:bold" if piece.bold else ""
                look += ";font-style:italic" if piece.italic else ""
                look += ";text-decoration:underline" if piece.underline else ""
                text = _escaped(piece.text)
                row += f'<span style="{look.strip(";")}">{text}</span>' if look else text
            rows.append(row.rstrip())
        screen = "\n".join(rows)
        return (
            "<!DOCTYPE html>\n"
            f'<html lang="en"><head><meta charset="utf-8"><title>{_escaped(self.title)}</title>\n'
            f"<style>body{{background:#26262c;color:{_INK};font-family:sans-serif}}\n"
            f"pre{{background:{_PAPER};color:{_INK};font:{_FONT:g}px/{_HEIGHT:g}px {_FAMILY};padding:{_MARGIN:g}px;"
            f"border-radius:6px;width:{self.columns}ch;min-height:{self.rows * _HEIGHT:g}px}}</style></head>\n"
            f"<body><h1>{_escaped(self.title)}</h1>\n<pre>{screen}</pre></body></html>\n"
        )

    def png(self) -> bytes:
        """As a picture of pixels.

        Raises:
            UsageError: matplotlib, which draws it, is not installed.
        """
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
            from matplotlib.patches import Rectangle
        except ImportError:
            raise UsageError("a PNG needs matplotlib: pip install 'uartsim[plot]', or export --svg") from None
        dots = 144.0
        width, height = self.columns * _WIDTH + 2 * _MARGIN, self.rows * _HEIGHT + 2 * _MARGIN
        figure = Figure(figsize=(width / 96, height / 96), dpi=dots, facecolor=_PAPER)
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        axes.axis("off")
        points = _FONT * 72 / 96
        for row, column, piece, ink, paper in self._pieces():
            y = _MARGIN + row * _HEIGHT
            if paper != _PAPER:
                axes.add_patch(
                    Rectangle((_MARGIN + column * _WIDTH, y), piece.width * _WIDTH, _HEIGHT, color=paper, linewidth=0)
                )
            for offset, character in piece.cells():
                if character != " ":
                    axes.text(
                        _MARGIN + (column + offset) * _WIDTH, y + 0.75 * _HEIGHT, character, color=ink, fontsize=points,
                        family="DejaVu Sans Mono", weight="bold" if piece.bold else "normal", parse_math=False,
                        style="italic" if piece.italic else "normal", verticalalignment="baseline",
                    )  # fmt: skip
        written = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a character that the font has not is drawn as a box
            figure.savefig(written, format="png", metadata={"Title": self.title})
        return written.getvalue()


def _colors(piece: StyledText) -> tuple[str, str]:
    """The colour of a piece, and the one behind it."""
    ink, paper = _color(piece.foreground, _INK, bold=piece.bold), _color(piece.background, _PAPER)
    return (paper, ink) if piece.reverse else (ink, paper)


def _color(name: str, default: str, *, bold: bool = False) -> str:
    if name == "default":
        return "#ffffff" if bold else default
    if bold and f"bright{name}" in _COLORS:
        return _COLORS[f"bright{name}"]
    return _COLORS.get(name, f"#{name}" if len(name) == 6 else default)


def _escaped(text: str) -> str:
    return html.escape(
        "".join(each if each >= " " and each != "\x7f" else "\N{REPLACEMENT CHARACTER}" for each in text)
    )
