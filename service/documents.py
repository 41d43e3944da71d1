"""The documents made of a grading, as DICOM objects: the report as PDF, and its numbers as structured report.

A document's UID is derived from its kind and its grading: the same grading never makes two. A document of a
recording that was graded anew names the one that it replaces.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydicom.uid import EncapsulatedPDFStorage, EnhancedSRStorage
from sqlalchemy.orm import Session

from dicom.building import to_bytes
from dicom.codes import item_code, sub_score_code
from dicom.encapsulated_pdf import encapsulated_pdf
from dicom.headers import PhotoHeader
from dicom.sources import Predecessor
from dicom.structured_report import Algorithm, MeasuredScore, structured_report
from dicom.timepoints import Timepoint
from dicom.uids import derived_uid
from grading.scales import BALANCED, Item
from reports.content import RecordingReport
from reports.recording_report import render_recording_report
from reports.style import PLAIN, Style
from service import PRODUCT
from service.records.gradings import earlier_reports, intervals_of
from service.records.models import Grading, Recording
from service.reporting import report_content, report_uid
from service.storage import Storage

TITLE = "eFACE facial palsy report"
REST = "REST"
INTERVALS = "uncertainty: 90 % prediction interval"


@dataclass(frozen=True)
class DocumentSource:
    """What the documents of one grading are made from, read before the long work starts.

    ``photos`` are the headers by pose code; ``intervals`` those of `intervals_of`; ``predecessors`` the
    documents that are replaced, by kind.
    """

    content: RecordingReport
    photos: Mapping[str, PhotoHeader]
    intervals: Mapping[str, tuple[float, float]]
    flags: tuple[str, ...]
    manifest: Mapping[str, Any]
    grading_id: int
    grading_uid: str
    created_at: dt.datetime
    predecessors: Mapping[str, Predecessor]
    style: Style = PLAIN

    @property
    def timepoint(self) -> Timepoint | None:
        """The recording's place around the surgery, if it has one."""
        days = self.content.days_from_surgery
        return None if days is None else Timepoint(days, self.content.timepoint or "")


@dataclass(frozen=True)
class Document:
    """One document: its DICOM object, and the file for people where the object is not what they read."""

    kind: str
    uid: str
    dicom: bytes
    pdf: bytes | None = None


def gather_source(
    session: Session, storage: Storage, recording: Recording, grading: Grading, style: Style = PLAIN
) -> DocumentSource:
    """Everything that the documents of ``grading`` need from the records and the storage."""
    return DocumentSource(
        content=report_content(session, storage, recording, grading),
        photos={photo.pose: PhotoHeader.from_json(photo.header) for photo in recording.photos if photo.pose},
        intervals=intervals_of(grading),
        flags=tuple(grading.flags),
        manifest=grading.bundle.manifest,
        grading_id=grading.id,
        grading_uid=grading.uid,
        created_at=grading.created_at.astimezone(),
        predecessors={
            report.kind: Predecessor(
                SOP_CLASSES[report.kind],
                report.sop_instance_uid,
                _series_uid(report.sop_instance_uid),
                recording.study_uid,
            )
            for report in earlier_reports(session, grading)
            if report.kind in SOP_CLASSES
        },
        style=style,
    )


def make_document(kind: str, source: DocumentSource) -> Document:
    """The document of one of `KINDS`. Raises `ReportSourcesError`."""
    return _MAKERS[kind](source)


def _pdf(source: DocumentSource) -> Document:
    uid = source.content.uid
    pdf = render_recording_report(source.content, source.style)
    dataset = encapsulated_pdf(
        pdf,
        sources=tuple(source.photos.values()),
        title=TITLE,
        sop_instance_uid=uid,
        series_uid=_series_uid(uid),
        created_at=source.created_at,
        timepoint=source.timepoint,
        predecessor=source.predecessors.get("pdf"),
        software_version=PRODUCT,
    )
    return Document("pdf", uid, to_bytes(dataset), pdf)


def _sr(source: DocumentSource) -> Document:
    uid = report_uid(source.grading_uid, "sr")
    model = source.content.model
    dataset = structured_report(
        _measured(source),
        sources=tuple(source.photos.values()),
        algorithm=Algorithm(
            model.name,
            model.version,
            model.hash,
            (f"{model.backbone} {model.layer}", INTERVALS, *_notices(source)),
        ),
        sop_instance_uid=uid,
        series_uid=_series_uid(uid),
        created_at=source.created_at,
        side=None if source.content.side_estimated else source.content.affected_side,
        flags=source.flags,
        timepoint=source.timepoint,
        predecessor=source.predecessors.get("sr"),
        software_version=PRODUCT,
    )
    return Document("sr", uid, to_bytes(dataset))


def _notices(source: DocumentSource) -> tuple[str, ...]:
    return (source.manifest["notice"],) if source.manifest["commissioning"] else ()


def _measured(source: DocumentSource) -> list[MeasuredScore]:
    items = source.content.items
    photos = {row.item.id: _photos_read(source, row.item) for row in items}
    every_photo = tuple(dict.fromkeys(photo for read in photos.values() for photo in read))
    measured = [
        MeasuredScore(
            item_code(row.item),
            row.value,
            row.item.low,
            row.item.high,
            row.item.normal,
            photos[row.item.id],
            row.interval,
        )
        for row in items
    ]
    for row in source.content.sub_scores:
        score, code = row.sub_score, sub_score_code(row.sub_score)
        measured.append(
            MeasuredScore(code, score.value, score.low, score.high, BALANCED, every_photo, row.interval)
        )
    return measured


def _photos_read(source: DocumentSource, item: Item) -> tuple[PhotoHeader, ...]:
    """The photos that the bundle's recipe reads an item from."""
    blocks = source.manifest["recipe"]["blocks"][item.id]
    moved = [REST] if any(block["source"] == "movement" for block in blocks) else []
    poses = dict.fromkeys([*(pose for block in blocks for pose in block["photos"]), *moved])
    return tuple(source.photos[pose] for pose in poses if pose in source.photos)


def _series_uid(sop_instance_uid: str) -> str:
    return derived_uid("report series", sop_instance_uid)


_MAKERS: dict[str, Callable[[DocumentSource], Document]] = {"pdf": _pdf, "sr": _sr}
KINDS = tuple(_MAKERS)
SOP_CLASSES = {"pdf": EncapsulatedPDFStorage, "sr": EnhancedSRStorage}
