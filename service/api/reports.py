"""Reports: the documents that were written of gradings."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from service.api.context import Held, Number
from service.api.files import stored
from service.api.gate import Caller, Reader
from service.api.paging import Asked, Page, page
from service.api.problems import NotFoundError, described
from service.database import transaction
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.models import Grading, Report

router = APIRouter(prefix="/reports", tags=["reports"])

MEDIA_TYPES = {"pdf": "application/pdf", "sr": "application/dicom", "maps": "application/dicom"}
"""Of the documents by kind; messages to other systems are none."""


class ReportShown(BaseModel):
    """One document made of a grading."""

    id: int = Field(examples=[4])
    grading: int = Field(examples=[9])
    recording: int = Field(examples=[7])
    kind: str = Field(
        description="`pdf`, `sr` for the structured report, `maps` for the maps.", examples=["pdf"]
    )
    version: str = Field(description="`draft`, or `final` once it was signed off.", examples=["draft"])
    sop_instance_uid: str
    created_at: dt.datetime
    document: str = Field(description="Address of its bytes.", examples=["/api/v1/reports/4/document"])


@router.get("", responses=described(400))
def list_reports(
    held: Held,
    asked: Asked,
    recording: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    kind: Annotated[str | None, Query(pattern="^[a-z]{1,16}$")] = None,
) -> Page[ReportShown]:
    """Reports, the newest first."""
    query = select(Report).join(Report.grading).where(Report.kind.in_(MEDIA_TYPES))
    if recording is not None:
        query = query.where(Grading.recording_key == recording)
    if kind is not None:
        query = query.where(Report.kind == kind)
    with transaction(held.engine) as session:
        return page(session, asked, query, Report.id, report_shown)


@router.get("/{number}", responses=described(404))
def one_report(number: Number, held: Held, caller: Reader) -> ReportShown:
    """A report, without its bytes."""
    with transaction(held.engine) as session:
        return report_shown(_report(session, number, caller))


@router.get(
    "/{number}/document",
    response_class=Response,
    responses=described(404, content=list(MEDIA_TYPES.values())),
)
def document(number: Number, held: Held, caller: Reader) -> Response:
    """The bytes of a report: a PDF, or a DICOM object."""
    with transaction(held.engine) as session:
        report = _report(session, number, caller)
        media_type, key = MEDIA_TYPES[report.kind], report.document_key
    return Response(stored(held.storage, key, "this document's file"), media_type=media_type)


def _report(session: Session, number: int, caller: Caller) -> Report:
    """The report of this number; that it was asked for goes into the audit trail."""
    report = session.get(Report, number)
    if report is None or report.kind not in MEDIA_TYPES:
        raise NotFoundError(f"there is no report {number}")
    recording = report.grading.recording
    audit.record(
        session,
        caller.actor,
        AuditEventKind.DOCUMENT_VIEWED,
        patient=recording.patient_key,
        recording=recording.id,
        document=number,
    )
    return report


def report_shown(report: Report) -> ReportShown:
    """What is shown of a report."""
    return ReportShown(
        id=report.id,
        grading=report.grading_key,
        recording=report.grading.recording_key,
        kind=report.kind,
        version=report.version,
        sop_instance_uid=report.sop_instance_uid,
        created_at=report.created_at,
        document=document_path(report),
    )


def document_path(report: Report) -> str:
    """The address of a report's bytes."""
    return f"/api/v1/reports/{report.id}/document"
