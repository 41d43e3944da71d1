"""How fast reports are written, against a bare PDF of the same nine photos in the same run.

A report has nine photos, four maps (painted from what is kept of a grading, as the report stage does), a
course of eight recordings and flags. Every report is timed alone; what only the first one of a process costs
(fonts) is given by itself; ``median_cpu_ms`` is what a busy machine cannot change. ``bare_ratio`` is the time
of a report over that of the bare PDF, ``p95_of_limit`` the time that 95 % of the reports stay under over the
300 ms that it may be, ``size_of_limit`` the size over 1.5 MB. The peak memory is of the whole process. The
last line is one JSON object.
"""

import argparse
import io
import json
import resource
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from benchmarks.timing import timed
from grading.contributions import Contributions, Part
from grading.eyes import Eyes
from grading.face import FaceBox
from grading.framing import PREPROCESSING
from grading.overlay import Placement
from grading.protocols import JENA9
from grading.scales import PREDICTED_ITEMS, sub_scores
from reports.content import (
    Course,
    CourseMark,
    CoursePoint,
    RecordingReport,
    ReportItem,
    ReportModel,
    ReportPatient,
    ReportPhoto,
    ReportSubScore,
    ReportSurgery,
    ReportTraining,
)
from reports.recording_report import render_recording_report
from reports.style import Style
from service.kept_maps import KeptMap
from service.report_maps import MOST, report_maps

SIZE_LIMIT = 1_500_000
SECONDS_LIMIT = 0.3
SIDE = 512
OPERATED = date(2024, 4, 11)
STYLES = (Style(), Style("de", "letter"))


@dataclass(frozen=True)
class Case:
    """A report's content without its maps, and what they are painted from."""

    content: RecordingReport
    maps: list[KeptMap]


def photo(rng: np.random.Generator) -> bytes:
    """A JPEG of a photo's size in bytes: coarse shapes with fine noise."""
    coarse = Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).resize((SIDE, SIDE))
    noisy = np.asarray(coarse) + rng.normal(0, 6, (SIDE, SIDE, 3))
    target = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(target, "JPEG", quality=90)
    return target.getvalue()


def kept(rng: np.random.Generator, item: str, pose: str, jpeg: bytes) -> KeptMap:
    """The parts of a score as a model of the recipe `halves` gives them: six photos in two grids."""
    parts = [Part("network", one.code, rng.normal(0, 0.3, (2, 22, 10))) for one in JENA9.poses[:5]]
    parts.append(Part("movement", pose, rng.normal(0, 0.3, (2, 44, 20))))
    view = np.asarray(Image.open(io.BytesIO(jpeg)))
    placement = Placement(PREPROCESSING.frame, FaceBox(0, 0, 400, 400), Eyes((150.0, 200.0), (250.0, 200.0)))
    return KeptMap(Contributions(item, 100.0, True, tuple(parts)), pose, view, placement, "L")


def course(rng: np.random.Generator) -> Course:
    """Eight recordings over two years."""
    points = []
    for days in (-9, 30, 95, 186, 280, 368, 550, 730):
        scores = {"static": float(rng.uniform(20, 90)), "dynamic": float(rng.uniform(20, 90))}
        ends = {name: (score - 10, score + 10) for name, score in scores.items()}
        points.append(CoursePoint(OPERATED + timedelta(days=days), days, "6 months", scores, ends))
    mark = CourseMark(0, "surgery", "Hypoglossal-facial jump nerve suture")
    return Course(tuple(points), from_surgery=True, marks=(mark,), mdc={"static": 15.0, "dynamic": 15.0})


def case(seed: int) -> Case:
    """A report with nine photos, twelve items and a first recording to compare with."""
    rng = np.random.default_rng(seed)
    now, first = ({item.id: float(rng.uniform(0, item.high)) for item in PREDICTED_ITEMS} for _ in range(2))
    first_derived = {(score.id, score.formula): score.value for score in sub_scores(first)}
    poses = JENA9.by_code
    photos = tuple(ReportPhoto(pose.code, pose.number, pose.name, photo(rng)) for pose in JENA9.poses)
    content = RecordingReport(
        uid="2.25.1",
        patient=ReportPatient("Phantom^Paula", "PH-0042", date(1961, 3, 9), "F"),
        recorded_on=date(2026, 4, 11),
        surgery=ReportSurgery(OPERATED, "Hypoglossal-facial jump nerve suture", "L"),
        days_from_surgery=730,
        timepoint="24 months",
        affected_side="L",
        side_estimated=False,
        protocol=JENA9.id,
        protocol_name=JENA9.name,
        photos=photos,
        items=tuple(
            ReportItem(item, now[item.id], poses[item.pose].number, first[item.id], 12.0, None, 30.0, "worse")
            for item in PREDICTED_ITEMS
            if item.pose is not None
        ),
        sub_scores=tuple(
            ReportSubScore(score, first_derived[score.id, score.formula]) for score in sub_scores(now)
        ),
        first_recorded_on=OPERATED - timedelta(days=9),
        flags=("face.small (REST)", "face.small (SMILE)", "clipped.M4", "photo.blurred (NOSE)"),
        model=ReportModel(
            "benchmark", "1", "0" * 64, "efficientnet-lite0", "features",
            (ReportTraining("nothing", 1, 1),), True, date(2025, 1, 1),
        ),
        product="Facialis benchmark",
        created_at=datetime(2026, 4, 12, tzinfo=UTC),
        course=course(rng),
    )  # fmt: skip
    shown = [
        kept(rng, item.id, item.pose, one.jpeg)
        for item, one in zip(PREDICTED_ITEMS[-MOST:], photos, strict=False)
        if item.pose is not None and one.jpeg is not None
    ]
    return Case(content, shown)


def written(one: Case, style: Style) -> bytes:
    """The report, its maps painted."""
    return render_recording_report(replace(one.content, maps=report_maps(one.maps)), style)


def bare(one: Case) -> bytes:
    """The same photos on a page with nothing else: what any PDF of them costs."""
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4, invariant=1)
    for index, picture in enumerate(one.content.photos):
        assert picture.jpeg is not None
        row, column = divmod(index, 3)
        canvas.drawImage(ImageReader(io.BytesIO(picture.jpeg)), 50 + 160 * column, 50 + 160 * row, 150, 150)
    canvas.save()
    return target.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=50)
    parser.add_argument("--keep", type=Path, help="a folder to leave the last report in, to look at")
    given = parser.parse_args()
    cases = [case(seed) for seed in range(min(given.reports, 10))]
    first = timed(lambda: written(cases[0], STYLES[0])).wall
    bare(cases[0])
    jobs = [(cases[number % len(cases)], STYLES[number % len(STYLES)]) for number in range(given.reports)]
    spent = [timed(partial(written, *job)) for job in jobs]
    each = [one.wall for one in spent]
    of_bare = [timed(partial(bare, one)).wall for one, _ in jobs]
    sizes = [len(written(one, STYLES[0])) for one in cases]
    with TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        (folder / "report.pdf").write_bytes(written(*jobs[-1]))
    p95 = float(np.quantile(each, 0.95))
    figures = {
        "reports": given.reports,
        "reports_per_second": round(1 / float(np.mean(each)), 1),
        "median_ms": round(1000 * float(np.median(each)), 1),
        "p95_ms": round(1000 * p95, 1),
        "p95_of_limit": round(p95 / SECONDS_LIMIT, 3),
        "median_cpu_ms": round(1000 * float(np.median([one.cpu for one in spent])), 1),
        "first_of_process_ms": round(1000 * first, 1),
        "bare_ratio": round(float(np.mean(each)) / float(np.mean(of_bare)), 2),
        "bytes": max(sizes),
        "photo_bytes": max(sum(len(one.jpeg or b"") for one in c.content.photos) for c in cases),
        "size_of_limit": round(max(sizes) / SIZE_LIMIT, 3),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
    print(
        f"{given.reports} reports, {figures['reports_per_second']} per second, "
        f"95 % within {figures['p95_ms']} ms (limit {1000 * SECONDS_LIMIT:.0f}), "
        f"{figures['bytes'] / 1e6:.2f} MB (limit {SIZE_LIMIT / 1e6:.1f})"
    )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
