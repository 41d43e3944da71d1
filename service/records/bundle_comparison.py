"""How the scores of two bundles differ on the recordings that both have graded."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import CTE, Subquery, case, exists, func, literal, select, union_all
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from service.assessing import FOLDED, detectable
from service.records.models import Bundle, Grading, ItemScore, SubScoreRow


@dataclass(frozen=True)
class ScoreComparison:
    """One score by both bundles over ``n`` recordings; differences are after less before, in points.

    ``low`` and ``high`` are the 95 % limits of agreement, None with fewer than two. ``beyond_mdc`` is how
    many differ by more than the minimal detectable change of the bundle before, None where it knows none.
    """

    score: str
    n: int
    mean_before: float
    mean_after: float
    bias: float
    mean_absolute: float
    low: float | None
    high: float | None
    largest: float
    beyond_mdc: int | None
    before: str
    after: str


def compare_bundles(
    session: Session, before: Bundle, after: Bundle, newest: int | None = None
) -> list[ScoreComparison]:
    """Every item and folded sub-score that both bundles have given, items first.

    With ``newest`` only so many recordings count that both have graded, the last ones that came.
    """
    mdc = detectable(before.manifest)
    pairs = _pairs(before.id, after.id, newest)
    off = pairs.c.after - pairs.c.before
    beyond = func.count().filter(func.abs(off) > _limit(pairs, mdc))
    rows = session.execute(
        select(
            pairs.c.score,
            func.count(),
            func.avg(pairs.c.before),
            func.avg(pairs.c.after),
            func.avg(off),
            func.avg(func.abs(off)),
            func.stddev_samp(off),
            func.max(func.abs(off)),
            beyond,
        )
        .group_by(pairs.c.kind, pairs.c.score)
        .order_by(pairs.c.kind, pairs.c.score)
    )
    return [
        ScoreComparison(
            score,
            n,
            mean_before,
            mean_after,
            bias,
            mean_absolute,
            None if sd is None else bias - 1.96 * sd,
            None if sd is None else bias + 1.96 * sd,
            largest,
            beyond_mdc if score in mdc else None,
            f"{before.name} {before.version}",
            f"{after.name} {after.version}",
        )
        for score, n, mean_before, mean_after, bias, mean_absolute, sd, largest, beyond_mdc in rows
    ]


def _limit(pairs: Subquery, mdc: Mapping[str, float]) -> object:
    """The minimal detectable change of a row's score, NULL where there is none."""
    if not mdc:
        return literal(None)
    return case(dict(mdc), value=pairs.c.score)


def _pairs(before: int, after: int, newest: int | None) -> Subquery:
    recent = None if newest is None else _recent(before, after, newest)
    one, other = _gradings(before, "one", recent), _gradings(after, "other", recent)
    halves = []
    for kind, table, name in ((0, ItemScore, ItemScore.item), (1, SubScoreRow, SubScoreRow.name)):
        first, second = table.__table__.alias("first"), table.__table__.alias("second")
        half = (
            select(
                literal(kind).label("kind"),
                first.c[name.key].label("score"),
                first.c.value.label("before"),
                second.c.value.label("after"),
            )
            .select_from(one)
            .join(other, other.c.recording_key == one.c.recording_key)
            .join(first, first.c.grading_key == one.c.id)
            .join(second, (second.c.grading_key == other.c.id) & (second.c[name.key] == first.c[name.key]))
        )
        if table is SubScoreRow:
            half = half.where(first.c.formula == FOLDED, second.c.formula == FOLDED)
        halves.append(half)
    return union_all(*halves).subquery()


def _recent(before: int, after: int, newest: int) -> CTE:
    """The last recordings that both bundles have graded."""
    other = aliased(Grading)
    too = exists().where(other.recording_key == Grading.recording_key, other.bundle_key == before)
    return (
        select(Grading.recording_key)
        .distinct()
        .where(Grading.bundle_key == after, too)
        .order_by(Grading.recording_key.desc())
        .limit(newest)
        .cte("recent")
    )


def _gradings(bundle_id: int, name: str, recent: CTE | None) -> Subquery:
    """The bundle's grading of each recording, perhaps only recent ones: the active one, else the newest."""
    wanted = Grading.bundle_key == bundle_id
    if recent is not None:
        wanted &= Grading.recording_key.in_(select(recent.c.recording_key))
    return (
        select(Grading.id, Grading.recording_key)
        .where(wanted)
        .ext(distinct_on(Grading.recording_key))
        .order_by(Grading.recording_key, Grading.active.desc(), Grading.id.desc())
        .subquery(name)
    )
