"""The usual arrivals of a photo, in one exchange with the database: a series goes on, seldom begins.

What else can be, such as a known photo or one of a series that had ended, is for the intake to look at.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from psycopg.pq.abc import PGresult
from sqlalchemy import BigInteger, bindparam, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from dicom.intake import ReceivedObject
from service.direct import DirectPool, Prepared
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


_hold = Prepared(select(func.pg_advisory_xact_lock(bindparam("identifier_lock", type_=BigInteger))))
_touch, _insert = Prepared(_TOUCH), Prepared(_INSERT)
_begin = (_hold, Prepared(_NEW_PATIENT), Prepared(_NEW_RECORDING), Prepared(_ARRIVAL), _touch, _insert)
_go_on = (_touch, _insert)


@dataclass(frozen=True)
class Arrived:
    """A photo was added to a recording, which has so many photos now."""

    recording_id: int
    photos: int


def add_photo(
    pool: DirectPool, received: ReceivedObject, key: str, protocol: str, adopt: Callable[[], None]
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
        "series_uid": header.series_uid,
        "acquired_at": header.acquired_at,
        "sop_instance_uid": header.sop_instance_uid,
        "sha256": received.sha256,
        "size": received.size,
        "storage_key": key,
        "header": json.dumps(header.to_json()),
        "calling_ae": received.calling_ae,
        "received_at": received.received_at,
        "last_seen_at": received.received_at,
    }
    with pool.connection() as connection:
        adopt()
        arrived = _arrived(connection.exchange(_go_on, values))
        if arrived is None:
            first = values | {
                "identifier_lock": identifier_lock(header.patient_id, header.issuer),
                "patient_id": header.patient_id,
                "issuer": header.issuer,
                "name": header.patient_name,
                "birth_date": header.birth_date,
                "sex": header.sex,
                "protocol": protocol,
                "study_uid": header.study_uid,
            }
            connection.run(b"BEGIN")
            arrived = _arrived(connection.exchange(_begin, first))
            # A known object under another series must not leave an empty recording.
            connection.run(b"COMMIT" if arrived else b"ROLLBACK")
    return arrived


def _arrived(added: PGresult) -> Arrived | None:
    if not added.ntuples:
        return None
    recording_id, photos = (int(added.get_value(0, column) or 0) for column in range(2))
    return Arrived(recording_id, photos)
