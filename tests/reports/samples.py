"""Contents of reports to test with."""

import io
from datetime import UTC, date, datetime, timedelta

import numpy as np
from PIL import Image

from grading.protocols import JENA9
from grading.scales import PREDICTED_ITEMS, sub_scores
from reports.content import (
    Course,
    CourseMark,
    CoursePoint,
    RecordingReport,
    ReportItem,
    ReportMap,
    ReportMaps,
    ReportModel,
    ReportPatient,
    ReportPhoto,
    ReportSubScore,
    ReportSurgery,
    ReportTraining,
    SignOff,
)

PATIENT = ReportPatient("Phantom^Paula", "PH-0042", date(1961, 3, 9), "F")
SURGERY = ReportSurgery(date(2024, 4, 11), "Hypoglossal-facial jump nerve suture", "L")
MODEL = ReportModel(
    name="commissioning",
    version="0.1.0",
    hash="4f5c9a0d1be27c83" * 4,
    backbone="efficientnet-lite0",
    layer="features",
    training=(ReportTraining("rendered phantoms", 400, 200),),
    commissioning=True,
    trained_on=date(2025, 6, 2),
)
SCORES = dict(
    zip(
        [item.id for item in PREDICTED_ITEMS],
        (83.0, 61.0, 72.0, 118.0, 69.0, 21.0, 64.0, 87.0, 33.0, 58.0, 131.0, 46.0),
        strict=True,
    )
)
MDC = 25.0
VERDICT = "within_error"
FIRST_SCORES = {item: max(score - 17.0, 0.0) for item, score in SCORES.items()}


def interval(score: float, half: float, high: float) -> tuple[float, float]:
    """A score's interval within 0 and ``high``."""
    return max(score - half, 0.0), min(score + half, high)


def jpeg(seed: int, side: int = 512) -> bytes:
    """A square colour gradient that differs with ``seed``."""
    ramp = np.linspace(0, 255, side)
    grid = np.stack([*np.meshgrid(ramp, ramp), np.full((side, side), 25.0 * (seed % 10))], axis=-1)
    target = io.BytesIO()
    Image.fromarray(grid.astype(np.uint8)).save(target, "JPEG", quality=90)
    return target.getvalue()


def photos(side: int = 128) -> tuple[ReportPhoto, ...]:
    """The nine photos of the protocol."""
    return tuple(
        ReportPhoto(pose.code, pose.number, pose.name, jpeg(pose.number, side)) for pose in JENA9.poses
    )


PHOTOS = photos()


def make_course(count: int = 4, mdc: bool = True) -> Course:
    """A patient's course from shortly before the surgery on, the last point 188 days after it."""
    days = [-10 + round(198 * index / max(count - 1, 1)) for index in range(count - 1)] + [188]
    return Course(
        points=tuple(
            CoursePoint(
                date(2024, 4, 11) + timedelta(days=day),
                day,
                "pre-op" if day < 0 else f"{max(round(day / 30), 1)} months",
                {"static": 60 + 13 * index / count, "dynamic": 42 + 12 * index / count},
                {"static": (50 + 13 * index / count, 70 + 13 * index / count)},
            )
            for index, day in enumerate(days)
        ),
        from_surgery=True,
        marks=(
            CourseMark(0, "surgery", "Hypoglossal-facial jump nerve suture"),
            CourseMark(120, "botulinum toxin", "Botulinum toxin"),
        ),
        mdc={"static": MDC, "dynamic": MDC} if mdc else {},
    )


def make_maps(count: int = 4) -> ReportMaps:
    """Maps of some items."""
    return ReportMaps(
        maps=tuple(
            ReportMap(item, jpeg(number), 101.0, SCORES[item], (-5.0, SCORES[item] - 96.0))
            for number, item in enumerate(["M1", "M4", "M7", "M5"][:count])
        ),
        end=3.0,
        raises=(230, 97, 1),
        lowers=(0, 92, 185),
    )


def make_report(
    *,
    patient: ReportPatient = PATIENT,
    surgery: ReportSurgery | None = SURGERY,
    days_from_surgery: int | None = 188,
    timepoint: str | None = "6 months",
    photos: tuple[ReportPhoto, ...] = PHOTOS,
    flags: tuple[str, ...] = (),
    model: ReportModel = MODEL,
    first: bool = False,
    known_errors: bool = True,
    side_estimated: bool = False,
    course: Course | None = None,
    maps: ReportMaps | None = None,
    sign_off: SignOff | None = None,
) -> RecordingReport:
    """A report of nine photos and twelve items; ``first`` leaves out what it would be compared with.

    Without ``known_errors`` the model knows no intervals either.
    """
    first_scores = {} if first else FIRST_SCORES
    pose_numbers = {code: pose.number for code, pose in JENA9.by_code.items()}
    first_derived = {(score.id, score.formula): score.value for score in sub_scores(first_scores)}
    return RecordingReport(
        uid="2.25.113059749145936325402354257176981405696",
        patient=patient,
        recorded_on=date(2024, 10, 16),
        surgery=surgery,
        days_from_surgery=days_from_surgery,
        timepoint=timepoint,
        affected_side="L",
        side_estimated=side_estimated,
        protocol=JENA9.id,
        protocol_name=JENA9.name,
        photos=photos,
        items=tuple(
            ReportItem(
                item,
                SCORES[item.id],
                pose_numbers.get(item.pose or ""),
                first_scores.get(item.id),
                10.0 + index if known_errors else None,
                interval(SCORES[item.id], 20.0, item.high) if known_errors else None,
                MDC if known_errors else None,
                None if first else VERDICT,
            )
            for index, item in enumerate(PREDICTED_ITEMS)
        ),
        sub_scores=tuple(
            ReportSubScore(score, first_derived.get((score.id, score.formula)))
            if score.formula != "folded"
            else ReportSubScore(
                score,
                first_derived.get((score.id, score.formula)),
                interval(score.value, 9.0, score.high),
                MDC,
                None if first else VERDICT,
            )
            for score in sub_scores(SCORES)
        ),
        first_recorded_on=None if first else date(2024, 4, 1),
        flags=flags,
        model=model,
        product="Facialis 0.1.0",
        created_at=datetime(2025, 7, 1, 9, 30, tzinfo=UTC),
        maps=make_maps() if maps is None else maps,
        course=make_course(1 if first else 4) if course is None else course,
        sign_off=sign_off,
    )
