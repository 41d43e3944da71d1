"""A circuit breaker for each destination: its state is a row, so that all workers share it.

Closed: everything goes. After failures in a row it opens, and nothing is tried for a while. Then one
delivery alone goes as a trial (half-open): if it reaches the destination, the circuit closes and all that
waited is due at once; if not, the circuit stays open for twice as long.
"""

import datetime as dt
import enum

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.records.leases import JITTER, wait_after
from service.records.models import Circuit, Delivery, DeliveryState

WORDS_KEPT = 500


class Passage(enum.Enum):
    """What may go to a destination now."""

    FREE = "free"
    TRIAL = "trial"
    """One delivery, the caller's alone."""
    SHUT = "shut"


def shut() -> ColumnElement[bool]:
    """Condition: the destination of a delivery is left alone now, or has its trial under way."""
    now = func.clock_timestamp()
    return Delivery.destination.in_(
        select(Circuit.destination).where(or_(Circuit.open_until > now, Circuit.trial_until > now))
    )


def ask_passage(session: Session, destination: str, trial_seconds: float) -> Passage:
    """Whether something may be sent; a trial is held for ``trial_seconds`` at most."""
    known = session.execute(
        select(Circuit.open_until).where(Circuit.destination == destination, Circuit.open_until.is_not(None))
    ).one_or_none()
    if known is None:
        return Passage.FREE
    now = func.clock_timestamp()
    trial = session.execute(
        update(Circuit)
        .where(
            Circuit.destination == destination,
            Circuit.open_until <= now,
            or_(Circuit.trial_until.is_(None), Circuit.trial_until < now),
        )
        .values(trial_until=now + dt.timedelta(seconds=trial_seconds))
        .returning(Circuit.destination)
    ).one_or_none()
    return Passage.SHUT if trial is None else Passage.TRIAL


def note_reached(session: Session, destination: str) -> bool:
    """The destination answered: close its circuit. True if it was open."""
    before = session.execute(
        select(Circuit.open_until)
        .where(Circuit.destination == destination, or_(Circuit.failures > 0, Circuit.open_until.is_not(None)))
        .with_for_update()
    ).one_or_none()
    if before is None:
        return False
    session.execute(
        update(Circuit)
        .where(Circuit.destination == destination)
        .values(failures=0, open_until=None, trial_until=None, answer=None, changed_at=func.clock_timestamp())
    )
    if before.open_until is None:
        return False
    # What waits for a commitment has been stored already; it keeps its time.
    session.execute(
        update(Delivery)
        .where(
            Delivery.destination == destination,
            Delivery.state == DeliveryState.PENDING,
            Delivery.transaction_uid.is_(None),
            Delivery.next_attempt_at.is_not(None),
        )
        .values(next_attempt_at=None, enqueued_at=None)
    )
    return True


def note_failure(session: Session, destination: str, answer: str, most: int, first_pause: float) -> bool:
    """The destination could not be reached: open its circuit after ``most`` failures in a row.

    The pause in seconds doubles with each further failure, an hour at most, less a little by chance. True if
    the circuit is open now.
    """
    now = func.clock_timestamp()
    failures = session.execute(
        insert(Circuit)
        .values(destination=destination, failures=1, answer=answer[:WORDS_KEPT], changed_at=now)
        .on_conflict_do_update(
            index_elements=[Circuit.destination],
            set_={"failures": Circuit.failures + 1, "answer": answer[:WORDS_KEPT], "changed_at": now},
        )
        .returning(Circuit.failures)
    ).scalar_one()
    if failures < most:
        return False
    pause = wait_after(failures - most, first_pause)
    session.execute(
        update(Circuit)
        .where(Circuit.destination == destination)
        .values(open_until=now + pause * (1 - JITTER * func.random()), trial_until=None)
    )
    return True


def open_circuits(session: Session) -> dict[str, Circuit]:
    """The destinations that are left alone or on trial, by name."""
    rows = session.scalars(select(Circuit).where(Circuit.open_until.is_not(None)))
    return {row.destination: row for row in rows}
