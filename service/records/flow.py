"""A recording's states and the moves between them.

``receiving → complete → prepared → graded → reported → delivered``, and beside them ``needs_attention`` with
a reason that a person can act on. Every move goes through this module.
"""

import enum
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, ScalarSelect, func, or_, select, update
from sqlalchemy.orm import Session, joinedload, object_session

from service.records.due import note
from service.records.leases import Lease, cleared, confirm, free, take
from service.records.models import (
    Delivery,
    DeliveryState,
    Grading,
    Photo,
    Recording,
    RecordingState,
    Report,
    StageRun,
)


class Stage(enum.StrEnum):
    """A step of the work; its value names the queue that carries it."""

    PREPARE = "prepare"
    GRADE = "grade"
    REPORT = "report"
    DELIVER = "deliver"


@dataclass(frozen=True)
class Move:
    """From which state a stage takes a recording and to which it leads."""

    takes: RecordingState
    leads_to: RecordingState


MOVES = {
    Stage.PREPARE: Move(RecordingState.COMPLETE, RecordingState.PREPARED),
    Stage.GRADE: Move(RecordingState.PREPARED, RecordingState.GRADED),
    Stage.REPORT: Move(RecordingState.GRADED, RecordingState.REPORTED),
}
"""The stages that hold a whole recording; delivering holds one delivery at a time."""
_STAGES = {move.takes: stage for stage, move in MOVES.items()}

DELIVERY_FAILED = "delivery.failed"


def move(recording: Recording, state: RecordingState) -> None:
    """Put the recording into ``state``, free of any lease or reason."""
    recording.state = state
    recording.reason_code = recording.reason = None
    recording.state_changed_at = func.clock_timestamp()
    for column, value in cleared(Recording).items():
        setattr(recording, column, value)
    session, stage = object_session(recording), _STAGES.get(state)
    if session is not None and stage is not None:
        note(session, stage.value, recording.id)


def hold(recording: Recording, code: str, reason: str) -> None:
    """Put the recording aside until a person has acted on ``reason``."""
    move(recording, RecordingState.NEEDS_ATTENTION)
    recording.reason_code = code
    recording.reason = reason


def begin(
    session: Session, stage: Stage, recording_id: int, worker: str, lease_seconds: float
) -> Lease | None:
    """Take up a recording for ``stage``; None if there is nothing to do for it now."""
    lease = take(session, Recording, recording_id, MOVES[stage].takes, lease_seconds)
    if lease is None:
        return None
    run = StageRun(recording_key=recording_id, stage=stage, worker=worker, started_at=func.clock_timestamp())
    session.add(run)
    session.flush()
    return replace(lease, run_id=run.id)


def end_run(session: Session, lease: Lease, outcome: str) -> None:
    """Note how the attempt under ``lease`` ended."""
    session.execute(
        update(StageRun)
        .where(StageRun.id == lease.run_id)
        .values(finished_at=func.clock_timestamp(), outcome=outcome)
    )


def finish(session: Session, stage: Stage, lease: Lease, state: RecordingState | None = None) -> None:
    """Move a recording to where ``stage`` leads (or to ``state``) as its results are stored.

    Raises:
        LeaseLostError: the lease is no longer held; nothing may be stored.
    """
    confirm(session, Recording, lease)
    move(session.get_one(Recording, lease.row_id), state or MOVES[stage].leads_to)
    end_run(session, lease, "done" if state is None else f"back to {state}")


def retry(session: Session, recording: Recording) -> None:
    """Let a recording that needed attention try again: its failed deliveries, else from its photos."""
    if recording.reason_code != DELIVERY_FAILED:
        move(recording, RecordingState.COMPLETE)
        return
    # By way of the report, which is written again should its file be gone.
    move(recording, RecordingState.GRADED)
    session.execute(
        update(Delivery)
        .where(_of_current_grading(recording.id), Delivery.state == DeliveryState.FAILED)
        .values(**cleared(Delivery), state=DeliveryState.PENDING, retries=Delivery.retries + 1)
    )


def _current_grading(recording_id: int) -> ScalarSelect[int]:
    """Id of the recording's active grading."""
    return (
        select(func.max(Grading.id))
        .where(Grading.recording_key == recording_id, Grading.active)
        .scalar_subquery()
    )


def _of_current_grading(recording_id: int) -> ColumnElement[bool]:
    """Condition: the delivery is of a document of the recording's active grading."""
    return Delivery.report_key.in_(
        select(Report.id).where(Report.grading_key == _current_grading(recording_id))
    )


def ended_series(quiet_seconds: float) -> ColumnElement[bool]:
    """Condition: the recording is still receiving, but nothing came for ``quiet_seconds``."""
    since = func.extract("epoch", func.clock_timestamp() - Recording.last_received_at)
    return (Recording.state == RecordingState.RECEIVING) & (since >= quiet_seconds)


def full_series(photos: int) -> ColumnElement[bool]:
    """Condition: the recording is still receiving, but has so many photos."""
    count = select(func.count()).where(Photo.recording_key == Recording.id).scalar_subquery()
    return (Recording.state == RecordingState.RECEIVING) & (count >= photos)


def unqueued(model: type[Recording] | type[Delivery], after_seconds: float) -> ColumnElement[bool]:
    """Condition: no message of the last ``after_seconds`` names the row."""
    waiting = func.extract("epoch", func.clock_timestamp() - model.enqueued_at)
    return or_(model.enqueued_at.is_(None), waiting >= after_seconds)


def waiting_recordings(
    session: Session, stage: Stage, requeue_seconds: float, limit: int = 1000
) -> list[int]:
    """Ids of recordings that are due for ``stage`` and that no message of ``requeue_seconds`` names."""
    query = (
        select(Recording.id)
        .where(Recording.state == MOVES[stage].takes, free(Recording), unqueued(Recording, requeue_seconds))
        .order_by(Recording.state_changed_at)
        .limit(limit)
    )
    return list(session.scalars(query))


def settle_deliveries(session: Session, grading_id: int) -> None:
    """Move the grading's recording on when each delivery of its documents has ended, well or not.

    Only the active grading counts: a late delivery of another changes nothing.
    """
    recording = session.execute(
        select(Recording)
        .join(Grading, Grading.recording_key == Recording.id)
        .where(Grading.id == grading_id)
        .with_for_update(of=Recording)
    ).scalar_one()
    if recording.state not in (RecordingState.REPORTED, RecordingState.NEEDS_ATTENTION):
        return
    if session.scalar(select(_current_grading(recording.id))) != grading_id or (
        recording.state == RecordingState.NEEDS_ATTENTION and recording.reason_code != DELIVERY_FAILED
    ):
        return
    deliveries = session.scalars(
        select(Delivery)
        .join(Report)
        .where(Report.grading_key == grading_id)
        .order_by(Delivery.id)
        .options(joinedload(Delivery.report))
    ).all()
    failed = [delivery for delivery in deliveries if delivery.state == DeliveryState.FAILED]
    if failed:
        reasons = "; ".join(
            f"{delivery.destination} ({delivery.report.kind}): {delivery.answer}" for delivery in failed
        )
        hold(recording, DELIVERY_FAILED, f"The report was refused. {reasons}")
    elif {delivery.state for delivery in deliveries} - {DeliveryState.DROPPED} == {DeliveryState.DELIVERED}:
        move(recording, RecordingState.DELIVERED)
    elif recording.state == RecordingState.NEEDS_ATTENTION:
        # What had failed is tried again, or all was given up.
        move(recording, RecordingState.REPORTED)
