"""What raters scored goes out as a cohort folder for training, and folders of photos come in."""

import datetime as dt
import socket
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from dicom.receiver import Receiver, ReceiverConfig
from dicom.sending import Peer
from grading.annotations import AnnotationError, read_annotations
from grading.protocols import JENA9
from grading.rated_cohort import read_rated_cohort
from service.cohort_export import EVERYTHING, CohortFolderError, write_cohort
from service.cohort_import import FolderImportError, Taken, import_folder, read_folder
from service.database import transaction
from service.intake import ServiceIntake
from service.records import annotating, assignments, ratings
from service.records.audit import system
from service.records.models import Photo, Recording, RecordingState
from service.storage import FolderStorage
from tests.dicom.samples import jpeg_bytes, photo, save
from tests.service.clinic import SURGERY_DAY, Clinic

BY = system("test")


@pytest.fixture
def rated(engine: Engine, clinic: Clinic, ada: Recording, storage: FolderStorage) -> list[int]:
    """Ada's recording scored by two raters, by one of them twice, and one without photos of three poses."""
    save(photo(), storage.path("objects/one.dcm"))
    short = clinic.recording(ada.patient, SURGERY_DAY, RecordingState.DELIVERED)
    for one in clinic.photos(short)[6:]:
        clinic.session.delete(one)
    clinic.session.commit()
    with transaction(engine) as session:
        for rater, shift in (("eva", 0), ("otto", 60)):
            assignments.give(
                session, BY, [rater], [ada.id, short.id], ["eface"], blind=True, repeated=1 - shift / 60
            )
            for task in assignments.tasks_of(session, rater):
                one = task.assignment
                annotating.save_score(session, BY, one, "R1", 60 + shift + 5 * one.repeat, None)
                annotating.save_score(session, BY, one, "R2", 90, None)
                assignments.finish(session, BY, one, finished=True)
        ratings.settle(session, BY, session.get_one(Recording, ada.id), {"R1": 75})
    return [ada.id, short.id]


def test_training_reads_the_folder_that_was_written_with_settled_labels(
    engine: Engine, storage: FolderStorage, rated: list[int], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with transaction(engine) as session:
        written = write_cohort(session, storage, out)
        patient = session.get_one(Recording, rated[0]).patient_key
    assert (written.recordings, written.photos) == (1, 9)
    assert written.left_out == (
        (rated[1], "it has no photo of Showing teeth, Pursed lips, Lowered mouth corners"),
    )
    (recording,) = read_rated_cohort(out).recordings
    assert recording.labels == {"R1": 75, "R2": 90}
    assert (recording.subject, recording.session, recording.side) == (f"P{patient}", str(rated[0]), "L")
    assert set(recording.photos) == {pose.code for pose in JENA9.poses}
    everything = {one.rater: one.scores["R1"] for one in read_annotations(out / EVERYTHING)}
    assert everything == {"eva": 60, "eva (again)": 65, "otto": 120}
    for file in out.glob("*.csv"):
        assert "Ada" not in file.read_text()
        assert "PH-1" not in file.read_text()
        assert "2024" not in file.read_text()
    with transaction(engine) as session, pytest.raises(CohortFolderError, match="not empty"):
        write_cohort(session, storage, out)


def test_healthy_people_have_no_side(
    engine: Engine, storage: FolderStorage, rated: list[int], tmp_path: Path
) -> None:
    with transaction(engine) as session:
        patient = session.get_one(Recording, rated[0]).patient_key
        assert patient is not None
        write_cohort(session, storage, tmp_path / "out", healthy=[patient])
    (recording,) = read_rated_cohort(tmp_path / "out").recordings
    assert (recording.healthy, recording.side) == (True, None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two recordings of somebody with the scores of a book and of two raters."""
    made = tmp_path / "folder"
    labels, given = ["subject,session,group,side,recorded_on,R1"], ["subject,session,rater,R1,HB"]
    for session, day in (("before", "2024-01-10"), ("after", "2024-07-10")):
        (made / "S1" / session).mkdir(parents=True)
        for pose in JENA9.poses:
            (made / "S1" / session / f"{pose.number}.jpg").write_bytes(jpeg_bytes(seed=pose.number))
        labels.append(f"S1,{session},palsy,L,{day},75")
        given += [f"S1,{session},{name},80,2" for name in ("eva", "otto")]
    (made / "labels.csv").write_text("\n".join(labels))
    (made / "annotations.csv").write_text("\n".join(given))
    return made


def test_a_dry_run_tells_what_would_come_and_stores_nothing(engine: Engine, folder: Path) -> None:
    found = read_folder(folder, "book")
    with transaction(engine) as session:
        taken = import_folder(session, found, Peer("NOBODY", "127.0.0.1", 1), dry_run=True)
        assert taken == Taken(recordings=2, known=0, photos=18, annotations=10, notes=())
        assert session.scalars(select(Recording)).all() == []


def test_a_folder_without_dates_is_refused(folder: Path) -> None:
    table = folder / "labels.csv"
    table.write_text(table.read_text().replace("recorded_on", "taken"))
    with pytest.raises(FolderImportError, match="row 2: recorded_on must say"):
        read_folder(folder, None)


def test_scores_of_a_recording_that_the_folder_lacks_are_refused(folder: Path) -> None:
    with (folder / "annotations.csv").open("a") as file:
        file.write("\nX,1,eva,80,2")
    with pytest.raises(AnnotationError, match=r"not in labels\.csv"):
        read_folder(folder, None)


@pytest.mark.journey
def test_a_folder_comes_in_over_the_receiver_once(
    engine: Engine, intake: ServiceIntake, storage: FolderStorage, folder: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = ReceiverConfig(spool=storage.root / "spool", host="127.0.0.1", port=port, min_free_bytes=0)
    receiver = Receiver(config, intake)
    receiver.start()
    try:
        peer = Peer("FACIALIS", "127.0.0.1", port)
        with Session(engine) as session, session.begin():
            first = import_folder(session, read_folder(folder, None), peer, dry_run=False)
        table = folder / "annotations.csv"
        table.write_text(table.read_text().replace("eva,80", "eva,70"))
        with Session(engine) as session, session.begin():
            second = import_folder(session, read_folder(folder, None), peer, dry_run=False)
            stored = {(one.session, one.rater): dict(one.scores) for one in ratings.all_ratings(session)}
            photos = session.scalars(select(Photo)).all()
            days = [one.recorded_at.date() for one in session.scalars(select(Recording)) if one.recorded_at]
    finally:
        receiver.stop()
    assert first == Taken(recordings=2, known=0, photos=18, annotations=8, notes=())
    assert (second.recordings, second.known, second.annotations, len(second.notes)) == (0, 2, 0, 2)
    assert list(stored.values()) == [{"HB": 2, "R1": 80}] * 4
    assert len(photos) == 18
    assert days == [dt.date(2024, 1, 10), dt.date(2024, 7, 10)]
