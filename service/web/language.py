"""The language of the pages: texts are English in the code, and looked up by that in a catalogue.

Another language is a file in `catalogues`: TOML, the English text and beside it the other one, both with the
same `{placeholders}`. Items, directions, poses and such are said as reports say them, by the reports' own
catalogues. A test finds the texts that a catalogue lacks.
"""

import datetime as dt
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from grading.gates import WRONG
from grading.protocols import PROTOCOLS, Pose
from reports import words as words_of_reports
from reports.language import Language, load_language
from service.reporting import POSES, describe_flag
from service.web.told import Told, sentences

FOLDER = Path(__file__).parent / "catalogues"
ENGLISH = "en"
NAMES = {"en": "English", "de": "Deutsch"}
"""What each language calls itself."""
SHARED = ("banner", "item", "direction", "verdict", "protocol", "event")
"""Sections of the reports' catalogues in which an English text has one meaning."""
_CLIPPED = "clipped."


@dataclass(frozen=True, eq=False)
class Words:
    """The texts of one language; call it with the English text and the values of its placeholders.

    ``zone`` is that of the times that are shown, None for this machine's.
    """

    code: str
    texts: Mapping[str, str]
    report: Language
    zone: dt.tzinfo | None = None

    @cached_property
    def told(self) -> Told:
        """What errors, records and checks say: call it with their text."""
        poses = {pose.name: self.pose(pose) for one in PROTOCOLS.values() for pose in one.poses}
        numbered = {
            f"{pose.number} {pose.code} ({pose.name})": f"{pose.number} ({self.pose(pose)})"
            for one in PROTOCOLS.values()
            for pose in one.poses
        }
        names = {**self.texts, **poses, **numbered}
        english = load_language(ENGLISH).texts
        flags = {english[key]: text for key, text in self.report.texts.items() if key.startswith("flag.")}
        return Told(sentences(self.code), names, flags, self.report.text("format.decimal"))

    def __call__(self, text: str, **values: object) -> str:
        """The text in this language; in English where the catalogue lacks it."""
        found = self.texts.get(text, text)
        return found.format(**values) if values else found

    def day(self, day: dt.date) -> str:
        """A calendar day."""
        return self.report.day(day)

    def moment(self, time: dt.datetime) -> str:
        """A point in time with its zone."""
        local = time.astimezone(self.zone)
        return f"{self.day(local.date())} {local:%H:%M:%S %Z}"

    def timepoint(self, name: str | None) -> str:
        """A place around a surgery; empty without one."""
        return words_of_reports.timepoint(self.report, name) if name else ""

    def pose(self, pose: Pose) -> str:
        """What a photo shows."""
        return self.report.known(f"pose.{pose.code}", self(pose.name))

    def days_apart(self, days: int) -> str:
        """A distance from a surgery."""
        return words_of_reports.days_apart(self.report, days)

    def flag(self, flag: str) -> str:
        """A stored flag (``clipped.M4``, ``face.small (REST)``) as a sentence."""
        if self.code == ENGLISH:
            return describe_flag(flag)
        kind, _, place = flag.partition(" ")
        if kind.startswith(_CLIPPED):
            return self.report.text("flag.clipped", items=kind.removeprefix(_CLIPPED))
        stem = WRONG if kind.startswith(f"{WRONG}.") else kind
        said = self.report.known(f"flag.{stem}", self.report.text("flag.other", flag=kind))
        pose = POSES.get(place.strip("()"))
        if pose is None:
            return said
        seen = kind.removeprefix(stem).removeprefix(".")
        photo = f"{pose.number}, {self.pose(pose)}"
        if seen:
            looks = self.report.known(f"pose.{seen}", seen)
            photo = self.report.text("flag.seen", photo=photo, pose=looks)
        return f"{said} {self.report.text('flag.photos_one', photos=photo)}"


def languages() -> tuple[str, ...]:
    """The codes of the languages that pages are made in."""
    return (ENGLISH, *sorted(file.stem for file in FOLDER.glob("*.toml")))


@cache
def load_words(code: str, zone: dt.tzinfo | None = None) -> Words:
    """The texts of a language, English where it is not known."""
    english = load_language(ENGLISH)
    if code == ENGLISH or code not in languages():
        return Words(ENGLISH, {}, english, zone)
    report = load_language(code)
    shared = {text: report.texts[key] for key, text in english.texts.items() if key.split(".")[0] in SHARED}
    own = tomllib.loads((FOLDER / f"{code}.toml").read_text(encoding="utf-8"))
    return Words(code, shared | own, report, zone)


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
