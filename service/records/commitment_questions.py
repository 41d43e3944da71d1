"""Requests for storage commitment on record: kept when asked, taken up when due, gone once reported on.

All times are the database's. A request is put off before it is taken up, so that a process that ends in the
middle only delays it, and several processes do not take up the same.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.records.leases import wait_after
from service.records.models import CommitmentQuestion

AT_WORK = dt.timedelta(minutes=2)
"""Longer than an attempt takes."""
KEPT = dt.timedelta(days=3)
"""A sender that was not reached for so long has asked again, or has sent again."""


@dataclass(frozen=True)
class Question:
    """A request that is due. ``attempts`` counts those before this one."""

    number: int
    calling_ae: str
    transaction_uid: str
    objects: tuple[tuple[str, str], ...]
    attempts: int


def keep(
    session: Session, calling_ae: str, transaction_uid: str, objects: tuple[tuple[str, str], ...]
) -> None:
    """Keep a request; the same one again is one that is due at once."""
    row = insert(CommitmentQuestion).values(
        calling_ae=calling_ae, transaction_uid=transaction_uid, objects=[list(pair) for pair in objects]
    )
    session.execute(
        row.on_conflict_do_update(
            index_elements=["calling_ae", "transaction_uid"],
            set_={
                "objects": row.excluded.objects,
                "asked_at": func.clock_timestamp(),
                "attempts": 0,
                "next_attempt_at": func.clock_timestamp(),
            },
        )
    )


def take(session: Session) -> Question | None:
    """Take up the request that has been due for longest; None if none is."""
    now = func.clock_timestamp()
    due = (
        select(CommitmentQuestion.id)
        .where(CommitmentQuestion.next_attempt_at <= now)
        .order_by(CommitmentQuestion.next_attempt_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    row = session.execute(
        update(CommitmentQuestion)
        .where(CommitmentQuestion.id == due)
        .values(attempts=CommitmentQuestion.attempts + 1, next_attempt_at=now + AT_WORK)
        .returning(
            CommitmentQuestion.id,
            CommitmentQuestion.calling_ae,
            CommitmentQuestion.transaction_uid,
            CommitmentQuestion.objects,
            CommitmentQuestion.attempts,
        )
    ).one_or_none()
    if row is None:
        return None
    objects = tuple((kind, uid) for kind, uid in row.objects)
    return Question(row.id, row.calling_ae, row.transaction_uid, objects, row.attempts - 1)


def end(session: Session, number: int) -> None:
    """Drop a request that has been reported on, or cannot be."""
    session.execute(delete(CommitmentQuestion).where(CommitmentQuestion.id == number))


def put_off(session: Session, question: Question, first_wait: float) -> None:
    """Let a request wait, twice as long after each attempt, an hour at most."""
    wait = wait_after(question.attempts, first_wait)
    session.execute(
        update(CommitmentQuestion)
        .where(CommitmentQuestion.id == question.number)
        .values(next_attempt_at=func.clock_timestamp() + wait)
    )


def forget_old(session: Session) -> int:
    """Drop requests whose sender could not be reached for three days; how many there were."""
    old = CommitmentQuestion.asked_at < func.clock_timestamp() - KEPT
    return len(session.scalars(delete(CommitmentQuestion).where(old).returning(CommitmentQuestion.id)).all())
