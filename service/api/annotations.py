"""Annotations: what raters scored, as other systems know it and as it stands here."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, selectinload

from grading.scales import SCALES
from service.api.context import Held, Line, Number, Text
from service.api.gate import Reader, Writer
from service.api.paging import Asked, Page, page
from service.api.problems import ApiError, ConflictError, NotFoundError, described
from service.database import transaction
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.models import Annotation, AnnotationScore, Rater, Recording
from service.records.ratings import counts

router = APIRouter(prefix="/annotations", tags=["annotations"])

Points = Annotated[float, Field(allow_inf_nan=False)]
Numbered = Annotated[int | None, Query(ge=1, le=2**63 - 1)]


class UnknownScaleError(ApiError):
    """There is no scale of that id: docs/scales.md lists them."""

    code = "annotation.scale"
    status = 422


class NewAnnotation(BaseModel):
    """One rater's scores of one recording on one scale."""

    model_config = ConfigDict(extra="forbid")

    recording: int = Field(ge=1, le=2**63 - 1, examples=[7])
    rater: Annotated[Line, StringConstraints(min_length=1, max_length=100)] = Field(examples=["rater A"])
    scale: str = Field(max_length=32, description="See docs/scales.md.", examples=["eface"])
    scores: dict[str, Points] = Field(
        min_length=1, max_length=50, description="By item.", examples=[{"R1": 96, "M4": 70}]
    )
    note: Text = ""


class AnnotationShown(BaseModel):
    """One rater's scores of one recording on one scale."""

    id: int = Field(examples=[21])
    recording: int = Field(examples=[7])
    rater: str = Field(examples=["rater A"])
    scale: str = Field(examples=["eface"])
    scores: dict[str, float] = Field(description="By item.", examples=[{"R1": 96, "M4": 70}])
    note: str
    rated_at: dt.datetime


@router.get("", responses=described(400))
def list_annotations(held: Held, asked: Asked, recording: Numbered = None) -> Page[AnnotationShown]:
    """What raters scored and finished, the newest first."""
    query = (
        select(Annotation)
        .where(Annotation.repeat == 0, counts())
        .options(selectinload(Annotation.scores), selectinload(Annotation.rater))
    )
    if recording is not None:
        query = query.where(Annotation.recording_key == recording)
    with transaction(held.engine) as session:
        return page(session, asked, query, Annotation.id, _shown)


@router.post("", status_code=201, responses=described(404, 409))
def add(new: NewAnnotation, held: Held, caller: Writer) -> AnnotationShown:
    """Record what a rater scored; a rater who is not known is made, scores on record are not changed."""
    if new.scale not in SCALES:
        raise UnknownScaleError(f"the scale is none of {', '.join(SCALES)}")
    SCALES[new.scale].check(new.scores)
    with transaction(held.engine) as session:
        recording = session.get(Recording, new.recording)
        if recording is None:
            raise NotFoundError(f"there is no recording {new.recording}")
        number = session.scalar(
            insert(Annotation)
            .values(
                recording_key=new.recording,
                rater_key=_rater(session, new.rater),
                scale=new.scale,
                note=new.note,
            )
            .on_conflict_do_nothing()
            .returning(Annotation.id)
        )
        if number is None:
            raise ConflictError("this rater has scored this recording on this scale already")
        session.add_all(
            AnnotationScore(annotation_key=number, scale=new.scale, item=item, value=value)
            for item, value in new.scores.items()
        )
        audit.record(
            session,
            caller.actor,
            AuditEventKind.ANNOTATION_SAVED,
            patient=recording.patient_key,
            recording=recording.id,
            annotation=number,
        )
        session.flush()
        return _shown(session.get_one(Annotation, number))


@router.get("/{number}", responses=described(404))
def one_annotation(number: Number, held: Held, caller: Reader) -> AnnotationShown:
    """What one rater scored."""
    with transaction(held.engine) as session:
        annotation = session.get(Annotation, number)
        if annotation is None:
            raise NotFoundError(f"there is no annotation {number}")
        audit.record(
            session,
            caller.actor,
            AuditEventKind.RECORDING_VIEWED,
            patient=annotation.recording.patient_key,
            recording=annotation.recording_key,
            annotation=number,
        )
        return _shown(annotation)


def _rater(session: Session, name: str) -> int:
    session.execute(insert(Rater).values(name=name).on_conflict_do_nothing())
    return session.execute(select(Rater.id).where(Rater.name == name)).scalar_one()


def _shown(annotation: Annotation) -> AnnotationShown:
    return AnnotationShown(
        id=annotation.id,
        recording=annotation.recording_key,
        rater=annotation.rater.name,
        scale=annotation.scale,
        scores={score.item: score.value for score in annotation.scores},
        note=annotation.note,
        rated_at=annotation.rated_at,
    )
