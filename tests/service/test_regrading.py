"""The archive under another bundle, as rows: what is to be graded, pausing, what becomes of the results."""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from grading.bundle import COMMISSIONING_BUNDLE
from grading.bundle import Bundle as Model
from service import cli
from service.bundles import eface_bundle
from service.exporting import as_markdown
from service.records import regrading
from service.records.bundle_comparison import ScoreComparison, compare_bundles
from service.records.gradings import first_grading, register_bundle, save_grading
from service.records.history import document_key
from service.records.models import (
    Bundle,
    DeliveryState,
    Grading,
    Recording,
    RecordingState,
    Regrading,
    RegradingTask,
)
from service.records.regrading import RegradingError
from service.settings import load_settings
from service.storage import FolderStorage
from tests.service.clinic import Clinic
from tests.service.samples import result

FOLDER = Path("/bundles/new")
DAYS = (dt.date(2024, 1, 1), dt.date(2024, 6, 1), dt.date(2025, 1, 1))


@pytest.fixture(scope="module")
def model() -> Model:
    """Another bundle than the one that graded the archive."""
    return replace(eface_bundle(COMMISSIONING_BUNDLE), name="new", version="2")


@pytest.fixture
def clinic(engine: Engine, storage: FolderStorage) -> Iterator[Clinic]:
    """A patient with three graded recordings, and one that is on its way."""
    with Session(engine) as session:
        clinic = Clinic(session, storage)
        patient, bundle = clinic.patient("", "A"), clinic.bundle("old")
        for number, day in enumerate(DAYS):
            recording = clinic.recording(patient, day, RecordingState.DELIVERED)
            clinic.grade(recording, bundle, 40.0 + 10 * number)
        clinic.recording(patient, DAYS[-1], RecordingState.RECEIVING)
        yield clinic


def graded_by(session: Session, model: Model, recording_id: int, score: float) -> None:
    bundle = register_bundle(session, model.hash, model.name, model.version, {"uncertainties": []})
    save_grading(session, f"9.{recording_id}", recording_id, bundle, result(score), (), beside=True)
    session.flush()


def waiting(session: Session) -> list[int]:
    return list(session.scalars(select(RegradingTask.recording_key).order_by(RegradingTask.recording_key)))


def work_off(session: Session, run: Regrading, model: Model) -> None:
    while taken := regrading.take_next(session, run.id, 60):
        lease, recording = taken
        regrading.end(session, lease)
        graded_by(session, model, recording, 70.0)


def test_every_graded_recording_is_graded_once_more_and_the_old_gradings_stay(
    clinic: Clinic, model: Model
) -> None:
    session = clinic.session
    graded_by(session, model, 1, 70.0)
    run = regrading.start(session, model, FOLDER)
    assert waiting(session) == [2, 3]
    work_off(session, run, model)
    assert regrading.finish_if_done(session, run.id)
    (told,) = regrading.progress(session)
    assert (told.state, told.waiting, told.done, told.failed, told.total) == ("finished", 0, 2, 0, 2)
    active = session.scalars(select(Grading).where(Grading.active))
    assert {grading.bundle.name for grading in active} == {"old"}
    assert session.query(Grading).count() == 6


def test_only_recordings_since_a_day_are_asked_for(clinic: Clinic, model: Model) -> None:
    regrading.start(clinic.session, model, FOLDER, DAYS[1])
    assert waiting(clinic.session) == [2, 3]


def test_a_paused_regrading_gives_out_no_work_until_it_is_resumed(clinic: Clinic, model: Model) -> None:
    session = clinic.session
    run = regrading.start(session, model, FOLDER)
    assert regrading.take_next(session, run.id, 60) is not None
    regrading.pause(session)
    assert regrading.take_next(session, run.id, 60) is None
    assert regrading.running(session) == []
    assert not regrading.finish_if_done(session, run.id)
    regrading.resume(session)
    assert regrading.running(session) == [run]
    taken = regrading.take_next(session, run.id, 60)
    assert taken is not None
    assert taken[1] == 2
    with pytest.raises(RegradingError, match="no regrading is open"):
        regrading.pause(session, 99)


def test_begun_again_it_takes_in_what_came_meanwhile_and_tries_again_what_failed(
    clinic: Clinic, model: Model
) -> None:
    session = clinic.session
    run = regrading.start(session, model, FOLDER)
    taken = regrading.take_next(session, run.id, 60)
    assert taken is not None
    regrading.end(session, taken[0], "face.none")
    assert regrading.progress(session)[0].failed == 1
    late = clinic.recording(session.get_one(Recording, 1).patient, DAYS[2], RecordingState.GRADED)
    clinic.grade(late, session.query(Bundle).filter_by(name="old").one(), 50.0)
    assert regrading.start(session, model, FOLDER).id == run.id
    told = regrading.progress(session)
    assert [(one.waiting, one.failed) for one in told] == [(4, 0)]


def test_live_work_is_what_is_on_its_way_and_due(clinic: Clinic) -> None:
    session = clinic.session
    assert not regrading.live_work_waits(session)
    recording = clinic.recording(None, DAYS[0], RecordingState.PREPARED)
    assert regrading.live_work_waits(session)
    recording.next_attempt_at = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    session.flush()
    assert not regrading.live_work_waits(session)


def test_both_bundles_are_compared_score_by_score(clinic: Clinic, model: Model) -> None:
    session = clinic.session
    for recording, score in ((1, 50.0), (2, 50.0), (3, 90.0)):
        graded_by(session, model, recording, score)
    old, new = (session.query(Bundle).filter_by(name=name).one() for name in ("old", "new"))
    compared = compare_bundles(session, old, new)
    assert [one.score for one in compared][-2:] == ["dynamic", "static"]
    assert len(compared) == 14
    # from 40, 50, 60 to 50, 50, 90: differences 10, 0, 30, of which one is over the 25 that can be told apart
    one = compared[0]
    assert (one.score, one.n, one.mean_before, one.largest, one.beyond_mdc) == ("M1", 3, 50.0, 30.0, 1)
    assert (one.bias, one.mean_absolute) == (pytest.approx(40 / 3), pytest.approx(40 / 3))
    assert one.high == pytest.approx(40 / 3 + 1.96 * 15.2753, abs=0.01)
    assert {(one.n, one.bias) for one in compare_bundles(session, old, new, newest=1)} == {(1, 30.0)}
    assert "| M1 | 3 | 50.0 | 63.3 |" in as_markdown(ScoreComparison, compared)


def test_gradings_beside_serve_as_baseline_of_their_bundle(clinic: Clinic, model: Model) -> None:
    session = clinic.session
    graded_by(session, model, 1, 70.0)
    new = session.query(Bundle).filter_by(name="new").one()
    baseline = first_grading(session, session.get_one(Recording, 3), new.id)
    assert baseline is not None
    assert (baseline.recording_key, baseline.bundle_key) == (1, new.id)


def test_an_adopted_bundle_counts_where_it_has_graded(clinic: Clinic, model: Model) -> None:
    session = clinic.session
    for recording in (1, 2):
        graded_by(session, model, recording, 70.0)
    new = session.query(Bundle).filter_by(name="new").one()
    assert [regrading.adopt(session, new.id) for _ in range(2)] == [2, 0]
    active = session.scalars(select(Grading).where(Grading.active).order_by(Grading.recording_key))
    assert [(one.recording_key, one.bundle.name) for one in active] == [(1, "new"), (2, "new"), (3, "old")]


def test_a_report_can_be_read_after_another_bundle_was_adopted(clinic: Clinic, model: Model) -> None:
    session = clinic.session
    clinic.report(session.query(Grading).filter_by(recording_key=1).one(), DeliveryState.DELIVERED, "")
    graded_by(session, model, 1, 70.0)
    regrading.adopt(session, session.query(Bundle).filter_by(name="new").one().id)
    assert document_key(session, 1) == "reports/one.pdf"
    session.get_one(Recording, 1).state = RecordingState.GRADED
    session.flush()
    assert document_key(session, 1) is None


def test_a_regrading_is_begun_paused_followed_and_adopted_by_command(
    clinic: Clinic,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    clinic.session.commit()
    monkeypatch.setenv("FACIALIS_DATABASE_URL", database_url)
    load_settings.cache_clear()

    def run(*arguments: object) -> str:
        monkeypatch.setattr("sys.argv", ["facialis", "regrade", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert not ended.value.code
        return capsys.readouterr().out

    run("--bundle", COMMISSIONING_BUNDLE, "--since", "2024-02-01", "--detach")
    run("pause")
    (told,) = json.loads(run("status", "--json"))
    assert (told["state"], told["total"], told["waiting"]) == ("paused", 2, 2)
    run("resume", told["regrading"])
    assert "running" in run("status")
    model = eface_bundle(COMMISSIONING_BUNDLE)
    session = clinic.session
    session.expire_all()
    work_off(session, session.query(Regrading).one(), model)
    regrading.finish_if_done(session, told["regrading"])
    session.commit()
    compared = run("compare", "--bundle", model.hash[:12], "--out", tmp_path / "compared.md")
    assert (tmp_path / "compared.md").read_text() in compared
    assert "2 recordings" in run("adopt", "--bundle", model.hash)
