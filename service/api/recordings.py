"""Recordings with their photos, and what a person can tell the service to do with one."""

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, WithJsonSchema
from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from starlette.responses import Response

from service import correcting
from service.api.context import Held, Number, tagged
from service.api.files import stored
from service.api.gate import Caller, Reader, Writer
from service.api.paging import Asked, Page, page
from service.api.problems import NotFoundError, described
from service.database import transaction
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.history import recording_in_full, view_key
from service.records.models import Photo, Recording, RecordingState, StageRun
from service.records.timepoints import timepoint_name
from service.series import pose_rules

router = APIRouter(prefix="/recordings", tags=["recordings"])


WallClock = Annotated[dt.datetime, WithJsonSchema({"type": "string", "examples": ["2024-09-12T10:00:00"]})]
"""A time without a zone, which JSON schema has no format for."""


class TimepointShown(BaseModel):
    """A recording's place around a surgery."""

    surgery: int | None = Field(description="Number of the surgery.", examples=[3])
    days: int = Field(description="From the surgery; negative is before.", examples=[184])
    name: str = Field(examples=["6 months"])


class RecordingShown(BaseModel):
    """One photo series, and where it is on its way."""

    id: int = Field(examples=[7])
    patient: int | None = Field(description="Number of the patient; none so far.", examples=[12])
    state: RecordingState
    reason_code: str | None = Field(description="Why it needs attention.", examples=["series.poses"])
    reason: str | None = Field(examples=["Photo 6 (Smile) is missing."])
    protocol: str = Field(examples=["jena9"])
    recorded_at: WallClock | None = Field(description="The camera's local time, without a zone.")
    timepoint: TimepointShown | None
    series_uid: str = Field(examples=["2.25.113"])
    study_uid: str = Field(examples=["2.25.114"])
    first_received_at: dt.datetime
    last_received_at: dt.datetime
    state_changed_at: dt.datetime


class PhotoShown(BaseModel):
    """One photo of a recording."""

    id: int
    pose: str | None = Field(description="Code of the pose it shows.", examples=["SMILE"])
    pose_rule: str | None = Field(description="How the pose was found.", examples=["code"])
    sop_instance_uid: str
    size: int = Field(description="Bytes, as it was sent.")
    sha256: str
    flags: list[str] = Field(examples=[["face.small"]])
    received_at: dt.datetime
    view: str | None = Field(
        description="Address of the cropped face as JPEG, once there is one.",
        examples=["/api/v1/recordings/7/photos/61"],
    )


class StageShown(BaseModel):
    """One attempt of one stage of the work."""

    stage: str = Field(examples=["grade"])
    started_at: dt.datetime
    finished_at: dt.datetime | None
    outcome: str | None = Field(examples=["done"])


class RecordingInFull(RecordingShown):
    """A recording with its photos and what was done with it."""

    photos: list[PhotoShown]
    stages: list[StageShown]


_COLUMNS = RecordingShown.model_fields.keys() - {"patient", "timepoint"}


@router.get("", responses=described(400))
def list_recordings(
    held: Held,
    asked: Asked,
    state: RecordingState | None = None,
    patient: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="Number of the patient.")] = None,
    recorded_from: Annotated[dt.date | None, Query(description="Taken on this day or later.")] = None,
    recorded_to: Annotated[dt.date | None, Query(description="Taken on this day or earlier.")] = None,
) -> Page[RecordingShown]:
    """Recordings, those that were first received last first."""
    query = _chosen(state, patient, recorded_from, recorded_to)
    with transaction(held.engine) as session:
        return page(session, asked, query, Recording.id, recording_shown)


@router.get("/{number}", responses=described(404))
def one_recording(number: Number, held: Held, caller: Reader, response: Response) -> RecordingInFull:
    """A recording with its photos and attempted stages."""
    with transaction(held.engine) as session:
        recording = recording_in_full(session, number)
        if recording is None:
            raise NotFoundError(f"there is no recording {number}")
        shown = RecordingInFull(
            **recording_shown(recording).model_dump(),
            photos=[_photo(photo) for photo in recording.photos],
            stages=[_stage(run) for run in recording.stages],
        )
        _note(session, caller, AuditEventKind.RECORDING_VIEWED, recording)
    tagged(response, shown)
    return shown


@router.get(
    "/{number}/photos/{photo}",
    response_class=Response,
    responses=described(404, content=["image/jpeg"]),
)
def photo_view(number: Number, photo: Number, held: Held, caller: Reader) -> Response:
    """The face of a photo as JPEG, as the pages show it."""
    with transaction(held.engine) as session:
        key = view_key(session, number, photo)
        recording = session.get(Recording, number)
        if recording is not None:
            _note(session, caller, AuditEventKind.RECORDING_VIEWED, recording, photo=photo)
    return Response(stored(held.storage, key, "the view of this photo"), media_type="image/jpeg")


@router.post("/{number}/close", responses=described(404, 409))
def close(number: Number, held: Held, caller: Writer) -> RecordingShown:
    """Take the series as ended now, not after the quiet time: on to grading, or held with the reason."""
    rules = pose_rules(held.settings)
    with transaction(held.engine) as session:
        return _changed(session, correcting.close(session, number, rules, caller.actor))


@router.post("/{number}/retry", responses=described(404, 409))
def retry(number: Number, held: Held, caller: Writer) -> RecordingShown:
    """Let a recording that needs attention try again."""
    with transaction(held.engine) as session:
        return _changed(session, correcting.try_again(session, number, caller.actor))


def recording_shown(recording: Recording) -> RecordingShown:
    """What is shown of a recording in a list."""
    days = recording.days_from_surgery
    columns = {name: getattr(recording, name) for name in _COLUMNS}
    return RecordingShown(
        **columns
        | {
            "patient": recording.patient_key,
            "timepoint": None
            if days is None
            else TimepointShown(surgery=recording.surgery_key, days=days, name=timepoint_name(days)),
        }
    )


def _chosen(
    state: RecordingState | None, patient: int | None, first: dt.date | None, last: dt.date | None
) -> Select[Any]:
    query = select(Recording)
    if state is not None:
        query = query.where(Recording.state == state)
    if patient is not None:
        query = query.where(Recording.patient_key == patient)
    if first is not None:
        query = query.where(Recording.recorded_at >= dt.datetime.combine(first, dt.time.min))
    if last is not None:
        query = query.where(Recording.recorded_at <= dt.datetime.combine(last, dt.time.max))
    return query


def _changed(session: Session, recording: Recording) -> RecordingShown:
    session.flush()
    session.refresh(recording)
    return recording_shown(recording)


def _note(
    session: Session, caller: Caller, kind: AuditEventKind, recording: Recording, **detail: Any
) -> None:
    patient = recording.patient_key
    audit.record(session, caller.actor, kind, patient=patient, recording=recording.id, **detail)


def _photo(photo: Photo) -> PhotoShown:
    view = f"/api/v1/recordings/{photo.recording_key}/photos/{photo.id}" if photo.view_key else None
    columns = {name: getattr(photo, name) for name in PhotoShown.model_fields if name != "view"}
    return PhotoShown(**columns, view=view)


def _stage(run: StageRun) -> StageShown:
    return StageShown.model_validate(run, from_attributes=True)
