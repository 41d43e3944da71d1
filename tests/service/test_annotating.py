"""Raters' scores are kept, corrected and taken in from tables."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from service import cli
from service.records.annotations import (
    ANNOTATIONS,
    AnnotationError,
    annotations_of,
    save_annotation,
    scores_given,
)
from service.records.importing import Outcome, import_rows
from service.records.models import AuditEvent, Change, Rater
from service.settings import load_settings
from service.tables import read_table
from tests.service.people import person


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """Two recordings of one patient, numbers 1 and 2."""
    with Session(engine) as session:
        person(session, "P", [dt.date(2024, 1, 1), dt.date(2024, 6, 1)])
        yield session


def on_record(session: Session, recording: int) -> list[tuple[str, str, dict[str, float]]]:
    return [(one.rater.name, one.scale, scores_given(one)) for one in annotations_of(session, recording)]


def test_scores_are_kept_by_rater_and_scale_and_a_correction_keeps_what_was_before(session: Session) -> None:
    save_annotation(session, 1, "Ada", {"R1": 80, "M1": 20})
    save_annotation(session, 1, "Ada", {"HB": 3})
    save_annotation(session, 1, "Ben", {"R1": 90})
    save_annotation(session, 1, "Ada", {"R1": 85}, by="ada")
    save_annotation(session, 1, "Ada", {"R1": 85})
    assert on_record(session, 1) == [
        ("Ada", "eface", {"R1": 85.0}),
        ("Ada", "house-brackmann", {"HB": 3.0}),
        ("Ben", "eface", {"R1": 90.0}),
    ]
    change = session.scalars(select(Change)).one()
    assert (change.subject, change.made_by) == ("annotation", "ada")
    assert change.before["scores"] == {"R1": 80.0, "M1": 20.0}
    assert session.query(Rater).count() == 2


@pytest.mark.parametrize(
    ("recording", "rater", "scores", "said"),
    [
        (9, "Ada", {"R1": 80}, "no recording 9"),
        (1, " ", {"R1": 80}, "name the rater"),
        (1, "Ada", {}, "one or more"),
        (1, "Ada", {"R1": 80, "HB": 2}, "one scale at a time"),
        (1, "Ada", {"M1": 120}, "M1 must be between 0 and 100"),
        (1, "Ada", {"HB": 2.5}, "HB must be one of"),
        (1, "Ada", {"Q1": 1}, "Q1 is not an item"),
    ],
)
def test_scores_that_cannot_be_kept_are_refused_in_words(
    session: Session, recording: int, rater: str, scores: dict[str, float], said: str
) -> None:
    with pytest.raises(AnnotationError, match=said):
        save_annotation(session, recording, rater, scores)


def taken(session: Session, folder: Path, lines: list[str]) -> Outcome:
    file = folder / "annotations.csv"
    file.write_text("\n".join(lines))
    return import_rows(session, ANNOTATIONS, read_table(file, ANNOTATIONS.columns))


def test_a_table_of_scores_is_taken_once_and_differences_are_told(session: Session, tmp_path: Path) -> None:
    lines = ["Recording;Rater;R1;M1;HB", "1;Ada;80,5;20;3", "2;Ada;90;;"]
    assert (taken(session, tmp_path, lines).added, taken(session, tmp_path, lines).added) == (2, 0)
    assert on_record(session, 1) == [
        ("Ada", "eface", {"R1": 80.5, "M1": 20.0}),
        ("Ada", "house-brackmann", {"HB": 3.0}),
    ]
    again = taken(session, tmp_path, ["recording;rater;R1", "1;Ada;70"])
    assert [(one.column, one.problem) for one in again.remarks] == [("rater", False)]
    assert on_record(session, 1)[0][2]["R1"] == 80.5


def test_every_problem_of_a_table_of_scores_is_told_by_row(session: Session, tmp_path: Path) -> None:
    rows = ["9,Ada,80,", "1,,80,", "1,Ada,much,", "1,Ada,,9", "1,Ada,,"]
    outcome = taken(session, tmp_path, ["recording,rater,R1,HB", *rows])
    assert [(one.row, one.column) for one in outcome.problems] == [
        (2, "recording"),
        (3, "rater"),
        (4, "R1"),
        (5, "HB"),
        (6, ""),
    ]


def test_scores_are_added_and_listed_by_command(
    session: Session,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    session.commit()
    monkeypatch.setenv("FACIALIS_DATABASE_URL", database_url)
    load_settings.cache_clear()

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["facialis", "annotation", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0), capsys.readouterr().out

    assert run("add", "--recording", "1", "--rater", "Ada", "R1=80", "M4=35")[0] == 0
    assert run("add", "--recording", "1", "--rater", "Ada", "R1")[0] == 1
    assert json.loads(run("list", "--recording", "1", "--json")[1]) == [
        {"rater": "Ada", "scale": "eface", "note": "", "scores": {"R1": 80.0, "M4": 35.0}}
    ]
    assert "R1 80, M4 35" in run("list", "--recording", "1")[1]
    assert session.scalars(select(AuditEvent.kind)).all() == ["annotation.saved"]
