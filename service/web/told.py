"""What errors, records and checks say, in another language.

They speak English, with their values in the sentence, and the records keep them so. A catalogue in
`catalogues/told` holds each sentence with placeholders in the places of values, and beside it the other
language's; a test compares it with the sentences in the code. What no sentence fits, such as a peer's answer,
stays as it is.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "catalogues" / "told"
LONGEST = 4000
"""Characters of a text that is looked at; answers of peers may be of any length."""
NUMBERS = frozenset({"free", "points", "items", "gigabytes"})
"""Placeholders of the catalogues that hold numbers with tenths; others may hold versions or addresses."""
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_NEXT_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z0-9])")


@dataclass(frozen=True, eq=False)
class Told:
    """The sentences of one language.

    ``names`` are words that stand as values, such as those of poses; ``whole`` sentences without values that
    another catalogue has; ``decimal`` stands between whole and tenths.
    """

    sentences: tuple[tuple[re.Pattern[str], str], ...]
    names: Mapping[str, str]
    whole: Mapping[str, str]
    decimal: str = "."

    def __call__(self, text: str) -> str:
        """The text in this language, sentence by sentence, as far as they are known."""
        if len(text) > LONGEST:
            return text
        if text in self.names:
            return self.names[text]
        whole = self.whole.get(f"{text[:1].upper()}{text[1:].removesuffix('.')}.")
        if whole is not None:
            return whole if text.endswith(".") else whole.removesuffix(".")
        for pattern, other in self.sentences:
            found = pattern.fullmatch(text)
            if found:
                values = {name: self._value(name, value) for name, value in found.groupdict().items()}
                said = other.format(**values)
                return f"{said}." if text.endswith(".") and not said.endswith((".", "?")) else said
        parts = _NEXT_SENTENCE.split(text)
        return " ".join(map(self, parts)) if len(parts) > 1 else text

    def _value(self, name: str, value: str) -> str:
        if name in NUMBERS:
            return value.replace(".", self.decimal)
        parts = value.split(", ")
        if all(part in self.names for part in parts):
            return ", ".join(self.names[part] for part in parts)
        return self(value)


@cache
def sentences(code: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """The sentences of a language, those with more words of their own first."""
    file = FOLDER / f"{code}.toml"
    known = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    longest_first = sorted(known.items(), key=lambda pair: -len(_PLACEHOLDER.sub("", pair[0])))
    return tuple((_pattern(text), other) for text, other in longest_first)


def _pattern(text: str) -> re.Pattern[str]:
    """Fits the sentence with any values; its first letter may be capital or small, its stop may lack."""
    parts = _PLACEHOLDER.split(text.removesuffix("."))
    written = "".join(
        f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts)
    )
    if parts[0]:
        written = f"(?i:{re.escape(parts[0][0])}){written[len(re.escape(parts[0][0])) :]}"
    return re.compile(rf"{written}\.?", re.DOTALL)
