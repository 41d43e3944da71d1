"""`facialis agreement`: figures per item and derived score, weights, and where raters differ most."""

import json
from pathlib import Path

import numpy as np
import pytest

from grading.errors import FacialisError
from tests.service.cohorts import Row, run, write_rows

REST = ("SBR1", "SBR2", "SBR3")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve recordings of ten persons, scored by three raters of whom the third is less exact."""
    rng = np.random.default_rng(4)
    rows: list[Row] = []
    for number in range(12):
        score, grade = rng.uniform(20, 90), int(rng.integers(1, 7))
        for rater, error in (("a", 2.0), ("b", 2.0), ("c", 15.0)):
            rows.append(
                {
                    "subject": f"S{number}",
                    "session": "T1",
                    "rater": rater,
                    "M4": f"{np.clip(score + rng.normal(0, error), 0, 100):.1f}",
                    "HB": str(min(6, grade + (rater == "c"))),
                }
                | {item: str(number % 2) for item in REST}
            )
    # the widest spread of all
    rows[0]["M4"], rows[1]["M4"], rows[2]["M4"] = "10", "10", "95"
    write_rows(tmp_path / "annotations.csv", rows)
    return tmp_path


def test_items_and_derived_scores_come_with_their_intervals(folder: Path) -> None:
    out = folder / "tables"
    result = run("agreement", folder, "--out", out, "--bootstrap", 200, "--json")
    assert result.exit_code == 0, result.output
    rows = {row["Score"]: row for row in json.loads(result.output)["tables"]["raters"]}
    assert list(rows) == [
        "M4 Oral commissure movement with smile",
        "HB House-Brackmann grade",
        "SBR1 Eye at rest",
        "SBR2 Cheek (nasolabial fold) at rest",
        "SBR3 Mouth at rest",
        "Resting symmetry (ross1996)",
    ]
    grade = rows["HB House-Brackmann grade"]
    assert grade["Raters"] == 3
    assert grade["Weighted kappa low"] <= grade["Weighted kappa"] <= grade["Weighted kappa high"]
    assert 33 <= grade["Same answer %"] < 100
    assert rows["M4 Oral commissure movement with smile"]["Weighted kappa"] is None
    assert rows["Resting symmetry (ross1996)"]["ICC(2,1)"] == 1
    assert {file.name for file in out.iterdir()} == {
        f"{name}.{kind}" for name in ("raters", "rater-weights", "consensus") for kind in ("csv", "md")
    }


def test_the_less_exact_rater_weighs_less_and_the_widest_spread_comes_first(folder: Path) -> None:
    tables = json.loads(run("agreement", folder, "--json", "--raters", "estimated").output)["tables"]
    shares = {row["Rater"]: row["M4 %"] for row in tables["rater-weights"]}
    assert shares["c"] < min(shares["a"], shares["b"])
    widest = tables["consensus"][0]
    assert (widest["Subject"], widest["Item"], widest["Spread"]) == ("S0", "M4", 85)


def test_persons_are_those_of_the_labels_and_no_photo_is_needed(folder: Path) -> None:
    def interval() -> tuple[float, float]:
        tables = json.loads(run("agreement", folder, "--json", "--bootstrap", 200).output)["tables"]
        return tables["raters"][0]["ICC(2,1) low"], tables["raters"][0]["ICC(2,1) high"]

    alone = interval()
    write_rows(
        folder / "labels.csv",
        [
            {"subject": f"S{number}", "session": "T1", "person": f"p{number % 3}", "group": "palsy"}
            for number in range(12)
        ],
    )
    assert interval() != alone


def test_a_folder_without_annotations_is_named(tmp_path: Path) -> None:
    error = run("agreement", tmp_path).exception
    assert isinstance(error, FacialisError)
    assert "annotations.csv cannot be read" in str(error)
