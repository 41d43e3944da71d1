"""The stage that turns a grading into documents and the deliveries they need."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from dicom.building import to_bytes
from dicom.encapsulated_pdf import encapsulated_pdf
from dicom.headers import PhotoHeader
from dicom.timepoints import Timepoint
from dicom.uids import derived_uid
from reports.content import RecordingReport
from reports.recording_report import render_recording_report
from service import PRODUCT
from service.database import transaction
from service.records import flow
from service.records.flow import Stage
from service.records.gradings import active_grading
from service.records.leases import Lease
from service.records.models import Delivery, Recording, Report
from service.reporting import report_content
from service.storage import content_key
from workers.context import Context

TITLE = "eFACE facial palsy report"


@dataclass(frozen=True)
class _Source:
    content: RecordingReport
    headers: tuple[PhotoHeader, ...]
    grading_id: int
    created_at: dt.datetime


def report(context: Context, lease: Lease) -> None:
    """Write the PDF of a graded recording, wrap it for the PACS, and note where it has to go.

    Raises:
        LeaseLostError: the recording was reopened meanwhile.
    """
    with transaction(context.engine) as session:
        written = _written(context, session, lease.row_id)
        if written is not None:
            # The same grading again: its document stands, and perhaps lies in a PACS already.
            flow.finish(session, Stage.REPORT, lease)
            flow.settle_deliveries(session, written)
            return
        source = _gather(context, session, lease.row_id)
    pdf = render_recording_report(source.content)
    uid, days = source.content.uid, source.content.days_from_surgery
    document = encapsulated_pdf(
        pdf,
        sources=source.headers,
        title=TITLE,
        sop_instance_uid=uid,
        series_uid=derived_uid("report series", uid),
        created_at=source.created_at.astimezone(),
        timepoint=None if days is None else Timepoint(days, source.content.timepoint or ""),
        software_version=PRODUCT,
    )
    document_key = content_key("reports", uid, "pdf")
    object_key = content_key("reports", uid, "dcm")
    context.storage.write(document_key, pdf)
    context.storage.write(object_key, to_bytes(document))
    with transaction(context.engine) as session:
        flow.finish(session, Stage.REPORT, lease)
        row = session.scalar(select(Report).where(Report.sop_instance_uid == uid))
        if row is None:
            row = Report(
                grading_key=source.grading_id,
                kind="pdf",
                sop_instance_uid=uid,
                document_key=document_key,
                object_key=object_key,
                created_at=source.created_at,
                deliveries=[
                    Delivery(destination=destination.name, created_at=func.clock_timestamp())
                    for destination in context.settings.destinations
                ],
            )
            session.add(row)
            session.flush()
        flow.settle_deliveries(session, row.id)


def _written(context: Context, session: Session, recording_id: int) -> int | None:
    """The id of the report that the recording's active grading has already, if its file is still there."""
    grading = active_grading(session, recording_id)
    row = session.scalar(select(Report).where(Report.grading_key == grading.id)) if grading else None
    return row.id if row is not None and context.storage.path(row.object_key).exists() else None


def _gather(context: Context, session: Session, recording_id: int) -> _Source:
    recording = session.execute(
        select(Recording)
        .where(Recording.id == recording_id)
        .options(
            selectinload(Recording.photos), selectinload(Recording.patient), selectinload(Recording.surgery)
        )
    ).scalar_one()
    grading = active_grading(session, recording_id)
    assert grading is not None  # noqa: S101 - the state "graded" is entered with the grading's row
    content = report_content(session, context.storage, recording, grading)
    return _Source(
        content,
        tuple(PhotoHeader.from_json(photo.header) for photo in recording.photos),
        grading.id,
        grading.created_at,
    )
