"""Arabic and Hebrew as a PDF takes them: letters in the forms that join, in the order in which they stand.

A PDF's text is a row of glyphs from left to right. Arabic letters change with their neighbours, for which
Unicode has a character per form (arabic-reshaper chooses them); then the Unicode bidirectional algorithm
(python-bidi) orders a whole line. Vowel points and accents of both scripts are left out: names are read
without them, and they would have to be placed over their letters. Both libraries are loaded by the first name
that needs them.
"""

import re
import unicodedata
from functools import cache
from typing import Any

NON_JOINER = "\u200c"
"""Keeps two Arabic letters apart, as in Persian names; never printed itself."""
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"), ("«", "»"), ("<", ">"))
_SCRIPTS = re.compile(r"[\u0590-\u05ff\u0600-\u06ff]")
"""Hebrew and Arabic, the scripts that `in_order` can set."""


def is_right_to_left(character: str) -> bool:
    """Whether a character runs from right to left by itself."""
    return unicodedata.bidirectional(character) in _RIGHT_TO_LEFT


def is_point(character: str) -> bool:
    """Whether it is a vowel point or accent of Arabic or Hebrew."""
    return unicodedata.category(character) == "Mn" and _SCRIPTS.match(character) is not None


def forms(character: str) -> str:
    """The characters that may stand for one of right-to-left text; empty for a script not known here."""
    from arabic_reshaper.letters import LETTERS_ARABIC

    if not _SCRIPTS.match(character):
        return ""
    return "".join(LETTERS_ARABIC.get(character, (character,)))


def in_order(line: str) -> str:
    """A line as its characters stand from left to right; a line begins at the side of its first letter."""
    if not any(map(is_right_to_left, line)):
        return line.replace(NON_JOINER, "")
    from bidi import get_display

    shaped = _reshaper().reshape(line).replace(NON_JOINER, "")
    return _brackets_turned(str(get_display(shaped)))


def _brackets_turned(line: str) -> str:
    """Brackets that close before they open are a pair that runs from right to left: each becomes the other.

    python-bidi orders brackets by the present rules, but leaves their shapes to whoever draws them.
    """
    turned = list(line)
    for opening, closing in _BRACKETS:
        opened = awaited = 0
        for place, character in enumerate(line):
            if character == opening and awaited:
                turned[place], awaited = closing, awaited - 1
            elif character == opening:
                opened += 1
            elif character == closing and opened:
                opened -= 1
            elif character == closing:
                turned[place], awaited = opening, awaited + 1
    return "".join(turned)


@cache
def _reshaper() -> Any:
    from arabic_reshaper import ArabicReshaper

    # Of the ligatures only lam with alef is obligatory, and the fonts have few of the others.
    return ArabicReshaper(
        configuration={
            "delete_harakat": True,
            "use_unshaped_instead_of_isolated": True,
            "support_zwj": False,
            "RIAL SIGN": False,
            "ARABIC LIGATURE ALLAH": False,
        }
    )
