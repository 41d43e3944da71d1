"""Gradings: what a model said of a recording, and what is known of each score."""

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import selectinload
from starlette.responses import Response

from dicom.codes import flag_codes, item_code, sub_score_code
from grading.scales import SubScore, find_item
from service.api.context import Held, Number, tagged
from service.api.gate import Reader
from service.api.paging import Asked, Page, page
from service.api.problems import described
from service.api.rows import row_of
from service.assessing import Assessed, assess_items, assess_sub_scores
from service.database import transaction
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.gradings import first_grading, scores_of
from service.records.models import Grading, Recording
from service.reporting import describe_flag

router = APIRouter(prefix="/gradings", tags=["gradings"])


class Interval(BaseModel):
    """A span of points; both ends belong to it."""

    low: float = Field(examples=[50.2])
    high: float = Field(examples=[89.8])


class Score(BaseModel):
    """One score in points, and what is known of it."""

    code: str = Field(description="In the coding scheme 99FACEPALSY.", examples=["EF-M4"])
    name: str = Field(examples=["Oral commissure movement with smile"])
    value: float = Field(examples=[70.3])
    range: Interval = Field(description="Bounds of the scale; a balanced face has 100.")
    interval: Interval | None = Field(description="The 90 % prediction interval, where it is known.")
    first: float | None = Field(description="The same score of the patient's first recording.")
    minimal_detectable_change: float | None = Field(examples=[25.0])
    verdict: str | None = Field(
        description="What the change since then is: `improved`, `worse` or `within measurement error`."
    )


class ItemShown(Score):
    """An item's score, with what it means in words."""

    item: str = Field(examples=["M4"])
    direction: str = Field(examples=["reduced"])


class SubScoreShown(Score):
    """A sub-score, with the formula that made it."""

    sub_score: str = Field(examples=["dynamic"])
    formula: str = Field(description="See docs/scales.md.", examples=["folded"])


class FlagShown(BaseModel):
    """A doubt about a grading."""

    flag: str = Field(examples=["clipped.M4"])
    code: str = Field(description="In the coding scheme 99FACEPALSY.", examples=["CLIPPED"])
    text: str


class GradingShown(BaseModel):
    """One bundle's result for one recording."""

    id: int = Field(examples=[9])
    uid: str = Field(description="The same photos and the same bundle have the same UID.")
    recording: int = Field(examples=[7])
    bundle: int = Field(examples=[1])
    active: bool = Field(description="Whether it counts; an earlier one of the same recording does not.")
    side: str | None = Field(description="The affected side that was assumed.", examples=["L"])
    novelty: float | None = Field(description="Distance to the training data; above 1 unlike it.")
    flags: list[str]
    scores: dict[str, float] = Field(description="By item.", examples=[{"R1": 96.2, "M4": 70.3}])
    created_at: dt.datetime


class GradingInFull(GradingShown):
    """A grading with what is known of each score and flag."""

    items: list[ItemShown]
    sub_scores: list[SubScoreShown]
    flags_in_words: list[FlagShown]


@router.get("", responses=described(400))
def list_gradings(
    held: Held,
    asked: Asked,
    recording: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    patient: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    active: bool | None = None,
) -> Page[GradingShown]:
    """Gradings, the newest first."""
    query = select(Grading).options(selectinload(Grading.items))
    if recording is not None:
        query = query.where(Grading.recording_key == recording)
    if patient is not None:
        query = query.join(Recording).where(Recording.patient_key == patient)
    if active is not None:
        query = query.where(Grading.active.is_(active))
    with transaction(held.engine) as session:
        return page(session, asked, query, Grading.id, grading_shown)


@router.get("/{number}", responses=described(404))
def one_grading(number: Number, held: Held, caller: Reader, response: Response) -> GradingInFull:
    """A grading: every item and sub-score with its interval, and the change since the first recording."""
    with transaction(held.engine) as session:
        grading = row_of(session, Grading, number)
        first = first_grading(session, grading.recording, grading.bundle_key)
        assessed = assess_items(grading, first)
        shown = GradingInFull(
            **grading_shown(grading).model_dump(),
            items=[_item(name, value, assessed[name]) for name, value in scores_of(grading).items()],
            sub_scores=[_sub_score(score, known) for score, known in assess_sub_scores(grading, first)],
            flags_in_words=[
                FlagShown(flag=flag, code=flag_codes(flag)[0].value, text=describe_flag(flag))
                for flag in grading.flags
            ],
        )
        audit.record(
            session,
            caller.actor,
            AuditEventKind.RECORDING_VIEWED,
            patient=grading.recording.patient_key,
            recording=grading.recording_key,
            grading=number,
        )
    tagged(response, shown)
    return shown


def grading_shown(grading: Grading) -> GradingShown:
    """What is shown of a grading in a list."""
    own = ("id", "uid", "active", "side", "novelty", "flags", "created_at")
    return GradingShown(
        **{name: getattr(grading, name) for name in own},
        recording=grading.recording_key,
        bundle=grading.bundle_key,
        scores=scores_of(grading),
    )


def _item(name: str, value: float, known: Assessed) -> ItemShown:
    item = find_item(name)
    return ItemShown(
        item=item.id,
        code=item_code(item).value,
        name=item.name,
        value=value,
        range=Interval(low=item.low, high=item.high),
        direction=item.direction(value),
        **_known(known),
    )


def _sub_score(score: SubScore, known: Assessed) -> SubScoreShown:
    return SubScoreShown(
        sub_score=score.id,
        formula=score.formula,
        code=sub_score_code(score).value,
        name=score.name,
        value=score.value,
        range=Interval(low=score.low, high=score.high),
        **_known(known),
    )


def _known(known: Assessed) -> dict[str, Any]:
    interval = known.interval and Interval(low=known.interval[0], high=known.interval[1])
    return {
        "first": known.first,
        "interval": interval,
        "minimal_detectable_change": known.mdc,
        "verdict": known.verdict,
    }
