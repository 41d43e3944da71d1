"""What corrections, deletions and merges replaced is kept: the one place that writes it down."""

import datetime as dt
import enum
from collections.abc import Mapping
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from service.records.models import Base, Change, Event, Patient, Surgery

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


def has_twin(session: Session, row: Surgery | Event, same: Mapping[str, Any]) -> bool:
    """Whether another row of the patient's says the ``same`` columns."""
    table = type(row)
    twin = select(table.id).filter_by(patient_key=row.patient_key, **same).where(table.id != row.id)
    return session.scalar(twin) is not None


def correct_row(session: Session, row: Surgery | Event, changed: Mapping[str, Any], by: str) -> bool:
    """Write the ``changed`` columns and keep what was before; whether the row says anything else now."""
    before = content(row)
    for name, value in changed.items():
        setattr(row, name, value)
    after = content(row)
    if after == before:
        return False
    note_change(session, row.patient_key, "corrected", (row.__tablename__, row.id), before, after, by)
    return True


def delete_row(session: Session, row: Surgery | Event, by: str) -> Patient:
    """Take a row off the record of its patient and keep what it said."""
    patient = row.patient
    note_change(session, patient.id, "deleted", (row.__tablename__, row.id), content(row), by=by)
    session.delete(row)
    session.flush()
    return patient


def _plain(value: Any) -> Any:
    if isinstance(value, dt.date):
        return value.isoformat()
    return value.value if isinstance(value, enum.Enum) else value
