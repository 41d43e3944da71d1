"""The language of a report: its texts come from a catalogue, one TOML file per language in `catalogues`.

Texts are looked up by the key `section.name` and hold their values as `{placeholders}`. A language is known
once its file lies there; a test holds the files to the same keys and placeholders.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import cache
from pathlib import Path

from reports.errors import ReportLanguageError

FOLDER = Path(__file__).parent / "catalogues"


@dataclass(frozen=True, eq=False)
class Language:
    """The texts of one language by `section.name`. ``code`` is its BCP 47 tag, such as `de`."""

    code: str
    texts: Mapping[str, str]

    def text(self, key: str, /, **values: object) -> str:
        """The text under a key with its placeholders filled."""
        return self.texts[key].format(**values)

    def known(self, key: str, otherwise: str) -> str:
        """The text under a key, or ``otherwise`` where the catalogue has none: words of a site's own."""
        return self.texts.get(key, otherwise)

    def counted(self, key: str, number: int, /, **values: object) -> str:
        """The text ``key`` that goes with a number: `key_one` or `key_other`."""
        return self.text(f"{key}_{'one' if number == 1 else 'other'}", count=number, **values)

    def day(self, day: date) -> str:
        """A calendar day."""
        return day.strftime(self.texts["format.date"])

    def moment(self, moment: datetime, zone: tzinfo = UTC) -> str:
        """A moment to the minute in a zone, with its name; one without a zone is written as it is."""
        local = moment if moment.tzinfo is None else moment.astimezone(zone)
        return " ".join(filter(None, (local.strftime(self.texts["format.moment"]), local.tzname())))

    def decimal(self, number: float, places: int = 1) -> str:
        """A number with one decimal place, or as many as asked for."""
        return f"{number:.{places}f}".replace(".", self.texts["format.decimal"])


def languages() -> tuple[str, ...]:
    """The codes of the languages that have a catalogue."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.toml")))


@cache
def load_language(code: str) -> Language:
    """The language of a code. Raises `ReportLanguageError` where it has no catalogue."""
    if code not in languages():
        raise ReportLanguageError(
            f"there are no texts in the language {code!r}: use one of {', '.join(languages())}"
        )
    sections = tomllib.loads((FOLDER / f"{code}.toml").read_text(encoding="utf-8"))
    return Language(
        code,
        {f"{section}.{name}": text for section, texts in sections.items() for name, text in texts.items()},
    )
