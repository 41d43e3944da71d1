"""Reports: the documents that were written of gradings."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from service.api.context import Held, Number
from service.api.files import stored
from service.api.gate import Reader
from service.api.paging import Cursor, Limit, Page, page
from service.api.problems import NotFoundError, described
from service.database import transaction
from service.records.models import Grading, Report

router = APIRouter(prefix="/reports", tags=["reports"])

MEDIA_TYPES = {"pdf": "application/pdf"}
"""Of the documents by kind; of every other kind they are DICOM objects."""
DICOM = "application/dicom"


class ReportShown(BaseModel):
    """One document made of a grading."""

    id: int = Field(examples=[4])
    grading: int = Field(examples=[9])
    recording: int = Field(examples=[7])
    kind: str = Field(description="`pdf`, or `sr` for the structured report.", examples=["pdf"])
    sop_instance_uid: str
    created_at: dt.datetime
    document: str = Field(description="Address of its bytes.", examples=["/api/v1/reports/4/document"])


@router.get("", responses=described(400))
def list_reports(
    held: Held,
    caller: Reader,
    request: Request,
    response: Response,
    recording: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    kind: Annotated[str | None, Query(pattern="^[a-z]{1,16}$")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ReportShown]:
    """Reports, the newest first."""
    query = select(Report).join(Report.grading)
    if recording is not None:
        query = query.where(Grading.recording_key == recording)
    if kind is not None:
        query = query.where(Report.kind == kind)
    with transaction(held.engine) as session:
        return page(session, request, response, query, Report.id, report_shown, limit=limit, cursor=cursor)


@router.get("/{number}", responses=described(404))
def one_report(number: Number, held: Held, caller: Reader) -> ReportShown:
    """A report, without its bytes."""
    with transaction(held.engine) as session:
        report = session.get(Report, number)
        if report is None:
            raise NotFoundError(f"there is no report {number}")
        return report_shown(report)


@router.get(
    "/{number}/document",
    response_class=Response,
    responses=described(404, content=["application/pdf", DICOM]),
)
def document(number: Number, held: Held, caller: Reader) -> Response:
    """The bytes of a report: a PDF, or a DICOM object."""
    with transaction(held.engine) as session:
        report = session.get(Report, number)
        if report is None:
            raise NotFoundError(f"there is no report {number}")
        kind, key = report.kind, report.document_key
    media_type = MEDIA_TYPES.get(kind, DICOM)
    return Response(stored(held.storage, key, "this document's file"), media_type=media_type)


def report_shown(report: Report) -> ReportShown:
    """What is shown of a report."""
    return ReportShown(
        id=report.id,
        grading=report.grading_key,
        recording=report.grading.recording_key,
        kind=report.kind,
        sop_instance_uid=report.sop_instance_uid,
        created_at=report.created_at,
        document=document_path(report),
    )


def document_path(report: Report) -> str:
    """The address of a report's bytes."""
    return f"/api/v1/reports/{report.id}/document"
