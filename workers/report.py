"""The stage that turns a grading into documents and the deliveries they need."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from service.database import transaction
from service.delivery.messages import MESSAGES, freeze_message
from service.delivery.sending import wants
from service.documents import KINDS, Document, DocumentSource, gather_source, make_document
from service.peer_settings import AnyDestination
from service.records import flow
from service.records.flow import Stage
from service.records.gradings import active_grading
from service.records.leases import Lease
from service.records.models import Delivery, DeliveryState, Grading, Recording, Report
from service.reporting import report_uid
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
        recording = _recording(session, lease.row_id)
        style = context.settings.report.style
        source = gather_source(session, context.storage, recording, grading, style)
    documents = [make_document(kind, source) for kind in missing if kind in KINDS]
    for document in documents:
        context.storage.write(_object_key(document), document.dicom)
        if document.pdf is not None:
            context.storage.write(_document_key(document), document.pdf)
    with transaction(context.engine) as session:
        flow.finish(session, Stage.REPORT, lease)
        recording = _recording(session, lease.row_id)
        for document in documents:
            keys = _document_key(document), _object_key(document)
            _record(session, context, source, recording, document.kind, document.uid, *keys)
        session.flush()
        for kind in missing:
            if kind in MESSAGES:
                _record_message(session, context, source, recording, kind)
        session.flush()
        flow.settle_deliveries(session, source.grading_id)


def _missing(context: Context, session: Session, grading: Grading) -> list[str]:
    """The kinds of document that are not recorded for the grading, or whose file is gone."""
    rows = session.scalars(select(Report).where(Report.grading_key == grading.id))
    standing = {row.kind for row in rows if context.storage.path(row.object_key).exists()}
    recording = session.get_one(Recording, grading.recording_key)
    asked = [
        kind
        for kind in MESSAGES
        if any(wants(destination, kind, recording) for destination in context.settings.destinations)
    ]
    return [kind for kind in (*KINDS, *asked) if kind not in standing]


def _recording(session: Session, recording_id: int) -> Recording:
    return session.execute(
        select(Recording)
        .where(Recording.id == recording_id)
        .options(
            selectinload(Recording.photos), selectinload(Recording.patient), selectinload(Recording.surgery)
        )
    ).scalar_one()


def _record_message(
    session: Session, context: Context, source: DocumentSource, recording: Recording, kind: str
) -> None:
    """Freeze what a message is to say, and note where it goes."""
    grading = session.get_one(Grading, source.grading_id)
    pdf = session.scalars(select(Report).where(Report.grading_key == grading.id, Report.kind == "pdf")).one()
    uid = report_uid(source.grading_uid, kind)
    key = content_key("reports", uid, "json")
    context.storage.write(key, freeze_message(kind, source, recording, grading, pdf))
    _record(session, context, source, recording, kind, uid, key, key)


def _record(
    session: Session,
    context: Context,
    source: DocumentSource,
    recording: Recording,
    kind: str,
    uid: str,
    document_key: str,
    object_key: str,
) -> None:
    """Note a document and its deliveries, unless it stands there from an earlier attempt."""
    if session.scalar(select(Report.id).where(Report.sop_instance_uid == uid)) is not None:
        return
    session.add(
        Report(
            grading_key=source.grading_id,
            kind=kind,
            sop_instance_uid=uid,
            document_key=document_key,
            object_key=object_key,
            created_at=source.created_at,
            deliveries=[
                Delivery(
                    destination=destination.name,
                    state=_first_state(destination),
                    order_key=recording.patient_key if destination.ordered else None,
                    created_at=func.clock_timestamp(),
                )
                for destination in context.settings.destinations
                if wants(destination, kind, recording)
            ],
        )
    )


def _first_state(destination: AnyDestination) -> DeliveryState:
    return DeliveryState.WAITING if destination.when == "on_sign_off" else DeliveryState.PENDING


def _object_key(document: Document) -> str:
    return content_key("reports", document.uid, "dcm")


def _document_key(document: Document) -> str:
    return _object_key(document) if document.pdf is None else content_key("reports", document.uid, "pdf")
