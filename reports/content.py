"""What a report says, as plain values: the door through which other rooms hand a grading to this one.

Texts are printed as given, numbers are points of the eFACE scale, dates are calendar dates of the clinic. A
side is ``"L"`` or ``"R"`` of the patient, never of the picture. Contents follow ``grading.scales`` for items
and sub-scores; nothing here is computed again.
"""

from dataclasses import dataclass
from datetime import date, datetime

from grading.scales import Item, SubScore

COMMISSIONING_BANNER = "Commissioning model: not for clinical use"
"""Stands on every page of a report whose model was not trained on graded patients."""


@dataclass(frozen=True)
class ReportPatient:
    """Who is shown. ``sex`` is the DICOM code ``M``, ``F`` or ``O``, or empty where unknown."""

    name: str
    id: str
    birth_date: date | None
    sex: str


@dataclass(frozen=True)
class ReportSurgery:
    """The surgery that the recording is placed against."""

    date: date
    procedure: str
    side: str | None


@dataclass(frozen=True)
class ReportPhoto:
    """One photo of the series; ``jpeg`` is its square crop, not mirrored, None where the photo is missing."""

    pose_number: int
    pose_name: str
    jpeg: bytes | None


@dataclass(frozen=True)
class ReportItem:
    """One graded item.

    ``value`` and ``first_value`` (the first recording's, None where this is the first) lie in the item's
    range. ``photo_number`` is the pose number it was read from. ``known_error`` is the model's mean absolute
    error of this item in cross-validation, ``interval`` the score's 90 % prediction interval, ``mdc`` the
    minimal detectable change, all in points. ``verdict`` says in words whether the change is more than
    measurement error. Each is None where it is not known.
    """

    item: Item
    value: float
    photo_number: int | None
    first_value: float | None
    known_error: float | None
    interval: tuple[float, float] | None = None
    mdc: float | None = None
    verdict: str | None = None


@dataclass(frozen=True)
class ReportSubScore:
    """One derived score and the same score of the first recording, None where this is the first.

    ``interval``, ``mdc`` and ``verdict`` as in `ReportItem`.
    """

    sub_score: SubScore
    first_value: float | None
    interval: tuple[float, float] | None = None
    mdc: float | None = None
    verdict: str | None = None


@dataclass(frozen=True)
class ReportModel:
    """The bundle that graded. ``training`` tells in words what it was trained on, with numbers.

    With ``commissioning`` (not trained on graded patients) every page carries `COMMISSIONING_BANNER` and the
    known errors are called errors on simulated palsy.
    """

    name: str
    version: str
    hash: str
    backbone: str
    layer: str
    training: str
    commissioning: bool
    trained_on: date


@dataclass(frozen=True)
class RecordingReport:
    """Everything that the report of one recording says.

    ``uid`` is the report's own UID. ``days_from_surgery`` is negative before the surgery.
    ``first_recorded_on`` is the date of the recording that the changes refer to, None where this is the
    patient's first. ``affected_side`` is the one that the scores assume; ``side_estimated`` says that no
    record told it. ``items`` are of the twelve that are read from stills; one that is left out is printed as
    not graded. ``product`` is the program's name and version, ``created_at`` the moment the report is dated
    with: it is printed and is the PDF's only clock.
    """

    uid: str
    patient: ReportPatient
    recorded_on: date
    surgery: ReportSurgery | None
    days_from_surgery: int | None
    timepoint: str | None
    affected_side: str | None
    side_estimated: bool
    protocol: str
    photos: tuple[ReportPhoto, ...]
    items: tuple[ReportItem, ...]
    sub_scores: tuple[ReportSubScore, ...]
    first_recorded_on: date | None
    flags: tuple[str, ...]
    model: ReportModel
    product: str
    created_at: datetime
