"""Pictures of what a console shows: a screen as HTML, SVG or PNG, and the stages of a boot."""

from uartsim.pictures.screen_picture import ScreenPicture, screen_at, screen_html, screen_svg

__all__ = ["ScreenPicture", "screen_at", "screen_html", "screen_svg"]
