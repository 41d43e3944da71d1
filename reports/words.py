"""Dates, sides and distances as a clinician reads them."""

from datetime import date

from reports.content import RecordingReport, ReportPatient, ReportSurgery

NOT_STATED = "not stated"
DAYS_PER_MONTH = 365.25 / 12

_SEXES = {"M": "male", "F": "female", "O": "other"}
_SIDES = {"L": "left", "R": "right", "B": "both"}


def side(code: str | None) -> str:
    """``L``, ``R`` or ``B`` in words; another text stays as it is."""
    return _SIDES.get(code, code) if code else NOT_STATED


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


def identity(patient: ReportPatient, on: date) -> str:
    """Id, birth date with the age on a day, and sex in one line."""
    born = NOT_STATED
    if patient.birth_date is not None:
        born = f"{patient.birth_date.isoformat()} ({age(patient.birth_date, on)} years)"
    sex = _SEXES.get(patient.sex, patient.sex or NOT_STATED)
    return f"ID {patient.id or NOT_STATED}  ·  born {born}  ·  sex {sex}"


def surgery(done: ReportSurgery | None) -> str:
    """Date, side and procedure of a surgery; the side first, where a long procedure cannot push it off."""
    if done is None:
        return "none on record"
    return f"{done.date.isoformat()}, side {side(done.side)}: {done.procedure or 'procedure not stated'}"


def days_apart(days: int) -> str:
    """A distance from the surgery in days, and in months once it is longer than two of them."""
    if days == 0:
        return "day of surgery"
    distance = f"{abs(days)} day{'s' if abs(days) != 1 else ''}"
    if abs(days) > 2 * DAYS_PER_MONTH:
        distance += f" ({abs(days) / DAYS_PER_MONTH:.1f} months)"
    return f"{distance} {'after' if days > 0 else 'before'} surgery"


def time_from_surgery(report: RecordingReport) -> str:
    """The recording's timepoint: its name where it has one, and its distance from the surgery."""
    distance = NOT_STATED if report.days_from_surgery is None else days_apart(report.days_from_surgery)
    if not report.timepoint:
        return distance
    return report.timepoint if report.days_from_surgery is None else f"{report.timepoint}: {distance}"


def signed(points: int) -> str:
    """A change in points with its sign."""
    return f"{points:+d}" if points else "0"
