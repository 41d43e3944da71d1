"""What the tests of the DICOM room, and of its peers, are made from: photos, and a small real intake."""

import io
import threading
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset

from dicom.building import to_bytes
from dicom.codes import item_code, sub_score_code
from dicom.durable import move_durably
from dicom.headers import PhotoHeader
from dicom.intake import ReceivedObject, Stored
from dicom.photographic import PatientIdentity, photographic_object
from dicom.secondary_capture import Picture, secondary_capture
from dicom.structured_report import Algorithm, MeasuredScore, structured_report
from dicom.timepoints import Timepoint
from dicom.uids import derived_uid
from grading.errors import FacialisError
from grading.protocols import JENA9, Pose
from grading.scales import PREDICTED_ITEMS, sub_scores

PATIENT = PatientIdentity(
    id="FP-0001", issuer="CLINIC", name="Müller-Lüdenscheidt^Änne", birth_date=date(1960, 2, 29), sex="F"
)
TAKEN_AT = datetime(2026, 3, 1, 10, 0)
STUDY_UID = derived_uid("test", "study")
SERIES_UID = derived_uid("test", "series")


def jpeg_bytes(width: int = 96, height: int = 128, seed: int = 0, **options: Any) -> bytes:
    """A smooth coloured picture as JPEG."""
    rng = np.random.default_rng(seed)
    small = rng.integers(40, 220, (8, 6, 3), dtype=np.uint8)
    picture = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


def photo(pose: Pose = JENA9.poses[0], **overrides: Any) -> Dataset:
    """One photo object of the test patient's study."""
    arguments: dict[str, Any] = {
        "patient": PATIENT,
        "study_uid": STUDY_UID,
        "series_uid": SERIES_UID,
        "sop_instance_uid": derived_uid("test", "photo", pose.code),
        "pose": pose,
        "taken_at": TAKEN_AT + timedelta(seconds=10 * pose.number),
        "device": "Test camera",
        "study_started_at": TAKEN_AT,
    } | overrides
    return photographic_object(jpeg_bytes(seed=pose.number), **arguments)


def save(dataset: Dataset, path: Path) -> Path:
    """Write an object to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_bytes(dataset))
    return path


def save_series(folder: Path, poses: Sequence[Pose] = JENA9.poses) -> list[Path]:
    """A whole series as files."""
    return [save(photo(pose), folder / f"{pose.number}.dcm") for pose in poses]


class FolderIntake:
    """An intake that keeps objects in a folder, what it was told in memory, and raises ``fail``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stored: dict[str, list[ReceivedObject]] = {}
        self.outcomes: list[Stored] = []
        self.quarantined: list[tuple[Path, str, str]] = []
        self.fail: FacialisError | OSError | RuntimeError | None = None
        self._lock = threading.Lock()

    def store(self, received: ReceivedObject) -> Stored:
        if self.fail is not None:
            raise self.fail
        uid = received.header.sop_instance_uid
        with self._lock:
            versions = self.stored.setdefault(uid, [])
            if any(version.sha256 == received.sha256 for version in versions):
                outcome = Stored.DUPLICATE
            else:
                outcome = Stored.CONFLICT if versions else Stored.NEW
                move_durably(received.path, self.folder / f"{received.sha256}.dcm")
                versions.append(received)
            self.outcomes.append(outcome)
        return outcome

    def quarantine(self, path: Path, reason: str, calling_ae: str) -> None:
        target = self.folder / "quarantine" / path.name
        move_durably(path, target)
        self.quarantined.append((target, reason, calling_ae))


def measured(headers: Sequence[PhotoHeader]) -> list[MeasuredScore]:
    """Every item at the same share of its range, and the sub-scores, read from the photos of a series."""
    photos = {pose.code: header for pose, header in zip(JENA9.poses, headers, strict=False)}
    values = {item.id: item.high * 0.7325 for item in PREDICTED_ITEMS}
    items = [
        MeasuredScore(
            item_code(item),
            values[item.id],
            item.low,
            item.high,
            item.normal,
            tuple(photos[pose] for pose in item.poses if pose in photos),
            (values[item.id] - 8, values[item.id] + 12),
        )
        for item in PREDICTED_ITEMS
    ]
    derived = [
        MeasuredScore(sub_score_code(score), score.value, score.low, score.high, 100, tuple(headers))
        for score in sub_scores(values)
    ]
    return items + derived


def measurement_report(sources: Sequence[PhotoHeader], **overrides: Any) -> Dataset:
    """A structured report of the test patient's series."""
    arguments: dict[str, Any] = {
        "algorithm": Algorithm("test bundle", "1.0", "ab" * 32, ("a backbone",)),
        "sop_instance_uid": derived_uid("test", "structured report"),
        "series_uid": derived_uid("test", "structured report series"),
        "created_at": TAKEN_AT,
        "software_version": "Facialis 1.0",
    } | overrides
    return structured_report(arguments.pop("scores", None) or measured(sources), sources=sources, **arguments)


def maps(sources: Sequence[PhotoHeader], frames: int = 12, timepoint: Timepoint | None = None) -> Dataset:
    """Pictures of some photos, one of each of several greys."""
    shown = [Picture(np.full((64, 96, 3), 20 * number, np.uint8), f"M{number}") for number in range(frames)]
    return secondary_capture(
        shown,
        sources=sources,
        description="Maps",
        sop_instance_uid=derived_uid("maps"),
        series_uid=derived_uid("maps series"),
        created_at=TAKEN_AT,
        timepoint=timepoint,
        software_version="1.0",
    )
