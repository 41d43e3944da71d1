"""Grading the archive by another bundle: what is to be graded, how far it is, what becomes of the results.

The rows are the queue. Results are stored beside the gradings that count, which stay as they are until the
bundle is adopted.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Date, cast, exists, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from grading.bundle import Bundle
from grading.errors import PermanentError
from service.records.due import note as note_due
from service.records.leases import Lease, cleared, confirm, free, take
from service.records.models import (
    Bundle as KnownBundle,
)
from service.records.models import (
    Grading,
    Recording,
    RecordingState,
    Regrading,
    RegradingState,
    RegradingTask,
    RegradingTaskState,
)

QUEUE = "regrade"
OPEN = (RegradingState.RUNNING, RegradingState.PAUSED)
LIVE = (RecordingState.COMPLETE, RecordingState.PREPARED, RecordingState.GRADED)
"""States of recordings on their way, that regrading waits for."""


class RegradingError(PermanentError):
    """There is no regrading as asked for."""

    code = "regrading.unknown"


@dataclass(frozen=True)
class Progress:
    """How far a regrading is, in recordings; ``note`` says why it was paused, where no person did it."""

    regrading: int
    bundle: str
    bundle_hash: str
    state: str
    waiting: int
    done: int
    failed: int
    note: str | None

    @property
    def total(self) -> int:
        """How many recordings it is about."""
        return self.waiting + self.done + self.failed


def start(session: Session, bundle: Bundle, path: Path, since: dt.date | None = None) -> Regrading:
    """Have the bundle grade every graded recording that it has not graded yet, from the day ``since`` on.

    An open regrading by the same bundle goes on, with the recordings that came meanwhile and those that
    failed.
    """
    session.execute(
        insert(Regrading)
        .values(
            bundle_hash=bundle.hash,
            bundle_name=f"{bundle.name} {bundle.version}",
            bundle_path=str(path),
            since=since,
            state=RegradingState.RUNNING,
        )
        .on_conflict_do_nothing()
    )
    run = _open(session, bundle.hash)
    run.state, run.note, run.since, run.bundle_path = RegradingState.RUNNING, None, since, str(path)
    session.flush()
    session.execute(
        update(RegradingTask)
        .where(RegradingTask.regrading_key == run.id, RegradingTask.state == RegradingTaskState.FAILED)
        .values(**cleared(RegradingTask), state=RegradingTaskState.WAITING, code=None)
    )
    graded = exists().where(Grading.recording_key == Recording.id, Grading.active)
    by_it = exists().where(
        Grading.recording_key == Recording.id,
        Grading.bundle_key == KnownBundle.id,
        KnownBundle.hash == bundle.hash,
    )
    day = func.coalesce(cast(Recording.recorded_at, Date), cast(Recording.first_received_at, Date))
    wanted = select(literal(run.id), Recording.id).where(graded, ~by_it).order_by(Recording.id)
    if since is not None:
        wanted = wanted.where(day >= since)
    session.execute(
        insert(RegradingTask).from_select(["regrading_key", "recording_key"], wanted).on_conflict_do_nothing()
    )
    note_due(session, QUEUE, run.id)
    return run


def pause(session: Session, run_id: int | None = None, note: str | None = None) -> Regrading:
    """Let a regrading (the open one if not named) rest; what a worker is grading at the moment is finished.

    Raises:
        RegradingError: there is none that is open.
    """
    run = _by_id(session, run_id)
    run.state, run.note = RegradingState.PAUSED, note
    return run


def resume(session: Session, run_id: int | None = None) -> Regrading:
    """Let a paused regrading go on.

    Raises:
        RegradingError: there is none that is open.
    """
    run = _by_id(session, run_id)
    run.state, run.note = RegradingState.RUNNING, None
    note_due(session, QUEUE, run.id)
    return run


def running(session: Session) -> list[Regrading]:
    """The regradings that go on, the first begun first."""
    query = select(Regrading).where(Regrading.state == RegradingState.RUNNING).order_by(Regrading.id)
    return list(session.scalars(query))


def progress(session: Session) -> list[Progress]:
    """How far every regrading is, the newest first."""
    counts = {
        (row.regrading_key, row.state): row.recordings
        for row in session.execute(
            select(
                RegradingTask.regrading_key, RegradingTask.state, func.count().label("recordings")
            ).group_by(RegradingTask.regrading_key, RegradingTask.state)
        )
    }
    return [
        Progress(
            run.id,
            run.bundle_name,
            run.bundle_hash,
            run.state.value,
            counts.get((run.id, RegradingTaskState.WAITING), 0),
            counts.get((run.id, RegradingTaskState.DONE), 0),
            counts.get((run.id, RegradingTaskState.FAILED), 0),
            run.note,
        )
        for run in session.scalars(select(Regrading).order_by(Regrading.id.desc()))
    ]


def live_work_waits(session: Session) -> bool:
    """Whether a recording is on its way to its report and due now, in a worker's hands or not."""
    due = Recording.next_attempt_at.is_(None) | (Recording.next_attempt_at <= func.clock_timestamp())
    return bool(session.scalar(select(exists().where(Recording.state.in_(LIVE), due))))


def take_next(session: Session, run_id: int, seconds: float) -> tuple[Lease, int] | None:
    """Take up the next recording of a running regrading: the lease on its task and the recording's id."""
    state = select(Regrading.state).where(Regrading.id == run_id).scalar_subquery()
    due = session.execute(
        select(RegradingTask.id, RegradingTask.recording_key)
        .where(
            RegradingTask.regrading_key == run_id,
            RegradingTask.state == RegradingTaskState.WAITING,
            free(RegradingTask),
            state == RegradingState.RUNNING,
        )
        .order_by(RegradingTask.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=RegradingTask)
    ).one_or_none()
    if due is None:
        return None
    lease = take(session, RegradingTask, due.id, RegradingTaskState.WAITING, seconds)
    return None if lease is None else (lease, due.recording_key)


def end(session: Session, lease: Lease, code: str | None = None) -> None:
    """Note that the recording of a task was graded, or failed for the error ``code``.

    Raises:
        LeaseLostError: another worker took it up meanwhile.
    """
    confirm(session, RegradingTask, lease)
    state = RegradingTaskState.DONE if code is None else RegradingTaskState.FAILED
    session.execute(
        update(RegradingTask)
        .where(RegradingTask.id == lease.row_id)
        .values(**cleared(RegradingTask), state=state, code=code)
    )


def finish_if_done(session: Session, run_id: int) -> bool:
    """Close a running regrading of which nothing waits any more; whether it is closed."""
    waits = exists().where(
        RegradingTask.regrading_key == run_id, RegradingTask.state == RegradingTaskState.WAITING
    )
    closed = session.execute(
        update(Regrading)
        .where(Regrading.id == run_id, Regrading.state == RegradingState.RUNNING, ~waits)
        .values(state=RegradingState.FINISHED, finished_at=func.clock_timestamp())
        .returning(Regrading.id)
    )
    return closed.first() is not None


def adopt(session: Session, bundle_id: int) -> int:
    """Let the bundle's gradings count where it has graded a recording; the others stay, and count no more.

    Documents that were written stay with the gradings they are of. Gives the number of recordings whose
    grading changed.
    """
    newest = (
        select(func.max(Grading.id)).where(Grading.bundle_key == bundle_id).group_by(Grading.recording_key)
    )
    by_it = aliased(Grading)
    theirs = select(by_it.recording_key).where(by_it.bundle_key == bundle_id)
    session.execute(
        update(Grading)
        .where(Grading.active, Grading.bundle_key != bundle_id, Grading.recording_key.in_(theirs))
        .values(active=False)
    )
    # Where the bundle's grading counts already, a newer one of its own would be in its place.
    counting = select(by_it.recording_key).where(by_it.bundle_key == bundle_id, by_it.active)
    adopted = session.execute(
        update(Grading)
        .where(Grading.id.in_(newest), Grading.recording_key.not_in(counting))
        .values(active=True)
        .returning(Grading.id)
    )
    return len(adopted.all())


def _open(session: Session, bundle_hash: str) -> Regrading:
    query = (
        select(Regrading)
        .where(Regrading.bundle_hash == bundle_hash, Regrading.state.in_(OPEN))
        .with_for_update()
    )
    return session.scalars(query).one()


def _by_id(session: Session, run_id: int | None) -> Regrading:
    query = select(Regrading).where(Regrading.state.in_(OPEN)).with_for_update()
    if run_id is not None:
        query = query.where(Regrading.id == run_id)
    found = session.scalars(query).all()
    if len(found) != 1:
        what = "several regradings are open: give the number of one" if found else "no regrading is open"
        raise RegradingError(f"{what}; see 'facialis regrade status'")
    return found[0]
