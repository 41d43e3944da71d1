"""Dates, sides and distances as a clinician reads them."""

import re
from datetime import date

from grading.scales import Item
from reports.content import ReportPatient, ReportSurgery
from reports.language import Language

DAYS_PER_MONTH = 365.25 / 12
TOLERANCE = 5.0
"""Points around normal within which an item is called balanced, as in `Item.direction`."""
_COUNTED = re.compile(r"(\d+) (days|months|years)")


def side(language: Language, code: str | None) -> str:
    """``L``, ``R`` or ``B`` in words; another text stays as it is."""
    return language.known(f"side.{code}", code) if code else language.text("words.not_stated")


def age(born: date, on: date) -> int:
    """Full years of life on a day."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def person_name(name: str) -> str:
    """A DICOM person name (PS3.5, 6.2.1) for reading, its first spelling that is not empty.

    ``Doe^Jane^^Dr`` becomes ``Doe, Jane, Dr``; a name without such marks stays as it is.
    """
    spelling = next((group for group in name.split("=") if group.strip("^ ")), "")
    parts = [" ".join(part.split()) for part in spelling.split("^")][:5]
    given = " ".join(filter(None, parts[1:3]))
    return ", ".join(filter(None, [parts[0], given, *parts[3:]]))


def identity(language: Language, patient: ReportPatient, on: date) -> str:
    """Id, birth date with the age on a day, and sex in one line."""
    missing = language.text("words.not_stated")
    born = missing
    if patient.birth_date is not None:
        years = age(patient.birth_date, on)
        born = language.text("head.born", date=language.day(patient.birth_date), age=years)
    sex = language.known(f"sex.{patient.sex}", patient.sex) or missing
    return language.text("head.identity", id=patient.id or missing, born=born, sex=sex)


def surgery(language: Language, done: ReportSurgery | None) -> str:
    """Date, side and procedure of a surgery; the side first, where a long procedure cannot push it off."""
    if done is None:
        return language.text("surgery.none")
    return language.text(
        "surgery.line",
        date=language.day(done.date),
        side=side(language, done.side),
        procedure=done.procedure or language.text("surgery.no_procedure"),
    )


def days_apart(language: Language, days: int) -> str:
    """A distance from the surgery in days, and in months once it is longer than two of them."""
    if days == 0:
        return language.text("time.same_day")
    distance = language.counted("time.day", abs(days))
    if abs(days) > 2 * DAYS_PER_MONTH:
        months = language.decimal(abs(days) / DAYS_PER_MONTH)
        distance = language.text("time.with_months", days=distance, months=months)
    return language.text("time.after" if days > 0 else "time.before", distance=distance)


def timepoint(language: Language, name: str) -> str:
    """The name of a timepoint; one that a site made up itself stays as it is."""
    counted = _COUNTED.fullmatch(name)
    if counted:
        return language.text(f"timepoint.{counted[2]}", count=counted[1])
    return language.known(f"timepoint.{name}", name)


def time_from_surgery(language: Language, name: str | None, days: int | None) -> str:
    """A recording's timepoint: its name where it has one, and its distance from the surgery."""
    distance = language.text("words.not_stated") if days is None else days_apart(language, days)
    if not name:
        return distance
    named = timepoint(language, name)
    return named if days is None else language.text("time.named", name=named, distance=distance)


def direction(language: Language, item: Item, score: float) -> str:
    """Which way a score deviates from a normal face's."""
    if abs(score - item.normal) <= TOLERANCE:
        return language.text("direction.balanced")
    above = score > item.normal and item.above is not None
    return language.text(f"direction.{item.id}_{'above' if above else 'below'}")


def signed(points: int) -> str:
    """A change in points with its sign."""
    return f"{points:+d}" if points else "0"
