"""A worker grades the archive by another bundle, from photos to scores, behind live work."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from grading.bundle import COMMISSIONING_BUNDLE, load_bundle, save_bundle
from grading.face import Photo as Pixels
from service.bundles import eface_bundle
from service.records import flow, regrading
from service.records.gradings import scores_of
from service.records.models import Grading, Photo, Recording, RecordingState, RegradingTask
from service.settings import Settings
from service.storage import FolderStorage
from tests.workers.conftest import Arrive
from workers import tasks
from workers.context import Context
from workers.regrade import regrade


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commissioning bundle, but looking for faces at another size: its crops have to be cut anew."""
    bundle = load_bundle(COMMISSIONING_BUNDLE)
    folder = tmp_path_factory.mktemp("bundle")
    preprocessing = replace(bundle.preprocessing, detector_sides=(700,))
    save_bundle(replace(bundle, recipe=replace(bundle.recipe, preprocessing=preprocessing)), folder)
    return folder


@pytest.fixture
def context(engine: Engine, tmp_path: Path) -> Context:
    return Context(Settings(), engine, FolderStorage(tmp_path / "files"))


@pytest.fixture
def graded(engine: Engine, arrive: Arrive, use: Callable[[Settings], None], photos: dict[str, Pixels]) -> int:
    """A recording that the commissioning bundle graded."""
    number = arrive(photos)
    tasks.prepare_recording(number)
    tasks.grade_recording(number)
    with Session(engine) as session, session.begin():
        flow.move(session.get_one(Recording, number), RecordingState.DELIVERED)
    return number


def begin(engine: Engine, folder: Path) -> int:
    with Session(engine) as session, session.begin():
        return regrading.start(session, eface_bundle(folder), folder).id


def told(engine: Engine) -> regrading.Progress:
    with Session(engine) as session:
        return regrading.progress(session)[0]


@pytest.mark.journey
def test_a_recording_is_graded_from_its_photos_beside_the_grading_that_counts(
    engine: Engine, context: Context, graded: int, other: Path
) -> None:
    with Session(engine) as session:
        crops = session.scalars(select(Photo.crop_key).order_by(Photo.id)).all()
    number = begin(engine, other)
    assert not regrade(context, number)
    assert (told(engine).state, told(engine).done) == ("finished", 1)
    with Session(engine) as session:
        first, second = session.scalars(select(Grading).order_by(Grading.id))
        assert (first.active, second.active) == (True, False)
        assert first.bundle_key != second.bundle_key
        scores = scores_of(first)
        assert scores_of(second) == pytest.approx(scores, abs=40)
        assert second.maps_key is not None
        assert session.get_one(Recording, graded).state is RecordingState.DELIVERED
        assert session.scalars(select(Photo.crop_key).order_by(Photo.id)).all() == crops


@pytest.mark.journey
def test_a_recording_whose_photo_is_lost_fails_and_is_tried_when_begun_again(
    engine: Engine, context: Context, graded: int, other: Path, tmp_path: Path
) -> None:
    lost = next((tmp_path / "files" / "objects").rglob("*.dcm"))
    content = lost.read_bytes()
    lost.unlink()
    number = begin(engine, other)
    assert not regrade(context, number)
    assert (told(engine).state, told(engine).failed) == ("finished", 1)
    with Session(engine) as session:
        assert session.scalars(select(RegradingTask.code)).all() == ["storage.missing"]
    lost.write_bytes(content)
    assert not regrade(context, begin(engine, other))
    assert (told(engine).state, told(engine).done) == ("finished", 1)


def test_live_recordings_come_first(engine: Engine, context: Context) -> None:
    number = begin(engine, COMMISSIONING_BUNDLE)
    with Session(engine) as session, session.begin():
        now = regrading.func.clock_timestamp()
        session.add(
            Recording(
                series_uid="1", study_uid="1", protocol="jena9", state=RecordingState.COMPLETE,
                first_received_at=now, last_received_at=now, state_changed_at=now,
            )
        )  # fmt: skip
    assert not regrade(context, number)
    assert told(engine).state == "running"


def test_a_bundle_that_is_not_where_it_was_pauses_the_regrading_with_the_reason(
    engine: Engine, context: Context, tmp_path: Path
) -> None:
    folder = tmp_path / "bundle"
    save_bundle(load_bundle(COMMISSIONING_BUNDLE), folder)
    number = begin(engine, folder)
    (folder / "manifest.json").unlink()
    assert not regrade(context, number)
    assert told(engine).state == "paused"
    assert told(engine).note
    other = load_bundle(COMMISSIONING_BUNDLE)
    (folder / "manifest.json").touch()
    save_bundle(replace(other, pose_check=None), folder)
    with Session(engine) as session, session.begin():
        regrading.resume(session)
    assert not regrade(context, number)
    assert "another bundle than when this began" in (told(engine).note or "")
