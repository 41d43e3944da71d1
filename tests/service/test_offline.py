"""Grading from files: what comes out, and what is said when a folder cannot be graded."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from benchmarks.spoiling import Spoil as SpoilPhoto
from benchmarks.spoiling import blurred, rolled, shrunk
from dicom.building import to_bytes
from grading.errors import PermanentError
from grading.eyes import find_eyes
from grading.face import find_face
from grading.gates import Severity
from grading.phantom import phantom_patient
from grading.protocols import JENA9
from grading.scales import EFACE
from service.offline import OfflineResult, grade_folder
from service.phantoms import photo_objects
from service.photo_settings import QualitySettings
from service.settings import Settings

# Whole commands, with a network.
pytestmark = pytest.mark.journey

Spoil = Callable[[Path], object]


@pytest.fixture(scope="module")
def dicom_series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The nine DICOM files of a phantom."""
    folder = tmp_path_factory.mktemp("dicom")
    patient = phantom_patient(5, recordings=1)
    for number, dataset in enumerate(photo_objects(patient, patient.recordings[0]), start=1):
        (folder / f"{number}.dcm").write_bytes(to_bytes(dataset))
    return folder


@pytest.fixture(scope="module")
def photo_series(dicom_series: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same photos as JPEG files, byte for byte."""
    folder = tmp_path_factory.mktemp("photos")
    for file in dicom_series.iterdir():
        frames = dcmread(file).PixelData
        start, end = frames.index(b"\xff\xd8\xff"), frames.rindex(b"\xff\xd9") + 2
        (folder / f"{file.stem}.jpg").write_bytes(frames[start:end])
    return folder


def grade(folder: Path, quality: QualitySettings | None = None) -> OfflineResult:
    return grade_folder(folder, Settings(quality=quality or QualitySettings()))


def test_photos_and_dicom_objects_of_the_same_series_get_the_same_scores(
    dicom_series: Path, photo_series: Path
) -> None:
    scores = grade(photo_series).grading.scores
    EFACE.check(scores)
    assert grade(dicom_series).grading.scores == pytest.approx(scores, abs=0.5)


@pytest.mark.journey
def test_the_command_prints_scores_as_json(photo_series: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "service", "grade", str(photo_series), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    content = json.loads(run.stdout)
    assert content["scores"] == pytest.approx(grade(photo_series).grading.scores)
    assert content["bundle"]["commissioning"] is True
    for item, (low, high) in content["intervals"].items():
        assert low <= content["scores"][item] <= high
    folded = {one["id"]: one["value"] for one in content["sub_scores"] if one["formula"] == "folded"}
    assert content["sub_intervals"].keys() == folded.keys()
    assert all(low <= folded[name] <= high for name, (low, high) in content["sub_intervals"].items())
    assert content["minimal_detectable_changes"].keys() == content["scores"].keys() | folded.keys()
    assert content["side"] in ("R", "L")
    assert content["side_estimated"] is True
    assert content["novelty"] > 0


@pytest.mark.journey
def test_pictures_of_what_made_the_scores_are_written_and_add_up(photo_series: Path, tmp_path: Path) -> None:
    result = grade_folder(photo_series, Settings(), maps=tmp_path / "maps")
    listed = json.loads(json.dumps(result.to_json()))["maps"]
    assert [one["item"] for one in listed] == list(result.grading.scores)
    for one in listed:
        with Image.open(one["file"]) as picture:
            assert picture.size == (848, 512)
        item = EFACE.by_id[one["item"]]
        total = one["start"] + sum(added for part in one["parts"] for added in part["sums"])
        assert total == pytest.approx(one["score"])
        assert min(max(total, item.low), item.high) == pytest.approx(result.grading.scores[item.id], abs=1e-3)
    assert len(list((tmp_path / "maps").iterdir())) == len(listed)


def paint(name: str, pixels: np.ndarray) -> Spoil:  # type: ignore[type-arg]
    return lambda folder: Image.fromarray(pixels).save(folder / name)


def spoilt(number: int, spoil: SpoilPhoto) -> Spoil:
    """Spoil one photo of the folder, as `benchmarks.spoiling` does."""

    def act(folder: Path) -> None:
        photo = np.asarray(Image.open(folder / f"{number}.jpg"))
        eyes = find_eyes(photo, find_face(photo))
        Image.fromarray(spoil(photo, eyes, np.random.default_rng(0))).save(folder / f"{number}.jpg")

    return act


def twin(folder: Path) -> None:
    one = np.asarray(Image.open(folder / "6.jpg"))
    Image.fromarray(np.concatenate([one, one], axis=1)).save(folder / "6.jpg")


def change(number: int, act: Callable[..., object]) -> Spoil:
    """Change one DICOM object of the folder."""

    def spoil(folder: Path) -> None:
        file = folder / f"{number}.dcm"
        dataset = dcmread(file)
        act(dataset)
        file.write_bytes(to_bytes(dataset))

    return spoil


NOISE = np.random.default_rng(1).integers(0, 255, (900, 720, 3), dtype=np.uint8)
CASES: list[tuple[str, bool, Spoil, str, str]] = [
    ("eight photos", False, lambda f: (f / "4.jpg").unlink(), "series.missing_pose", "Squeezed eyes"),
    ("two of one pose", False, lambda f: shutil.copy(f / "1.jpg", f / "1.jpeg"), "series.ambiguous", "1"),
    ("no face", False, paint("3.jpg", NOISE), "photo.no_face", "Photo 3 (Gentle eye closure)"),
    ("two faces", False, twin, "photo.several_faces", "Photo 6"),
    ("black", False, paint("7.jpg", np.zeros((900, 720, 3), np.uint8)), "photo.blank", "Photo 7"),
    ("blurred", False, spoilt(2, blurred(0.1)), "photo.blurred", "Photo 2 (Brow elevation): the face is"),
    ("tilted", False, spoilt(8, rolled(-15)), "face.tilted", "Photo 8 (Pursed lips): the head leans"),
    ("too far away", False, spoilt(9, shrunk(45)), "face.small", "take photos from nearer"),
    ("not a photo", False, lambda f: (f / "2.jpg").write_text("hello"), "photo.unreadable", "2.jpg"),
    ("eight objects", True, lambda f: (f / "4.dcm").unlink(), "folder.invalid", "Squeezed eyes"),
    (
        "a CT image",
        True,
        change(3, lambda ds: setattr(ds, "Modality", "CT")),
        "photo.modality",
        "3.dcm: this is no photograph",
    ),
    ("no pixels", True, change(2, lambda ds: delattr(ds, "PixelData")), "photo.no_pixels", "2.dcm"),
    (
        "truncated",
        True,
        lambda f: (f / "5.dcm").write_bytes((f / "5.dcm").read_bytes()[:9000]),
        "dicom.unreadable",
        "5.dcm",
    ),
    ("a text file", True, lambda f: (f / "8.dcm").write_text("not DICOM"), "dicom.unreadable", "8.dcm"),
    (
        "two objects of one pose",
        True,
        change(
            9,
            lambda ds: setattr(ds.AcquisitionContextSequence[0].ConceptCodeSequence[0], "CodeValue", "REST"),
        ),
        "folder.invalid",
        "2 photos show Neutral face",
    ),
]


@pytest.mark.parametrize(
    ("as_dicom", "spoil", "code", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_what_cannot_be_graded_is_told_in_words(
    dicom_series: Path,
    photo_series: Path,
    tmp_path: Path,
    as_dicom: bool,
    spoil: Spoil,
    code: str,
    words: str,
) -> None:
    folder = shutil.copytree(dicom_series if as_dicom else photo_series, tmp_path / "series")
    spoil(folder)
    with pytest.raises(PermanentError) as caught:
        grade(folder)
    assert caught.value.code == code
    assert words in str(caught.value)
    assert phantom_patient(5).family_name not in str(caught.value)


def test_what_is_warned_of_is_told_with_the_scores(photo_series: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(photo_series, tmp_path / "series")
    spoilt(5, blurred(0.03))(folder)
    told = "The face is blurred; focus on the eyes and hold still. Photo 5, Wrinkled nose."
    assert told in grade(folder).to_json()["flags"]
    with pytest.raises(PermanentError, match=r"Photo 5 \(Wrinkled nose\): the face is blurred"):
        grade(folder, QualitySettings(severities={"photo.blurred": Severity.REJECT}))
    silent = QualitySettings(severities={"photo.blurred": Severity.OFF})
    assert told not in grade(folder, silent).flags


def test_a_department_may_have_rejected_photos_graded(photo_series: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(photo_series, tmp_path / "series")
    spoilt(8, rolled(-15))(folder)
    lenient = grade(folder, QualitySettings(severities={"face.tilted": Severity.WARN}))
    EFACE.check(lenient.grading.scores)
    assert any("leans to one shoulder" in flag and "Photo 8" in flag for flag in lenient.flags)
    wide = grade(folder, QualitySettings(roll=(20, 30)))
    assert not any("leans to one shoulder" in flag and "Photo 8" in flag for flag in wide.flags)


def test_every_photo_that_is_rejected_is_named(photo_series: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(photo_series, tmp_path / "series")
    spoilt(2, blurred(0.1))(folder)
    spoilt(8, rolled(-15))(folder)
    with pytest.raises(PermanentError, match=r"Photo 2 .*blurred.* Photo 8 .*leans"):
        grade(folder)


def test_a_folder_that_is_none_or_empty_is_told(tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(PermanentError, match=r"is not a folder|holds no photos"):
            grade(folder)


@pytest.mark.cohort
def test_a_real_face_with_simulated_palsy_is_graded(cohort: Path) -> None:
    folder = next(path for path in sorted(cohort.glob("S*/T1")))
    EFACE.check(grade(folder).grading.scores)
    assert len(list(folder.glob("*.jpg"))) == len(JENA9.poses)


def test_a_wrong_command_line_fails(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "service", "grade", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ},
    )
    assert run.returncode == 1
    assert "folder.invalid" in run.stderr
    assert "Traceback" not in run.stderr
