"""Questions about many patients: who stands where after a procedure, and how a cohort fares over time.

Scores are those of one bundle, since the errors of two differ: the one asked for, else the bundle of the
newest current grading. A surgery counts once per time, with the recording nearest to the day asked for.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scipy.special import stdtrit
from sqlalchemy import Integer, column, func, select, true, values
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session
from sqlalchemy.sql import Select
from sqlalchemy.sql.selectable import LateralFromClause

from grading.errors import PermanentError
from grading.scales import EFACE
from service.records.models import (
    Bundle,
    Grading,
    ItemScore,
    Patient,
    Recording,
    SubScoreRow,
    Surgery,
    Timepoint,
)
from service.records.timepoints import DAYS_PER_MONTH, Window, time_windows

FOLDED = "folded"
SUB_SCORES = ("static", "dynamic")


class QueryError(PermanentError):
    """A question about the records cannot be answered as it was asked."""

    code = "query.invalid"


@dataclass(frozen=True)
class Procedure:
    """The name of a procedure and how many surgeries there are of it."""

    procedure: str
    surgeries: int


@dataclass(frozen=True)
class Member:
    """A patient at a time after a surgery; ``value`` of ``score`` and its 90 % interval are in points."""

    patient_id: str
    issuer: str
    surgery: int
    procedure: str
    performed_on: dt.date
    side: str
    recording: int
    recorded_on: dt.date
    days: int
    score: str
    value: float
    low: float | None
    high: float | None
    bundle: str


@dataclass(frozen=True)
class CoursePoint:
    """A score of a cohort at one time: mean and spread over ``n`` surgeries, in points.

    ``sd`` and the 95 % interval of the mean are None with fewer than two.
    """

    timepoint: str
    from_days: int
    to_days: int
    score: str
    n: int
    mean: float
    sd: float | None
    mean_low: float | None
    mean_high: float | None
    lower_quartile: float
    median: float
    upper_quartile: float
    bundle: str


def current_bundle(session: Session, bundle_hash: str | None = None) -> Bundle:
    """The bundle whose hash begins so, or else that of the newest current grading.

    Raises:
        QueryError: no or more than one bundle has such a hash, or nothing was graded yet.
    """
    if bundle_hash is None:
        newest = select(Grading).where(Grading.active).order_by(Grading.id.desc()).limit(1)
        grading = session.scalar(newest)
        if grading is None:
            raise QueryError("nothing is graded yet")
        return grading.bundle
    found = session.scalars(
        select(Bundle).where(Bundle.hash.startswith(bundle_hash, autoescape=True)).limit(2)
    ).all()
    if len(found) != 1:
        raise QueryError(f"{len(found) or 'no'} bundles are known here whose hash begins with this")
    return found[0]


def procedures(session: Session) -> list[Procedure]:
    """The procedures on record, the most frequent first."""
    count = func.count().label("surgeries")
    rows = session.execute(
        select(Surgery.procedure, count).group_by(Surgery.procedure).order_by(count.desc(), Surgery.procedure)
    )
    return [Procedure(*row) for row in rows]


def at_time_after(
    session: Session,
    procedure: Sequence[str],
    months: float,
    within: float,
    score: str = "dynamic",
    *,
    below: float | None = None,
    above: float | None = None,
    bundle_hash: str | None = None,
) -> list[Member]:
    """Everybody with a recording ``months`` ± ``within`` after one of the procedures, the lowest score first.

    ``procedure`` are whole names, whatever their case. ``score`` is an eFACE item or a folded sub-score;
    ``below`` and ``above`` (points) keep those under or over.

    Raises:
        QueryError: the score or a procedure is unknown, or nothing was graded yet.
    """
    centre, reach = months * DAYS_PER_MONTH, within * DAYS_PER_MONTH
    bundle = current_bundle(session, bundle_hash)
    scored = _scores(score)
    nearest = (
        _visits(session, procedure, bundle, scored)
        .add_columns(
            Patient.patient_id,
            Patient.issuer,
            Surgery.id.label("surgery"),
            Surgery.procedure,
            Surgery.performed_on,
            Surgery.side,
            Recording.id.label("recording"),
            Recording.recorded_at,
            Timepoint.days,
            scored.c.value,
            scored.c.low,
            scored.c.high,
        )
        .join(Patient, Patient.id == Surgery.patient_key)
        .where(Timepoint.days.between(round(centre - reach), round(centre + reach)))
        .ext(distinct_on(Surgery.id))
        .order_by(Surgery.id, func.abs(Timepoint.days - round(centre)), *_NEWEST)
        .subquery()
    )
    query = select(nearest).order_by(nearest.c.value, nearest.c.surgery)
    if below is not None:
        query = query.where(nearest.c.value < below)
    if above is not None:
        query = query.where(nearest.c.value > above)
    return [
        Member(recorded_on=row.pop("recorded_at").date(), score=score, bundle=_name(bundle), **row)
        for row in map(dict, session.execute(query).mappings())
    ]


def trajectory(
    session: Session,
    procedure: Sequence[str],
    score: str = "dynamic",
    *,
    windows: Sequence[Window] | None = None,
    bundle_hash: str | None = None,
) -> list[CoursePoint]:
    """The mean course of a score around the procedures, with its spread, window by window.

    ``windows`` are those of the settings if not given; one without recordings is left out.

    Raises:
        QueryError: as for `at_time_after`.
    """
    windows = time_windows() if windows is None else windows
    bundle = current_bundle(session, bundle_hash)
    scored = _scores(score)
    given = values(
        column("number", Integer),
        column("from_days", Integer),
        column("to_days", Integer),
        column("nominal", Integer),
        name="windows",
    ).data([(number, one.from_days, one.to_days, one.nominal) for number, one in enumerate(windows)])
    nearest = (
        _visits(session, procedure, bundle, scored)
        .add_columns(given.c.number, scored.c.value)
        .join(given, Timepoint.days.between(given.c.from_days, given.c.to_days))
        .ext(distinct_on(given.c.number, Surgery.id))
        .order_by(given.c.number, Surgery.id, func.abs(Timepoint.days - given.c.nominal), *_NEWEST)
        .subquery()
    )
    quartiles = func.percentile_cont([0.25, 0.5, 0.75]).within_group(nearest.c.value)
    rows = session.execute(
        select(
            nearest.c.number,
            func.count(),
            func.avg(nearest.c.value),
            func.stddev_samp(nearest.c.value),
            quartiles,
        )
        .group_by(nearest.c.number)
        .order_by(nearest.c.number)
    )
    return [_point(windows[number], score, _name(bundle), *figures) for number, *figures in rows]


_NEWEST = (Grading.active.desc(), Grading.id.desc())
"""Of a bundle's gradings of one recording the current one comes first, else the newest."""


def _visits(
    session: Session, procedure: Sequence[str], bundle: Bundle, scored: LateralFromClause
) -> Select[Any]:
    """Recordings around the procedures with their score by the bundle; the caller adds columns."""
    names = [name.strip().lower() for name in procedure]
    found = [select(Surgery.id).where(func.lower(Surgery.procedure) == name).limit(1) for name in names]
    if not found or any(session.scalar(query) is None for query in found):
        raise QueryError("a procedure is not on record: 'facialis query procedures' lists their names")
    return (
        select()
        .select_from(Surgery)
        .join(Timepoint, Timepoint.surgery_key == Surgery.id)
        .join(Recording, Recording.id == Timepoint.recording_key)
        .join(Grading, Grading.recording_key == Recording.id)
        .join(scored, true())
        .where(func.lower(Surgery.procedure).in_(names), Grading.bundle_key == bundle.id)
    )


def _scores(score: str) -> LateralFromClause:
    """The one score of each grading, as a lateral join takes it."""
    if score in EFACE.by_id:
        row = select(ItemScore.value, ItemScore.low, ItemScore.high).where(
            ItemScore.grading_key == Grading.id, ItemScore.item == score
        )
    elif score in SUB_SCORES:
        row = select(SubScoreRow.value, SubScoreRow.low, SubScoreRow.high).where(
            SubScoreRow.grading_key == Grading.id, SubScoreRow.name == score, SubScoreRow.formula == FOLDED
        )
    else:
        known = ", ".join((*SUB_SCORES, *EFACE.by_id))
        raise QueryError(f"{score} is no score: use one of {known}")
    return row.correlate(Grading).lateral("scored")


def _point(
    window: Window,
    score: str,
    bundle: str,
    n: int,
    mean: float,
    sd: float | None,
    quartiles: Sequence[float],
) -> CoursePoint:
    margin = None if sd is None else float(stdtrit(n - 1, 0.975)) * sd / n**0.5
    return CoursePoint(
        timepoint=window.name,
        from_days=window.from_days,
        to_days=window.to_days,
        score=score,
        n=n,
        mean=mean,
        sd=sd,
        mean_low=None if margin is None else mean - margin,
        mean_high=None if margin is None else mean + margin,
        lower_quartile=quartiles[0],
        median=quartiles[1],
        upper_quartile=quartiles[2],
        bundle=bundle,
    )


def _name(bundle: Bundle) -> str:
    return f"{bundle.name} {bundle.version}"
