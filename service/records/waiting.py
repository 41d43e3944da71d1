"""What waits: recordings that have not come to their end, and for what."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.records.models import Recording, RecordingState


@dataclass(frozen=True)
class WaitingRecording:
    """A recording on its way: its state since when, why it waits for a person, when it is tried again."""

    recording: int
    state: str
    since: dt.datetime
    code: str | None
    reason: str | None
    attempts: int
    next_attempt_at: dt.datetime | None


def recordings_waiting(session: Session, limit: int = 1000) -> list[WaitingRecording]:
    """Recordings that are not delivered yet, those that wait for a person first, then the longest waiting.

    Those whose reports have no destination stay `reported` and are not among them.
    """
    ended = (RecordingState.DELIVERED, RecordingState.REPORTED)
    waiting = [state for state in RecordingState if state not in ended]
    query = (
        select(Recording)
        .where(Recording.state.in_(waiting))
        .order_by(Recording.state != RecordingState.NEEDS_ATTENTION, Recording.state_changed_at, Recording.id)
        .limit(limit)
    )
    return [
        WaitingRecording(
            one.id,
            one.state.value,
            one.state_changed_at,
            one.reason_code,
            one.reason,
            one.attempts,
            one.next_attempt_at,
        )
        for one in session.scalars(query)
    ]
