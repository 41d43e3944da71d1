"""What the receiver calls for each object: file into the storage, rows into Postgres, then the answer.

Whether a series is complete is for the workers: a sender waits for no more than its object's safety.
"""

import datetime as dt
import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog
from pydicom.uid import UID
from sqlalchemy import Engine, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dicom.contexts import DOCUMENT_CLASSES, KINDS, Kind
from dicom.headers import PhotoHeader
from dicom.intake import ReceivedObject, Stored
from grading.errors import PermanentError
from grading.protocols import PROTOCOLS, Protocol
from service.database import DatabaseUnavailableError, transaction
from service.direct import DirectPool
from service.records import flow
from service.records.arrivals import add_photo
from service.records.models import KeptObject, Patient, Photo, Quarantined, Recording, RecordingState, Report
from service.records.patients import patient_for, record_identity
from service.settings import Settings
from service.storage import Storage, content_key

log = structlog.get_logger()


_LENGTHS: dict[str, int] = {
    "patient_id": Patient.patient_id.type.length,
    "issuer": Patient.issuer.type.length,
    "patient_name": Patient.name.type.length,
    "sex": Patient.sex.type.length,
}


class HeaderError(PermanentError):
    """An object has an attribute that is longer than DICOM allows, and cannot be filed by it."""

    code = "object.header"


class ServiceIntake:
    """Stores received objects and says, through ``wake``, when there is something for the workers.

    Attributes:
        wake: called with a recording's id when it has as many photos as its protocol has poses; it may fail
            silently, since the periodic reconciliation finds every recording that should be moving.
    """

    def __init__(
        self, engine: Engine, storage: Storage, settings: Settings, wake: Callable[[int], object]
    ) -> None:
        self.engine = engine
        self._direct = DirectPool(engine)
        self.storage = storage
        self.protocol = PROTOCOLS[settings.protocol]
        self.wake = wake

    def store(self, received: ReceivedObject) -> Stored:
        """Keep the object, or note that it was there already; durable when this returns.

        Raises:
            TransientError: database or disk failed; nothing was recorded and the sender should try again.
            HeaderError: an attribute is longer than its representation allows; the object is kept aside.
        """
        header = received.header
        overlong = _overlong(header)
        if overlong is not None:
            self.quarantine(received.path, f"{overlong} is too long", received.calling_ae)
            raise HeaderError(
                f"the attribute {overlong} is longer than DICOM allows: correct it at the sender"
            )
        key = content_key("objects", received.sha256, "dcm")
        try:
            return self._store(received, key)
        except DatabaseUnavailableError:
            # The connection may have been from before a restart of the database: the second is a new one.
            return self._store(received, key)

    def _store(self, received: ReceivedObject, key: str) -> Stored:
        header = received.header
        kind = KINDS[UID(header.sop_class_uid)]
        if UID(header.sop_class_uid) in DOCUMENT_CLASSES and self._made_here(header.sop_instance_uid):
            # An archive that passes on whatever comes in sends us our own documents.
            return Stored.DUPLICATE
        adopt = partial(self.storage.adopt, received.path, key)
        if kind is Kind.PHOTO and header.patient_id:
            arrived = add_photo(self._direct, received, key, self.protocol.id, adopt)
            if arrived is not None:
                self._wake(arrived.recording_id, arrived.photos)
                return Stored.NEW
        with transaction(self.engine) as session:
            # Two associations may bring the same object at once: the second waits here for the first.
            session.execute(select(func.pg_advisory_xact_lock(_lock_number(header.sop_instance_uid))))
            known = _known(session, header.sop_instance_uid)
            if known is not None and known.sha256 == received.sha256:
                known.times_received += 1
                known.last_seen_at = received.received_at
                # Where the first copy was lost, this one takes its place.
                adopt()
                return Stored.DUPLICATE
            if known is not None:
                path = received.path if received.path.exists() else self.storage.path(key)
                reason = "other content under a known SOP Instance UID"
                self._quarantine(session, path, reason, received.calling_ae, header)
                return Stored.CONFLICT
            adopt()
            if kind is not Kind.PHOTO:
                _keep(session, received, key, kind)
                return Stored.NEW
            recording = self._add_photo(session, received, key)
            count = select(func.count()).where(Photo.recording_key == recording.id)
            photos = session.execute(count).scalar_one()
        self._wake(recording.id, photos)
        return Stored.NEW

    def _made_here(self, uid: str) -> bool:
        with transaction(self.engine) as session:
            return session.scalar(select(Report.id).where(Report.sop_instance_uid == uid)) is not None

    def _wake(self, recording_id: int, photos: int) -> None:
        if photos >= len(self.protocol.required):
            self.wake(recording_id)

    def quarantine(self, path: Path, reason: str, calling_ae: str) -> None:
        """Keep bytes aside that cannot be filed."""
        with transaction(self.engine) as session:
            self._quarantine(session, path, reason, calling_ae, None)

    def _quarantine(
        self, session: Session, path: Path, reason: str, calling_ae: str, header: PhotoHeader | None
    ) -> None:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        key = content_key("quarantine", digest, "dcm")
        self.storage.adopt(path, key)
        session.add(
            Quarantined(
                sop_instance_uid=header.sop_instance_uid if header else None,
                storage_key=key,
                reason=reason,
                calling_ae=calling_ae,
                received_at=dt.datetime.now(dt.UTC),
            )
        )
        log.warning("object.quarantined", reason=reason, calling_ae=calling_ae)

    def _add_photo(self, session: Session, received: ReceivedObject, key: str) -> Recording:
        header = received.header
        patient = _patient(session, header)
        recording = _recording(session, received, self.protocol, patient)
        session.add(
            Photo(
                recording_key=recording.id,
                sop_instance_uid=header.sop_instance_uid,
                sha256=received.sha256,
                size=received.size,
                storage_key=key,
                header=header.to_json(),
                calling_ae=received.calling_ae,
                received_at=received.received_at,
                last_seen_at=received.received_at,
            )
        )
        # The database's clock, as for everything that is compared with it.
        recording.last_received_at = func.clock_timestamp()
        if recording.recorded_at is None or (
            header.acquired_at and header.acquired_at < recording.recorded_at
        ):
            recording.recorded_at = header.acquired_at
        flow.move(recording, RecordingState.RECEIVING)
        session.flush()
        return recording


def _overlong(header: PhotoHeader) -> str | None:
    """The first attribute that does not fit into its column (PS3.5 6.2 allows no more)."""
    for attribute, length in _LENGTHS.items():
        if len(getattr(header, attribute)) > length:
            return attribute
    return None


def _known(session: Session, uid: str) -> Photo | KeptObject | None:
    """What is stored under a SOP Instance UID."""
    photo = session.scalar(select(Photo).where(Photo.sop_instance_uid == uid))
    return photo or session.scalar(select(KeptObject).where(KeptObject.sop_instance_uid == uid))


def _keep(session: Session, received: ReceivedObject, key: str, kind: Kind) -> None:
    header = received.header
    patient = _patient(session, header)
    session.add(
        KeptObject(
            kind=kind.value,
            patient_key=patient.id if patient else None,
            study_uid=header.study_uid,
            sop_instance_uid=header.sop_instance_uid,
            sha256=received.sha256,
            size=received.size,
            storage_key=key,
            header=header.to_json(),
            recorded_at=header.acquired_at,
            calling_ae=received.calling_ae,
            received_at=received.received_at,
            last_seen_at=received.received_at,
        )
    )


def _lock_number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], signed=True)


def _patient(session: Session, header: PhotoHeader) -> Patient | None:
    if not header.patient_id:
        return None
    patient = patient_for(session, header.patient_id, header.issuer)
    record_identity(session, patient, header)
    return patient


def _recording(
    session: Session, received: ReceivedObject, protocol: Protocol, patient: Patient | None
) -> Recording:
    header = received.header
    query = select(Recording).where(Recording.series_uid == header.series_uid).with_for_update()
    known = session.scalar(query)
    if known is not None:
        return known
    # Another association may bring the series' first photo at this moment: its row then counts.
    session.execute(
        insert(Recording)
        .values(
            series_uid=header.series_uid,
            study_uid=header.study_uid,
            patient_key=patient.id if patient else None,
            protocol=protocol.id,
            state=RecordingState.RECEIVING,
            first_received_at=func.clock_timestamp(),
            last_received_at=func.clock_timestamp(),
            state_changed_at=func.clock_timestamp(),
        )
        .on_conflict_do_nothing()
    )
    return session.execute(query).scalar_one()
