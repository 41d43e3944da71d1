"""Search parameters: what their values say, as conditions on rows.

Values separated by commas mean any of them. A date is a span, and rows are held against it as FHIR's search
says for each prefix.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydicom.sr.coding import Code
from sqlalchemy import ColumnElement, SQLColumnExpression, and_, false, not_, or_, true

from service.fhir.coding import SYSTEMS, Resource
from service.fhir_server.outcomes import ParameterValueError

Condition = ColumnElement[bool]
Column = SQLColumnExpression[Any]
_PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
_DATE = re.compile(
    rf"({'|'.join(_PREFIXES)})?"
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?"
)
_COMMA, _BAR = re.compile(r"(?<!\\),"), re.compile(r"(?<!\\)\|")
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


@dataclass(frozen=True)
class Parameter:
    """A search parameter: its type in FHIR, what it is, the rows that a value means.

    ``picks`` says which of the resources that are made of one row a value means, where that is not all.
    """

    type: str
    about: str
    rows: Callable[[str], Condition]
    picks: Callable[[str], Callable[[Resource], bool]] | None = None


@dataclass(frozen=True)
class Token:
    """A token as it is searched for: ``system`` None is any, "" is none."""

    system: str | None
    value: str

    def fits(self, system: str, value: str) -> bool:
        """Whether a code or identifier is what is searched for."""
        return self.system in (None, system) and self.value in ("", value)


def values(text: str) -> list[str]:
    """The values that commas separate."""
    return [one for one in _COMMA.split(text) if one]


def any_of(text: str, condition: Callable[[str], Condition]) -> Condition:
    """Condition: one of the values fits."""
    return or_(false(), *(condition(one) for one in values(text)))


def token(text: str) -> Token:
    """A token out of ``value``, ``system|value``, ``|value`` or ``system|``."""
    parts = [part.replace("\\,", ",").replace("\\|", "|") for part in _BAR.split(text, maxsplit=1)]
    return Token(None, parts[0]) if len(parts) == 1 else Token(parts[0], parts[1])


def number(text: str, kind: str) -> int | None:
    """The number in a reference such as ``12``, ``Patient/12`` or an address that ends so, if it has one."""
    path, _, last = text.rpartition("/")
    if _NUMBER.fullmatch(last) is None or (path and path.rpartition("/")[2] != kind):
        return None
    return int(last)


def referred(column: Column, kind: str) -> Callable[[str], Condition]:
    """Rows whose ``column`` holds the number of the resource that is referred to."""

    def condition(text: str) -> Condition:
        given = number(text, kind)
        return false() if given is None else column == given

    return lambda text: any_of(text, condition)


def numbered(column: Column) -> Callable[[str], Condition]:
    """Rows whose number an id begins with."""

    def condition(text: str) -> Condition:
        given = leading_number(text)
        return false() if given is None else column == given

    return lambda text: any_of(text, condition)


def leading_number(resource_id: str) -> int | None:
    """The number of the row that an id begins with, such as 9 of ``9-EF-STATIC``; None if with none."""
    given = resource_id.partition("-")[0]
    return int(given) if _NUMBER.fullmatch(given) else None


def by_id(text: str) -> Callable[[Resource], bool]:
    """Resources that have one of the ids."""
    wanted = set(values(text))
    return lambda resource: resource["id"] in wanted


def coded(codes: Iterable[Code]) -> Callable[[str], Condition]:
    """All rows, if a value is one of the codes that their resources can have, else none."""
    known = [(SYSTEMS[code.scheme_designator], code.value) for code in codes]
    return lambda text: any_of(
        text, lambda one: true() if any(token(one).fits(*code) for code in known) else false()
    )


def by_code(text: str) -> Callable[[Resource], bool]:
    """Resources that are of one of the codes."""
    wanted = [token(one) for one in values(text)]

    def picks(resource: Resource) -> bool:
        has = [(one["system"], one["code"]) for one in resource["code"]["coding"]]
        return any(one.fits(*code) for one in wanted for code in has)

    return picks


def on_day(column: Column, moment: Callable[[dt.date], Any] = lambda day: day) -> Callable[[str], Condition]:
    """Rows whose ``column`` lies in the span of a date; a time of day is not looked at.

    ``moment`` makes the beginning of a day what the column holds: a day, unless told otherwise.
    """

    def condition(text: str) -> Condition:
        prefix, low, high = span(text, whole_days=True)
        return _compared(column, prefix, moment(low.date()), moment(high.date()))

    return lambda text: any_of(text, condition)


def midnight(day: dt.date) -> dt.datetime:
    """For columns that hold a camera's time without a zone."""
    return dt.datetime.combine(day, dt.time.min)


def at_moment(column: Column) -> Callable[[str], Condition]:
    """Rows whose ``column`` lies in the span of a date; one without a zone is in that of this machine."""

    def condition(text: str) -> Condition:
        prefix, low, high = span(text)
        return _compared(column, prefix, low.astimezone(), high.astimezone())

    return lambda text: any_of(text, condition)


def span(text: str, *, whole_days: bool = False) -> tuple[str, dt.datetime, dt.datetime]:
    """A date's prefix, and the span that it stands for: from the first moment to just before the second.

    Raises:
        ParameterValueError: it is no date of FHIR, or one that no calendar has.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        raise ParameterValueError("a date is written as 2024, 2024-03, 2024-03-12 or with a time and zone")
    prefix, year, month, day, hour, minute, second, zone = found.groups()
    if whole_days:
        hour = minute = second = zone = None
    try:
        low = dt.datetime(int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0))
        low = low.replace(second=int(second or 0), tzinfo=_zone(zone))
        if hour is not None:
            high = low + (dt.timedelta(seconds=1) if second else dt.timedelta(minutes=1))
        elif day is not None:
            high = low + dt.timedelta(days=1)
        elif month is not None:
            high = (low + dt.timedelta(days=31)).replace(day=1)
        else:
            high = low.replace(year=low.year + 1)
        # Ends that a zone would move out of the calendar are refused too.
        low.astimezone(dt.UTC), high.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise ParameterValueError("a date must be one that the calendar has") from None
    return prefix or "eq", low, high


def _zone(zone: str | None) -> dt.tzinfo | None:
    if zone is None:
        return None
    if zone == "Z":
        return dt.UTC
    hours, minutes = int(zone[:3]), int(zone[0] + zone[4:])
    return dt.timezone(dt.timedelta(hours=hours, minutes=minutes))


def _compared(column: Column, prefix: str, low: Any, high: Any) -> Condition:
    from_low: Condition = column >= low
    from_high: Condition = column >= high
    if prefix in ("eq", "ap"):
        return and_(from_low, not_(from_high))
    if prefix == "ne":
        return or_(not_(from_low), from_high)
    if prefix in ("gt", "sa"):
        return from_high
    if prefix in ("lt", "eb"):
        return not_(from_low)
    return from_low if prefix == "ge" else not_(from_high)
