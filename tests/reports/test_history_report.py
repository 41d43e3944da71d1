"""The history of a patient as its readers see it."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from reports.content import CourseMark, ReportPatient
from reports.history_content import HistoryReport
from reports.history_report import render_history_report
from reports.language import load_language
from reports.sheet import PAPERS
from reports.style import PLAIN, PaperName, Style
from tests.reports.history_samples import DAYS, make_history

pytestmark = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler-utils is not installed")


def text_of(tmp_path: Path, history: HistoryReport, style: Style = PLAIN, *options: str) -> str:
    file = tmp_path / "history.pdf"
    file.write_bytes(render_history_report(history, style))
    done = subprocess.run(
        ["pdftotext", *(options or ("-layout",)), str(file), "-"], check=True, capture_output=True, text=True
    )
    assert not done.stderr
    return done.stdout


def pages(tmp_path: Path, history: HistoryReport, style: Style = PLAIN) -> list[str]:
    return [" ".join(page.split()) for page in text_of(tmp_path, history, style).split("\f")[:-1]]


def test_every_page_says_whose_history_it_is_and_every_recording_is_listed(tmp_path: Path) -> None:
    history = make_history()
    told = pages(tmp_path, history)
    for number, page in enumerate(told, start=1):
        assert "Phantom, Paula" in page
        assert "PH-0042" in page
        assert f"Page {number} of 4" in page
        assert "Commissioning model" in page
    for visit in history.visits:
        assert f"{visit.point.recorded_on} " in told[0]
    assert "Botulinum toxin: 20 units, side right" in told[0]
    assert told[0].count("Dr Berta Beispiel") == len(DAYS) // 2
    assert "1 recording without a date is not shown" in told[0]
    assert "2 recordings are not graded" in told[0]


def test_changes_have_a_verdict_each(tmp_path: Path) -> None:
    rows = text_of(tmp_path, make_history()).splitlines()
    static = next(row.split() for row in rows if row.strip().startswith("Static ") and "improved" in row)
    assert static == ["Static", "52", "72", "+20", "15", "improved"]
    assert sum("worse" in row for row in rows if re.match(r" *[RM]\d ", row)) == 12


def test_every_score_stands_in_a_table(tmp_path: Path) -> None:
    history = make_history()
    rows = [" ".join(line.split()) for line in text_of(tmp_path, history).split("\f")[3].splitlines()]
    for visit in history.visits:
        scores = [visit.point.scores["static"], visit.point.scores["dynamic"], *visit.items.values()]
        numbers = " ".join(f"{score:.0f}" for score in scores)
        assert any(row.startswith(f"{visit.point.recorded_on} ") and row.endswith(numbers) for row in rows)


@pytest.mark.parametrize(
    ("count", "paper", "page_count"), [(13, "letter", 4), (9, "letter", 3), (14, "a4", 3)]
)
def test_the_table_of_scores_has_a_page_of_its_own_where_it_needs_one_and_loses_none(
    tmp_path: Path, count: int, paper: PaperName, page_count: int
) -> None:
    history = make_history(days=tuple(range(-10, -10 + 40 * count, 40)), chosen=())
    told = pages(tmp_path, history, Style("de", paper))
    assert len(told) == page_count
    assert "nicht aufgeführt" not in " ".join(told)


def test_points_of_an_earlier_model_are_told_to_be_unlike(tmp_path: Path) -> None:
    assert "Points of different models are not joined" in pages(tmp_path, make_history(older_models=3))[0]
    assert "different models" not in pages(tmp_path, make_history())[0]


def test_pages_without_content_are_left_out(tmp_path: Path) -> None:
    assert len(pages(tmp_path, make_history(chosen=()))) == 3
    (only,) = pages(tmp_path, make_history(days=(), events=()))
    assert "No recording of this patient has been graded" in only
    assert "None on record" in only
    assert "One recording is graded" in pages(tmp_path, make_history(days=(10,), chosen=()))[2]


@pytest.mark.parametrize("style", [PLAIN, Style("de", "letter")])
def test_long_names_and_many_recordings_stay_inside_the_pages(tmp_path: Path, style: Style) -> None:
    long = "Wolfeschlegelsteinhausenbergerdorff " * 20
    history = make_history(
        patient=ReportPatient(long, "7" * 60, None, ""), days=tuple(range(-100, 3000, 31)), chosen=(0, 50)
    )
    event = replace(history.events[0], label=long)
    visits = tuple(replace(visit, signed_by=long, model=long) for visit in history.visits)
    changes = tuple(replace(change, verdict="other_side") for change in history.changes)
    history = replace(history, events=(event,) * 30, visits=visits, changes=changes)
    boxes = text_of(tmp_path, history, style, "-bbox")
    assert boxes.count("<page ") == 5
    corners = re.findall(r'xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)"', boxes)
    for left, top, right, bottom in (map(float, corner) for corner in corners):
        assert left >= 30
        assert right <= PAPERS[style.paper].width - 30
        assert top >= 30
        assert bottom <= PAPERS[style.paper].height - 20
    assert load_language(style.language).text("words.and_more", count=22) in text_of(tmp_path, history, style)


def test_surgeries_of_one_day_share_their_line(tmp_path: Path) -> None:
    history = make_history()
    mark = CourseMark(0, "surgery", "Graft")
    course = replace(history.course, marks=(mark, replace(mark, label="Lid weight")))
    assert "Graft, Lid weight" in pages(tmp_path, replace(history, course=course))[0]


def test_the_same_content_gives_the_same_bytes() -> None:
    assert render_history_report(make_history()) == render_history_report(make_history())
