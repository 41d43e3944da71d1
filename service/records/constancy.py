"""Constancy checks on record: asking for one, what it is compared with, its end, accepting new scores."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from grading.errors import PermanentError
from service.records import audit
from service.records.audit import Actor
from service.records.audit_events import AuditEventKind
from service.records.due import note
from service.records.leases import Lease, cleared, confirm, free, take
from service.records.models import ConstancyRun, ConstancyState

QUEUE = "constancy"
CLOCK = "clock"
"""Who asks for the nightly check."""
MADE = ConstancyRun.scores.is_not(None)


class NoSuchCheckError(PermanentError):
    """There is no constancy check as asked for."""

    code = "constancy.unknown"


def ask(session: Session, asked_by: str) -> int:
    """Ask for a check now; its number. One that still waits serves whoever asks meanwhile."""
    waiting = select(ConstancyRun.id).where(ConstancyRun.state == ConstancyState.WAITING)
    number = session.scalar(waiting.order_by(ConstancyRun.id).limit(1))
    if number is None:
        run = ConstancyRun(asked_by=asked_by[:128])
        session.add(run)
        session.flush()
        number = run.id
    note(session, QUEUE, number)
    return number


def ask_for_night(session: Session, night: dt.date) -> bool:
    """Ask for the check of a night, unless it was asked for already; whether this did.

    One of an earlier night that nobody has made serves for this one.
    """
    if session.scalar(select(ConstancyRun.id).where(ConstancyRun.night == night)) is not None:
        return False
    missed = ConstancyRun.night.is_not(None) & (ConstancyRun.state == ConstancyState.WAITING)
    if session.scalar(update(ConstancyRun).where(missed).values(night=night).returning(ConstancyRun.id)):
        return True
    asked = insert(ConstancyRun).values(night=night, asked_by=CLOCK).on_conflict_do_nothing()
    return session.scalar(asked.returning(ConstancyRun.id)) is not None


def waiting_checks(session: Session) -> list[int]:
    """Numbers of checks that a worker can take up."""
    due = (ConstancyRun.state == ConstancyState.WAITING) & free(ConstancyRun)
    return list(session.scalars(select(ConstancyRun.id).where(due).order_by(ConstancyRun.id)))


def begin(session: Session, run_id: int, seconds: float) -> Lease | None:
    """Take a check up; None if it was made already, or is being made."""
    lease = take(session, ConstancyRun, run_id, ConstancyState.WAITING, seconds)
    if lease is not None:
        session.get_one(ConstancyRun, run_id).started_at = func.clock_timestamp()
    return lease


def end(session: Session, lease: Lease, state: ConstancyState, **found: Any) -> None:
    """Store what a check found.

    Raises:
        LeaseLostError: another worker has taken it up meanwhile.
    """
    confirm(session, ConstancyRun, lease)
    session.execute(
        update(ConstancyRun)
        .where(ConstancyRun.id == lease.row_id)
        .values(**cleared(ConstancyRun), state=state, finished_at=func.clock_timestamp(), **found)
    )


def last_made(session: Session, bundle_hash: str | None = None) -> ConstancyRun | None:
    """The latest check that gave scores, of any bundle or of one."""
    query = select(ConstancyRun).where(MADE).order_by(ConstancyRun.id.desc()).limit(1)
    return session.scalar(query if bundle_hash is None else query.filter_by(bundle_hash=bundle_hash))


def first_made(session: Session, bundle_hash: str) -> ConstancyRun | None:
    """The check by a bundle that slow drift is measured from: the accepted one, else the first."""
    by_bundle = select(ConstancyRun).where(MADE, ConstancyRun.bundle_hash == bundle_hash).limit(1)
    accepted = by_bundle.where(ConstancyRun.accepted_at.is_not(None)).order_by(ConstancyRun.id.desc())
    return session.scalar(accepted) or session.scalar(by_bundle.order_by(ConstancyRun.id))


def latest(session: Session, limit: int = 1) -> Sequence[ConstancyRun]:
    """Checks that were made or failed, the newest first."""
    ended = ConstancyRun.state != ConstancyState.WAITING
    return session.scalars(
        select(ConstancyRun).where(ended).order_by(ConstancyRun.finished_at.desc()).limit(limit)
    ).all()


def before(session: Session, run: ConstancyRun) -> ConstancyRun | None:
    """The check before ``run`` of which it is known what it was made with."""
    known = ConstancyRun.environment.is_not(None), ConstancyRun.id < run.id
    return session.scalar(select(ConstancyRun).where(*known).order_by(ConstancyRun.id.desc()).limit(1))


def last_on_time(session: Session) -> dt.datetime | None:
    """When a check last gave scores; without any, when one was first asked for; None if none ever was."""
    made = session.scalar(select(func.max(ConstancyRun.finished_at)).where(MADE))
    return made or session.scalar(select(func.min(ConstancyRun.asked_at)))


def open_checks(session: Session) -> Sequence[ConstancyRun]:
    """Checks that wait for a worker or are being made."""
    waiting = ConstancyRun.state == ConstancyState.WAITING
    return session.scalars(select(ConstancyRun).where(waiting).order_by(ConstancyRun.id)).all()


def accept(session: Session, run_id: int, actor: Actor) -> ConstancyRun:
    """Take the scores of a check as right: later ones by its bundle are compared with them.

    Raises:
        NoSuchCheckError: there is no such check with scores, or a later one of its bundle was made.
    """
    run = session.get(ConstancyRun, run_id, with_for_update=True)
    if run is None or run.scores is None or run.bundle_hash is None:
        raise NoSuchCheckError(
            f"there is no constancy check {run_id} with scores; see 'facialis constancy list'"
        )
    newest = last_made(session, run.bundle_hash)
    if newest is None or newest.id != run.id:
        raise NoSuchCheckError(f"constancy check {run_id} is not the newest of its bundle: look at that one")
    if run.accepted_at is None:
        run.accepted_at, run.accepted_by = func.clock_timestamp(), actor.name[:128]
        audit.record(session, actor, AuditEventKind.CONSTANCY_ACCEPTED, check=run_id, bundle=run.bundle_hash)
        session.flush()
        session.refresh(run)
    return run
