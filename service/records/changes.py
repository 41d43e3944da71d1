"""What corrections, deletions and merges replaced is kept: the one place that writes it down."""

import datetime as dt
import enum
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from service.records.models import Base, Change

_NOT_CONTENT = ("id", "patient_key", "created_at", "updated_at", "last_arrival_at")


def content(row: Base) -> dict[str, Any]:
    """What the row says, by column, as JSON holds it."""
    columns = [column.key for column in inspect(row).mapper.columns if column.key not in _NOT_CONTENT]
    return {name: _plain(getattr(row, name)) for name in columns}


def note_change(
    session: Session,
    patient_key: int,
    action: str,
    subject: tuple[str, int],
    before: dict[str, Any],
    after: dict[str, Any] | None = None,
    by: str = "",
) -> None:
    """Keep what was before an ``action`` (`corrected`, `deleted`, `merged`) on the row ``subject``.

    ``subject`` is the row's table and id; ``by`` is who did it, empty where it was the command line.
    """
    session.add(
        Change(
            patient_key=patient_key,
            made_by=by,
            action=action,
            subject=subject[0],
            subject_id=subject[1],
            before=before,
            after=after,
        )
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dt.date):
        return value.isoformat()
    return value.value if isinstance(value, enum.Enum) else value
