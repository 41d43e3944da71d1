"""Rows that a transaction has given to the workers, noted so that they can be told once it is committed.

Who commits tells them (`service.database.transaction`, `service.waking`). Untold ones are found by the
workers' own search, so that a note is only a hint.
"""

from typing import NamedTuple

from sqlalchemy.orm import Session

_NOTES = "due"


class Due(NamedTuple):
    """A row that a queue's workers have something to do with."""

    queue: str
    row_id: int


def note(session: Session, queue: str, row_id: int) -> None:
    """Note that the row is due, should the session's transaction be committed."""
    session.info.setdefault(_NOTES, {})[Due(queue, row_id)] = None


def noted(session: Session) -> tuple[Due, ...]:
    """What was noted, each once."""
    return tuple(session.info.get(_NOTES, ()))
