"""Histories to test with."""

from datetime import UTC, date, datetime, timedelta

from grading.protocols import JENA9
from grading.scales import PREDICTED_ITEMS
from reports.content import Course, CourseMark, CoursePoint, ReportPatient, ReportPhoto
from reports.history_content import HistoryChange, HistoryEvent, HistoryReport, HistoryVisit
from tests.reports.samples import MODEL, PATIENT, SCORES, jpeg

OPERATED = date(2024, 4, 11)
DAYS = (-40, -10, 95, 186, 280, 368, 550)
POSES = ("REST", "BROW", "EYETIGHT", "SMILE", "TEETH")
EVENTS = (
    HistoryEvent(OPERATED, "surgery", "Hypoglossal-facial jump nerve suture", "L"),
    HistoryEvent(OPERATED + timedelta(days=120), "botulinum toxin", "20 units", "R"),
    HistoryEvent(OPERATED + timedelta(days=200), "training", "training", ""),
)


def named(days: int) -> str:
    return "pre-op" if days < 0 else f"{round(days / 30.4)} months"


def visit(number: int, days: int, model: int, photos: bool) -> HistoryVisit:
    gain = 4.0 * number
    items = {
        item: min(score * 0.6 + gain, 200.0 if item[0] == "R" else 100.0) for item, score in SCORES.items()
    }
    return HistoryVisit(
        point=CoursePoint(
            OPERATED + timedelta(days=days),
            days,
            named(days),
            {"static": 48 + gain, "dynamic": 30 + gain},
            {"static": (38 + gain, 58 + gain), "dynamic": (20 + gain, 40 + gain)},
            model,
        ),
        items=items,
        intervals={item: (max(value - 15, 0), value) for item, value in items.items()},
        model=f"bundle {model}",
        signed_by="Dr Berta Beispiel" if number % 2 else "",
        photos=tuple(
            ReportPhoto(pose, JENA9.by_code[pose].number, JENA9.by_code[pose].name, jpeg(number, 64))
            for pose in POSES
        )
        if photos
        else (),
    )


def make_history(
    *,
    patient: ReportPatient = PATIENT,
    days: tuple[int, ...] = DAYS,
    chosen: tuple[int, ...] = (1, 3, 5, 6),
    older_models: int = 0,
    events: tuple[HistoryEvent, ...] = EVENTS,
) -> HistoryReport:
    """A history with a visit per day, photos of the ``chosen`` ones; the first are of an older model."""
    visits = tuple(
        visit(number, day, int(number >= older_models), number in chosen) for number, day in enumerate(days)
    )
    before = [number for number, day in enumerate(days) if day < 0 and number >= older_models]
    baseline = before[-1] if before else older_models
    changes = tuple(
        HistoryChange(score, first, last, mdc, verdict)
        for score, first, last, mdc, verdict in (
            ("static", 52.0, 72.0, 15.0, "improved"),
            ("dynamic", 34.0, 54.0, 25.0, "within_error"),
            *((item.id, 50.0, 40.0, 9.0, "worse") for item in PREDICTED_ITEMS),
        )
    )
    return HistoryReport(
        patient=patient,
        affected_side="L",
        course=Course(
            tuple(one.point for one in visits),
            from_surgery=True,
            marks=tuple(CourseMark((event.on - OPERATED).days, event.kind, event.label) for event in events),
            mdc={"static": 15.0, "dynamic": 25.0},
            baseline=baseline if visits else None,
        ),
        visits=visits,
        events=events,
        changes=changes if len(visits) > 1 else (),
        mdc={item.id: 20.0 for item in PREDICTED_ITEMS},
        undated=1,
        ungraded=2,
        model=MODEL if visits else None,
        product="Facialis 0.1.0",
        created_at=datetime(2025, 11, 3, 8, 0, tzinfo=UTC),
    )
