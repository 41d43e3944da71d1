"""A grading's result as messages carry it, frozen when its documents are written.

HL7 and FHIR destinations get messages that differ with their settings. What they say comes from one file, so
that a message sent again says the same, whatever has changed in the records since.
"""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from dicom.codes import item_code, sub_score_code
from reports.content import RecordingReport
from reports.language import load_language
from service.records.models import Recording
from service.reporting import describe_flag


@dataclass(frozen=True)
class ResultPatient:
    """Whom the result is about. ``name`` is a DICOM person name; it is left out of ``repr``."""

    id: str = field(repr=False)
    issuer: str
    name: str = field(repr=False)
    birth_date: dt.date | None = field(repr=False)
    sex: str


@dataclass(frozen=True)
class ResultScore:
    """One score in points: its code and words in 99FACEPALSY, its range, its 90 % prediction interval."""

    code: str
    words: str
    value: float
    low: float
    high: float
    interval: tuple[float, float] | None
    derived: bool = False


@dataclass(frozen=True)
class Result:
    """What a message says of one grading.

    ``uid`` is the document's own; ``recording_uid`` and ``study_uid`` are the DICOM series and study of the
    photos. ``recorded_at`` is the camera's local time or only a day. ``pdf_key`` is where the report lies in
    the storage. ``final`` once a person has signed the report off.
    """

    uid: str
    recording_uid: str
    study_uid: str
    accession_number: str
    patient: ResultPatient
    recorded_at: dt.datetime | dt.date
    created_at: dt.datetime
    days_from_surgery: int | None
    side: str | None
    protocol: str
    scores: tuple[ResultScore, ...]
    notes: tuple[str, ...]
    model: str
    model_hash: str
    commissioning: bool
    pdf_key: str
    final: bool = False
    signed_by: str = ""

    def to_json(self) -> bytes:
        """The result as a file: the same result, the same bytes."""
        return json.dumps(asdict(self), default=_iso, ensure_ascii=False, sort_keys=True).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """The result that `to_json` wrote."""
        values = json.loads(content)
        patient = values["patient"]
        patient["birth_date"] = _day(patient["birth_date"])
        values["patient"] = ResultPatient(**patient)
        recorded = values["recorded_at"]
        values["recorded_at"] = dt.datetime.fromisoformat(recorded) if "T" in recorded else _day(recorded)
        values["created_at"] = dt.datetime.fromisoformat(values["created_at"])
        values["scores"] = tuple(ResultScore(**_with_interval(score)) for score in values["scores"])
        values["notes"] = tuple(values["notes"])
        return cls(**values)

    @property
    def recorded_on(self) -> dt.date:
        """The day of the photos."""
        when = self.recorded_at
        return when.date() if isinstance(when, dt.datetime) else when


def make_result(
    content: RecordingReport,
    *,
    uid: str,
    recording: Recording,
    issuer: str,
    accession_number: str,
    pdf_key: str,
) -> Result:
    """The result that a report of ``recording`` tells of; ``issuer`` is that of the patient's ID."""
    patient = content.patient
    items = tuple(
        ResultScore(
            item_code(row.item).value,
            row.item.name,
            row.value,
            row.item.low,
            row.item.high,
            row.interval,
        )
        for row in content.items
    )
    derived = tuple(
        ResultScore(
            sub_score_code(row.sub_score).value,
            sub_score_code(row.sub_score).meaning,
            row.sub_score.value,
            row.sub_score.low,
            row.sub_score.high,
            row.interval,
            derived=True,
        )
        for row in content.sub_scores
    )
    model = content.model
    notes = [load_language("en").text("banner.commissioning")] if model.commissioning else []
    notes += map(describe_flag, content.flags)
    return Result(
        uid=uid,
        recording_uid=recording.series_uid,
        study_uid=recording.study_uid,
        accession_number=accession_number,
        patient=ResultPatient(patient.id, issuer, patient.name, patient.birth_date, patient.sex),
        recorded_at=recording.recorded_at or content.recorded_on,
        created_at=content.created_at,
        days_from_surgery=content.days_from_surgery,
        side=None if content.side_estimated else content.affected_side,
        protocol=content.protocol_name,
        scores=items + derived,
        notes=tuple(notes),
        model=f"{model.name} {model.version}",
        model_hash=model.hash,
        commissioning=model.commissioning,
        pdf_key=pdf_key,
    )


def _with_interval(values: Mapping[str, Any]) -> dict[str, Any]:
    ends = values["interval"]
    return {**values, "interval": None if ends is None else tuple(ends)}


def _day(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)


def _iso(value: Any) -> str:
    if isinstance(value, dt.date):
        return value.isoformat()
    raise TypeError(type(value).__name__)
