"""What the service keeps of a photo's DICOM header: text decoded, dates and numbers parsed once.

Attributes and where they come from: PS3.3 C.7.1 (patient), C.7.2 (study), C.7.3 (series), C.7.6 (image),
C.7.6.14 (acquisition context), C.8.12.1 (VL image). `dicom.header_reading` takes them from a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime, time
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class PhotoHeader:
    """One image object's header. Text is "" and a date or number None where the object does not say.

    ``acquired_at`` is wall-clock time where the photo was taken, without a zone: the first of
    AcquisitionDateTime, ContentDate and Time, SeriesDate and Time, StudyDate and Time that can be read.
    ``event_offset_days`` is LongitudinalTemporalOffsetFromEvent, negative before the event of ``event_type``.
    Codes are written ``"SCHEME:VALUE"``. ``patient_orientation`` keeps its backslash (``"L\\F"``).
    The patient's data are left out of ``repr``, which may reach a log.
    """

    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    study_uid: str
    transfer_syntax_uid: str = ""
    patient_id: str = field(default="", repr=False)
    issuer: str = ""
    patient_name: str = field(default="", repr=False)
    birth_date: date | None = field(default=None, repr=False)
    sex: str = ""
    study_date: date | None = None
    study_time: time | None = None
    accession_number: str = ""
    study_id: str = ""
    study_description: str = field(default="", repr=False)
    referring_physician: str = field(default="", repr=False)
    series_description: str = field(default="", repr=False)
    protocol_name: str = ""
    modality: str = ""
    acquired_at: datetime | None = None
    instance_number: int | None = None
    image_comments: str = field(default="", repr=False)
    context_description: str = field(default="", repr=False)
    image_laterality: str = ""
    patient_orientation: str = ""
    view_codes: tuple[str, ...] = ()
    view_modifier_codes: tuple[str, ...] = ()
    context_codes: tuple[str, ...] = ()
    rows: int | None = None
    columns: int | None = None
    number_of_frames: int | None = None
    bits_stored: int | None = None
    document_title: str = field(default="", repr=False)
    mime_type: str = ""
    timepoint_id: str = ""
    event_offset_days: float | None = None
    event_type: str = ""
    has_pixel_data: bool = False

    def to_json(self) -> dict[str, Any]:
        """The header as JSON types: dates and times in ISO 8601, tuples as lists."""
        return {name: _to_json(value) for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The header that `to_json` wrote; unknown keys are ignored, absent ones take the default."""
        known = {each.name: values[each.name] for each in fields(cls) if each.name in values}
        for name, parse in _FROM_JSON.items():
            if known.get(name) is not None:
                known[name] = parse(known[name])
        return cls(**known)


def _to_json(value: Any) -> Any:
    if isinstance(value, (date, time)):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


_FROM_JSON = {
    "birth_date": date.fromisoformat,
    "study_date": date.fromisoformat,
    "study_time": time.fromisoformat,
    "acquired_at": datetime.fromisoformat,
    "view_codes": tuple,
    "view_modifier_codes": tuple,
    "context_codes": tuple,
}
