"""The usual arrivals of a photo, in one or two exchanges with the database: a series begins or goes on.

What else can be, such as a known photo or one of a series that had ended, is for the intake to look at.
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import Engine, Executable, bindparam, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.dialects.postgresql import psycopg as dialect
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ClauseElement

from dicom.intake import ReceivedObject
from service.database import DatabaseUnavailableError, connection_of
from service.records.models import (
    KeptObject,
    Patient,
    PatientIdentifier,
    Photo,
    Recording,
    RecordingState,
)
from service.records.patients import identifier_lock

_NAMED = (Patient.patient_id == bindparam("patient_id")) & (Patient.issuer == bindparam("issuer"))
_ALSO_NAMED = (PatientIdentifier.value == bindparam("patient_id")) & (
    PatientIdentifier.issuer == bindparam("issuer")
)
_IDENTITY = (Patient.patient_id, Patient.issuer, Patient.name, Patient.birth_date, Patient.sex)
_NEW_PATIENT = (
    insert(Patient)
    .from_select(
        [column.key for column in _IDENTITY],
        select(*(bindparam(column.key, type_=column.type) for column in _IDENTITY)).where(
            ~select(PatientIdentifier.id).where(_ALSO_NAMED).exists()
        ),
    )
    .on_conflict_do_nothing()
)
_NEW_RECORDING = (
    insert(Recording)
    .values(
        series_uid=bindparam("series_uid"),
        study_uid=bindparam("study_uid"),
        patient_key=func.coalesce(
            select(Patient.id).where(_NAMED).scalar_subquery(),
            select(PatientIdentifier.patient_key).where(_ALSO_NAMED).scalar_subquery(),
        ),
        protocol=bindparam("protocol"),
        state=RecordingState.RECEIVING,
        first_received_at=func.clock_timestamp(),
        last_received_at=func.clock_timestamp(),
        state_changed_at=func.clock_timestamp(),
    )
    .on_conflict_do_nothing()
)
_ARRIVAL = (
    update(Patient)
    .where(Patient.id == Recording.patient_key, Recording.series_uid == bindparam("series_uid"))
    # What is told of the patient does not change with photos that arrive.
    .values(last_arrival_at=func.clock_timestamp(), updated_at=Patient.updated_at)
)
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
_OTHERS = aliased(Photo)
_ALREADY = (
    select(func.count())
    # Named by its text, since a column here would bring the table with it once more.
    .where(_OTHERS.recording_key == literal_column("photo.recording_key"))
    .select_from(_OTHERS)
    .scalar_subquery()
)
_INSERT = (
    insert(Photo)
    .from_select(
        ["recording_key", *(column.key for column in _GIVEN)],
        select(Recording.id, *(bindparam(column.key, type_=column.type) for column in _GIVEN)).where(
            _OPEN,
            ~select(KeptObject.id)
            .where(KeptObject.sop_instance_uid == bindparam("sop_instance_uid"))
            .exists(),
        ),
    )
    .on_conflict_do_nothing()
    # Counted before this one is there.
    .returning(Photo.recording_key, _ALREADY + 1)
)


class _Prepared:
    """A statement as psycopg takes it: compiled once, since most of an object's time would go there."""

    def __init__(self, statement: Executable) -> None:
        compiled = cast(ClauseElement, statement).compile(dialect=dialect.dialect())  # type: ignore[no-untyped-call]
        self.text = str(compiled)
        self.constants = {
            name: value.value if isinstance(value, enum.Enum) else value
            for name, value in compiled.params.items()
            if value is not None
        }

    def execute(self, connection: psycopg.Connection[Any], values: Mapping[str, Any]) -> psycopg.Cursor[Any]:
        return connection.execute(self.text, self.constants | dict(values))


_hold = _Prepared(select(func.pg_advisory_xact_lock(bindparam("identifier_lock"))))
_new_patient, _new_recording = _Prepared(_NEW_PATIENT), _Prepared(_NEW_RECORDING)
_arrival = _Prepared(_ARRIVAL)
_touch, _insert = _Prepared(_TOUCH), _Prepared(_INSERT)


@dataclass(frozen=True)
class Arrived:
    """A photo was added to a recording, which has so many photos now."""

    recording_id: int
    photos: int


def add_photo(
    engine: Engine, received: ReceivedObject, key: str, protocol: str, adopt: Callable[[], None]
) -> Arrived | None:
    """Add the photo, durably, to its recording, made if new with its patient; None if it is no usual case.

    If None, nothing has changed but the recording's times. ``adopt``, which puts the file where ``key`` says,
    is called once there is a connection. The recording's row is held before the photos are counted, so that
    the count is right whoever else adds photos to it. The header names a patient.

    Raises:
        DatabaseUnavailableError: the server cannot be reached or the connection broke.
    """
    header = received.header
    values = {
        "identifier_lock": identifier_lock(header.patient_id, header.issuer),
        "patient_id": header.patient_id,
        "issuer": header.issuer,
        "name": header.patient_name,
        "birth_date": header.birth_date,
        "sex": header.sex,
        "protocol": protocol,
        "series_uid": header.series_uid,
        "study_uid": header.study_uid,
        "acquired_at": header.acquired_at,
        "sop_instance_uid": header.sop_instance_uid,
        "sha256": received.sha256,
        "size": received.size,
        "storage_key": key,
        "header": Jsonb(header.to_json()),
        "calling_ae": received.calling_ae,
        "received_at": received.received_at,
        "last_seen_at": received.received_at,
    }
    with connection_of(engine) as pooled:
        adopt()
        connection = cast("psycopg.Connection[Any]", pooled.connection.driver_connection)
        try:
            return _add_to_open(connection, values) or _add_to_new(connection, values)
        except psycopg.OperationalError:
            pooled.invalidate()
            raise DatabaseUnavailableError("the connection to the database broke") from None


def _add_to_open(connection: psycopg.Connection[Any], values: Mapping[str, Any]) -> Arrived | None:
    # Sent together and answered together.
    with connection.pipeline():
        _touch.execute(connection, values)
        added = _insert.execute(connection, values)
        connection.commit()
    return _arrived(added)


def _add_to_new(connection: psycopg.Connection[Any], values: Mapping[str, Any]) -> Arrived | None:
    with connection.pipeline():
        # Nobody else decides meanwhile whom the identifier names.
        _hold.execute(connection, values)
        _new_patient.execute(connection, values)
        _new_recording.execute(connection, values)
        _arrival.execute(connection, values)
        _touch.execute(connection, values)
        added = _insert.execute(connection, values)
    arrived = _arrived(added)
    # A known object under another series must not leave an empty recording.
    connection.rollback() if arrived is None else connection.commit()
    return arrived


def _arrived(added: psycopg.Cursor[Any]) -> Arrived | None:
    row = added.fetchone()
    return None if row is None else Arrived(*row)
