"""A screen as PNG, drawn with Pillow in DejaVu Sans Mono: both come with the extra ``plot``."""

from __future__ import annotations

import importlib.util
import io
import os
from typing import TYPE_CHECKING, Any, Final

from uartsim.errors import UsageError
from uartsim.pictures.screen_picture import BACKGROUND, MADE_BY, ScreenPicture

if TYPE_CHECKING:
    from PIL import ImageDraw

_FONT_SIZE: Final = 16
_MARGIN: Final = 10
_SYSTEM_FONTS: Final = "/usr/share/fonts/truetype/dejavu"


def screen_png(picture: ScreenPicture) -> bytes:
    """A screen as a PNG file.

    Raises:
        UsageError: Pillow or the font is missing; the message says how to get it.
    """
    try:
        from PIL import Image, ImageDraw, PngImagePlugin
    except ImportError:
        raise UsageError("a PNG needs Pillow: pip install 'uartsim[plot]', or use --svg, which needs nothing") from None
    fonts = {(bold, italic): _font(bold=bold, italic=italic) for bold in (False, True) for italic in (False, True)}
    plain = fonts[False, False]
    width, height = round(plain.getlength("M" * 100)) / 100, sum(plain.getmetrics())
    size = (round(picture.columns * width) + 2 * _MARGIN, picture.rows * height + 2 * _MARGIN)
    image = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(image)
    for run in picture.runs:
        x, y = _MARGIN + run.column * width, _MARGIN + run.row * height
        right = _MARGIN + (run.column + run.width) * width
        if run.background != BACKGROUND:
            draw.rectangle((round(x), y, round(right) - 1, y + height - 1), fill=run.background)
        _draw_text(draw, run.text, (x, y), right - x, run.foreground, fonts[run.bold, run.italic])
        base = y + plain.getmetrics()[0]
        for wanted, line_y in ((run.underlined, base + 2), (run.struck, base - _FONT_SIZE // 3)):
            if wanted:
                draw.line((round(x), line_y, round(right) - 1, line_y), fill=run.foreground)
    about = PngImagePlugin.PngInfo()
    about.add_text("Software", MADE_BY)
    data = io.BytesIO()
    image.save(data, "PNG", pnginfo=about)
    return data.getvalue()


def _draw_text(
    draw: ImageDraw.ImageDraw, text: str, place: tuple[float, float], width: float, colour: str, font: Any
) -> None:
    """Draw a run, character by character, so that each stands in its cell."""
    from wcwidth import wcwidth

    x, y = place
    columns = sum(max(0, wcwidth(character)) for character in text) or 1
    for character in text:
        if character != " ":
            draw.text((round(x), y), character, fill=colour, font=font)
        x += max(0, wcwidth(character)) * width / columns


def _font(*, bold: bool, italic: bool) -> Any:
    from PIL import ImageFont

    style = "Bold" * bold + "Oblique" * italic
    name = f"DejaVuSansMono{f'-{style}' if style else ''}.ttf"
    folders = [_SYSTEM_FONTS]
    if (found := importlib.util.find_spec("matplotlib")) is not None and found.origin:
        folders.insert(0, os.path.join(os.path.dirname(found.origin), "mpl-data", "fonts", "ttf"))
    for folder in folders:
        try:
            return ImageFont.truetype(os.path.join(folder, name), _FONT_SIZE)
        except OSError:
            continue
    raise UsageError(
        "a PNG needs the font DejaVu Sans Mono: pip install 'uartsim[plot]', or apt-get install fonts-dejavu-core"
    )
