"""Read queries behind the pages of patients and recordings: a history, a recording in full, their files."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import (
    Text,
    cast,
    func,
    select,
)
from sqlalchemy.orm import Session, selectinload

from service.records.models import (
    Annotation,
    Delivery,
    Grading,
    KeptObject,
    Patient,
    Photo,
    Recording,
    RecordingState,
    Report,
)


def patient_history(session: Session, patient_id: int) -> Patient | None:
    """A patient with identifiers, surgeries, events, recordings and every grading of them."""
    gradings = selectinload(Patient.recordings).selectinload(Recording.gradings)
    return session.get(
        Patient,
        patient_id,
        options=[
            selectinload(Patient.surgeries),
            selectinload(Patient.events),
            selectinload(Patient.identifiers),
            selectinload(Patient.kept_objects),
            selectinload(Patient.identity_notes),
            gradings.selectinload(Grading.items),
            gradings.selectinload(Grading.sub_scores),
            gradings.selectinload(Grading.bundle),
        ],
    )


def recording_in_full(session: Session, recording_id: int) -> Recording | None:
    """A recording with its patient, surgery, photos and attempted stages."""
    return session.get(
        Recording,
        recording_id,
        options=[
            selectinload(Recording.patient),
            selectinload(Recording.surgery),
            selectinload(Recording.photos),
            selectinload(Recording.stages),
            selectinload(Recording.gradings).options(
                selectinload(Grading.bundle), selectinload(Grading.sub_scores)
            ),
        ],
    )


def reports_of(session: Session, recording_id: int) -> Sequence[Report]:
    """Every report of a recording with its deliveries and model, the newest first."""
    query = (
        select(Report)
        .join(Report.grading)
        .where(Grading.recording_key == recording_id)
        .order_by(Report.id.desc())
        .options(selectinload(Report.deliveries), selectinload(Report.grading).selectinload(Grading.bundle))
    )
    return session.scalars(query).all()


def view_key(session: Session, recording_id: int, photo_id: int) -> str | None:
    """Where the JPEG view of a recording's photo lies in the storage; None if there is none."""
    return session.scalar(
        select(Photo.view_key).where(Photo.id == photo_id, Photo.recording_key == recording_id)
    )


def views_of(session: Session, patient_id: int) -> dict[int, dict[str, int]]:
    """Numbers of a patient's photos that have a view, by recording and pose."""
    query = (
        select(Photo.recording_key, Photo.pose, Photo.id)
        .join(Photo.recording)
        .where(Recording.patient_key == patient_id, Photo.view_key.is_not(None), Photo.pose.is_not(None))
        .order_by(Photo.id)
    )
    found: dict[int, dict[str, int]] = {}
    for recording, pose, photo in session.execute(query):
        found.setdefault(recording, {})[str(pose)] = photo
    return found


def rated_recordings(session: Session, patient_id: int) -> Sequence[int]:
    """Numbers of a patient's recordings that raters gave scores to."""
    query = (
        select(Annotation.recording_key)
        .join(Recording, Recording.id == Annotation.recording_key)
        .where(Recording.patient_key == patient_id)
        .distinct()
    )
    return session.scalars(query).all()


def object_key(session: Session, recording_id: int, photo_id: int) -> str | None:
    """Where a recording's photo lies in the storage as it was sent; None if there is none."""
    return session.scalar(
        select(Photo.storage_key).where(Photo.id == photo_id, Photo.recording_key == recording_id)
    )


def recording_version(session: Session, recording_id: int) -> str | None:
    """A word that changes with what a recording's page tells; None if there is no such recording."""
    deliveries = (
        select(func.string_agg(cast(Delivery.state, Text), "").label("states"))
        .join(Report)
        .join(Grading)
        .where(Grading.recording_key == recording_id)
        .scalar_subquery()
    )
    photos = select(func.count()).where(Photo.recording_key == recording_id).scalar_subquery()
    counts = select(func.max(Grading.id)).where(Grading.recording_key == recording_id, Grading.active)
    row = session.execute(
        select(
            Recording.state, Recording.state_changed_at, photos, counts.scalar_subquery(), deliveries
        ).where(Recording.id == recording_id)
    ).one_or_none()
    return None if row is None else hashlib.sha256(repr(tuple(row)).encode()).hexdigest()[:16]


def document_key(session: Session, recording_id: int) -> str | None:
    """Where the PDF of a recording's newest active grading lies in the storage; None until it is written.

    The final version comes before the draft. Where a bundle was adopted after the report was written, it is
    that report.
    """
    newest = (
        select(func.max(Grading.id))
        .where(Grading.recording_key == recording_id, Grading.active)
        .scalar_subquery()
    )
    return session.scalar(
        select(Report.document_key)
        .join(Report.grading)
        .join(Grading.recording)
        .where(
            Recording.id == recording_id,
            Report.kind == "pdf",
            (Report.grading_key == newest)
            | Recording.state.in_((RecordingState.REPORTED, RecordingState.DELIVERED)),
        )
        .order_by((Report.grading_key == newest).desc(), Report.id.desc())
        .limit(1)
    )


def kept_document_key(session: Session, kept_id: int) -> str | None:
    """Where the received document lies in the storage, as the DICOM object that was sent."""
    return session.scalar(
        select(KeptObject.storage_key).where(KeptObject.id == kept_id, KeptObject.kind == "document")
    )
