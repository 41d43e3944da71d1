"""The stage that turns a grading into documents and the deliveries they need."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from service.database import transaction
from service.documents import KINDS, Document, DocumentSource, gather_source, make_document
from service.peer_settings import AnyDestination
from service.records import flow
from service.records.flow import Stage
from service.records.gradings import active_grading
from service.records.leases import Lease
from service.records.models import Delivery, Grading, Recording, Report
from service.storage import content_key
from workers.context import Context


def report(context: Context, lease: Lease) -> None:
    """Write the documents of a graded recording, and note where they have to go.

    Raises:
        LeaseLostError: the recording was reopened meanwhile.
    """
    with transaction(context.engine) as session:
        grading = active_grading(session, lease.row_id)
        assert grading is not None  # noqa: S101 - the state "graded" is entered with the grading's row
        missing = _missing(context, session, grading)
        if not missing:
            # The same grading again: its documents stand, and perhaps lie in a PACS already.
            flow.finish(session, Stage.REPORT, lease)
            flow.settle_deliveries(session, grading.id)
            return
        source = _gather(context, session, lease.row_id, grading)
    documents = [make_document(kind, source) for kind in missing]
    for document in documents:
        context.storage.write(_object_key(document), document.dicom)
        if document.pdf is not None:
            context.storage.write(_document_key(document), document.pdf)
    with transaction(context.engine) as session:
        flow.finish(session, Stage.REPORT, lease)
        for document in documents:
            _record(session, source, document, context.settings.destinations)
        session.flush()
        flow.settle_deliveries(session, source.grading_id)


def _missing(context: Context, session: Session, grading: Grading) -> list[str]:
    """The kinds of document that are not recorded for the grading, or whose file is gone."""
    rows = session.scalars(select(Report).where(Report.grading_key == grading.id))
    standing = {row.kind for row in rows if context.storage.path(row.object_key).exists()}
    return [kind for kind in KINDS if kind not in standing]


def _gather(context: Context, session: Session, recording_id: int, grading: Grading) -> DocumentSource:
    recording = session.execute(
        select(Recording)
        .where(Recording.id == recording_id)
        .options(
            selectinload(Recording.photos), selectinload(Recording.patient), selectinload(Recording.surgery)
        )
    ).scalar_one()
    return gather_source(session, context.storage, recording, grading)


def _record(
    session: Session, source: DocumentSource, document: Document, destinations: Sequence[AnyDestination]
) -> None:
    """Note a document and its deliveries, unless it stands there from an earlier attempt."""
    if session.scalar(select(Report.id).where(Report.sop_instance_uid == document.uid)) is not None:
        return
    session.add(
        Report(
            grading_key=source.grading_id,
            kind=document.kind,
            sop_instance_uid=document.uid,
            document_key=_document_key(document),
            object_key=_object_key(document),
            created_at=source.created_at,
            deliveries=[
                Delivery(destination=destination.name, created_at=func.clock_timestamp())
                for destination in destinations
                if document.kind in destination.documents
            ],
        )
    )


def _object_key(document: Document) -> str:
    return content_key("reports", document.uid, "dcm")


def _document_key(document: Document) -> str:
    return _object_key(document) if document.pdf is None else content_key("reports", document.uid, "pdf")
