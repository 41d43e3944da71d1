"""The language of the pages: texts are English in the code, and looked up by that in a catalogue.

Another language is a file in `catalogues`: TOML, the English text and beside it the other one, both with the
same `{placeholders}`. A test finds the texts that a catalogue lacks.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "catalogues"
ENGLISH = "en"
NAMES = {"en": "English", "de": "Deutsch"}
"""What each language calls itself."""


@dataclass(frozen=True)
class Words:
    """The texts of one language; call it with the English text and the values of its placeholders."""

    code: str
    texts: Mapping[str, str]

    def __call__(self, text: str, **values: object) -> str:
        """The text in this language; in English where the catalogue lacks it."""
        found = self.texts.get(text, text)
        return found.format(**values) if values else found


def languages() -> tuple[str, ...]:
    """The codes of the languages that pages are made in."""
    return (ENGLISH, *sorted(file.stem for file in FOLDER.glob("*.toml")))


@cache
def load_words(code: str) -> Words:
    """The texts of a language, English where it is not known."""
    if code == ENGLISH or code not in languages():
        return Words(ENGLISH, {})
    return Words(code, tomllib.loads((FOLDER / f"{code}.toml").read_text(encoding="utf-8")))


def preferred(accepted: str) -> str:
    """The language that an ``Accept-Language`` header likes best of those there are, else English."""
    wishes = []
    for part in accepted.split(","):
        tag, _, weight = part.partition(";q=")
        code = tag.strip().lower().split("-")[0]
        try:
            wishes.append((float(weight or 1), code))
        except ValueError:
            continue
    known = languages()
    liked = [
        code for weight, code in sorted(wishes, key=lambda wish: -wish[0]) if weight > 0 and code in known
    ]
    return liked[0] if liked else ENGLISH
