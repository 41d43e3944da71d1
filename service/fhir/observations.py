"""Observation: a grading, and its sub-scores.

The grading is one Observation of eFACE whose components are the items, one that the model does not score said
to be absent; beside them the affected side, the time from surgery and the quality flags, coded as in the
structured report. Each sub-score is an Observation of its own, derived from the first.
"""

import datetime as dt
from collections.abc import Iterator

from pydicom.sr.codedict import codes as published
from pydicom.sr.coding import Code

from dicom import codes
from dicom.uids import derived_uid
from grading.scales import EFACE, PREDICTED_ITEMS, Item, SubScore, sub_scores
from service.fhir.coding import (
    INTERVAL,
    URIS,
    Refer,
    Resource,
    concept,
    filled,
    instant,
    meta,
    quantity,
    relative,
    terminology,
    uid_identifier,
)
from service.records.gradings import intervals_of, scores_of
from service.records.models import Grading
from service.reporting import SIDE_ESTIMATED, affected_side, describe_flag

OFFSET = published.DCM.LongitudinalTemporalOffsetFromEvent
LATERALITY = published.SCT.Laterality
ABSENT = terminology("data-absent-reason", "not-performed", "Not performed")
MODEL = "model"
"""Id of the device that is contained in each observation: the bundle."""

SUB_SCORE_CODES = {
    codes.sub_score_code(score).value: score
    for score in sub_scores({item.id: item.normal for item in PREDICTED_ITEMS})
}
"""Sub-scores of a balanced face by their code: which there are, and their bounds."""
CODES = (codes.METHOD, *(codes.sub_score_code(score) for score in SUB_SCORE_CODES.values()))
"""What observations are of."""


def observation_resources(grading: Grading, *, final: bool, refer: Refer = relative) -> list[Resource]:
    """The observation of a grading, then those of its sub-scores; ``final`` once a clinician signed it off.

    The grading comes with its scores, bundle, recording and the recording's surgery loaded.
    """
    derived = sub_scores(scores_of(grading))
    members = observation_ids(grading)[1:]
    whole = filled({
        **_head(grading, codes.METHOD, final, refer),
        "bodySite": concept(codes.FACE),
        "hasMember": [{"reference": refer("Observation", member)} for member in members],
        "component": [*_items(grading), *_circumstances(grading)],
    })  # fmt: skip
    return [whole, *(_sub_score(grading, score, final, refer) for score in derived)]


def observation_ids(grading: Grading) -> list[str]:
    """The ids of `observation_resources` of a grading, in that order."""
    derived = map(codes.sub_score_code, sub_scores(scores_of(grading)))
    return [observation_id(grading, code) for code in (codes.METHOD, *derived)]


def observation_id(grading: Grading, code: Code) -> str:
    """The id of a grading's observation of ``code``: the grading's number, then a sub-score's code."""
    return str(grading.id) if code == codes.METHOD else f"{grading.id}-{code.value}"


def _head(grading: Grading, code: Code, final: bool, refer: Refer) -> Resource:
    recording = grading.recording
    uid = grading.uid if code == codes.METHOD else derived_uid("observation", grading.uid, code.value)
    return {
        "resourceType": "Observation",
        "id": observation_id(grading, code),
        "meta": meta(_changed(grading)),
        "contained": [_device(grading)],
        "identifier": [uid_identifier(uid, URIS)],
        "status": "final" if final else "preliminary",
        "category": [terminology("observation-category", "imaging", "Imaging")],
        "code": concept(code),
        "subject": {"reference": refer("Patient", str(recording.patient_key))},
        "effectiveDateTime": recording.recorded_at and recording.recorded_at.date().isoformat(),
        "issued": instant(grading.created_at),
        "note": _notices(grading),
        "device": {"reference": f"#{MODEL}"},
        "derivedFrom": [{"reference": refer("ImagingStudy", str(recording.id))}],
    }


def _changed(grading: Grading) -> dt.datetime:
    """When what is told of a grading last changed: with it, with its surgery's date, by signing it off."""
    surgery, sign_off = grading.recording.surgery, grading.sign_off
    moments = [grading.created_at]
    if surgery is not None:
        moments.append(surgery.updated_at)
    if sign_off is not None:
        moments.append(sign_off.signed_at)
    return max(moments)


def _device(grading: Grading) -> Resource:
    bundle = grading.bundle
    return {
        "resourceType": "Device",
        "id": MODEL,
        "deviceName": [{"name": bundle.name, "type": "model-name"}],
        "version": [
            {"type": {"text": "bundle"}, "value": bundle.version},
            {"type": {"text": "SHA-256"}, "value": bundle.hash},
        ],
    }


def _notices(grading: Grading) -> list[Resource]:
    manifest = grading.bundle.manifest
    return [{"text": manifest["notice"]}] if manifest["commissioning"] else []


def _items(grading: Grading) -> Iterator[Resource]:
    scores, intervals = scores_of(grading), intervals_of(grading)
    for item in PREDICTED_ITEMS:
        head = {"code": concept(codes.item_code(item))}
        if item.id in scores:
            yield head | _score(scores[item.id], item, intervals.get(item.id))
        else:
            yield head | {"dataAbsentReason": ABSENT}


def _score(value: float, of: Item | SubScore, interval: tuple[float, float] | None) -> Resource:
    """A score with the bounds of its scale, and the prediction interval where it is known."""
    number = quantity(value, codes.SCORE)
    if interval is not None:
        low, high = (quantity(end, codes.SCORE) for end in interval)
        number["extension"] = [{"url": INTERVAL, "valueRange": {"low": low, "high": high}}]
    bounds = {
        "low": quantity(of.low, codes.SCORE),
        "high": quantity(of.high, codes.SCORE),
        "type": {"text": "bounds of the scale"},
        "text": f"{of.low:g} to {of.high:g}; a balanced face has 100",
    }
    return {"valueQuantity": number, "referenceRange": [bounds]}


def _circumstances(grading: Grading) -> Iterator[Resource]:
    side = affected_side(grading)
    if side is not None and SIDE_ESTIMATED not in grading.flags:
        yield {"code": concept(LATERALITY), "valueCodeableConcept": concept(codes.SIDES[side])}
    days = grading.recording.days_from_surgery
    if days is not None:
        yield {"code": concept(OFFSET, "Days from surgery"), "valueQuantity": quantity(days, codes.DAY)}
    for flag in grading.flags:
        kind, _ = codes.flag_codes(flag)
        yield {"code": concept(codes.FLAG), "valueCodeableConcept": concept(kind, describe_flag(flag))}


def _sub_score(grading: Grading, score: SubScore, final: bool, refer: Refer) -> Resource:
    code = codes.sub_score_code(score)
    interval = intervals_of(grading).get(score.id) if score.formula == "folded" else None
    head = _head(grading, code, final, refer)
    head["derivedFrom"] = [{"reference": refer("Observation", observation_id(grading, codes.METHOD))}]
    method = {"text": EFACE.formulas[score.formula].words}
    return filled({**head, **_score(score.value, score, interval), "method": method})
