"""From rows to the content of a report."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from dicom.uids import derived_uid
from grading.change import Verdict
from grading.gates import SENTENCES, WRONG
from grading.protocols import PROTOCOLS, Pose
from grading.scales import PREDICTED_ITEMS, SYNKINESIS_ITEMS, Item, find_item, sub_scores
from reports.content import (
    RecordingReport,
    ReportItem,
    ReportModel,
    ReportPatient,
    ReportPhoto,
    ReportSubScore,
    ReportSurgery,
    ReportTraining,
    SignOff,
)
from service import PRODUCT
from service.assessing import Assessed, assess_items, assess_sub_scores
from service.course import recording_course
from service.rated import rated
from service.records.gradings import first_grading, scores_of
from service.records.models import Bundle, Grading, Recording
from service.records.models import SignOff as SignOffRow
from service.records.timepoints import timepoint_name
from service.storage import Storage

SIDE_ESTIMATED = "side.estimated"
POSES = {pose.code: pose for protocol in PROTOCOLS.values() for pose in protocol.poses}
_WORDS = SENTENCES | {
    SIDE_ESTIMATED: "The affected side was not on record and was estimated by the model.",
    "recording.unlike_training": "The photos are unlike those the model learned from: "
    "intervals are wider, and the error may be larger than stated.",
}


def report_uid(grading_uid: str, kind: str = "pdf", sign_off: SignOff | None = None) -> str:
    """The UID of a grading's document of a kind: writing it again makes the same document.

    With ``sign_off`` it is that of the final version, which is another document than the draft.
    """
    signed = () if sign_off is None else ("final", sign_off.name, sign_off.at.isoformat())
    return derived_uid("report", kind, grading_uid, *signed)


def signed(row: SignOffRow | None) -> SignOff | None:
    """A sign-off as reports tell it."""
    return None if row is None else SignOff(row.signed_by, row.signed_at.astimezone(dt.UTC), row.comment)


def report_content(
    session: Session,
    storage: Storage,
    recording: Recording,
    grading: Grading,
    sign_off: SignOff | None = None,
) -> RecordingReport:
    """What the report of ``grading`` says, gathered from its recording, patient and bundle; without the maps.

    With ``sign_off`` it is the final version's.
    """
    patient, surgery = recording.patient, recording.surgery
    assert patient is not None  # noqa: S101 - a recording without a patient is held before it is graded
    first = first_grading(session, recording, grading.bundle_key)
    scores = scores_of(grading)
    assessed = assess_items(grading, first)
    poses = PROTOCOLS[recording.protocol].by_code
    views = {photo.pose: photo.view_key for photo in recording.photos}
    errors = known_errors(grading.bundle.manifest)
    moment = sign_off.at if sign_off else grading.created_at.astimezone(dt.UTC)
    given = rated(session, recording.id, moment)
    derived = {(one.id, one.formula): one.value for one in sub_scores(given.items)}
    days = recording.days_from_surgery
    return RecordingReport(
        uid=report_uid(grading.uid, sign_off=sign_off),
        patient=ReportPatient(patient.name, patient.patient_id, patient.birth_date, patient.sex),
        recorded_on=recorded_on(recording),
        surgery=ReportSurgery(surgery.performed_on, surgery.procedure, surgery.side) if surgery else None,
        days_from_surgery=days,
        timepoint=None if days is None else timepoint_name(days),
        affected_side=affected_side(grading),
        side_estimated=SIDE_ESTIMATED in grading.flags,
        protocol=recording.protocol,
        protocol_name=PROTOCOLS[recording.protocol].name,
        photos=tuple(
            ReportPhoto(
                pose.code,
                pose.number,
                pose.name,
                storage.read(key) if (key := views.get(pose.code)) else None,
            )
            for pose in poses.values()
        ),
        items=tuple(
            replace(
                _item(item, scores[item.id], poses, errors, assessed[item.id]), rated=given.items.get(item.id)
            )
            for item in PREDICTED_ITEMS
            if item.id in scores
        ),
        sub_scores=tuple(
            ReportSubScore(
                score,
                known.first,
                known.interval,
                known.mdc,
                verdict_code(known.verdict),
                derived.get((score.id, score.formula)),
            )
            for score, known in assess_sub_scores(grading, first)
        ),
        first_recorded_on=recorded_on(first.recording) if first else None,
        flags=tuple(grading.flags),
        model=report_model(grading.bundle),
        product=PRODUCT,
        created_at=moment,
        raters=given.raters,
        synkinesis={item.id: given.items[item.id] for item in SYNKINESIS_ITEMS if item.id in given.items},
        ratings=given.others,
        course=recording_course(session, recording, grading),
        sign_off=sign_off,
    )


def _item(
    item: Item, value: float, poses: Mapping[str, Pose], errors: Mapping[str, float], known: Assessed
) -> ReportItem:
    return ReportItem(
        item,
        value,
        poses[item.pose].number if item.pose is not None and item.pose in poses else None,
        known.first,
        errors.get(item.id),
        known.interval,
        known.mdc,
        verdict_code(known.verdict),
    )


def verdict_code(words: str | None) -> str | None:
    """A verdict as reports name it, such as `within_error`; None stays None."""
    return None if words is None else Verdict(words).name.lower()


def recorded_on(recording: Recording) -> dt.date:
    """The day of the photos; where they carry no date, the day on which they arrived."""
    return (recording.recorded_at or recording.first_received_at).date()


def affected_side(grading: Grading) -> str | None:
    """The side with the palsy, L or R: the one that the scores assume, else that of the surgery."""
    surgery = grading.recording.surgery
    return grading.side or (surgery.side if surgery and surgery.side != "B" else None)


def known_errors(manifest: Mapping[str, Any]) -> dict[str, float]:
    """Per item the mean absolute error in points on patients that the bundle had not seen.

    Where it was measured on several cohorts, the worst of them counts.
    """
    worst: dict[str, float] = {}
    for error in manifest["errors"]:
        if error["group"] == "patients":
            worst[error["item"]] = max(error["mae"], worst.get(error["item"], 0.0))
    return worst


def describe_flag(flag: str) -> str:
    """A stored flag (``clipped.M4``, ``face.small (REST)``) as a sentence."""
    kind, _, rest = flag.partition(" ")
    pose = POSES.get(rest.strip("()"))
    where = f" Photo {pose.number}, {pose.name}." if pose else ""
    if kind.startswith(f"{WRONG}."):
        seen = POSES[kind.removeprefix(f"{WRONG}.")].name
        return f"{SENTENCES[WRONG]}{where} It looks like: {seen}."
    if kind.startswith("clipped."):
        item = find_item(kind.removeprefix("clipped."))
        return f"{item.id}: the model went beyond the range of this item; the score is its limit."
    return _WORDS.get(kind, kind) + where


def report_model(bundle: Bundle) -> ReportModel:
    """What a report says of the bundle that graded."""
    manifest = bundle.manifest
    return ReportModel(
        name=bundle.name,
        version=bundle.version,
        hash=bundle.hash,
        backbone=manifest["backbone"]["name"],
        layer=manifest["backbone"]["layer"],
        training=tuple(
            ReportTraining(cohort["description"], cohort["recordings"], cohort["people"])
            for cohort in manifest["training"]
        ),
        commissioning=manifest["commissioning"],
        trained_on=dt.date.fromisoformat(manifest["created"]),
    )
