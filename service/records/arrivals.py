"""The usual case of an arriving photo in one exchange with the database: one more of a series not full yet.

What else can be, such as a new series, a known photo or a full series, is for the intake to look at in full.
"""

import enum
from collections.abc import Callable, Mapping
from typing import Any, cast

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import Engine, Executable, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.dialects.postgresql import psycopg as dialect
from sqlalchemy.sql import ClauseElement

from dicom.receiver import ReceivedObject
from service.database import DatabaseUnavailableError, connection_of
from service.records.models import KeptObject, Photo, Recording, RecordingState

_OPEN = (
    (Recording.series_uid == bindparam("series_uid"))
    & (Recording.state == RecordingState.RECEIVING)
    & Recording.patient_key.is_not(None)
)
_TOUCH = (
    update(Recording)
    .where(_OPEN)
    .values(
        # The database's clock, as for everything that is compared with it.
        last_received_at=func.clock_timestamp(),
        recorded_at=func.least(
            Recording.recorded_at, bindparam("acquired_at", type_=Recording.recorded_at.type)
        ),
    )
)
_GIVEN = (
    Photo.sop_instance_uid,
    Photo.sha256,
    Photo.size,
    Photo.storage_key,
    Photo.header,
    Photo.calling_ae,
    Photo.received_at,
    Photo.last_seen_at,
)
_INSERT = (
    insert(Photo)
    .from_select(
        ["recording_key", *(column.key for column in _GIVEN)],
        select(Recording.id, *(bindparam(column.key, type_=column.type) for column in _GIVEN)).where(
            _OPEN,
            select(func.count()).where(Photo.recording_key == Recording.id).scalar_subquery()
            < bindparam("most"),
            ~select(KeptObject.id)
            .where(KeptObject.sop_instance_uid == bindparam("sop_instance_uid"))
            .exists(),
        ),
    )
    .on_conflict_do_nothing()
    .returning(Photo.id)
)


class _Prepared:
    """A statement as psycopg takes it: compiled once, since most of an object's time would go there."""

    def __init__(self, statement: Executable) -> None:
        compiled = cast(ClauseElement, statement).compile(dialect=dialect.dialect())  # type: ignore[no-untyped-call]
        self.text = str(compiled)
        self.constants = {
            name: value.value for name, value in compiled.params.items() if isinstance(value, enum.Enum)
        }

    def execute(self, connection: psycopg.Connection[Any], values: Mapping[str, Any]) -> psycopg.Cursor[Any]:
        return connection.execute(self.text, self.constants | dict(values))


_touch, _insert = _Prepared(_TOUCH), _Prepared(_INSERT)


def add_to_open_recording(
    engine: Engine, received: ReceivedObject, key: str, most: int, adopt: Callable[[], None]
) -> bool:
    """Add the photo, durably, if its recording is open and has fewer than ``most`` photos; whether it was so.

    If not, nothing has changed but the recording's times. ``adopt``, which puts the file where ``key`` says,
    is called once there is a connection. The first statement holds the recording's row until the end, so that
    the count is right whoever else adds photos to it.

    Raises:
        DatabaseUnavailableError: the server cannot be reached or the connection broke.
    """
    header = received.header
    values = {
        "series_uid": header.series_uid,
        "acquired_at": header.acquired_at,
        "sop_instance_uid": header.sop_instance_uid,
        "sha256": received.sha256,
        "size": received.size,
        "storage_key": key,
        "header": Jsonb(header.to_json()),
        "calling_ae": received.calling_ae,
        "received_at": received.received_at,
        "last_seen_at": received.received_at,
        "most": most,
    }
    with connection_of(engine) as pooled:
        adopt()
        connection = cast("psycopg.Connection[Any]", pooled.connection.driver_connection)
        try:
            # Sent together and answered together.
            with connection.pipeline():
                _touch.execute(connection, values)
                added = _insert.execute(connection, values)
                connection.commit()
        except psycopg.OperationalError:
            pooled.invalidate()
            raise DatabaseUnavailableError("the connection to the database broke") from None
        return added.fetchone() is not None
