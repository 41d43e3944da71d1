"""The fonts of a report and which characters they can print.

DejaVu Sans (regular, bold) is taken from the files that matplotlib carries; the PDF embeds the glyphs it
uses. They cover Latin, Greek, Cyrillic, Hebrew and Arabic. What they lack is looked for in the fonts that a
site names (`load_fonts`), for instance one that covers Chinese, Japanese and Korean. Whatever no font holds
prints as `PLACEHOLDER`, which says visibly that something stands there.
"""

import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

from reportlab.pdfbase.pdfmetrics import getFont, registerFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from reports.errors import ReportFontError
from reports.right_to_left import NON_JOINER, forms, in_order, is_point, is_right_to_left

REGULAR = "DejaVuSans"
BOLD = "DejaVuSans-Bold"
PLACEHOLDER = "□"

CONDENSED = 0.9
"""Width at which all text is set; DejaVu's own condensed cut has the same outlines at 90 %."""

_REMEMBERED = 1 << 14
"""Texts whose measures are kept: most of a report's are the same in the next."""
_further: tuple[str, ...] = ()
"""Names of the site's fonts, which `load_fonts` sets for the process."""


def load_fonts(files: Iterable[Path] = ()) -> None:
    """Make the report's fonts and those in ``files`` known to this process, in place of earlier ``files``.

    Raises `ReportFontError` where one is missing or no TrueType font.
    """
    global _further
    _own_code_points()
    further = tuple(map(_register, files))
    if further != _further:
        _further = further
        for remembered in (printable, runs, width):
            remembered.cache_clear()


@cache
def _own_code_points() -> frozenset[int]:
    package = find_spec("matplotlib")
    if package is None or not package.submodule_search_locations:
        raise ReportFontError("Install matplotlib: the report takes its DejaVu Sans fonts from it")
    folder = Path(package.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
    for name in (REGULAR, BOLD):
        try:
            registerFont(TTFont(name, str(folder / f"{name}.ttf")))
        except (OSError, TTFError) as error:
            raise ReportFontError(f"Reinstall matplotlib: its font {name}.ttf cannot be read") from error
    return _code_points(REGULAR) & _code_points(BOLD)


@cache
def _register(file: Path) -> str:
    name = f"{file.stem}-{file.parent.as_posix()}"
    try:
        registerFont(TTFont(name, str(file)))
    except (OSError, TTFError) as error:
        raise ReportFontError(
            f"{file} is no TrueType font that can be embedded: give a .ttf or .ttc file in report.fonts"
        ) from error
    return name


@cache
def _code_points(name: str) -> frozenset[int]:
    # reportlab's map from glyphs back to text holds 16 bits: beyond them a copied text would be another one
    return frozenset(point for point in getFont(name).face.charToGlyph if point <= 0xFFFF)


def _font_for(character: str, font: str) -> str | None:
    """The font that prints a character of a text in ``font``, None where there is none."""
    point = ord(character)
    if point in _own_code_points():
        return font
    return next((name for name in _further if point in _code_points(name)), None)


def _replaced(character: str) -> str:
    category = unicodedata.category(character)
    if character == NON_JOINER:
        return character
    if category == "Cf" or is_point(character):
        return ""
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    printed = forms(character) if is_right_to_left(character) else character
    return character if printed and all(_font_for(one, REGULAR) for one in printed) else PLACEHOLDER


@lru_cache(maxsize=_REMEMBERED)
def printable(text: str) -> str:
    """The text as one line that the fonts can print: composed, without control characters."""
    composed = unicodedata.normalize("NFC", text)
    return " ".join("".join(map(_replaced, composed)).split())


@lru_cache(maxsize=_REMEMBERED)
def runs(text: str, font: str) -> tuple[tuple[str, str], ...]:
    """A printable text as it stands from left to right, in pieces of one font each, as (font, piece)."""
    found = groupby(in_order(text), key=lambda character: _font_for(character, font) or font)
    return tuple((one, "".join(characters)) for one, characters in found)


@cache
def _font(name: str) -> TTFont:
    _own_code_points()
    return getFont(name)


@lru_cache(maxsize=_REMEMBERED)
def width(text: str, font: str, size: float) -> float:
    """Width in points of a printable text as `CONDENSED` sets it."""
    return sum(float(_font(one).stringWidth(piece, size)) for one, piece in runs(text, font)) * CONDENSED
