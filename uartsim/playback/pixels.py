"""Drawing a screen's characters and rectangles as pixels, with Pillow and the font that matplotlib brings along."""

from __future__ import annotations

import io
from functools import cache
from typing import Any, Final

from uartsim.errors import UsageError

#: How many pixels of the PNG are one of the picture's: for screens with fine pixels.
_SCALE: Final = 1.5
#: The largest picture, in pixels; each takes three bytes of memory.  A screen of 300 columns and 200 rows has 21 million.
_MOST_PIXELS: Final = 32_000_000


class PixelPicture:
    """A picture that is drawn.  Places and sizes are in pixels, before they are enlarged.

    Args:
        width, height: its size.
        font: the size of its font.
        paper: its colour at first, such as ``#101014``.

    Raises:
        UsageError: it would be too large, or matplotlib is not installed.
    """

    def __init__(self, width: float, height: float, font: float, paper: str) -> None:
        size = round(width * _SCALE), round(height * _SCALE)
        if size[0] * size[1] > _MOST_PIXELS:
            raise UsageError(
                f"a PNG of this screen would have {size[0]} by {size[1]} pixels, which is too large: export --svg or --html"
            )
        try:
            from matplotlib import font_manager
            from PIL import Image, ImageDraw, ImageFont
        except ImportError:
            raise UsageError("a PNG needs matplotlib: pip install 'uartsim[plot]', or export --svg") from None

        @cache
        def font_of(bold: bool, italic: bool) -> Any:
            look = font_manager.FontProperties(
                family="DejaVu Sans Mono", weight="bold" if bold else "normal", style="italic" if italic else "normal"
            )
            return ImageFont.truetype(
                font_manager.findfont(look), round(font * _SCALE), layout_engine=ImageFont.Layout.BASIC
            )

        self._font_of = font_of
        self._image = Image.new("RGB", size, paper)
        self._draw = ImageDraw.Draw(self._image)

    def fill(self, x: float, y: float, width: float, height: float, color: str) -> None:
        """Fill a rectangle."""
        left, top, right, bottom = (round(_SCALE * each) for each in (x, y, x + width, y + height))
        self._draw.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), fill=color)

    def character(self, at: tuple[float, float], text: str, color: str, *, bold: bool, italic: bool) -> None:
        """Draw a character; one that the font has not is drawn as a box.

        Args:
            at: the left end of its base line.
            text: the character.
            color: its colour.
            bold, italic: its look.
        """
        place = round(_SCALE * at[0]), round(_SCALE * at[1])
        self._draw.text(place, text, fill=color, font=self._font_of(bold, italic), anchor="ls")

    def png(self, title: str) -> bytes:
        """The picture as a file."""
        from PIL.PngImagePlugin import PngInfo

        written, about = io.BytesIO(), PngInfo()
        about.add_text("Title", title)
        self._image.save(written, format="PNG", pnginfo=about)
        return written.getvalue()
