"""The stages of a recorded session's boots, with their seconds: as text and as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final, NamedTuple

from uartsim.boot_stages import BOOT_STAGES, Boot, BootStages
from uartsim.pictures.screen_picture import MADE_BY
from uartsim.record.transcript import Event

_COLOURS: Final = dict(
    zip(BOOT_STAGES, ("#5b7fa6", "#8a6fb3", "#b3853f", "#3f8f5f", "#3f8fa6", "#a64f5b"), strict=True)
)
_WIDTH: Final = 800
_ROW: Final = 28
_LEFT: Final = 90


class Timeline(NamedTuple):
    """The boots of a session.

    Attributes:
        boots: those in which a stage was seen.
        end_s: when the session ended, in seconds since its beginning.
    """

    boots: tuple[Boot, ...]
    end_s: float

    def spans(self, number: int) -> list[tuple[str, float, float]]:
        """The stages of a boot: each with when it was reached, and when the next one was, or the boot ended."""
        boot = self.boots[number]
        end_s = self.boots[number + 1].began if number + 1 < len(self.boots) else self.end_s
        times = [*boot.stages.values(), end_s]
        return [(name, at, until) for (name, at), until in zip(boot.stages.items(), times[1:], strict=True)]


def timeline_of(events: Iterable[Event]) -> Timeline:
    """The boots of a recorded session, found in its output."""
    stages, end_s = BootStages(), 0.0
    for seconds, kind, data in events:
        end_s = max(end_s, seconds)
        if kind == "o" and isinstance(data, bytes):
            stages.feed(data, seconds)
    return Timeline(tuple(boot for boot in stages.boots if boot.stages), end_s)


def timeline_lines(timeline: Timeline) -> Iterator[str]:
    """A timeline as text."""
    if not timeline.boots:
        yield "no stage of a boot was seen"
    for number, boot in enumerate(timeline.boots):
        if len(timeline.boots) > 1:
            yield f"boot {number + 1}, from {boot.began:.3f} s"
        for name, at, until in timeline.spans(number):
            yield f"{name:<10}{at:10.3f} s{until - at:12.3f} s long"


def timeline_svg(timeline: Timeline, title: str = "") -> str:
    """A timeline as an SVG document: a row for each stage, and its seconds."""
    rows = sum(len(boot.stages) for boot in timeline.boots)
    height = _ROW * (rows + 1) + 16
    scale = (_WIDTH - _LEFT - 150) / (timeline.end_s or 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" font-family="sans-serif" '
        'font-size="13">',
        f"<!-- {MADE_BY} -->",
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="8" y="20" font-weight="bold">{escape(title)}</text>',
    ]
    y = _ROW
    for number in range(len(timeline.boots)):
        for name, at, until in timeline.spans(number):
            x, width = _LEFT + at * scale, max(2.0, (until - at) * scale)
            parts += [
                f'<text x="8" y="{y + 18}">{name}</text>',
                f'<rect x="{x:.1f}" y="{y + 4}" width="{width:.1f}" height="{_ROW - 8}" rx="3" fill="{_COLOURS[name]}"/>',
                f'<text x="{x + width + 6:.1f}" y="{y + 18}">{at:.2f} s, {until - at:.2f} s long</text>',
            ]
            y += _ROW
    return "\n".join([*parts, "</svg>\n"])
