"""How fast reports are written, against a bare PDF of the same nine photos in the same run.

The last line is one JSON object. ``bare_ratio`` is the time of a report over that of the bare PDF,
``size_of_limit`` the size of a report over the 1.5 MB that it may have.
"""

import argparse
import io
import json
import resource
import time
from collections.abc import Callable
from datetime import UTC, date, datetime

import numpy as np
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from grading.protocols import JENA9
from grading.scales import PREDICTED_ITEMS, sub_scores
from reports.content import (
    RecordingReport,
    ReportItem,
    ReportModel,
    ReportPatient,
    ReportPhoto,
    ReportSubScore,
    ReportSurgery,
)
from reports.recording_report import render_recording_report

SIZE_LIMIT = 1_500_000
SIDE = 512
SPARE_ROUNDS = 2
"""Rounds before the clock starts: fonts are loaded once per process."""


def photo(rng: np.random.Generator) -> bytes:
    """A JPEG of a photo's size in bytes: coarse shapes with fine noise."""
    coarse = Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).resize((SIDE, SIDE))
    noisy = np.asarray(coarse) + rng.normal(0, 6, (SIDE, SIDE, 3))
    target = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(target, "JPEG", quality=90)
    return target.getvalue()


def content(seed: int) -> RecordingReport:
    """A report with nine photos, twelve items and a first recording to compare with."""
    rng = np.random.default_rng(seed)
    now, first = ({item.id: float(rng.uniform(0, item.high)) for item in PREDICTED_ITEMS} for _ in range(2))
    first_derived = {(score.id, score.formula): score.value for score in sub_scores(first)}
    poses = JENA9.by_code
    return RecordingReport(
        uid="2.25.1",
        patient=ReportPatient("Phantom^Paula", "PH-0042", date(1961, 3, 9), "F"),
        recorded_on=date(2024, 10, 16),
        surgery=ReportSurgery(date(2024, 4, 11), "Hypoglossal-facial jump nerve suture", "L"),
        days_from_surgery=188,
        timepoint="6 months",
        affected_side="L",
        side_estimated=False,
        protocol=JENA9.id,
        protocol_name=JENA9.name,
        photos=tuple(ReportPhoto(pose.code, pose.number, pose.name, photo(rng)) for pose in JENA9.poses),
        items=tuple(
            ReportItem(item, now[item.id], poses[item.pose].number, first[item.id], 12.0)
            for item in PREDICTED_ITEMS
            if item.pose is not None
        ),
        sub_scores=tuple(
            ReportSubScore(score, first_derived[score.id, score.formula]) for score in sub_scores(now)
        ),
        first_recorded_on=date(2024, 4, 1),
        flags=("face.small (REST)",),
        model=ReportModel(
            "benchmark", "1", "0" * 64, "efficientnet-lite0", "features", (), True, date(2025, 1, 1)
        ),
        product="Facialis benchmark",
        created_at=datetime(2025, 1, 1, tzinfo=UTC),
    )


def bare(report: RecordingReport) -> bytes:
    """The same photos on a page with nothing else: what any PDF of them costs."""
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4, invariant=1)
    for index, picture in enumerate(report.photos):
        assert picture.jpeg is not None
        row, column = divmod(index, 3)
        canvas.drawImage(ImageReader(io.BytesIO(picture.jpeg)), 50 + 160 * column, 50 + 160 * row, 150, 150)
    canvas.save()
    return target.getvalue()


def seconds_each(write: Callable[[RecordingReport], bytes], reports: list[RecordingReport]) -> float:
    """Mean wall-clock seconds per document."""
    start = time.perf_counter()
    for report in reports:
        write(report)
    return (time.perf_counter() - start) / len(reports)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=50)
    count = parser.parse_args().reports
    reports = [content(seed) for seed in range(min(count, 10))]
    series = [reports[index % len(reports)] for index in range(count)]
    for write in (render_recording_report, bare):
        seconds_each(write, series[:SPARE_ROUNDS])
    seconds, bare_seconds = seconds_each(render_recording_report, series), seconds_each(bare, series)
    size = max(len(render_recording_report(report)) for report in reports)
    figures = {
        "reports": count,
        "reports_per_second": round(1 / seconds, 1),
        "bare_per_second": round(1 / bare_seconds, 1),
        "bare_ratio": round(seconds / bare_seconds, 2),
        "bytes": size,
        "photo_bytes": max(sum(len(photo.jpeg or b"") for photo in report.photos) for report in reports),
        "size_of_limit": round(size / SIZE_LIMIT, 3),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
    print(f"{count} reports, {figures['reports_per_second']} per second")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
