"""What a report of a recording says, as plain values: the door through which other rooms hand it over.

Names, codes and numbers are handed over; the words for them are those of the report's language
(`reports.language`). Numbers are points of the eFACE scale, dates are calendar dates of the clinic. A side is
``"L"`` or ``"R"`` of the patient, never of the picture. Contents follow ``grading.scales`` for items and
sub-scores; nothing here is computed again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from grading.scales import Item, SubScore

Rgb = tuple[int, int, int]


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
    """One photo of the series; ``jpeg`` is its square crop, not mirrored, None where the photo is missing.

    ``pose`` is the pose's code, ``pose_name`` its name where the report's language knows no word for it.
    """

    pose: str
    pose_number: int
    pose_name: str
    jpeg: bytes | None


@dataclass(frozen=True)
class ReportItem:
    """One graded item.

    ``value`` and ``first_value`` (the first recording's, None where this is the first) lie in the item's
    range. ``photo_number`` is the pose number it was read from. ``known_error`` is the model's mean absolute
    error of this item in cross-validation, ``interval`` the score's 90 % prediction interval, ``mdc`` the
    minimal detectable change, all in points. ``verdict`` judges the change: ``improved``, ``worse``,
    ``within_error``, ``other_side`` or ``unknown``. ``rated`` is the score that a clinician gave, which comes
    before the model's. Each is None where it is not known.
    """

    item: Item
    value: float
    photo_number: int | None
    first_value: float | None
    known_error: float | None
    interval: tuple[float, float] | None = None
    mdc: float | None = None
    verdict: str | None = None
    rated: float | None = None


@dataclass(frozen=True)
class ReportSubScore:
    """One derived score and the same score of the first recording, None where this is the first.

    ``interval``, ``mdc``, ``verdict`` and ``rated`` as in `ReportItem`; the last is there where a clinician
    scored all of its items.
    """

    sub_score: SubScore
    first_value: float | None
    interval: tuple[float, float] | None = None
    mdc: float | None = None
    verdict: str | None = None
    rated: float | None = None


@dataclass(frozen=True)
class ReportRating:
    """What a clinician found on another scale; ``value`` sums it up, None where that cannot be formed."""

    scale: str
    scale_name: str
    rater: str
    value: float | None


@dataclass(frozen=True)
class ReportMap:
    """The picture of what made one score: a photo in grey with its parts over it, as JPEG, not mirrored.

    ``start`` is the score that the parts are counted from, ``total`` what they add up to: the score, which
    may leave the item's range here. ``halves`` is what the patient's right and left half of the face add, in
    points, None where the model does not tell the halves apart.
    """

    item: str
    jpeg: bytes
    start: float
    total: float
    halves: tuple[float, float] | None


@dataclass(frozen=True)
class ReportMaps:
    """The maps of the items that deviate most.

    ``end`` is what the strongest colour means, in points; ``raises`` and ``lowers`` are the colours.
    ``balanced`` says that the parts are counted from balanced faces. ``kept`` is False where the grading has
    no maps any more.
    """

    maps: tuple[ReportMap, ...] = ()
    end: float = 1.0
    raises: Rgb = (0, 0, 0)
    lowers: Rgb = (0, 0, 0)
    balanced: bool = True
    kept: bool = True


@dataclass(frozen=True)
class CoursePoint:
    """The folded sub-scores of one recording, by their id (`static`, `dynamic`), each with its interval.

    ``days`` count from the surgery or from the first recording, as `Course` says. ``model`` is a number that
    grows with newer models: points of different models are not joined.
    """

    recorded_on: date
    days: int
    timepoint: str | None
    scores: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    model: int = 0


@dataclass(frozen=True)
class CourseMark:
    """A surgery or another event on the line of time.

    ``kind`` is ``surgery`` or the code of an event (``botulinum toxin``); ``label`` is what a surgery is
    called, or an event that the report's language has no word for.
    """

    days: int
    kind: str
    label: str


@dataclass(frozen=True)
class Course:
    """A patient's sub-scores over time, the oldest first.

    ``mdc`` is the minimal detectable change of each sub-score, by its id, in points, where it is known.
    ``baseline`` is the index of the point that changes refer to; None is the newest model's first.
    """

    points: tuple[CoursePoint, ...] = ()
    from_surgery: bool = False
    marks: tuple[CourseMark, ...] = ()
    mdc: Mapping[str, float] = field(default_factory=dict)
    baseline: int | None = None


@dataclass(frozen=True)
class ReportTraining:
    """One cohort that a model was trained on, in its own words and in numbers."""

    description: str
    recordings: int
    people: int


@dataclass(frozen=True)
class ReportModel:
    """The bundle that graded.

    With ``commissioning`` (not trained on graded patients) every page says so and the known errors are called
    errors on simulated palsy.
    """

    name: str
    version: str
    hash: str
    backbone: str
    layer: str
    training: tuple[ReportTraining, ...]
    commissioning: bool
    trained_on: date


@dataclass(frozen=True)
class SignOff:
    """Who took the report as final, when, and what they noted."""

    name: str
    at: datetime
    comment: str = ""


@dataclass(frozen=True)
class RecordingReport:
    """Everything that the report of one recording says.

    ``uid`` is the report's own UID. ``days_from_surgery`` is negative before the surgery.
    ``first_recorded_on`` is the date of the recording that the changes refer to, None where this is the
    patient's first. ``affected_side`` is the one that the scores assume; ``side_estimated`` says that no
    record told it. ``protocol`` is its id, ``protocol_name`` its name where the report's language knows none.
    ``items`` are of the twelve that are read from stills; one that is left out is printed as not graded.
    ``flags`` are those of the grading, as codes. ``course`` ends with this recording. ``raters`` are who gave
    the items' rated scores and those of ``synkinesis``, by item id; ``ratings`` are on other scales. Without
    ``sign_off`` the report is a draft and says so on every page. ``product`` is the program's name and
    version, ``created_at`` the moment the report is dated with: it is printed and is the PDF's only clock.
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
    protocol_name: str
    photos: tuple[ReportPhoto, ...]
    items: tuple[ReportItem, ...]
    sub_scores: tuple[ReportSubScore, ...]
    first_recorded_on: date | None
    flags: tuple[str, ...]
    model: ReportModel
    product: str
    created_at: datetime
    maps: ReportMaps = ReportMaps()
    course: Course = Course()
    raters: tuple[str, ...] = ()
    synkinesis: Mapping[str, float] = field(default_factory=dict)
    ratings: tuple[ReportRating, ...] = ()
    sign_off: SignOff | None = None
