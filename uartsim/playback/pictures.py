"""The screen at a moment of a record, as HTML, SVG or PNG."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from uartsim.console.text.screen import LARGEST, ScreenModel, StyledText
from uartsim.printable import printable_line
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
#: What cannot be in a document of XML (XML 1.0, section 2.2), and controls, which show nothing.
_NOT_IN_XML: Final = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\ufffe\\uffff]")
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
        return f"{printable_line(self.name) or 'console'} at {self.seconds:.3f} s"

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
            UsageError: matplotlib, which has the font, is not installed; or the picture would be too large.
        """
        from uartsim.playback.pixels import PixelPicture

        pixels = PixelPicture(self.columns * _WIDTH + 2 * _MARGIN, self.rows * _HEIGHT + 2 * _MARGIN, _FONT, _PAPER)
        for row, column, piece, ink, paper in self._pieces():
            x, y = _MARGIN + column * _WIDTH, _MARGIN + row * _HEIGHT
            if paper != _PAPER:
                pixels.fill(x, y, piece.width * _WIDTH, _HEIGHT, paper)
            if piece.underline:
                pixels.fill(x, y + 0.85 * _HEIGHT, piece.width * _WIDTH, 1.0, ink)
            for offset, character in piece.cells():
                if character != " ":
                    at = x + offset * _WIDTH, y + 0.75 * _HEIGHT
                    pixels.character(at, character, ink, bold=piece.bold, italic=piece.italic)
        return pixels.png(self.title)


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
    return html.escape(_NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text))
