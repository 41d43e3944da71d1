"""Procedure resources of other systems, read as surgeries."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dicom.codes import SIDES
from service.fhir.coding import Resource

DONE = "completed"
UNDONE = ("entered-in-error", "not-done")
_BOTH = "51440002"
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})($|T)")


@dataclass(frozen=True)
class ProcedureRead:
    """One procedure: ``problem`` says in words why it is no surgery to record, None where it is one.

    ``undone`` tells that the server has taken it back. What was done is left out of ``repr``.
    """

    id: str
    day: dt.date | None
    procedure: str = field(repr=False)
    side: str
    surgeon: str = field(repr=False)
    undone: bool
    problem: str | None


def read_procedure(resource: Resource, codes: Mapping[str, str]) -> ProcedureRead | None:
    """A Procedure as a surgery; None where its code is not among ``codes``, or it is not done yet.

    ``codes`` tell which codes count, and the side that each means; without any all count.
    """
    status = resource.get("status")
    coded = list(_codes(resource.get("code")))
    known = next((code for code in coded if code in codes), None)
    if (codes and known is None) or status not in (DONE, *UNDONE):
        return None
    day = _day(resource)
    side = _side(resource) or codes.get(known or "", "")
    procedure = _words(resource.get("code"))
    problem = None
    if day is None:
        problem = "its day is missing or not exact"
    elif not side:
        problem = "its side is missing: correct it there, or name the side of its code in the source's codes"
    elif not procedure:
        problem = "it does not say what was done"
    return ProcedureRead(
        id=str(resource.get("id", "")),
        day=day,
        procedure=procedure[:200],
        side=side,
        surgeon=_performer(resource)[:200],
        undone=status in UNDONE,
        problem=problem,
    )


def _day(resource: Resource) -> dt.date | None:
    """The day of the start, or of the moment; None where only a month or a year is told."""
    period = resource.get("performedPeriod") or {}
    text = resource.get("performedDateTime") or period.get("start") or period.get("end") or ""
    found = _DAY.match(str(text))
    try:
        return dt.date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def _side(resource: Resource) -> str:
    """L, R or B by the codes of the body sites, "" where they say none."""
    told = {code for site in _list(resource.get("bodySite")) for code in _codes(site)}
    sides = [side for side, code in SIDES.items() if code.value in told]
    if _BOTH in told or len(sides) > 1:
        return "B"
    return sides[0] if sides else ""


def _words(concept: Any) -> str:
    if not isinstance(concept, dict):
        return ""
    shown = [str(one.get("display") or one.get("code") or "") for one in _list(concept.get("coding"))]
    return str(concept.get("text") or next(filter(None, shown), "")).strip()


def _performer(resource: Resource) -> str:
    for performer in _list(resource.get("performer")):
        actor = performer.get("actor") or {}
        if actor.get("display"):
            return str(actor["display"])
    return ""


def _codes(concept: Any) -> Iterator[str]:
    """The codes of a concept, whatever their system."""
    if isinstance(concept, dict):
        for one in _list(concept.get("coding")):
            if one.get("code"):
                yield str(one["code"])


def _list(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
