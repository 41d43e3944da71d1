"""The two fonts of a report and which characters they can print.

DejaVu Sans (regular, bold) is taken from the files that matplotlib carries; the PDF embeds the glyphs it
uses. They cover Latin, Greek and Cyrillic. Whatever else a name holds prints as `PLACEHOLDER`, which says
visibly that something stands there.
"""

import unicodedata
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from reportlab.pdfbase.pdfmetrics import getFont, registerFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from reports.errors import ReportFontError

REGULAR = "DejaVuSans"
BOLD = "DejaVuSans-Bold"
PLACEHOLDER = "□"

CONDENSED = 0.9
"""Width at which all text is set; DejaVu's own condensed cut has the same outlines at 90 %."""


@cache
def _printable_code_points() -> frozenset[int]:
    package = find_spec("matplotlib")
    if package is None or not package.submodule_search_locations:
        raise ReportFontError("Install matplotlib: the report takes its DejaVu Sans fonts from it")
    folder = Path(package.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
    for name in (REGULAR, BOLD):
        try:
            registerFont(TTFont(name, str(folder / f"{name}.ttf")))
        except (OSError, TTFError) as error:
            raise ReportFontError(f"Reinstall matplotlib: its font {name}.ttf cannot be read") from error
    both = frozenset(getFont(REGULAR).face.charToGlyph) & frozenset(getFont(BOLD).face.charToGlyph)
    # reportlab's map from glyphs back to text holds 16 bits: beyond them a copied text would be another one
    return frozenset(point for point in both if point <= 0xFFFF)


def load_fonts() -> None:
    """Make both fonts known to reportlab, once per process; raises `ReportFontError` if they are missing."""
    _printable_code_points()


def _replaced(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf":
        return ""
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    # reportlab sets right-to-left scripts in the wrong order: better no name than a wrong one
    if unicodedata.bidirectional(character) in {"R", "AL", "AN"}:
        return PLACEHOLDER
    return character if ord(character) in _printable_code_points() else PLACEHOLDER


def printable(text: str) -> str:
    """The text as one line that both fonts can print: composed, without control characters."""
    composed = unicodedata.normalize("NFC", text)
    return " ".join("".join(map(_replaced, composed)).split())


@cache
def _font(name: str) -> TTFont:
    load_fonts()
    return getFont(name)


def width(text: str, font: str, size: float) -> float:
    """Width in points of a printable text as `CONDENSED` sets it."""
    return float(_font(font).stringWidth(text, size)) * CONDENSED
