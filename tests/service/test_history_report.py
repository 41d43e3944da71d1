"""A patient's history as PDF: which gradings it shows, what it compares, whose photos stand side by side."""

import datetime as dt
import io
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from grading.bundle import COMMISSIONING_BUNDLE, describe_bundle, load_bundle
from reports.history_content import HistoryReport
from service.history_report import HistoryDateError, history_content, history_pdf
from service.records.gradings import register_bundle, save_grading
from service.records.models import Grading, Patient, Photo, Recording, SignOff, Surgery
from service.records.timepoints import link_surgeries
from service.storage import FolderStorage
from tests.service.people import person
from tests.service.samples import result

DAYS = [
    dt.date(2024, 1, 10),
    dt.date(2024, 2, 1),
    dt.date(2024, 6, 1),
    dt.date(2024, 9, 1),
    dt.date(2025, 3, 1),
]
OPERATED = dt.date(2024, 3, 1)
NOW = dt.datetime(2025, 4, 1, 8, 30, tzinfo=dt.UTC)


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path)


@pytest.fixture
def patient(engine: Engine, storage: FolderStorage) -> int:
    """A patient with five graded recordings around a surgery; the last one has photos."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (90, 120, 150)).save(buffer, "JPEG")
    storage.write("views/1.jpg", buffer.getvalue())
    with Session(engine) as session, session.begin():
        row = person(session, "P1", DAYS)
        row.surgeries = [Surgery(performed_on=OPERATED, procedure="Nerve graft", side="L")]
        link_surgeries(session, row)
        for number, recording in enumerate(row.recordings):
            grade(session, recording, "a", f"1.{number}", 40 + 10 * number)
        for pose, key in (("REST", "views/1.jpg"), ("SMILE", "views/gone.jpg")):
            row.recordings[-1].photos.append(
                Photo(
                    sop_instance_uid=pose, sha256="0", size=1, storage_key="k", header={}, pose=pose,
                    view_key=key, calling_ae="C", received_at=NOW, last_seen_at=NOW,
                )
            )  # fmt: skip
        return row.id


@cache
def manifest() -> dict[str, Any]:
    described = describe_bundle(load_bundle(COMMISSIONING_BUNDLE))
    return described | {"uncertainties": [{"score": "static", "mdc": 14.0}, {"score": "R1", "mdc": 35.0}]}


def grade(session: Session, recording: Recording, bundle: str, uid: str, score: float) -> None:
    number = register_bundle(session, bundle, f"bundle {bundle}", "1", manifest())
    save_grading(session, uid, recording.id, number, result(score, "L"), [])


def told(engine: Engine, storage: FolderStorage, patient: int, *days: dt.date) -> HistoryReport:
    with Session(engine) as session:
        return history_content(storage, session.get_one(Patient, patient), NOW, days)


def test_changes_are_told_against_the_last_recording_before_the_surgery(
    engine: Engine, storage: FolderStorage, patient: int
) -> None:
    history = told(engine, storage, patient)
    assert history.course.baseline == 1
    changes = {change.score: change for change in history.changes}
    assert (changes["static"].before, changes["static"].after) == (50, 80)
    assert changes["static"].verdict == "improved"
    assert changes["R1"].verdict == "within_error"
    assert changes["M1"].verdict == "unknown"
    assert [visit.point.recorded_on for visit in history.visits] == DAYS
    assert history.visits[-1].point.timepoint == "12 months"


def test_gradings_of_the_newest_model_come_first_and_only_they_are_compared(
    engine: Engine, storage: FolderStorage, patient: int
) -> None:
    with Session(engine) as session, session.begin():
        recordings = session.get_one(Patient, patient).recordings
        for number in (2, 4):
            grade(session, recordings[number], "b", f"2.{number}", 60 + number)
    history = told(engine, storage, patient)
    assert [visit.model for visit in history.visits] == [
        "bundle a 1", "bundle a 1", "bundle b 1", "bundle a 1", "bundle b 1",
    ]  # fmt: skip
    assert history.course.baseline == 2
    assert (history.changes[0].before, history.changes[0].after) == (62, 64)


def test_photos_of_the_chosen_dates_are_shown_and_missing_ones_told(
    engine: Engine, storage: FolderStorage, patient: int
) -> None:
    shown = [visit.point.recorded_on for visit in told(engine, storage, patient).visits if visit.photos]
    assert shown == DAYS[1:]
    history = told(engine, storage, patient, DAYS[0], DAYS[4])
    assert [visit.point.recorded_on for visit in history.visits if visit.photos] == [DAYS[0], DAYS[4]]
    latest = {photo.pose: photo.jpeg for photo in history.visits[-1].photos}
    assert latest["REST"] == storage.read("views/1.jpg")
    assert latest["SMILE"] is None
    for wrong in ([dt.date(1999, 1, 1)], DAYS):
        with pytest.raises(HistoryDateError):
            told(engine, storage, patient, *wrong)


def test_the_pdf_is_the_same_for_the_same_moment_and_says_who_signed(
    engine: Engine, storage: FolderStorage, patient: int
) -> None:
    with Session(engine) as session, session.begin():
        grading = session.scalars(select(Grading).where(Grading.uid == "1.4")).one()
        session.add(SignOff(grading=grading, signed_by="Dr Berta Beispiel", signed_at=NOW))
    assert told(engine, storage, patient).visits[-1].signed_by == "Dr Berta Beispiel"
    with Session(engine) as session:
        once, again = (history_pdf(session, storage, patient, now=NOW) for _ in range(2))
        assert history_pdf(session, storage, patient + 1) is None
    assert once == again
    assert once is not None
    assert once.startswith(b"%PDF")


def test_a_patient_without_gradings_has_a_history_that_says_so(
    engine: Engine, storage: FolderStorage
) -> None:
    with Session(engine) as session, session.begin():
        number = person(session, "P2", DAYS[:1]).id
    history = told(engine, storage, number)
    assert (history.visits, history.changes, history.model, history.ungraded) == ((), (), None, 1)
    with Session(engine) as session:
        assert history_pdf(session, storage, number, now=NOW) is not None
