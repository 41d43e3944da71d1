"""What clinicians ask, of one patient and of many: as JSON, or where Accept says so as CSV or Parquet."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from service.api.context import Held, Line, Number
from service.api.gate import Caller, Reader
from service.api.problems import described
from service.database import transaction
from service.exporting import write_rows
from service.records import audit, cohorts, courses
from service.records.audit_events import AuditEventKind
from service.records.bundle_comparison import ScoreComparison, compare_bundles
from service.records.disagreement import (
    Difference,
    Disagreement,
    disagreement,
    largest_differences,
)
from service.records.models import Surgery
from service.records.waiting import WaitingRecording, recordings_waiting

router = APIRouter(tags=["questions"])

TABLES = {"text/csv": ".csv", "application/vnd.apache.parquet": ".parquet"}
"""Media types of tables, and the suffix that names each to `write_rows`."""
Points = Annotated[float | None, Query(allow_inf_nan=False, description="In points.")]
Procedures = Annotated[
    list[Line], Query(min_length=1, max_length=20, description="Whole names, whatever their case.")
]
Score = Annotated[str, Query(max_length=16, description="`static`, `dynamic` or an item such as `M4`.")]
BundleHash = Annotated[
    str | None,
    Query(pattern="^[0-9a-f]{1,64}$", description="Begin of a bundle's hash; else that which grades now."),
]
Months = Annotated[float, Field(ge=-1200, le=1200, allow_inf_nan=False)]


@dataclass(frozen=True)
class Question:
    """A question: who asks it, and as what the answer is wanted."""

    caller: Caller
    name: str
    media_type: str | None

    def answer(
        self, session: Session, kind: type[Any], rows: Sequence[Any], patient: int | None = None
    ) -> Any:
        """The rows, of the dataclass ``kind``, as they are wanted; the audit trail knows of it."""
        event = AuditEventKind.RECORDS_QUERIED if self.media_type is None else AuditEventKind.DATA_EXPORTED
        audit.record(session, self.caller.actor, event, patient=patient, question=self.name, rows=len(rows))
        if self.media_type is None:
            return rows
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"rows{TABLES[self.media_type]}"
            write_rows(kind, rows, file)
            return Response(file.read_bytes(), media_type=self.media_type)


def _question(request: Request, caller: Reader) -> Question:
    accept = request.headers.get("accept", "")
    wanted = next((media_type for media_type in TABLES if media_type in accept), None)
    return Question(caller, request.url.path.rpartition("/")[2], wanted)


Asked = Annotated[Question, Depends(_question)]
AS_TABLE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "OK",
        "content": {name: {"schema": {"type": "string", "format": "binary"}} for name in TABLES},
    }
}


@router.get(
    "/surgeries/{number}/timeline",
    response_model=list[courses.TimelineRow],
    responses=described(404) | AS_TABLE,
)
def timeline(number: Number, held: Held, asked: Asked) -> Any:
    """A patient's time line around a surgery: recordings with scores, surgeries, events."""
    with transaction(held.engine) as session:
        rows = courses.timeline(session, number)
        patient = session.get_one(Surgery, number).patient_key
        return asked.answer(session, courses.TimelineRow, rows, patient)


@router.get(
    "/surgeries/{number}/changes",
    response_model=list[courses.Change],
    responses=described(404) | AS_TABLE,
)
def changes(number: Number, held: Held, asked: Asked) -> Any:
    """What changed since the last recording before a surgery, with the verdict on each change."""
    with transaction(held.engine) as session:
        rows = courses.changes_since_baseline(session, number)
        patient = session.get_one(Surgery, number).patient_key
        return asked.answer(session, courses.Change, rows, patient)


@router.get("/queries/cohort", response_model=list[cohorts.Member], responses=described() | AS_TABLE)
def cohort(
    held: Held,
    asked: Asked,
    procedure: Procedures,
    months: Annotated[Months, Query(description="Time after the procedure.")] = 12,
    within: Annotated[Months, Query(ge=0, description="Months by which it may be missed.")] = 2,
    score: Score = "dynamic",
    below: Points = None,
    above: Points = None,
    bundle: BundleHash = None,
) -> Any:
    """Everybody at a time after one of the procedures, the lowest score first."""
    with transaction(held.engine) as session:
        rows = cohorts.at_time_after(
            session, procedure, months, within, score, below=below, above=above, bundle_hash=bundle
        )
        return asked.answer(session, cohorts.Member, rows)


@router.get("/queries/trajectory", response_model=list[cohorts.CoursePoint], responses=described() | AS_TABLE)
def trajectory(
    held: Held, asked: Asked, procedure: Procedures, score: Score = "dynamic", bundle: BundleHash = None
) -> Any:
    """The mean course of a score around the procedures, with its spread, by named timepoints."""
    with transaction(held.engine) as session:
        rows = cohorts.trajectory(session, procedure, score, bundle_hash=bundle)
        return asked.answer(session, cohorts.CoursePoint, rows)


@router.get("/queries/procedures", response_model=list[cohorts.Procedure], responses=described() | AS_TABLE)
def procedures(held: Held, asked: Asked) -> Any:
    """Names of procedures, and how many surgeries there are of each."""
    with transaction(held.engine) as session:
        return asked.answer(session, cohorts.Procedure, cohorts.procedures(session))


@router.get("/queries/waiting", response_model=list[WaitingRecording], responses=described() | AS_TABLE)
def waiting(held: Held, asked: Asked) -> Any:
    """Recordings that have not come to their end, those that wait for a person first."""
    with transaction(held.engine) as session:
        return asked.answer(session, WaitingRecording, recordings_waiting(session))


@router.get("/queries/disagreement", response_model=list[Disagreement], responses=described() | AS_TABLE)
def disagreeing(held: Held, asked: Asked, bundle: BundleHash = None) -> Any:
    """How the model's scores stand to each rater's, per item."""
    with transaction(held.engine) as session:
        return asked.answer(session, Disagreement, disagreement(session, bundle))


@router.get("/queries/bundles", response_model=list[ScoreComparison], responses=described() | AS_TABLE)
def comparison(held: Held, asked: Asked, after: BundleHash = None, before: BundleHash = None) -> Any:
    """How the scores of two bundles differ on the recordings that both have graded."""
    with transaction(held.engine) as session:
        both = cohorts.current_bundle(session, before), cohorts.current_bundle(session, after)
        return asked.answer(session, ScoreComparison, compare_bundles(session, *both))


@router.get("/queries/differences", response_model=list[Difference], responses=described() | AS_TABLE)
def differences(
    held: Held,
    asked: Asked,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 50,
    bundle: BundleHash = None,
) -> Any:
    """The scores on which raters and the model differ most, the largest difference first."""
    with transaction(held.engine) as session:
        return asked.answer(session, Difference, largest_differences(session, limit, bundle))
