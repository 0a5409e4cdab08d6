"""Drawing a section of a recording: the pins with their characters, bits and errors, as PNG, SVG or PDF.

Matplotlib does the drawing.  The extra ``plot`` installs it, and it is imported only when a picture is made.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from uartsim.errors import UsageError
from uartsim.line_format import TICKS_PER_SECOND, LineFormat
from uartsim.own_files.outputs import replace_output
from uartsim.own_files.places import cache_place, is_ours
from uartsim.record.levels import character_name, error_names
from uartsim.registers import LineError
from uartsim.trace.decode import Character, Signal, decode
from uartsim.trace.waveform import Waveform

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK: Final = "#22313f"
_QUIET: Final = "#8a97a3"
_GRID: Final = "#dfe5ea"
_GOOD: Final = ("#e3eefb", "#2f6db5")  # a frame: its background; its border and text
_BAD: Final = ("#fde3e1", "#c0281c")
_BREAK: Final = ("#fdeccf", "#b26a00")
_START: Final = "#cfe0f5"
_STOP: Final = "#e9f3e4"
_PINS: Final = {"IRQ": "#7b3fa0"}
_MODEM: Final = "#2c7a6b"

#: The picture's width and the rows' heights, in inches; and the dots per inch of a PNG.
_WIDTH: Final = 14.0
_LINE_HEIGHT: Final = 1.15
_PIN_HEIGHT: Final = 0.42
_DPI: Final = 110
#: The width of the axes, in inches.
_AXES: Final = 12.4

#: The metadata that mark a picture as ours, so that it may be replaced; and the bytes that they become in the file: those
#: at its beginning, and those anywhere in it.
_METADATA: Final[dict[str, dict[str, str | None]]] = {
    "png": {"Software": "uartsim plot"},
    "svg": {"Title": "uartsim plot", "Date": None},
    "pdf": {"Creator": "uartsim plot"},
}
_RECOGNISED: Final = {
    "png": (b"\x89PNG", b"Software\0uartsim plot"),
    "svg": (b"<?xml", b"<dc:title>uartsim plot</dc:title>"),
    "pdf": (b"%PDF", b"(uartsim plot)"),
}


class _Scale(NamedTuple):
    """The time axis: the section that is drawn, in ticks, and the axis's unit and origin."""

    begin: int
    end: int
    unit: str
    per_second: float
    origin: int

    def __call__(self, ticks: int) -> float:
        return (ticks - self.origin) / TICKS_PER_SECOND * self.per_second

    @property
    def since(self) -> str:
        """The origin of the numbers on the axis, in words."""
        return f"after {self.origin / TICKS_PER_SECOND:.6f} s" if self.origin else "since the start of the recording"

    def points(self, ticks: int) -> float:
        """The width of so many ticks in the picture, in points (1/72 inch)."""
        return ticks / (self.end - self.begin) * _AXES * 72


def draw(waveform: Waveform, path: str, title: str = "", line_format: LineFormat | None = None) -> str:
    """Draw a section into a file.  An earlier picture of ours is replaced; any other file is an error.

    Args:
        waveform: the section.
        path: the picture; its name ends in ``.png``, ``.svg`` or ``.pdf``.
        title: the heading of the picture.
        line_format: the format of the lines; by default the one that the recording gives.

    Returns:
        A sentence that says what the picture shows.

    Raises:
        UsageError: matplotlib is missing, the file's name has another ending, a file that is not ours is in its place, or
            it cannot be written.
    """
    if not path.lower().endswith((".png", ".svg", ".pdf")):
        raise UsageError(f"{path} is not the name of a picture: give one that ends in .png, .svg or .pdf")
    _avoid_other_users_homes()
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("pictures need matplotlib: install it with pip install 'uartsim[plot]'") from None
    scale = _scale(waveform)
    characters = {line: _visible(waveform, line, line_format) for line in waveform.lines}
    shown, steady = _rows(waveform)
    heights = [_LINE_HEIGHT if pin in waveform.lines else _PIN_HEIGHT for pin in shown]
    height = sum(heights) + 1.25
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "uartsim", "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, facecolor="white")
        grid = figure.subplots(
            len(shown),
            1,
            sharex=True,
            squeeze=False,
            gridspec_kw={
                "height_ratios": heights,
                "hspace": 0.0,
                "left": 0.075,
                "right": 0.075 + _AXES / _WIDTH,
                "top": 1 - 0.45 / height,
                "bottom": 0.75 / height,
            },
        )
        for pin, axes in zip(shown, grid[:, 0], strict=True):
            _frame(axes, pin, scale, last=pin == shown[-1])
            if pin in waveform.lines:
                _draw_line(axes, waveform.pins[pin], characters[pin], scale)
            else:
                _draw_pin(axes, pin, waveform.pins[pin], scale)
        _write_around(figure, title, steady, scale, height)
        kind = path.lower().rpartition(".")[2]
        metadata = _METADATA[kind]
        replace_output(
            path, "picture", partial(_is_ours, kind), lambda file: figure.savefig(file, format=kind, metadata=metadata)
        )
    return _sentence(waveform, characters, scale)


def _avoid_other_users_homes() -> None:
    """Give matplotlib a folder of ours if the environment names another user's home (``sudo -E``), where it would write."""
    named = [os.environ.get(name, "") for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")]
    if not all(is_ours(path) for path in named if path):
        os.environ.setdefault("MPLCONFIGDIR", os.path.join(os.path.dirname(cache_place()), "matplotlib"))


def _is_ours(kind: str, content: bytes) -> bool:
    """Whether a picture's metadata mark it as ours."""
    begins, says = _RECOGNISED[kind]
    return content.startswith(begins) and says in content


def _scale(waveform: Waveform) -> _Scale:
    length = (waveform.end - waveform.begin) / TICKS_PER_SECOND
    unit, per_second = next(
        ((unit, by) for unit, by, most in (("µs", 1e6, 2e-3), ("ms", 1e3, 2.0)) if length < most), ("s", 1.0)
    )
    # Far from the start, the numbers on the axis would differ only in their last digits.
    far = waveform.begin > 20 * (waveform.end - waveform.begin)
    microsecond = TICKS_PER_SECOND // 1_000_000
    origin = waveform.begin // microsecond * microsecond if far else 0
    return _Scale(waveform.begin, waveform.end, unit, per_second, origin)


def _visible(waveform: Waveform, line: str, line_format: LineFormat | None) -> list[Character]:
    """The characters of a line that are at least partly in the section."""
    formats = waveform.formats.get(line) or next(iter(waveform.formats.values()), [])
    if line_format is not None:
        formats = [(0, line_format)]
    found = decode(waveform.pins[line], formats)
    return [c for c in found if c.start < waveform.end and (c.end is None or c.end > waveform.begin)]


def _rows(waveform: Waveform) -> tuple[list[str], list[str]]:
    """The pins to draw, and those that are only named, with their level, because they do not change in the section."""
    shown: list[str] = []
    steady: list[str] = []
    for pin, signal in waveform.pins.items():
        moves = any(waveform.begin < at < waveform.end for at, _ in signal.edges)
        (shown if moves or pin in waveform.lines else steady).append(pin)
    return shown or steady, [f"{pin} {waveform.pins[pin].level(waveform.begin)}" for pin in steady if shown]


def _frame(axes: Axes, pin: str, scale: _Scale, last: bool) -> None:
    """Prepare the axes of one row."""
    axes.set_xlim(scale(scale.begin), scale(scale.end))
    axes.set_yticks([])
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_GRID if not last else _QUIET)
    axes.tick_params(axis="x", length=4 if last else 0, labelbottom=last, labelsize=8, colors=_QUIET)
    axes.grid(axis="x", color=_GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_ylabel(pin, rotation=0, ha="right", va="center", fontsize=11, fontweight="bold", color=_INK, labelpad=10)


def _steps(signal: Signal, scale: _Scale) -> tuple[list[float], list[float]]:
    """The signal as a step function: times on the axis, and the levels from them on."""
    times, levels = [scale(scale.begin)], [float(signal.level(scale.begin))]
    for at, level in signal.edges:
        if scale.begin < at < scale.end:
            times.append(scale(at))
            levels.append(float(level))
    times.append(scale(scale.end))
    levels.append(levels[-1])
    return times, levels


def _draw_pin(axes: Axes, pin: str, signal: Signal, scale: _Scale) -> None:
    """Draw a modem line or the interrupt line."""
    times, levels = _steps(signal, scale)
    color = _PINS.get(pin, _MODEM)
    axes.set_ylim(-0.35, 1.35)
    axes.fill_between(times, levels, step="post", color=color, alpha=0.18, linewidth=0)
    axes.step(times, levels, where="post", color=color, linewidth=1.3)


def _draw_line(axes: Axes, signal: Signal, characters: list[Character], scale: _Scale) -> None:
    """Draw TXD or RXD: the level, and the characters above it."""
    axes.set_ylim(-0.25, 2.45)
    for character in characters:
        _draw_character(axes, character, scale)
    times, levels = _steps(signal, scale)
    axes.step(times, levels, where="post", color=_INK, linewidth=1.3, zorder=4)


def _draw_character(axes: Axes, found: Character, scale: _Scale) -> None:
    end = scale.end if found.end is None else found.end
    left, right = max(found.start, scale.begin), min(end, scale.end)
    is_break = bool(found.errors & LineError.BI)
    ground, color = _BREAK if is_break else _BAD if found.errors else _GOOD
    axes.fill_between([scale(left), scale(right)], 1.35, 2.25, color=ground, linewidth=0, zorder=2)
    for edge in (found.start, end):
        if scale.begin <= edge <= scale.end:
            axes.plot([scale(edge)] * 2, [1.35, 2.25], color=color, linewidth=0.9, zorder=3)
    room = scale.points(right - left)
    axes.text(
        (scale(left) + scale(right)) / 2,
        1.8,
        _label(found, end, room),
        ha="center",
        va="center",
        fontsize=9.5,
        color=color,
        fontweight="bold" if found.errors else "normal",
        clip_on=True,
        zorder=5,
    )
    if is_break:
        axes.fill_between([scale(left), scale(right)], 0, 1, color=ground, alpha=0.8, linewidth=0, zorder=1)
    elif scale.points(found.line_format.bit_ticks) >= 4:
        _draw_bits(axes, found, scale)


def _label(found: Character, end: int, room: float) -> str:
    """The text in a frame that is ``room`` points wide."""
    if found.errors & LineError.BI:
        length = f"{(end - found.start) / TICKS_PER_SECOND * 1e3:.4g} ms"
        return f"break {length}" if found.end is not None and room > 80 else "break" if room > 32 else ""
    name, errors = character_name(found.character), error_names(found.errors)
    if errors and room > 7 * len(f"{name} {errors}"):
        return f"{name}  {errors}  {found.character:02X}" if room > 90 else f"{name} {errors}"
    if room > 46:
        return f"{name}  {found.character:02X}" if name != f"{found.character:02X}" else name
    return name if room > 7 * len(name) else ""


def _draw_bits(axes: Axes, found: Character, scale: _Scale) -> None:
    """Draw a cell for each bit of a frame, with its value: S is the start bit, P the parity bit, T the stop bits."""
    line_format, bit = found.line_format, found.line_format.bit_ticks
    borders = [found.start + n * bit for n in range(len(found.bits))] + [found.start + line_format.frame_ticks]
    written = scale.points(bit) >= 8
    for n, level in enumerate(found.bits):
        begin, end = borders[n], borders[n + 1]
        if begin >= scale.end or end <= scale.begin:
            continue
        is_parity = line_format.parity != "N" and n == len(found.bits) - 2
        is_stop = n == len(found.bits) - 1
        wrong = (is_stop and not level) or (is_parity and bool(found.errors & LineError.PE))
        color = _BAD[0] if wrong else _START if n == 0 else _STOP if is_stop else None
        if color is not None:
            axes.fill_between([scale(begin), scale(end)], 0, 1, color=color, linewidth=0, zorder=1)
        if n:
            axes.plot([scale(begin)] * 2, [0, 1.0], color=_QUIET, linewidth=0.5, linestyle=(0, (1, 2)), zorder=2)
        if written and scale.begin <= (begin + end) // 2 <= scale.end:
            axes.text(
                scale((begin + end) // 2),
                0.5,
                "S" if n == 0 else f"P{level}" if is_parity else "T" if is_stop else str(level),
                ha="center",
                va="center",
                fontsize=7,
                color=_BAD[1] if wrong else _QUIET,
                fontweight="bold" if wrong else "normal",
                clip_on=True,
                zorder=3,
            )


def _write_around(figure: Figure, title: str, steady: list[str], scale: _Scale, height: float) -> None:
    """Write the title, the unit of time, and the pins that do not change."""
    figure.text(0.075, 1 - 0.16 / height, title, fontsize=11, color=_INK, va="center", fontweight="bold")
    figure.text(
        *(0.075 + _AXES / _WIDTH, 0.2 / height, f"{scale.unit} {scale.since}"),
        fontsize=8.5,
        color=_QUIET,
        ha="right",
        va="center",
    )
    if steady:
        text = f"unchanged: {', '.join(steady)}"
        figure.text(0.075, 0.2 / height, text, fontsize=8.5, color=_QUIET, va="center")


def _sentence(waveform: Waveform, characters: dict[str, list[Character]], scale: _Scale) -> str:
    counts = ", ".join(f"{len(found)} characters on {line}" for line, found in characters.items())
    begin, end = f"{scale(scale.begin):.6g} {scale.unit}", f"{scale(scale.end):.6g} {scale.unit}"
    longer = " of a longer recording" if waveform.longer else ""
    since = f" {scale.since}" if scale.origin else ""
    return f"{begin} to {end}{since}{longer}: {counts or 'no characters'}"
