"""The daily constancy check: when it is due, whether scores agree, and how it stands at this moment."""

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.constancy_settings import ConstancySettings
from service.records import constancy as on_record
from service.records.models import ConstancyRun, ConstancyState
from service.settings import Settings

OVERDUE = dt.timedelta(hours=26)
"""A day, and the time that a machine may take to start and catch up."""
LAST, FIRST = "last", "first"


class Verdict(enum.StrEnum):
    """How constancy stands."""

    AGREES = "agrees"
    DIFFERS = "differs"
    FAILED = "failed"
    NONE = "none"
    """No check was made yet."""


@dataclass(frozen=True)
class Change:
    """What a check was made with and the one before was not; empty texts for what was not there."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Beyond:
    """An item that is further from an earlier check (`last` or `first`, by its number) than it may be."""

    item: str
    points: float
    against: str
    run: int


@dataclass(frozen=True)
class Standing:
    """How constancy stands: the latest check, and what a person has to know of it.

    ``since`` is when a check last gave scores (or was first asked for), None if never; ``overdue`` that this
    is too long ago. ``largest`` is the greatest difference from the last check and from the first, in points,
    None where there was nothing to compare with. ``changes`` are those since the check before.
    """

    verdict: Verdict
    overdue: bool
    since: dt.datetime | None
    run: ConstancyRun | None = None
    beyond: tuple[Beyond, ...] = ()
    largest: Mapping[str, float] | None = None
    changes: tuple[Change, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nobody has to look at it."""
        return self.verdict in (Verdict.AGREES, Verdict.NONE) and not self.overdue


def due_night(now: dt.datetime, settings: ConstancySettings, zone: dt.tzinfo | None) -> dt.date:
    """The night whose check should have been asked for by ``now``; ``zone`` None is this machine's."""
    local = now.astimezone(zone)
    today = local.date()
    return today if local.time() >= settings.at else today - dt.timedelta(days=1)


def compare(
    scores: Mapping[str, float],
    last: ConstancyRun | None,
    first: ConstancyRun | None,
    settings: ConstancySettings,
) -> tuple[ConstancyState, dict[str, Any]]:
    """Whether scores agree with those of earlier checks by the same bundle, and by how much they differ.

    Scores are of all items of the bundle, in points.
    """
    compared = {}
    for against, earlier, limit in ((LAST, last, settings.limit), (FIRST, first, settings.drift_limit)):
        if earlier is not None and earlier.scores is not None:
            differences = {item: scores[item] - earlier.scores[item] for item in scores}
            compared[against] = {"run": earlier.id, "limit": limit, "differences": differences}
    agrees = not beyond(compared)
    return (ConstancyState.AGREES if agrees else ConstancyState.DIFFERS), compared


def beyond(compared: Mapping[str, Any] | None) -> tuple[Beyond, ...]:
    """The items that differ by more than they may, the furthest first."""
    found = [
        Beyond(item, points, against, one["run"])
        for against, one in (compared or {}).items()
        for item, points in one["differences"].items()
        if abs(points) > one["limit"]
    ]
    return tuple(sorted(found, key=lambda one: -abs(one.points)))


def largest(compared: Mapping[str, Any] | None) -> dict[str, float]:
    """The greatest difference from the last and from the first check, in points."""
    return {
        against: max(abs(points) for points in one["differences"].values())
        for against, one in (compared or {}).items()
    }


def changes(before: Mapping[str, str] | None, after: Mapping[str, str] | None) -> tuple[Change, ...]:
    """What differs between what two checks were made with; nothing where one of them is not known."""
    if before is None or after is None:
        return ()
    return tuple(
        Change(name, before.get(name, ""), after.get(name, ""))
        for name in dict.fromkeys((*after, *before))
        if before.get(name) != after.get(name)
    )


def standing(session: Session, settings: Settings) -> Standing:
    """How constancy stands at this moment."""
    since = on_record.last_on_time(session)
    now: dt.datetime = session.scalars(select(func.clock_timestamp())).one()
    overdue = settings.constancy.daily and since is not None and now - since > OVERDUE
    run = next(iter(on_record.latest(session)), None)
    if run is None:
        return Standing(Verdict.NONE, overdue, since)
    earlier = on_record.before(session, run)
    verdict = Verdict.AGREES if run.accepted_at else Verdict(run.state.value)
    return Standing(
        verdict,
        overdue,
        since,
        run,
        () if run.accepted_at else beyond(run.compared),
        largest(run.compared),
        changes(earlier.environment if earlier else None, run.environment),
    )
