"""How often the quality gates bark at good photos, and how often they catch spoilt ones.

    python -m benchmarks.quality --cohort /work/shared/cohort --limit 20

False alarms are counted on the recordings of the cohort (real faces with simulated palsy) and on drawn
phantoms. Of the first ``--limit`` people one photo each, of every pose in turn, is spoilt on purpose
(`benchmarks.spoiling`), and series are mirrored. The last line is one JSON object.
"""

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.quality_poses import PoseFigures, measure_poses
from benchmarks.spoiling import SPOILT, linear, lit, turned
from grading.cohort import read_cohort
from grading.errors import PermanentError
from grading.eyes import Eyes, find_eyes
from grading.face import FaceBox, Photo, find_face
from grading.framing import PREPROCESSING, cut
from grading.gates import GATES, MIRRORED, Severity
from grading.mirroring import mirrored_photos
from grading.phantom import draw_series, phantom_patient
from grading.photos import load_photo
from grading.quality import FACE, Measures, flags_of, measure

Series = dict[str, Photo]

SKIN_LIMITS = (10.0, 41.0)
"""Individual typology angles in degrees between dark, intermediate and light skin (Chardon et al. 1991)."""


@dataclass(frozen=True)
class Found:
    """A photo with its face found and measured."""

    photo: Photo
    face: FaceBox
    eyes: Eyes
    measures: Measures


def examine(photo: Photo) -> Found:
    """Find and measure the face; raises what `find_face` raises."""
    face = find_face(photo)
    eyes = find_eyes(photo, face)
    return Found(photo, face, eyes, measure(photo, face, eyes))


def skin_tone(found: Found) -> str:
    """Dark, intermediate or light, by the individual typology angle of the cheeks (CIELAB)."""
    cheeks = cut(found.photo, found.face, found.eyes, FACE)[170:230, [*range(60, 95), *range(161, 196)]]
    red, green, blue = np.median(linear(cheeks).reshape(-1, 3), axis=0)
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    lightness, yellow = 116 * np.cbrt(y) - 16, 200 * (np.cbrt(y) - np.cbrt(z))
    angle = math.degrees(math.atan2(lightness - 50, yellow))
    return ("dark", "intermediate", "light")[int(np.searchsorted(SKIN_LIMITS, angle))]


def cohort_series(folder: Path, most: int | None, limit: int) -> Iterator[tuple[Series, bool]]:
    """The photos of ``most`` recordings, and whether to spoil them: the first one of ``limit`` people."""
    seen: set[str] = set()
    for recording in read_cohort(folder).recordings[:most]:
        first = recording.person not in seen and len(seen) < limit
        seen.add(recording.person)
        yield {pose: load_photo(path) for pose, path in recording.photos.items()}, first


def phantom_series(count: int) -> Iterator[tuple[Series, bool]]:
    """Drawn series of ``count`` phantoms before surgery, all of them to be spoilt."""
    for seed in range(count):
        patient = phantom_patient(seed)
        yield draw_series(patient, patient.recordings[0]), True


class Tally:
    """Counts of what was flagged, by a key in the order in which keys came up."""

    def __init__(self) -> None:
        self.total: dict[tuple[str, ...], int] = defaultdict(int)
        self.warned: dict[tuple[str, ...], int] = defaultdict(int)
        self.rejected: dict[tuple[str, ...], int] = defaultdict(int)

    def add(self, key: tuple[str, ...], severity: str | None) -> None:
        """Count one photo that was warned of, rejected or passed (None)."""
        self.total[key] += 1
        self.warned[key] += severity is not None
        self.rejected[key] += severity == Severity.REJECT

    def rows(self) -> Iterator[tuple[tuple[str, ...], int, float, float]]:
        """Key, photos, share flagged at all, share rejected."""
        for key, total in self.total.items():
            yield key, total, self.warned[key] / total, self.rejected[key] / total


def severity_of(measures: Measures, code: str) -> str | None:
    """How the gate ``code`` judges, None where it passes."""
    return next((flag.severity for flag in flags_of(measures) if flag.code == code), None)


def measure_good(name: str, found: dict[str, Found], good: Tally, values: dict[str, list[float]]) -> None:
    """Count false alarms on the untouched photos of one series."""
    for one in found.values():
        for gate in GATES:
            severity = severity_of(one.measures, gate.code)
            good.add((name, gate.code), severity)
            if gate.code in ("photo.overexposed", "photo.underexposed", "photo.flat"):
                good.add((f"{name}, {skin_tone(one)} skin", gate.code), severity)
            values[f"{name} {gate.measure}"].append(getattr(one.measures, gate.measure))
    crops = {pose: cut(one.photo, one.face, one.eyes, PREPROCESSING) for pose, one in found.items()}
    mirrored = mirrored_photos(crops)
    for pose in crops:
        good.add((name, MIRRORED), Severity.WARN if pose in mirrored else None)


def measure_spoilt(name: str, one: Found, spoilt: Tally, rng: np.random.Generator) -> None:
    """Spoil one photo in every way; a face that is not found any more counts as rejected."""
    for code, (_, ways) in SPOILT.items():
        for way, spoil in ways:
            try:
                severity = severity_of(examine(spoil(one.photo, one.eyes, rng)).measures, code)
            except PermanentError:
                severity = Severity.REJECT
            spoilt.add((name, code, way), severity)
    beside = np.hstack([one.photo, one.photo])
    band = one.photo[: max(one.face.top // 2, 20)]
    for code, photo in (("photo.several_faces", beside), ("photo.no_face", band)):
        try:
            find_face(photo)
            severity = None
        except PermanentError as error:
            severity = Severity.REJECT if error.code in (code, "photo.blank") else None
        spoilt.add((name, code, "two beside each other" if photo is beside else "background"), severity)


def measure_mirrored(name: str, photos: Series, spoilt: Tally, rng: np.random.Generator) -> None:
    """Mirror no, one, or three photos of a series; only exactly the right answer counts as found."""
    stressed = {
        pose: lit(turned(rng.uniform(-6, 6))(photo, examine(photo).eyes, rng), rng)
        for pose, photo in photos.items()
    }
    for kind, series in (("", photos), (", unlike light and turned up to 6°", stressed)):
        crops, mirrored = {}, {}
        for pose, photo in series.items():
            crops[pose], mirrored[pose] = crop(photo), crop(np.ascontiguousarray(photo[:, ::-1]))
        answer = mirrored_photos(crops)
        for pose in series:
            spoilt.add((name, "mirrored", f"none{kind}"), Severity.WARN if pose in answer else None)
            hit = mirrored_photos({**crops, pose: mirrored[pose]}) == (pose,)
            spoilt.add((name, "mirrored", f"one{kind}"), Severity.WARN if hit else None)
        some = set(rng.choice(list(series), 3, replace=False))
        answer = mirrored_photos({pose: (mirrored if pose in some else crops)[pose] for pose in series})
        for pose in some:
            spoilt.add((name, "mirrored", f"three{kind}"), Severity.WARN if pose in answer else None)


def crop(photo: Photo) -> Photo:
    """The two tiles of the default crop."""
    face = find_face(photo)
    return cut(photo, face, find_eyes(photo, face), PREPROCESSING)


def main() -> None:
    """Measure, print Markdown tables, then one line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="folder that keeps the cohort's activations")
    parser.add_argument("--recordings", type=int, help="of the cohort to count false alarms on; else all")
    parser.add_argument("--limit", type=int, default=20, help="people to spoil, and a third as many phantoms")
    arguments = parser.parse_args()
    good, spoilt = Tally(), Tally()
    values: dict[str, list[float]] = defaultdict(list)
    rng = np.random.default_rng(0)
    sources = (
        (
            "simulated palsy on real faces",
            cohort_series(arguments.cohort, arguments.recordings, arguments.limit),
        ),
        ("phantoms", phantom_series(max(1, arguments.limit // 3))),
    )
    for name, all_series in sources:
        for number, (photos, spoil) in enumerate(all_series):
            found = {pose: examine(photo) for pose, photo in photos.items()}
            measure_good(name, found, good, values)
            if spoil:
                measure_spoilt(name, list(found.values())[number % len(found)], spoilt, rng)
                measure_mirrored(name, photos, spoilt, rng)
    poses = measure_poses(arguments.cohort, arguments.limit, arguments.cache)
    figures = report(good, spoilt, values) | report_poses(poses)
    print(json.dumps({"benchmark": "quality", "people": arguments.limit, **figures}))


def report(good: Tally, spoilt: Tally, values: dict[str, list[float]]) -> dict[str, object]:
    """Print the tables and give the same figures for the line of JSON."""
    print("| untouched photos | measure | 1 % | 50 % | 99 % |\n|---|---|---|---|---|")
    for name, numbers in values.items():
        source, measure_name = name.rsplit(" ", 1)
        low, middle, high = np.percentile(numbers, (1, 50, 99))
        print(f"| {source} | {measure_name} | {low:.2f} | {middle:.2f} | {high:.2f} |")
    print("\n| untouched photos | gate | photos | flagged | of these rejected |\n|---|---|---|---|---|")
    for (source, code), total, flagged, rejected in good.rows():
        print(f"| {source} | `{code}` | {total} | {flagged:.1%} | {rejected:.1%} |")
    print("\n| spoilt photos | gate | how | photos | flagged | rejected |\n|---|---|---|---|---|---|")
    for (source, code, way), total, flagged, rejected in spoilt.rows():
        print(f"| {source} | `{code}` | {way} | {total} | {flagged:.0%} | {rejected:.0%} |")
    return {
        kind: {
            " / ".join(key): [total, round(flagged, 4), round(rejected, 4)]
            for key, total, flagged, rejected in tally.rows()
        }
        for kind, tally in (("false_alarms", good), ("detected", spoilt))
    }


def report_poses(figures: PoseFigures) -> dict[str, object]:
    """Print the pose check's tables and give its figures for the line of JSON."""
    rates = figures.rates
    print(f"\n| shown \\ seen | {' | '.join(figures.poses)} |\n|---|{'---|' * len(figures.poses)}")
    for pose, row in zip(figures.poses, rates.confusion, strict=True):
        print(f"| {pose} | {' | '.join(map(str, row))} |")
    unperformed = rates.unperformed or 0.0
    print("\n| pose check | photos | flagged |\n|---|---|---|")
    print(f"| cross-validated, in order | {rates.photos} | {rates.false_alarms:.1%} |")
    print(f"| cross-validated, exchanged: one of two | all pairs | {rates.exchanged:.1%} |")
    print(f"| cross-validated, replaced by the rest photo | all movements | {unperformed:.1%} |")
    for what, (total, flagged) in figures.stressed.items():
        print(f"| unlike light and turned up to 6°, {what} | {total} | {flagged / total:.1%} |")
    return {"poses": asdict(figures)}


if __name__ == "__main__":
    main()
