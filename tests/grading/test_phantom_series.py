"""Phantom patients, their recordings and cohort folders of them."""

import csv
import datetime
from pathlib import Path

import pytest
from PIL import Image

from grading.phantom import HEALTHY, PhantomError, draw_series, phantom_patient, true_scores, write_cohort
from grading.protocols import JENA9
from grading.scales import BALANCED, EFACE, PREDICTED_ITEMS


def test_same_seed_is_the_same_patient() -> None:
    assert phantom_patient(123) == phantom_patient(123)
    assert phantom_patient(123).id == "PH-000123"
    assert phantom_patient(124).anatomy != phantom_patient(123).anatomy


def test_patient_is_plainly_invented() -> None:
    for seed in range(20):
        patient = phantom_patient(seed)
        assert patient.family_name.startswith("Phantom-")
        assert patient.sex in ("F", "M")
        assert patient.birth_date < datetime.date(2010, 1, 1)


def test_palsy_is_operated_once_and_recovers() -> None:
    patient = phantom_patient(7)
    assert patient.side in ("L", "R")
    assert patient.surgery_date is not None
    days = [recording.days_from_surgery for recording in patient.recordings]
    assert days == [-21, 91, 183, 365]
    for recording in patient.recordings:
        assert (recording.recorded_at.date() - patient.surgery_date).days == recording.days_from_surgery
        assert recording.palsy.side == patient.side
        assert recording.scores == true_scores(recording.palsy)
    worst = [
        max(abs(score - BALANCED) for score in recording.scores.values()) for recording in patient.recordings
    ]
    assert worst == sorted(worst, reverse=True)


def test_more_recordings_follow_yearly() -> None:
    recordings = phantom_patient(7, recordings=6).recordings
    assert [recording.days_from_surgery for recording in recordings[3:]] == [365, 730, 1095]
    assert recordings[:4] == phantom_patient(7).recordings


def test_healthy_has_one_recording_and_no_surgery() -> None:
    patient = phantom_patient(8, healthy=True)
    assert (patient.side, patient.surgery_date, patient.procedure) == (None, None, None)
    (recording,) = patient.recordings
    assert recording.palsy == HEALTHY
    assert recording.days_from_surgery is None


def test_patient_without_recordings_is_refused() -> None:
    with pytest.raises(PhantomError, match="recording"):
        phantom_patient(1, recordings=0)


def test_series_holds_every_pose_in_order() -> None:
    patient = phantom_patient(2)
    photos = draw_series(patient, patient.recordings[0])
    assert list(photos) == [pose.code for pose in JENA9.poses]
    assert all(photo.shape == (900, 720, 3) for photo in photos.values())


@pytest.mark.journey
def test_cohort_folder_holds_what_its_table_lists(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    write_cohort(tmp_path, 4, 1, progress=lambda done, total: heard.append((done, total)))
    with (tmp_path / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        folder = tmp_path / row["subject"] / row["session"]
        assert sorted(path.name for path in folder.iterdir()) == [
            f"{pose.number}.jpg" for pose in JENA9.poses
        ]
        scores = {item.id: float(row[item.id]) for item in PREDICTED_ITEMS}
        EFACE.check(scores)
        healthy = row["group"] == "healthy"
        assert (
            healthy == (not row["side"]) == (not row["surgery_date"]) == (set(scores.values()) == {BALANCED})
        )
        datetime.date.fromisoformat(row["recorded_on"])
    assert len({row["subject"] for row in rows}) == len({row["person"] for row in rows}) == 4
    assert [row["subject"] for row in rows if row["group"] == "healthy"] == ["P0004"]
    photos = sorted(tmp_path.glob("*/*/*.jpg"))
    assert heard == [(done, len(photos)) for done in range(1, len(photos) + 1)]
    with Image.open(photos[0]) as photo:
        assert (photo.size, photo.mode) == ((720, 900), "RGB")
