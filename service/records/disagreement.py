"""How far raters and the model differ on the recordings that both have scored."""

from dataclasses import dataclass

from sqlalchemy import Subquery, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from service.records.cohorts import current_bundle
from service.records.models import Annotation, AnnotationScore, Bundle, Grading, ItemScore, Rater
from service.records.ratings import counts

SCALE = "eface"


@dataclass(frozen=True)
class Disagreement:
    """The model's scores less one rater's of one item, in points, over ``n`` recordings.

    ``low`` and ``high`` are the 95 % limits of agreement (Bland and Altman), None with fewer than two.
    """

    rater: str
    item: str
    n: int
    bias: float
    mean_absolute: float
    low: float | None
    high: float | None
    bundle: str


@dataclass(frozen=True)
class Difference:
    """One score on which a rater and the model differ, in points."""

    recording: int
    rater: str
    item: str
    rated: float
    graded: float
    difference: float
    bundle: str


def disagreement(session: Session, bundle_hash: str | None = None) -> list[Disagreement]:
    """Per rater and eFACE item, how the bundle's scores stand to the rater's; see `current_bundle`.

    Raises:
        QueryError: there is no such bundle, or nothing was graded yet.
    """
    bundle = current_bundle(session, bundle_hash)
    pairs = _pairs(bundle)
    off = pairs.c.graded - pairs.c.rated
    rows = session.execute(
        select(
            pairs.c.rater,
            pairs.c.item,
            func.count(),
            func.avg(off),
            func.avg(func.abs(off)),
            func.stddev_samp(off),
        )
        .group_by(pairs.c.rater, pairs.c.item)
        .order_by(pairs.c.rater, pairs.c.item)
    )
    return [
        Disagreement(
            rater,
            item,
            n,
            bias,
            mean_absolute,
            None if sd is None else bias - 1.96 * sd,
            None if sd is None else bias + 1.96 * sd,
            _name(bundle),
        )
        for rater, item, n, bias, mean_absolute, sd in rows
    ]


def largest_differences(
    session: Session, limit: int = 50, bundle_hash: str | None = None
) -> list[Difference]:
    """The scores on which raters and the bundle differ most, the largest difference first.

    Raises:
        QueryError: as for `disagreement`.
    """
    bundle = current_bundle(session, bundle_hash)
    pairs = _pairs(bundle)
    off = (pairs.c.graded - pairs.c.rated).label("difference")
    rows = session.execute(
        select(pairs, off).order_by(func.abs(off).desc(), pairs.c.recording, pairs.c.item).limit(limit)
    )
    return [
        Difference(row.recording, row.rater, row.item, row.rated, row.graded, row.difference, _name(bundle))
        for row in rows
    ]


def _pairs(bundle: Bundle) -> Subquery:
    """Every item that a rater and the bundle both scored; of its gradings the current, else the newest."""
    gradings = (
        select(Grading.id, Grading.recording_key)
        .where(
            Grading.bundle_key == bundle.id,
            Grading.recording_key.in_(select(Annotation.recording_key).where(Annotation.scale == SCALE)),
        )
        .ext(distinct_on(Grading.recording_key))
        .order_by(Grading.recording_key, Grading.active.desc(), Grading.id.desc())
        .subquery()
    )
    return (
        select(
            Annotation.recording_key.label("recording"),
            Rater.name.label("rater"),
            AnnotationScore.item,
            AnnotationScore.value.label("rated"),
            ItemScore.value.label("graded"),
        )
        .join(Annotation, Annotation.id == AnnotationScore.annotation_key)
        .join(Rater, Rater.id == Annotation.rater_key)
        .join(gradings, gradings.c.recording_key == Annotation.recording_key)
        .join(
            ItemScore,
            (ItemScore.grading_key == gradings.c.id) & (ItemScore.item == AnnotationScore.item),
        )
        .where(Annotation.scale == SCALE, Annotation.repeat == 0, counts())
        .subquery()
    )


def _name(bundle: Bundle) -> str:
    return f"{bundle.name} {bundle.version}"
