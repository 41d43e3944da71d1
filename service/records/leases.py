"""Work is held by a lease that expires, never by a lock: what a killed worker held is taken up by another.

All times are the database's, so that workers on several machines need no common clock.
"""

import datetime as dt
import uuid
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, func, or_, select, update
from sqlalchemy.orm import Session

from grading.errors import TransientError
from service.records.models import ConstancyRun, Delivery, Recording, RegradingTask

LONGEST_WAIT = dt.timedelta(hours=1)
JITTER = 0.25
"""Waits are shorter by up to this share, so that what failed together does not come back together."""

Work = type[Recording] | type[Delivery] | type[RegradingTask] | type[ConstancyRun]


class LeaseLostError(TransientError):
    """Another worker took the row up, or it was reopened, while this one was at work."""

    code = "lease.lost"


@dataclass(frozen=True)
class Lease:
    """The right to work on one row until it expires.

    ``crashes`` counts holders that never came back; ``run_id`` is its note in the log of runs.
    """

    row_id: int
    owner: str
    attempts: int
    crashes: int
    run_id: int | None = None


def free(model: Work) -> ColumnElement[bool]:
    """Condition: nobody holds the row and its waiting time is over."""
    now = func.clock_timestamp()
    return or_(model.lease_until.is_(None), model.lease_until < now) & or_(
        model.next_attempt_at.is_(None), model.next_attempt_at <= now
    )


def take(session: Session, model: Work, row_id: int, state: str, seconds: float) -> Lease | None:
    """Take the row's lease if it is in ``state`` and free; None if it has moved on or is held.

    A lease that ran out without being given back counts as a crash of its holder.
    """
    owner = uuid.uuid4().hex
    taken = session.execute(
        update(model)
        .where(model.id == row_id, model.state == state, free(model))
        .values(
            crashes=model.crashes + case((model.lease_owner.is_(None), 0), else_=1),
            lease_owner=owner,
            lease_until=func.clock_timestamp() + dt.timedelta(seconds=seconds),
        )
        .returning(model.attempts, model.crashes)
    ).one_or_none()
    return None if taken is None else Lease(row_id, owner, taken.attempts, taken.crashes)


def confirm(session: Session, model: Work, lease: Lease) -> None:
    """Lock the row for the rest of the transaction and make sure that the lease is still held.

    Raises:
        LeaseLostError: it is not; what was done under it must not be stored.
    """
    owner = session.execute(
        select(model.lease_owner).where(model.id == lease.row_id).with_for_update()
    ).scalar_one_or_none()
    if owner != lease.owner:
        raise LeaseLostError("the row was taken up by another worker or reopened")


def cleared(model: Work) -> dict[str, object]:
    """Values that give the lease back and start the row's next step afresh."""
    return {
        "lease_owner": None,
        "lease_until": None,
        "next_attempt_at": None,
        "enqueued_at": None,
        "attempts": 0,
        "crashes": 0,
    }


def give_back(session: Session, model: Work, lease: Lease) -> None:
    """Give the lease back without an attempt having been made: the row is due at once."""
    session.execute(
        update(model)
        .where(model.id == lease.row_id, model.lease_owner == lease.owner)
        .values(lease_owner=None, lease_until=None, enqueued_at=None)
    )


def wait_after(attempts: int, first_wait: float) -> dt.timedelta:
    """How long to wait: ``first_wait`` seconds, twice as long after each attempt before, an hour at most."""
    return min(dt.timedelta(seconds=first_wait * 2 ** min(attempts, 20)), LONGEST_WAIT)


def postpone(
    session: Session, model: Work, lease: Lease, first_wait: float, *, crashed: bool = False
) -> None:
    """Give the lease back and let the row wait, twice as long after each attempt, an hour at most."""
    wait = wait_after(lease.attempts, first_wait)
    session.execute(
        update(model)
        .where(model.id == lease.row_id, model.lease_owner == lease.owner)
        .values(
            lease_owner=None,
            lease_until=None,
            enqueued_at=None,
            attempts=model.attempts + 1,
            crashes=model.crashes + int(crashed),
            next_attempt_at=func.clock_timestamp() + wait * (1 - JITTER * func.random()),
        )
    )
