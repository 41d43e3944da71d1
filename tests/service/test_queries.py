"""What clinicians ask of the records: time lines, changes, cohorts, disagreement; and the export."""

import csv
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from service import cli
from service.exporting import ExportError, write_rows
from service.records.cohorts import CoursePoint, Procedure, QueryError, at_time_after, procedures, trajectory
from service.records.courses import changes_since_baseline, timeline
from service.records.disagreement import disagreement, largest_differences
from service.records.events import add_event
from service.records.gradings import save_grading
from service.records.models import (
    Annotation,
    AnnotationScore,
    Bundle,
    EventKind,
    Patient,
    Rater,
    Recording,
    RecordingState,
)
from service.records.surgeries import add_surgery
from service.records.timepoints import time_windows, timepoint_name
from service.records.waiting import recordings_waiting
from service.settings import load_settings
from service.storage import FolderStorage
from service.timepoint_settings import TimepointSettings, TimepointWindow
from tests.service.clinic import Clinic
from tests.service.samples import result

SURGERY = dt.date(2024, 3, 1)


@pytest.fixture
def clinic(engine: Engine, storage: FolderStorage) -> Iterator[Clinic]:
    """Records that the test fills; they are committed where it asks for that."""
    with Session(engine) as session:
        yield Clinic(session, storage)


def graded(clinic: Clinic, patient: Patient, bundle: Bundle, scores: dict[int, float]) -> list[Recording]:
    """Recordings of the patient, every item scored as given, by days from the surgery."""
    made = []
    for days, score in scores.items():
        recording = clinic.recording(patient, SURGERY + dt.timedelta(days=days), RecordingState.GRADED)
        clinic.grade(recording, bundle, score)
        made.append(recording)
    return made


def operated(
    clinic: Clinic, patient_id: str, bundle: Bundle, scores: dict[int, float], procedure: str = "Jump graft"
) -> int:
    patient = clinic.patient("", patient_id)
    graded(clinic, patient, bundle, scores)
    return add_surgery(clinic.session, patient_id, "", SURGERY, procedure, "L").id


@pytest.fixture
def cohort(clinic: Clinic) -> Clinic:
    """Four patients after a jump graft and one after another procedure."""
    bundle = clinic.bundle("new")
    for patient, scores in {
        "A": {-10: 40.0, 180: 50.0, 370: 60.0, 420: 62.0},
        "B": {-300: 20.0, -5: 30.0, 330: 45.0},
        "C": {-8: 50.0, 700: 80.0},
        "D": {365: 90.0},
    }.items():
        operated(clinic, patient, bundle, scores)
    operated(clinic, "E", bundle, {365: 10.0}, "Sling")
    return clinic


def test_everybody_about_a_year_after_a_procedure_with_a_score_under_a_limit(cohort: Clinic) -> None:
    def found(**limits: float) -> list[tuple[str, int, float]]:
        members = at_time_after(cohort.session, ["jump GRAFT"], 12, 2, "dynamic", **limits)
        return [(one.patient_id, one.days, one.value) for one in members]

    everybody = [("B", 330, 45.0), ("A", 370, 60.0), ("D", 365, 90.0)]
    assert found() == everybody
    assert found(below=60) == everybody[:1]
    assert found(above=60) == everybody[2:]


def test_a_member_is_told_with_surgery_interval_and_bundle(cohort: Clinic) -> None:
    member = at_time_after(cohort.session, ["Sling"], 12, 1, "M4")[0]
    assert (member.side, member.performed_on, member.recorded_on) == ("L", SURGERY, dt.date(2025, 3, 1))
    assert (member.score, member.value, member.low, member.high) == ("M4", 10.0, 0.0, 30.0)
    assert member.bundle == "new 1"


@pytest.mark.parametrize(
    ("procedure", "score", "said"),
    [("Unheard of", "dynamic", "procedure is not on record"), ("Sling", "M9", "M9 is no score")],
)
def test_a_question_that_has_no_answer_is_refused(
    cohort: Clinic, procedure: str, score: str, said: str
) -> None:
    with pytest.raises(QueryError, match=said):
        trajectory(cohort.session, [procedure], score)


def test_scores_of_two_bundles_are_never_mixed(cohort: Clinic) -> None:
    old = cohort.bundle("old")
    recording = cohort.session.query(Recording).filter_by(days_from_surgery=330).one()
    save_grading(cohort.session, "2.25.9", recording.id, old.id, result(5), ())
    cohort.session.flush()
    assert [one.value for one in at_time_after(cohort.session, ["Jump graft"], 12, 2)] == [5.0]
    by_new = at_time_after(cohort.session, ["Jump graft"], 12, 2, bundle_hash="0" * 61 + "new")
    assert [one.value for one in by_new] == [45.0, 60.0, 90.0]
    with pytest.raises(QueryError, match="2 bundles"):
        at_time_after(cohort.session, ["Jump graft"], 12, 2, bundle_hash="0")
    with pytest.raises(QueryError, match="no bundles"):
        at_time_after(cohort.session, ["Jump graft"], 12, 2, bundle_hash="%")


def test_a_course_counts_each_surgery_once_per_time_with_its_spread(cohort: Clinic) -> None:
    course = {one.timepoint: one for one in trajectory(cohort.session, ["Jump graft"])}
    assert {name: (one.n, one.mean) for name, one in course.items()} == {
        "pre-op": (3, 40.0), "6 months": (1, 50.0), "12 months": (3, 65.0), "24 months": (1, 80.0),
    }  # fmt: skip
    before = course["pre-op"]
    assert (before.sd, before.lower_quartile, before.median, before.upper_quartile) == (10.0, 35, 40, 45)
    # Student's t with two degrees of freedom: 4.303 standard errors
    assert before.mean_low == pytest.approx(40 - 4.3027 * 10 / 3**0.5, abs=0.01)
    assert (course["6 months"].sd, course["6 months"].mean_high) == (None, None)


def test_windows_of_a_course_are_the_names_that_days_have() -> None:
    own = TimepointSettings(windows=(TimepointWindow(name="wound check", from_days=0, to_days=14),))
    for settings in (TimepointSettings(), TimepointSettings(months=(3, 20)), own):
        for window in time_windows(settings):
            ends = (window.from_days, window.nominal, window.to_days)
            assert {timepoint_name(days, settings) for days in ends} == {window.name}


def test_procedures_are_listed_by_how_frequent_they_are(cohort: Clinic) -> None:
    listed = [(one.procedure, one.surgeries) for one in procedures(cohort.session)]
    assert listed == [("Jump graft", 4), ("Sling", 1)]


def test_change_is_judged_from_the_last_recording_before_surgery_by_the_same_bundle(clinic: Clinic) -> None:
    bundle, other = clinic.bundle("new"), clinic.bundle("old")
    surgery = operated(clinic, "A", bundle, {-400: 10.0, -10: 40.0, 90: 50.0, 400: 80.0})
    patient = clinic.session.query(Patient).one()
    graded(clinic, patient, other, {200: 90.0})
    add_surgery(clinic.session, "A", "", SURGERY, "Jump graft", "L")
    changes = changes_since_baseline(clinic.session, surgery)
    dynamic = [one for one in changes if one.score == "dynamic"]
    assert [(one.timepoint, one.before, one.after, one.change, one.verdict) for one in dynamic] == [
        ("3 months", 40.0, 50.0, 10.0, "within measurement error"),
        ("12 months", 40.0, 80.0, 40.0, "improved"),
    ]  # fmt: skip
    assert {one.baseline_days for one in changes} == {-10}
    assert len(changes) == 2 * 14


def test_without_a_recording_before_surgery_the_first_one_is_the_baseline(clinic: Clinic) -> None:
    surgery = operated(clinic, "A", clinic.bundle("new"), {30: 80.0, 365: 40.0})
    dynamic = [one for one in changes_since_baseline(clinic.session, surgery) if one.score == "dynamic"]
    assert [(one.baseline_days, one.verdict) for one in dynamic] == [(30, "worse")]


def test_a_time_line_tells_surgeries_events_and_recordings_in_order(clinic: Clinic) -> None:
    surgery = operated(clinic, "A", clinic.bundle("new"), {-10: 40.0, 90: 50.0})
    patient = clinic.session.query(Patient).one()
    clinic.recording(patient, SURGERY + dt.timedelta(days=95), RecordingState.RECEIVING)
    add_event(clinic.session, "A", "", SURGERY + dt.timedelta(days=30), EventKind.TRAINING)
    add_surgery(clinic.session, "A", "", SURGERY + dt.timedelta(days=60), "Lid weight", "L")
    rows = timeline(clinic.session, surgery)
    told = list(dict.fromkeys((one.what, one.days, one.timepoint, one.label) for one in rows))
    assert told == [
        ("recording", -10, "pre-op", "graded"), ("surgery", 0, "0 days", "Jump graft"),
        ("event", 30, "30 days", "training"), ("surgery", 60, "3 months", "Lid weight"),
        ("recording", 90, "3 months", "graded"), ("recording", 95, "3 months", "receiving"),
    ]  # fmt: skip
    static = [(one.value, one.low, one.high) for one in rows if one.score == "static"]
    assert static == [(40.0, 31.0, 49.0), (50.0, 41.0, 59.0)]


def test_raters_and_model_are_held_against_each_other(clinic: Clinic) -> None:
    operated(clinic, "A", clinic.bundle("new"), {-10: 40.0, 90: 50.0})
    first, second = clinic.session.query(Recording).order_by(Recording.id)
    rater = Rater(name="R")
    for recording, score in ((first, 30), (second, 56)):
        scores = [AnnotationScore(scale="eface", item=item, value=score) for item in ("R1", "S1")]
        clinic.session.add(Annotation(recording=recording, rater=rater, scale="eface", scores=scores))
    clinic.session.flush()
    found = disagreement(clinic.session)
    assert [(one.rater, one.item, one.n, one.bias, one.mean_absolute) for one in found] == [
        ("R", "R1", 2, 2.0, 8.0)
    ]
    # differences 10 and -6: SD 11.3
    assert found[0].low == pytest.approx(2 - 1.96 * 11.3137, abs=0.01)
    differences = largest_differences(clinic.session, 1)
    assert [(one.recording, one.rated, one.graded, one.difference) for one in differences] == [
        (first.id, 30.0, 40.0, 10.0)
    ]


def test_what_waits_for_a_person_comes_first(clinic: Clinic) -> None:
    patient = clinic.patient("", "A")
    clinic.recording(patient, SURGERY, RecordingState.PREPARED)
    clinic.recording(patient, SURGERY, RecordingState.DELIVERED)
    clinic.recording(patient, SURGERY, RecordingState.NEEDS_ATTENTION, "two faces", "face.several")
    waiting = recordings_waiting(clinic.session)
    assert [(one.state, one.code) for one in waiting] == [
        ("needs_attention", "face.several"), ("prepared", None),
    ]  # fmt: skip


def test_rows_are_exported_alike_as_csv_parquet_and_json(cohort: Clinic, tmp_path: Path) -> None:
    course = trajectory(cohort.session, ["Jump graft"])
    for suffix in ("csv", "parquet", "json"):
        write_rows(CoursePoint, course, tmp_path / f"course.{suffix}")
    table = pq.read_table(tmp_path / "course.parquet")
    assert table.to_pylist() == json.loads((tmp_path / "course.json").read_text())
    assert str(table.schema.field("sd").type) == "double"
    with (tmp_path / "course.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["timepoint"] for row in rows] == table.column("timepoint").to_pylist()
    assert rows[1]["sd"] == ""
    with pytest.raises(ExportError, match="known suffix"):
        write_rows(CoursePoint, course, tmp_path / "course.xlsx")
    write_rows(CoursePoint, [], tmp_path / "none.parquet")
    assert pq.read_table(tmp_path / "none.parquet").column_names == table.column_names


@pytest.mark.parametrize(
    ("question", "column"),
    [
        (("timeline", "1"), "what"), (("changes", "1"), "verdict"), (("procedures",), "surgeries"),
        (("cohort", "--procedure", "Jump graft", "--below", "99"), "value"),
        (("trajectory", "--procedure", "Jump graft", "--score", "M1"), "mean"),
        (("waiting",), "state"), (("disagreement",), "bias"),
        (("disagreement", "--largest", "3"), "difference"),
    ],
)  # fmt: skip
def test_every_question_has_a_command(
    cohort: Clinic,
    question: tuple[str, ...],
    column: str,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    cohort.session.commit()
    monkeypatch.setenv("FACIALIS_DATABASE_URL", database_url)
    load_settings.cache_clear()

    def run(*options: str) -> str:
        monkeypatch.setattr("sys.argv", ["facialis", "query", *question, *options])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert not ended.value.code
        return capsys.readouterr().out

    rows = json.loads(run("--json"))
    run("--out", str(tmp_path / "rows.csv"))
    with (tmp_path / "rows.csv").open(newline="") as file:
        table = csv.DictReader(file)
        assert column in (table.fieldnames or ())
        assert len(list(table)) == len(rows)


def test_a_full_disk_is_one_line(
    engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setenv("FACIALIS_DATABASE_URL", database_url)
    load_settings.cache_clear()
    (tmp_path / "full.csv").symlink_to("/dev/full")
    monkeypatch.setattr("sys.argv", ["facialis", "query", "procedures", "--out", str(tmp_path / "full.csv")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.strip() == "error os.28: No space left on device"


def test_text_that_a_spreadsheet_would_compute_is_marked_as_text_in_csv_alone(tmp_path: Path) -> None:
    rows = [Procedure("=HYPERLINK(1)", 1), Procedure("Jump", -1)]
    write_rows(Procedure, rows, tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(newline="") as file:
        assert list(csv.reader(file))[1:] == [["'=HYPERLINK(1)", "1"], ["Jump", "-1"]]
    write_rows(Procedure, rows, tmp_path / "rows.json")
    assert json.loads((tmp_path / "rows.json").read_text())[0]["procedure"] == "=HYPERLINK(1)"
