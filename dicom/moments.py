"""DICOM dates and times (VR DA, TM, DT; PS3.5 Table 6.2-1) to Python's and back. The unreadable is None."""

import re
from datetime import date, datetime, time

_DATE = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})")
_TIME = re.compile(r"(\d{2}):?(?:(\d{2}):?(?:(\d{2})(?:\.(\d{1,6}))?)?)?")
_MOMENT = re.compile(r"(\d{8})(\d[\d.]*)?([+-]\d{4})?")


def parse_date(text: str) -> date | None:
    """A DA value, also with the dots of ACR-NEMA or with hyphens."""
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    try:
        return date(*map(int, found.groups()))
    except ValueError:
        return None


def parse_time(text: str) -> time | None:
    """A TM value: hours, and as much of minutes, seconds and fraction as there is."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    hour, minute, second, fraction = found.groups(default="0")
    try:
        # 60 is a leap second, which Python has no place for.
        return time(int(hour), int(minute), min(int(second), 59), int(fraction.ljust(6, "0")))
    except ValueError:
        return None


def parse_moment(text: str) -> datetime | None:
    """A DT value that names at least a day, as wall-clock time: its offset from UTC is left out."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        return None
    day = parse_date(found[1])
    clock = parse_time(found[2]) if found[2] else time.min
    return datetime.combine(day, clock) if day is not None and clock is not None else None


def format_date(day: date | None) -> str:
    """A DA value, "" for None."""
    return f"{day:%Y%m%d}" if day else ""


def format_time(clock: time | None) -> str:
    """A TM value, with a fraction only where there is one; "" for None."""
    if clock is None:
        return ""
    return f"{clock:%H%M%S.%f}" if clock.microsecond else f"{clock:%H%M%S}"
