"""What the history report of a patient says, as plain values; see `reports.content` for what they mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from reports.content import Course, CoursePoint, ReportModel, ReportPatient, ReportPhoto


@dataclass(frozen=True)
class HistoryVisit:
    """One graded recording.

    ``items`` and ``intervals`` are by item id, in points. ``model`` is the bundle's name and version.
    ``signed_by`` is who signed its report off, empty while it is a draft. ``photos`` are those to compare,
    empty where its date was not chosen.
    """

    point: CoursePoint
    items: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    model: str
    signed_by: str
    photos: tuple[ReportPhoto, ...] = ()


@dataclass(frozen=True)
class HistoryEvent:
    """A surgery (``kind`` is ``surgery``) or another event; ``side`` is `L`, `R`, `B` or empty."""

    on: date
    kind: str
    label: str
    side: str


@dataclass(frozen=True)
class HistoryChange:
    """How one score changed from the baseline to the latest recording of the same model, in points.

    ``score`` is an item's id, or `static` or `dynamic`; ``verdict`` as in `reports.content.ReportItem`.
    """

    score: str
    before: float
    after: float
    mdc: float | None
    verdict: str


@dataclass(frozen=True)
class HistoryReport:
    """Everything that a history says. ``visits`` are those of ``course.points``, in the same order.

    ``changes`` compare the baseline with the latest recording of its model, empty where there is but one.
    ``mdc`` is the newest model's minimal detectable change by item, in points. ``undated`` and ``ungraded``
    count recordings that cannot be shown. ``model`` is the newest one, None where nothing was graded.
    ``created_at`` is the moment that the document is dated with.
    """

    patient: ReportPatient
    affected_side: str | None
    course: Course
    visits: tuple[HistoryVisit, ...]
    events: tuple[HistoryEvent, ...]
    changes: tuple[HistoryChange, ...]
    mdc: Mapping[str, float]
    undated: int
    ungraded: int
    model: ReportModel | None
    product: str
    created_at: datetime
