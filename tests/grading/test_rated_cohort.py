"""A cohort folder with annotations of several raters: which labels count, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from grading.annotations import AnnotationError
from grading.cohort import Cohort, CohortError, read_persons
from grading.rated_cohort import read_rated_cohort

LABELS = """subject,session,person,group,side,R1
A,T1,p1,palsy,L,150
B,T1,,healthy,,100
"""
ANNOTATIONS = """subject,session,rater,R1,HB
A,T1,x,80,3
A,T1,y,100,
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for subject in "AB":
        place = tmp_path / subject / "T1"
        place.mkdir(parents=True)
        for number in range(1, 10):
            Image.fromarray(np.zeros((4, 4, 3), dtype=np.uint8)).save(place / f"{number}.jpg")
    (tmp_path / "labels.csv").write_text(LABELS)
    (tmp_path / "annotations.csv").write_text(ANNOTATIONS)
    return tmp_path


def labels(cohort: Cohort) -> list[dict[str, float]]:
    return [dict(recording.labels) for recording in cohort.recordings]


def test_raters_come_before_the_table_and_the_table_fills_in_what_they_left_open(folder: Path) -> None:
    assert labels(read_rated_cohort(folder)) == [{"R1": 90, "HB": 3}, {"R1": 100}]


def test_given_weights_and_no_weights_are_followed(folder: Path) -> None:
    assert labels(read_rated_cohort(folder, {"x": 3, "y": 1}))[0]["R1"] == 85
    assert labels(read_rated_cohort(folder, None)) == [{"R1": 150}, {"R1": 100}]


def test_the_description_tells_how_the_labels_came_about(folder: Path) -> None:
    cohort = read_rated_cohort(folder, "estimated", description="two people")
    assert cohort.description == "two people; labels of 2 raters combined by estimated weights"
    (folder / "annotations.csv").unlink()
    assert read_rated_cohort(folder, description="two people").description == "two people"


def test_annotations_may_stand_instead_of_all_columns_of_items(folder: Path) -> None:
    (folder / "labels.csv").write_text(LABELS.replace(",R1", "").replace(",150", "").replace(",,100", ","))
    assert labels(read_rated_cohort(folder)) == [{"R1": 90, "HB": 3}, {}]
    (folder / "annotations.csv").unlink()
    with pytest.raises(CohortError, match=r"no column of an item.*annotations\.csv"):
        read_rated_cohort(folder)


def test_a_recording_that_the_cohort_lacks_is_named(folder: Path) -> None:
    (folder / "annotations.csv").write_text(ANNOTATIONS + "C,T1,x,80,\n")
    with pytest.raises(
        AnnotationError, match=r"annotations\.csv row \d: the recording C/T1 is not in labels\.csv"
    ):
        read_rated_cohort(folder)


def test_persons_are_read_without_photos(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(LABELS)
    assert read_persons(tmp_path) == {"A": "p1", "B": "B"}
