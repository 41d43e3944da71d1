"""Storing gradings and asking for them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, selectinload

from grading.grader import Grading as Result
from service.records.models import Bundle, Grading, ItemScore, Recording, Report, SubScoreRow


def register_bundle(
    session: Session, digest: str, name: str, version: str, manifest: Mapping[str, Any]
) -> int:
    """The id of the bundle with this hash, registered if new."""
    session.execute(
        insert(Bundle)
        .values(hash=digest, name=name, version=version, manifest=dict(manifest))
        .on_conflict_do_nothing()
    )
    return session.execute(select(Bundle.id).where(Bundle.hash == digest)).scalar_one()


def save_grading(
    session: Session,
    uid: str,
    recording_id: int,
    bundle_id: int,
    result: Result,
    flags: Sequence[str],
    *,
    maps_key: str | None = None,
    beside: bool = False,
) -> None:
    """Store a result as a grading and make it the active one of its recording; the same UID is stored once.

    ``flags`` are all that the grading is to carry, those of the result among them. ``maps_key`` says where
    the parts of its scores lie, see `service.kept_maps`. With ``beside`` the active grading stays the one it
    is.
    """
    others = update(Grading).where(Grading.recording_key == recording_id, Grading.uid != uid)
    if not beside:
        session.execute(others.values(active=False))
    known = session.scalar(select(Grading).where(Grading.uid == uid))
    if known is not None:
        known.active = known.active or not beside
        return
    session.add(
        Grading(
            uid=uid,
            recording_key=recording_id,
            bundle_key=bundle_id,
            active=not beside,
            flags=list(flags),
            side=result.side,
            novelty=result.novelty,
            maps_key=maps_key,
            created_at=func.clock_timestamp(),
            items=[
                ItemScore(item=item, value=value, **_ends(result.intervals.get(item)))
                for item, value in result.scores.items()
            ],
            sub_scores=[
                SubScoreRow(
                    name=score.id,
                    formula=score.formula,
                    value=score.value,
                    **_ends(result.sub_intervals.get(score.id) if score.formula == "folded" else None),
                )
                for score in result.sub_scores
            ],
        )
    )


def active_grading(session: Session, recording_id: int) -> Grading | None:
    """The active grading of a recording, with its scores and bundle."""
    query = (
        select(Grading)
        .where(Grading.recording_key == recording_id, Grading.active)
        .order_by(Grading.id.desc())
        .limit(1)
        .options(selectinload(Grading.items), selectinload(Grading.sub_scores), selectinload(Grading.bundle))
    )
    return session.scalar(query)


def first_grading(session: Session, recording: Recording, bundle_id: int) -> Grading | None:
    """The grading, by the same bundle, of the patient's first recording before this one, if there is one.

    Scores of different bundles are not compared: their errors differ.
    """
    if recording.patient_key is None or recording.recorded_at is None:
        return None
    query = (
        select(Grading)
        .join(Recording)
        .where(
            Recording.patient_key == recording.patient_key,
            Recording.recorded_at < recording.recorded_at,
            Grading.bundle_key == bundle_id,
        )
        # Of the bundle's gradings of that recording the active one, else the newest: it may have graded the
        # archive beside another.
        .order_by(Recording.recorded_at, Grading.active.desc(), Grading.id.desc())
        .limit(1)
        .options(
            selectinload(Grading.items), selectinload(Grading.sub_scores), selectinload(Grading.recording)
        )
    )
    return session.scalar(query)


def earlier_reports(session: Session, grading: Grading) -> list[Report]:
    """The documents of the recording's earlier gradings, of each kind the newest."""
    query = (
        select(Report)
        .join(Grading)
        .where(Grading.recording_key == grading.recording_key, Grading.id < grading.id)
        .order_by(Grading.id, Report.id)
    )
    return list({report.kind: report for report in session.scalars(query)}.values())


def scores_of(grading: Grading) -> dict[str, float]:
    """Item scores by item id."""
    return {item.item: item.value for item in grading.items}


def intervals_of(grading: Grading) -> dict[str, tuple[float, float]]:
    """90 % prediction intervals in points, by item id and by the id of the folded sub-scores, where known."""
    rows = [(item.item, item.interval) for item in grading.items]
    rows += [(score.name, score.interval) for score in grading.sub_scores]
    return {name: interval for name, interval in rows if interval is not None}


def _ends(interval: tuple[float, float] | None) -> dict[str, float | None]:
    low, high = interval or (None, None)
    return {"low": low, "high": high}
