"""Another bundle is activated while a worker runs: what grades from then on, with nothing started again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from grading.bundle import COMMISSIONING_BUNDLE, WEIGHTS, DamagedBundleError, load_bundle, save_bundle
from grading.face import Photo as Pixels
from service import activating
from service.bundles import installed_folder
from service.cli.processes import _load_bundle as load_for_worker
from service.database import transaction
from service.records import flow
from service.records.audit import system
from service.records.models import (
    Bundle,
    BundleActivation,
    Grading,
    Photo,
    Recording,
    RecordingState,
    StageRun,
)
from service.settings import Settings, load_settings
from service.storage import FolderStorage
from tests.workers.conftest import Arrive
from workers import tasks
from workers.context import BundleUnavailableError, Context
from workers.context import context as current

ADMINISTRATOR = system("test")


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "files")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commissioning bundle, but looking for faces at another size: its crops have to be cut anew."""
    bundle = load_bundle(COMMISSIONING_BUNDLE)
    folder = tmp_path_factory.mktemp("new")
    preprocessing = replace(bundle.preprocessing, detector_sides=(700,))
    recipe = replace(bundle.recipe, preprocessing=preprocessing)
    save_bundle(replace(bundle, name="new", recipe=recipe), folder)
    return folder


@pytest.fixture
def activate(engine: Engine, storage: FolderStorage, folder: Path) -> Callable[[], Bundle]:
    """Activate the other bundle."""

    def do() -> Bundle:
        with transaction(engine) as session:
            new = activating.install(session, ADMINISTRATOR, storage, folder)
            activating.activate(session, ADMINISTRATOR, storage, Settings(), new)
            return new

    return do


def roll_back(engine: Engine, storage: FolderStorage) -> None:
    with transaction(engine) as session:
        activating.roll_back(session, ADMINISTRATOR, storage, Settings())


def forget_activations(engine: Engine) -> None:
    with transaction(engine) as session:
        session.execute(delete(BundleActivation))


def graded_by(engine: Engine) -> list[str]:
    with Session(engine) as session:
        return [grading.bundle.name for grading in session.scalars(select(Grading).order_by(Grading.id))]


def state(engine: Engine, number: int) -> RecordingState:
    with Session(engine) as session:
        return session.get_one(Recording, number).state


def again(engine: Engine, number: int) -> None:
    with Session(engine) as session, session.begin():
        flow.move(session.get_one(Recording, number), RecordingState.COMPLETE)


def test_a_running_process_takes_the_activated_bundle_with_its_next_task(
    engine: Engine, storage: FolderStorage, activate: Callable[[], Bundle]
) -> None:
    context = Context(Settings(), engine, storage)
    assert context.bundle().name == "commissioning"
    new = activate()
    assert context.bundle().hash == new.hash
    assert context.bundle() is context.bundle()
    roll_back(engine, storage)
    assert context.bundle().name == "commissioning"


@pytest.mark.journey
def test_while_the_activated_bundle_is_damaged_work_waits_and_goes_on_after_rolling_back(
    engine: Engine, storage: FolderStorage, activate: Callable[[], Bundle]
) -> None:
    weights = installed_folder(storage, activate().hash) / WEIGHTS
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1])
    context = Context(Settings(), engine, storage)
    with pytest.raises(BundleUnavailableError, match="not the file the manifest describes"):
        context.bundle()
    weights.write_bytes(whole)
    assert context.bundle().name == "new"
    weights.unlink()
    roll_back(engine, storage)
    assert context.bundle().name == "commissioning"


@pytest.mark.journey
def test_a_worker_starts_with_the_activated_bundle_even_where_it_is_damaged(
    engine: Engine,
    database_url: str,
    storage: FolderStorage,
    activate: Callable[[], Bundle],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FACIALIS_DATABASE_URL", database_url)
    monkeypatch.setenv("FACIALIS_DATA_DIR", str(storage.root.parent))
    new = activate()
    weights = installed_folder(storage, new.hash) / WEIGHTS
    for spoil in (lambda: None, weights.unlink):
        load_settings.cache_clear()
        current.cache_clear()
        spoil()
        with capture_logs() as logs:
            load_for_worker(with_network=True)
        assert [line.get("code") for line in logs] == (["bundle.unavailable"] if not weights.exists() else [])
    assert current().engine.pool.status().startswith("Pool size: 5  Connections in pool: 0")
    monkeypatch.setenv("FACIALIS_BUNDLE", str(storage.root))
    forget_activations(engine)
    load_settings.cache_clear()
    current.cache_clear()
    with pytest.raises(DamagedBundleError):
        load_for_worker(with_network=False)
    load_settings.cache_clear()
    current.cache_clear()


@pytest.mark.journey
@pytest.mark.usefixtures("use")
def test_a_series_between_two_stages_is_prepared_anew_and_graded_by_the_new_bundle_alone(
    engine: Engine, arrive: Arrive, photos: dict[str, Pixels], activate: Callable[[], Bundle]
) -> None:
    number = arrive(photos)
    tasks.prepare_recording(number)
    with Session(engine) as session:
        before = session.scalars(select(Photo.crop_key).order_by(Photo.id)).all()
    activate()
    tasks.grade_recording(number)
    assert state(engine, number) is RecordingState.COMPLETE
    assert graded_by(engine) == []
    tasks.prepare_recording(number)
    tasks.grade_recording(number)
    assert state(engine, number) is RecordingState.GRADED
    assert graded_by(engine) == ["new"]
    with Session(engine) as session:
        after = session.scalars(select(Photo.crop_key).order_by(Photo.id)).all()
    assert not set(before) & set(after)


class Reading(FolderStorage):
    """A storage in which something happens at the first reading, when a grading is under way."""

    def __init__(self, root: Path, happens: Callable[[], object]) -> None:
        super().__init__(root)
        self.happens = [happens]

    def read(self, key: str) -> bytes:
        while self.happens:
            self.happens.pop()()
        return super().read(key)


@pytest.mark.journey
@pytest.mark.usefixtures("use")
def test_a_series_that_is_being_graded_is_finished_by_one_bundle_and_the_next_takes_the_other(
    engine: Engine,
    arrive: Arrive,
    photos: dict[str, Pixels],
    activate: Callable[[], Bundle],
    storage: FolderStorage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    number = arrive(photos)
    tasks.prepare_recording(number)
    held = Context(Settings(), engine, Reading(storage.root, activate))
    monkeypatch.setattr(tasks, "context", lambda: held)
    tasks.grade_recording(number)
    assert graded_by(engine) == ["commissioning"]
    assert state(engine, number) is RecordingState.GRADED
    again(engine, number)
    tasks.prepare_recording(number)
    tasks.grade_recording(number)
    assert graded_by(engine) == ["commissioning", "new"]


@pytest.mark.journey
@pytest.mark.usefixtures("use")
def test_recordings_wait_and_need_no_attention_while_the_activated_bundle_cannot_be_used(
    engine: Engine,
    arrive: Arrive,
    photos: dict[str, Pixels],
    activate: Callable[[], Bundle],
    storage: FolderStorage,
) -> None:
    number = arrive(photos)
    (installed_folder(storage, activate().hash) / WEIGHTS).unlink()
    tasks.prepare_recording(number)
    assert state(engine, number) is RecordingState.COMPLETE
    with Session(engine) as session, session.begin():
        assert session.scalars(select(StageRun.outcome)).all() == ["bundle.unavailable"]
        session.get_one(Recording, number).next_attempt_at = None
    roll_back(engine, storage)
    tasks.prepare_recording(number)
    tasks.grade_recording(number)
    assert graded_by(engine) == ["commissioning"]
