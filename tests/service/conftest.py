"""An intake over a real database and a folder."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset
from sqlalchemy import Engine

from dicom.receiver import Stored
from grading.phantom import write_cohort
from service.intake import ServiceIntake
from service.settings import Settings
from service.storage import FolderStorage
from tests.service.samples import received


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "files")


@pytest.fixture
def woken() -> list[int]:
    """The recordings that the intake told the workers of."""
    return []


@pytest.fixture
def intake(engine: Engine, storage: FolderStorage, woken: list[int]) -> ServiceIntake:
    return ServiceIntake(engine, storage, Settings(), woken.append)


@pytest.fixture
def store(intake: ServiceIntake, storage: FolderStorage) -> Callable[[Dataset], Stored]:
    """Hand one object to the intake, as the receiver does."""
    return lambda dataset: intake.store(received(dataset, storage.root / "spool"))


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort folder of four phantoms, three of them patients with two recordings each."""
    folder = tmp_path_factory.mktemp("phantoms")
    write_cohort(folder, 4, seed=3)
    return folder


@pytest.fixture(scope="session")
def feature_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for crops and activations that the tests share."""
    return tmp_path_factory.mktemp("features")
