"""The documents made of a grading, as DICOM objects: the report as PDF, and its numbers as structured report.

A document's UID is derived from its kind and its grading: the same grading never makes two. Once a clinician
has signed the report off there is a final version beside the draft, marked VERIFIED, whose UID is derived
from the sign-off too. A final version names the draft that it replaces; the draft of a recording that was
graded anew names what stood of it before.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydicom.uid import EncapsulatedPDFStorage, EnhancedSRStorage
from sqlalchemy.orm import Session

from dicom.building import to_bytes
from dicom.codes import item_code, sub_score_code
from dicom.encapsulated_pdf import encapsulated_pdf
from dicom.headers import PhotoHeader
from dicom.secondary_capture import Picture, secondary_capture
from dicom.sources import Predecessor, Verifier
from dicom.structured_report import Algorithm, MeasuredScore, structured_report
from dicom.timepoints import Timepoint
from dicom.uids import derived_uid
from grading.scales import BALANCED, Item
from reports.content import RecordingReport
from reports.language import load_language
from reports.recording_report import render_recording_report
from reports.style import PLAIN, Style
from service import PRODUCT
from service.kept_maps import KeptMap, kept_maps
from service.records.gradings import earlier_reports, intervals_of, scores_of
from service.records.models import Grading, Recording
from service.report_maps import report_maps, shown_maps
from service.reporting import report_content, report_uid, signed
from service.storage import Storage

DRAFT, FINAL = "draft", "final"
"""The versions of a document."""
NOT_STATED = "not stated"
MAPS = "maps"
MAPS_TITLE = "What each place adds to the eFACE scores"
TITLE = "eFACE facial palsy report"
REST = "REST"
INTERVALS = "uncertainty: 90 % prediction interval"


@dataclass(frozen=True)
class DocumentSource:
    """What the documents of one grading are made from, read before the long work starts.

    ``photos`` are the headers by pose code; ``intervals`` those of `intervals_of`; ``predecessors`` the
    documents that are replaced, by kind; ``maps`` those of `shown_maps`, ``every_map``
    those of all items, if they are asked for. ``created_at`` is the moment of the
    grading, of a final version that of the sign-off.
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
    maps: Sequence[KeptMap] | None
    every_map: Sequence[KeptMap]
    style: Style

    @property
    def version(self) -> str:
        """`draft`, or `final` where the content says who signed it off."""
        return DRAFT if self.content.sign_off is None else FINAL

    def uid(self, kind: str) -> str:
        """The UID of the document of a kind."""
        return report_uid(self.grading_uid, kind, self.content.sign_off)

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
    session: Session,
    storage: Storage,
    recording: Recording,
    grading: Grading,
    style: Style = PLAIN,
    version: str = DRAFT,
    *,
    every_map: bool = False,
) -> DocumentSource:
    """Everything that the documents of ``grading`` need from the records and the storage.

    A ``version`` that is final replaces the drafts, a draft what stands of the recording's earlier gradings.
    """
    sign_off = signed(grading.sign_off) if version == FINAL else None
    created_at = grading.created_at if sign_off is None else sign_off.at
    return DocumentSource(
        content=report_content(session, storage, recording, grading, sign_off),
        photos={photo.pose: PhotoHeader.from_json(photo.header) for photo in recording.photos if photo.pose},
        intervals=intervals_of(grading),
        flags=tuple(grading.flags),
        manifest=grading.bundle.manifest,
        grading_id=grading.id,
        grading_uid=grading.uid,
        created_at=created_at.astimezone(),
        predecessors=_earlier(session, recording, grading)
        if sign_off is None
        else _drafts(recording, grading),
        maps=shown_maps(storage, grading),
        every_map=kept_maps(storage, grading, scores_of(grading)) if every_map else (),
        style=style,
    )


def _earlier(session: Session, recording: Recording, grading: Grading) -> dict[str, Predecessor]:
    """By kind, the documents of the recording's earlier gradings, the newest of each kind."""
    return {
        report.kind: _predecessor(report.kind, report.sop_instance_uid, recording)
        for report in earlier_reports(session, grading)
        if report.kind in SOP_CLASSES
    }


def _drafts(recording: Recording, grading: Grading) -> dict[str, Predecessor]:
    """By kind, the drafts of the same grading."""
    return {kind: _predecessor(kind, report_uid(grading.uid, kind), recording) for kind in SOP_CLASSES}


def _predecessor(kind: str, uid: str, recording: Recording) -> Predecessor:
    return Predecessor(SOP_CLASSES[kind], uid, _series_uid(uid), recording.study_uid)


def make_document(kind: str, source: DocumentSource) -> Document:
    """The document of one of `KINDS`. Raises `ReportSourcesError`."""
    return _MAKERS[kind](source)


def _pdf(source: DocumentSource) -> Document:
    uid = source.content.uid
    pdf = render_recording_report(replace(source.content, maps=report_maps(source.maps)), source.style)
    dataset = encapsulated_pdf(
        pdf,
        sources=tuple(source.photos.values()),
        title=TITLE,
        sop_instance_uid=uid,
        series_uid=_series_uid(uid),
        created_at=source.created_at,
        timepoint=source.timepoint,
        predecessor=source.predecessors.get("pdf"),
        verified=source.content.sign_off is not None,
        software_version=PRODUCT,
    )
    return Document("pdf", uid, to_bytes(dataset), pdf)


def _sr(source: DocumentSource) -> Document:
    uid = source.uid("sr")
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
        verifier=_verifier(source),
        software_version=PRODUCT,
    )
    return Document("sr", uid, to_bytes(dataset))


def _pictures(source: DocumentSource) -> Document:
    uid = source.uid(MAPS)
    notice = load_language("en").text("banner.commissioning") if source.content.model.commissioning else ""
    dataset = secondary_capture(
        [Picture(one.explained(notice), f"{one.found.item}, photo {one.pose}") for one in source.every_map],
        sources=tuple(source.photos.values()),
        description=MAPS_TITLE,
        sop_instance_uid=uid,
        series_uid=_series_uid(uid),
        created_at=source.created_at,
        timepoint=source.timepoint,
        software_version=PRODUCT,
    )
    return Document(MAPS, uid, to_bytes(dataset))


def _verifier(source: DocumentSource) -> Verifier | None:
    done = source.content.sign_off
    # DICOM asks for an organization where somebody signed.
    return None if done is None else Verifier(done.name, source.style.organization or NOT_STATED, done.at)


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


_MAKERS: dict[str, Callable[[DocumentSource], Document]] = {"pdf": _pdf, "sr": _sr, MAPS: _pictures}
ALWAYS = ("pdf", "sr")
"""The documents that every grading gets; those of other kinds are made where a destination wants them."""
KINDS = tuple(_MAKERS)
SOP_CLASSES = {"pdf": EncapsulatedPDFStorage, "sr": EnhancedSRStorage}
