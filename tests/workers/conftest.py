"""A drawn series that arrives, and tasks that work on it in this process."""

import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import Engine

from dicom.photographic import PatientIdentity, photographic_object
from dicom.uids import derived_uid
from grading.face import Photo as Pixels
from grading.phantom import draw_series, phantom_patient
from grading.protocols import JENA9
from service.intake import ServiceIntake
from service.settings import Settings
from service.storage import FolderStorage
from tests.service.samples import closing, received
from workers import tasks
from workers.context import Context

TAKEN = dt.datetime(2026, 3, 1, 9, 30)
Arrive = Callable[[dict[str, Pixels]], int]


@pytest.fixture(scope="module")
def photos() -> dict[str, Pixels]:
    patient = phantom_patient(3)
    return draw_series(patient, patient.recordings[0])


@pytest.fixture
def arrive(engine: Engine, tmp_path: Path) -> Arrive:
    """Hand the photos of a series to the intake; the recording's number."""
    storage = FolderStorage(tmp_path / "files")

    def hand_over(series: dict[str, Pixels]) -> int:
        woken: list[int] = []
        intake = ServiceIntake(engine, storage, Settings(), closing(engine, woken))
        for pose in JENA9.poses:
            buffer = io.BytesIO()
            Image.fromarray(series[pose.code]).save(buffer, "JPEG", quality=92)
            dataset = photographic_object(
                buffer.getvalue(),
                patient=PatientIdentity(id="P1", issuer="TEST", name="Phantom^One", birth_date=None, sex="O"),
                study_uid=derived_uid("study", "stages"),
                series_uid=derived_uid("series", "stages"),
                sop_instance_uid=derived_uid("photo", "stages", pose.code),
                pose=pose,
                taken_at=TAKEN,
                device="test",
            )
            intake.store(received(dataset, tmp_path / "files" / "spool"))
        return woken[0]

    return hand_over


@pytest.fixture
def use(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Settings], None]:
    """Have the tasks work with these settings."""
    monkeypatch.setattr(tasks, "wake", lambda *_: None)

    def take(settings: Settings) -> None:
        held = Context(settings, engine, FolderStorage(tmp_path / "files"))
        monkeypatch.setattr(tasks, "context", lambda: held)

    take(Settings())
    return take
