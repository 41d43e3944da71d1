"""Annotations: what raters scored, as other systems know it and as it stands here."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.orm import selectinload
from starlette.responses import Response

from service.api.context import Held, Line, Number, SameRecord, Text, check_unchanged, tagged
from service.api.gate import Reader, Writer
from service.api.paging import Asked, Page, page
from service.api.problems import ConflictError, NotFoundError, described
from service.api.rows import row_of
from service.database import transaction
from service.records import audit
from service.records.annotations import (
    find_annotation,
    save_annotation,
    scale_of_scores,
    scores_given,
)
from service.records.audit_events import AuditEventKind
from service.records.models import Annotation, Recording
from service.records.ratings import counts

router = APIRouter(prefix="/annotations", tags=["annotations"])

Points = Annotated[float, Field(allow_inf_nan=False)]
Numbered = Annotated[int | None, Query(ge=1, le=2**63 - 1)]


class NewAnnotation(BaseModel):
    """One rater's scores of one recording, on one scale."""

    model_config = ConfigDict(extra="forbid")

    recording: int = Field(ge=1, le=2**63 - 1, examples=[7])
    rater: Annotated[Line, StringConstraints(min_length=1, max_length=100)] = Field(examples=["rater A"])
    scores: dict[str, Points] = Field(
        min_length=1,
        max_length=50,
        description="By item; all of one scale (docs/scales.md).",
        examples=[{"R1": 96, "M4": 70}],
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


@router.post("", status_code=201, responses=described(404, 409, 412))
def save(
    new: NewAnnotation, held: Held, caller: Writer, response: Response, if_match: SameRecord = None
) -> AnnotationShown:
    """Keep what a rater scored; a rater who is not known is made.

    Scores on record are replaced only if If-Match names them as they were read, and kept in the changes.
    """
    with transaction(held.engine) as session:
        recording = row_of(session, Recording, new.recording, lock=True)
        scale = scale_of_scores(new.rater, new.scores)
        known = find_annotation(session, new.recording, new.rater, scale)
        if known is not None:
            if if_match is None:
                raise ConflictError("this rater has scored this recording on this scale already")
            check_unchanged(_shown(known), if_match)
        saved = save_annotation(session, new.recording, new.rater, new.scores, new.note, caller.signature)
        audit.record(
            session,
            caller.actor,
            AuditEventKind.ANNOTATION_SAVED,
            patient=recording.patient_key,
            recording=recording.id,
            annotation=saved.id,
        )
        shown = _shown(saved)
    tagged(response, shown)
    return shown


@router.get("/{number}", responses=described(404))
def one_annotation(number: Number, held: Held, caller: Reader, response: Response) -> AnnotationShown:
    """What one rater scored and finished."""
    with transaction(held.engine) as session:
        finished = select(Annotation).where(Annotation.id == number, Annotation.repeat == 0, counts())
        annotation = session.scalar(finished)
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
        shown = _shown(annotation)
    tagged(response, shown)
    return shown


def _shown(annotation: Annotation) -> AnnotationShown:
    return AnnotationShown(
        id=annotation.id,
        recording=annotation.recording_key,
        rater=annotation.rater.name,
        scale=annotation.scale,
        scores=scores_given(annotation),
        note=annotation.note,
        rated_at=annotation.rated_at,
    )
