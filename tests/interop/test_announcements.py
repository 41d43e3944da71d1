"""Series that end because the archive or the camera says so, told by pynetdicom's own SCU."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    InstanceAvailabilityNotification,
    ModalityPerformedProcedureStep,
)
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from dicom.receiver import Receiver, ReceiverConfig
from dicom.sending import send_objects
from dicom.uids import derived_uid
from service.announcements import Announcements
from service.intake import ServiceIntake
from service.records.models import Recording, RecordingState
from service.series import pose_rules
from service.settings import Settings
from service.storage import FolderStorage
from tests.dicom.samples import save
from tests.dicom.test_receiver import peer_of
from tests.service.samples import series

pytestmark = pytest.mark.interop

Tell = Callable[[list[Dataset]], int]


@pytest.fixture
def receiver(engine: Engine, tmp_path: Path) -> Iterator[Receiver]:
    intake = ServiceIntake(engine, FolderStorage(tmp_path / "files"), Settings(), lambda _: None)
    config = ReceiverConfig(spool=tmp_path / "files" / "spool", host="127.0.0.1", port=0, min_free_bytes=0)
    announcements = Announcements(engine, pose_rules(Settings()), lambda _: None)
    receiver = Receiver(config, intake, on_ended=announcements.take)
    receiver.start()
    yield receiver
    receiver.stop()


@pytest.fixture(params=["availability", "performed step"])
def tell(receiver: Receiver, request: pytest.FixtureRequest) -> Tell:
    """Say that a series of these photos has ended; the status of the last answer."""

    def reference(dataset: Dataset) -> Dataset:
        item = Dataset()
        item.ReferencedSOPClassUID = dataset.SOPClassUID
        item.ReferencedSOPInstanceUID = dataset.SOPInstanceUID
        return item

    def availability(photos: list[Dataset]) -> int:
        item = Dataset()
        item.SeriesInstanceUID = photos[0].SeriesInstanceUID
        item.ReferencedSOPSequence = [reference(dataset) for dataset in photos]
        notice = Dataset()
        notice.StudyInstanceUID = photos[0].StudyInstanceUID
        notice.ReferencedSeriesSequence = [item]
        with_class = InstanceAvailabilityNotification
        opened = associated(receiver, with_class)
        status, _ = opened.send_n_create(notice, with_class, derived_uid("notice"))
        opened.release()
        return int(status.Status)

    def performed_step(photos: list[Dataset]) -> int:
        item = Dataset()
        item.SeriesInstanceUID = photos[0].SeriesInstanceUID
        item.ReferencedImageSequence = [reference(dataset) for dataset in photos]
        item.ReferencedNonImageCompositeSOPInstanceSequence = []
        begun, done = Dataset(), Dataset()
        begun.PerformedProcedureStepStatus = "IN PROGRESS"
        begun.PerformedSeriesSequence = [item]
        done.PerformedProcedureStepStatus = "COMPLETED"
        done.PerformedSeriesSequence = [item]
        with_class, step = ModalityPerformedProcedureStep, derived_uid("step")
        opened = associated(receiver, with_class)
        status, _ = opened.send_n_create(begun, with_class, step)
        assert status.Status == 0x0000
        status, _ = opened.send_n_set(done, with_class, step)
        opened.release()
        return int(status.Status)

    return availability if request.param == "availability" else performed_step


def associated(receiver: Receiver, sop_class: str):  # type: ignore[no-untyped-def]
    entity = AE("RIS")
    entity.add_requested_context(sop_class)
    opened = entity.associate("127.0.0.1", receiver.port, ae_title="FACIALIS")
    assert opened.is_established
    return opened


def send(receiver: Receiver, photos: list[Dataset], tmp_path: Path) -> None:
    files = [save(dataset, tmp_path / f"{dataset.SOPInstanceUID}.dcm") for dataset in photos]
    assert all(outcome.ok for outcome in send_objects(files, peer_of(receiver), calling_ae="CAMERA"))


def recording(engine: Engine) -> Recording:
    with Session(engine) as session:
        return session.scalars(select(Recording)).one()


def test_a_series_of_which_all_is_here_ends_at_once(
    receiver: Receiver, tell: Tell, engine: Engine, tmp_path: Path
) -> None:
    send(receiver, series()[:7], tmp_path)
    assert tell(series()[:7]) == 0x0000
    row = recording(engine)
    assert (row.state, row.reason_code) == (RecordingState.NEEDS_ATTENTION, "series.poses")


def test_a_series_that_lacks_a_photo_waits_for_it(
    receiver: Receiver, tell: Tell, engine: Engine, tmp_path: Path
) -> None:
    send(receiver, series()[:8], tmp_path)
    assert tell(series()) == 0x0000
    assert recording(engine).state is RecordingState.RECEIVING


def test_a_full_series_goes_on_to_the_workers(
    receiver: Receiver, tell: Tell, engine: Engine, tmp_path: Path
) -> None:
    send(receiver, series(), tmp_path)
    assert tell(series()) == 0x0000
    assert recording(engine).state is RecordingState.COMPLETE


def test_a_series_of_which_nothing_came_and_one_that_makes_no_sense_are_passed_over(
    receiver: Receiver, tell: Tell, engine: Engine
) -> None:
    assert tell(series()) == 0x0000
    odd = series("odd")
    for dataset in odd:
        dataset.SeriesInstanceUID = ""
    assert tell(odd) == 0x0000
    with Session(engine) as session:
        assert session.scalars(select(Recording)).all() == []
