"""What is measured of a photo, on phantoms spoilt on purpose; on real faces: benchmarks/quality.py."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.spoiling import (
    Spoil,
    blurred,
    blurred_and_compressed,
    blurred_and_noisy,
    exposed,
    hazy,
    rolled,
    shrunk,
    turned,
)
from grading.eyes import Eyes, find_eyes
from grading.face import FaceBox, find_face
from grading.gates import GATES, LIMITS, SENTENCES, Severity
from grading.photos import load_photo
from grading.quality import Measures, flags_of, measure, photo_flags

Photos = dict[str, NDArray[np.uint8]]

GOOD = Measures(eye_distance=150.0, sharpness=1.6, burnt=0.0, black=0.0, contrast=100.0, roll=0.0, yaw=0.0)


def severities(photo: NDArray[np.uint8]) -> dict[str, Severity]:
    face = find_face(photo)
    return {flag.code: flag.severity for flag in photo_flags(photo, face, find_eyes(photo, face))}


def spoilt(photo: NDArray[np.uint8], spoil: Spoil) -> NDArray[np.uint8]:
    return spoil(photo, find_eyes(photo, find_face(photo)), np.random.default_rng(0))


def test_no_photo_of_a_good_series_is_rejected(photos: Photos) -> None:
    for pose, photo in photos.items():
        assert Severity.REJECT not in severities(photo).values(), pose


@pytest.mark.parametrize(
    ("code", "slight", "grave"),
    [
        ("face.small", shrunk(80), shrunk(50)),
        ("photo.blurred", blurred(0.03), blurred(0.06)),
        ("photo.blurred", blurred_and_noisy(0.03, 5), blurred_and_compressed(0.1, 75)),
        ("photo.overexposed", exposed(1.2), exposed(3)),
        ("face.tilted", rolled(8), rolled(-15)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_slight_fault_is_warned_of_and_a_grave_one_rejected(
    photos: Photos, code: str, slight: Spoil, grave: Spoil
) -> None:
    photo = photos["REST"]
    assert severities(spoilt(photo, slight))[code] is Severity.WARN
    assert severities(spoilt(photo, grave))[code] is Severity.REJECT


def test_black_shadow_on_part_of_the_face_is_noticed(photos: Photos) -> None:
    photo = photos["TEETH"].copy()
    eyes = find_eyes(photo, find_face(photo))
    x, y = (round(value) for value in eyes.middle)
    photo[y + round(eyes.distance / 4) :, :x] //= 30
    assert "photo.underexposed" in severities(photo)


def test_a_greasy_lens_is_noticed(photos: Photos) -> None:
    assert "photo.flat" in severities(spoilt(photos["REST"], hazy))


def test_closed_eyes_and_noise_do_not_count_as_blur(photos: Photos) -> None:
    noisy = blurred_and_noisy(0, 5)
    for pose in ("EYESOFT", "EYETIGHT"):
        assert "photo.blurred" not in severities(photos[pose])
        assert "photo.blurred" not in severities(spoilt(photos[pose], noisy))


def test_what_is_measured_does_not_depend_on_the_cameras_resolution(photos: Photos) -> None:
    """Beyond the fewer pixels between the eyes."""
    small = spoilt(photos["REST"], shrunk(100))
    measured = []
    for photo in (photos["REST"], small):
        face = find_face(photo)
        measured.append(measure(photo, face, find_eyes(photo, face)))
    large, other = measured
    assert other.eye_distance == pytest.approx(100, abs=4)
    assert other.contrast == pytest.approx(large.contrast, rel=0.1)
    assert other.roll == pytest.approx(large.roll, abs=1.5)
    assert other.yaw == pytest.approx(large.yaw, abs=3)


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.code)
@given(values=st.lists(st.floats(0, 300), min_size=2, max_size=5))
def test_a_worse_measure_is_never_judged_milder(gate: object, values: list[float]) -> None:
    measure_name, code, low = gate.measure, gate.code, gate.low  # type: ignore[attr-defined]
    grades = []
    for value in sorted(values, reverse=low):
        flags = {flag.code: flag.severity for flag in flags_of(replace(GOOD, **{measure_name: value}))}
        assert set(flags) <= {code}
        grades.append((None, Severity.WARN, Severity.REJECT).index(flags.get(code)))
    assert grades == sorted(grades)


def test_a_limit_itself_is_still_good() -> None:
    warned = {gate.measure: getattr(LIMITS, gate.measure)[0] for gate in GATES}
    assert flags_of(Measures(**warned)) == ()
    rejected = {gate.measure: getattr(LIMITS, gate.measure)[1] for gate in GATES}
    flags = flags_of(Measures(**rejected))
    assert [flag.code for flag in flags] == [gate.code for gate in GATES]
    assert {flag.severity for flag in flags} == {Severity.WARN}


def test_every_gate_says_what_to_do() -> None:
    assert {gate.code for gate in GATES} <= SENTENCES.keys()
    assert all(";" in sentence for sentence in SENTENCES.values())


place = st.floats(-400, 400)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 60), st.integers(1, 60), st.sampled_from(["black", "white", "noise"]),
    place, place, place, place,
)  # fmt: skip
def test_no_photo_and_no_eyes_are_too_wild_to_be_measured(
    height: int, width: int, kind: str, x: float, y: float, u: float, v: float
) -> None:
    rng = np.random.default_rng(0)
    photo = {
        "black": np.zeros((height, width, 3), dtype=np.uint8),
        "white": np.full((height, width, 3), 255, dtype=np.uint8),
        "noise": rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
    }[kind]
    measured = measure(photo, FaceBox(0, 0, width, height), Eyes((x, y), (u, v)))
    assert np.isfinite(list(asdict(measured).values())).all()
    assert 0 <= measured.burnt <= 1
    assert 0 <= measured.black <= 1
    assert measured.sharpness >= 0


@pytest.mark.cohort
def test_a_real_face_that_is_turned_is_noticed_and_far_turned_rejected(cohort: Path) -> None:
    """Drawn faces have no depth, so that only real ones can be turned."""
    photo = load_photo(cohort / "S001" / "T1" / "1.jpg")
    assert "face.turned" not in severities(photo)
    assert "face.turned" in severities(spoilt(photo, turned(-12)))
    assert severities(spoilt(photo, turned(-22)))["face.turned"] is Severity.REJECT


@pytest.mark.cohort
def test_no_photo_of_a_real_face_is_rejected(cohort: Path) -> None:
    for subject in ("S001", "S020", "S040"):
        for number in (1, 4, 7):
            photo = load_photo(cohort / subject / "T1" / f"{number}.jpg")
            assert Severity.REJECT not in severities(photo).values()
