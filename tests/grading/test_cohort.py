"""Reading a cohort folder: what is taken, and that each fault is named with its row."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from grading.cohort import CohortError, read_cohort
from grading.csv_tables import Problem
from grading.scales import PREDICTED_ITEMS

ITEMS = [item.id for item in PREDICTED_ITEMS]
HEADER = ["subject", "session", "person", "group", "side", "recorded_on", "surgery_date", *ITEMS]
ROW = dict(zip(HEADER, ["A", "T1", "p1", "palsy", "L", "", "", *["80"] * 12], strict=True))


def write(folder: Path, rows: list[dict[str, str]], header: list[str] = HEADER) -> None:
    lines = [",".join(header), *(",".join(row.get(name, "") for name in header) for row in rows)]
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def add_photos(folder: Path, subject: str, session: str) -> None:
    place = folder / subject / session
    place.mkdir(parents=True)
    for number in range(1, 10):
        Image.fromarray(np.zeros((4, 4, 3), dtype=np.uint8)).save(place / f"{number}.jpg")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for subject, session in (("A", "T1"), ("A", "T2"), ("B", "T1")):
        add_photos(tmp_path, subject, session)
    return tmp_path


def rows() -> list[dict[str, str]]:
    return [
        ROW.copy(),
        ROW | {"session": "T2"},
        ROW | {"subject": "B", "person": "p2", "group": "healthy", "side": ""},
    ]


def test_columns_may_come_in_any_order_with_others_between(folder: Path) -> None:
    write(folder, [row | {"source": "x"} for row in rows()], [*reversed(HEADER), "source"])
    cohort = read_cohort(folder)
    assert [(r.subject, r.session, r.person, r.healthy) for r in cohort.recordings] == [
        ("A", "T1", "p1", False),
        ("A", "T2", "p1", False),
        ("B", "T1", "p2", True),
    ]
    assert cohort.recordings[0].labels == dict.fromkeys(ITEMS, 80.0)
    assert cohort.recordings[0].photos["TEETH"] == folder / "A" / "T1" / "7.jpg"


def test_an_empty_label_is_unknown_and_an_empty_person_is_the_subject(folder: Path) -> None:
    write(folder, [ROW | {"M4": "", "person": ""}])
    recording = read_cohort(folder).recordings[0]
    assert "M4" not in recording.labels
    assert recording.person == "A"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"M4": "101"}, r"row 2: M4 must be between 0 and 100"),
        ({"R1": "-1"}, r"row 2: R1 must be between 0 and 200"),
        ({"R1": "nan"}, r"row 2: R1 must be between"),
        ({"R1": "much"}, r"row 2: R1 must be between"),
        ({"group": "patient"}, r"row 2: the group must be palsy or healthy"),
        ({"side": "left"}, r"row 2: the side must be L or R"),
        ({"group": "healthy"}, r"row 2: a healthy recording has no affected side"),
        ({"subject": ""}, r"row 2: the subject must be"),
        ({"subject": "../A"}, r"row 2: the subject must be"),
        ({"subject": "C"}, r"row 2: C.*: .*not a folder"),
        ({"session": "T2"}, r"row 3: row 2 is of the same recording"),
        ({"group": "healthy", "side": ""}, r"row 3: the subject has another person or group"),
        ({"person": "p9"}, r"row 3: the subject has another person or group"),
    ],
)
def test_a_bad_row_is_named_with_its_fault(folder: Path, change: dict[str, str], named: str) -> None:
    table = rows()
    table[0] |= change
    write(folder, table)
    with pytest.raises(CohortError, match=rf"labels\.csv {named}"):
        read_cohort(folder)


def test_a_missing_photo_is_named_with_its_row_and_pose(folder: Path) -> None:
    write(folder, rows())
    (folder / "A" / "T2" / "6.jpg").unlink()
    with pytest.raises(CohortError, match=r"row 3: A/T2: .*photo 6 SMILE"):
        read_cohort(folder)


def test_a_missing_column_is_named(folder: Path) -> None:
    write(folder, rows(), [name for name in HEADER if name != "group"])
    with pytest.raises(CohortError, match="lacks the column group"):
        read_cohort(folder)


def test_a_table_without_items_can_only_be_predicted(folder: Path) -> None:
    write(folder, rows(), HEADER[:7])
    with pytest.raises(CohortError, match="no column of an item"):
        read_cohort(folder)
    cohort = read_cohort(folder, labelled=False)
    assert [(r.side, r.labels) for r in cohort.recordings] == [("L", {}), ("L", {}), (None, {})]


def test_labels_of_other_scales_are_read_and_checked_by_their_own_answers(folder: Path) -> None:
    header = [*HEADER[:7], "HB", "SBV1", "T1"]
    write(folder, [ROW | {"HB": "4", "SBV1": "2", "T1": "1"}], header)
    assert read_cohort(folder).recordings[0].labels == {"HB": 4.0, "SBV1": 2.0, "T1": 1.0}
    write(folder, [ROW | {"HB": "3.5"}], header)
    with pytest.raises(CohortError, match="row 2: HB must be one of 1, 2, 3"):
        read_cohort(folder)


def test_a_column_twice_is_refused(folder: Path) -> None:
    write(folder, rows(), [*HEADER, "R1"])
    with pytest.raises(CohortError, match="column R1 twice"):
        read_cohort(folder)


def test_a_row_with_too_many_cells_is_refused(folder: Path) -> None:
    write(folder, [ROW | {"M7": "1,2"}])
    with pytest.raises(CohortError, match="row 2: the row has more or fewer cells"):
        read_cohort(folder)


def test_a_table_without_rows_is_refused(folder: Path) -> None:
    write(folder, [])
    with pytest.raises(CohortError, match="no rows"):
        read_cohort(folder)


def test_a_folder_without_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match=r"give a folder that holds labels\.csv"):
        read_cohort(tmp_path)


def test_a_table_that_is_no_utf8_is_refused(folder: Path) -> None:
    (folder / "labels.csv").write_bytes(b"subject,s\xe4ssion\n")
    with pytest.raises(CohortError, match="UTF-8"):
        read_cohort(folder)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_semicolons_and_tabs_separate_cells_too(folder: Path, separator: str) -> None:
    write(folder, rows())
    table = folder / "labels.csv"
    table.write_text(table.read_text().replace(",", separator), encoding="utf-8-sig")
    assert read_cohort(folder).recordings[0].labels["R1"] == 80


def test_another_separator_is_told(folder: Path) -> None:
    write(folder, rows())
    table = folder / "labels.csv"
    table.write_text(table.read_text().replace(",", "|"))
    with pytest.raises(CohortError, match="separated by commas, semicolons or tabs"):
        read_cohort(folder)


def test_all_problems_are_found_where_they_are_noted(folder: Path) -> None:
    write(folder, [ROW | {"M4": "101"}, ROW | {"session": "T9"}, ROW | {"session": "T2"}])
    found: list[Problem] = []
    cohort = read_cohort(folder, on_problem=found.append)
    assert [one.row for one in found] == [2, 3]
    assert found[0].message == "M4 must be between 0 and 100, or empty if not known"
    assert [one.session for one in cohort.recordings] == ["T2"]
