"""The stage that turns a grading into documents and the deliveries they need."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from reports.style import Style
from service.database import transaction
from service.delivery.messages import MESSAGES, freeze_message
from service.delivery.sending import wants
from service.documents import (
    ALWAYS,
    DRAFT,
    FINAL,
    KINDS,
    MAPS,
    Document,
    DocumentSource,
    gather_source,
    make_document,
)
from service.peer_settings import AnyDestination
from service.records import flow
from service.records.flow import Stage
from service.records.gradings import active_grading
from service.records.leases import Lease
from service.records.models import Delivery, DeliveryState, Grading, Recording, Report
from service.storage import content_key
from workers.context import Context


@dataclass(frozen=True)
class _Missing:
    """The kinds of document of one version that are to be written, and how they are set."""

    version: str
    kinds: tuple[str, ...]
    style: Style


def report(context: Context, lease: Lease) -> None:
    """Write the documents of a graded recording, and note where they have to go.

    They are drafts; once the report is signed off there are final versions beside them.

    Raises:
        LeaseLostError: the recording was reopened meanwhile.
    """
    with transaction(context.engine) as session:
        grading = active_grading(session, lease.row_id)
        assert grading is not None  # noqa: S101 - the state "graded" is entered with the grading's row
        versions = [DRAFT] if grading.sign_off is None else [DRAFT, FINAL]
        missing = [one for version in versions if (one := _missing(context, session, grading, version)).kinds]
        if not missing:
            # The same grading again: its documents stand, and perhaps lie in a PACS already.
            flow.finish(session, Stage.REPORT, lease)
            flow.settle_deliveries(session, grading.id)
            return
        recording = _recording(session, lease.row_id)
        sources = {
            one: gather_source(
                session,
                context.storage,
                recording,
                grading,
                one.style,
                one.version,
                every_map=MAPS in one.kinds,
            )
            for one in missing
        }
    made = {one: _make(context, one, source) for one, source in sources.items()}
    with transaction(context.engine) as session:
        flow.finish(session, Stage.REPORT, lease)
        recording = _recording(session, lease.row_id)
        for one, documents in made.items():
            _record_version(session, context, sources[one], recording, one, documents)
        flow.settle_deliveries(session, grading.id)


def _missing(context: Context, session: Session, grading: Grading, version: str) -> _Missing:
    """The kinds of document of a version that are not recorded for the grading, or whose file is gone.

    What is written again is set as it was at first.
    """
    query = select(Report).where(Report.grading_key == grading.id, Report.version == version)
    rows = {row.kind: row for row in session.scalars(query)}
    recording = session.get_one(Recording, grading.recording_key)
    asked = [
        kind
        for kind in (MAPS, *MESSAGES)
        if any(wants(destination, kind, recording) for destination in context.settings.destinations)
    ]
    kinds = tuple(
        kind
        for kind in (*ALWAYS, *asked)
        if kind not in rows or not context.storage.path(rows[kind].object_key).exists()
    )
    style = context.settings.report.style
    if "pdf" in rows:
        style = Style(**(rows["pdf"].style or {}), fonts=style.fonts)
    return _Missing(version, kinds, style)


def _make(context: Context, missing: _Missing, source: DocumentSource) -> list[Document]:
    """Make the documents of a version and store their files."""
    # Gradings of before maps were kept have none.
    kinds = [kind for kind in missing.kinds if kind in KINDS and (kind != MAPS or source.every_map)]
    documents = [make_document(kind, source) for kind in kinds]
    for document in documents:
        context.storage.write(_object_key(document), document.dicom)
        if document.pdf is not None:
            context.storage.write(_document_key(document), document.pdf)
    return documents


def _record_version(
    session: Session,
    context: Context,
    source: DocumentSource,
    recording: Recording,
    missing: _Missing,
    documents: list[Document],
) -> None:
    for document in documents:
        keys = _document_key(document), _object_key(document)
        _record(session, context, source, recording, document.kind, document.uid, *keys)
    session.flush()
    for kind in missing.kinds:
        if kind in MESSAGES:
            _record_message(session, context, source, recording, kind)
    session.flush()


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
    pdf = session.scalars(select(Report).where(Report.sop_instance_uid == source.content.uid)).one()
    uid = source.uid(kind)
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
            version=source.version,
            sop_instance_uid=uid,
            document_key=document_key,
            object_key=object_key,
            style=_stored(source.style),
            created_at=source.created_at,
            deliveries=[
                Delivery(
                    destination=destination.name,
                    state=_first_state(destination, source.version),
                    order_key=recording.patient_key if destination.ordered else None,
                    created_at=func.clock_timestamp(),
                )
                for destination in context.settings.destinations
                if wants(destination, kind, recording) and _goes(destination, kind, source.version)
            ],
        )
    )


def _stored(style: Style) -> Mapping[str, Any]:
    """A style as its row holds it: without the fonts, whose files are the machine's."""
    return {name: value for name, value in asdict(style).items() if name != "fonts"}


def _goes(destination: AnyDestination, kind: str, version: str) -> bool:
    """Whether a version is for the destination: the maps of a draft are those of the final version."""
    return kind != MAPS or (destination.when == "on_sign_off") == (version == FINAL)


def _first_state(destination: AnyDestination, version: str) -> DeliveryState:
    waits = destination.when == "on_sign_off" and version == DRAFT
    return DeliveryState.WAITING if waits else DeliveryState.PENDING


def _object_key(document: Document) -> str:
    return content_key("reports", document.uid, "dcm")


def _document_key(document: Document) -> str:
    return _object_key(document) if document.pdf is None else content_key("reports", document.uid, "pdf")
