"""What becomes of received objects: files, rows, poses, completeness. Not the network: see tests/dicom."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import MultiFrameTrueColorSecondaryCaptureImageStorage, VideoPhotographicImageStorage
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from dicom.encapsulated_pdf import encapsulated_pdf
from dicom.headers import PhotoHeader
from dicom.intake import Stored
from dicom.timepoints import Timepoint
from dicom.uids import derived_uid
from grading.errors import PermanentError, TransientError
from grading.protocols import JENA9
from service.database import connect
from service.intake import ServiceIntake
from service.records.models import (
    DeliveryState,
    Patient,
    PatientIdentifier,
    Photo,
    Quarantined,
    Recording,
    RecordingState,
    Report,
)
from service.records.surgeries import add_surgery
from service.series import close_series, pose_rules
from service.settings import Settings
from service.storage import FolderStorage
from tests.dicom.samples import PATIENT, photo
from tests.service.clinic import Clinic
from tests.service.samples import received, series

Store = Callable[[Dataset], Stored]


def recording(engine: Engine) -> Recording:
    with Session(engine) as session:
        return session.scalars(select(Recording)).one()


def close(engine: Engine) -> Recording:
    """End the only series, as the reconciliation does when nothing more comes."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        row = session.scalars(select(Recording)).one()
        close_series(session, row, pose_rules(Settings()))
    return row


def files(storage: FolderStorage, kind: str) -> list[Path]:
    return sorted((storage.root / kind).rglob("*.dcm"))


def test_nine_poses_make_a_recording_complete_and_wake_the_workers(
    engine: Engine, store: Store, woken: list[int]
) -> None:
    for dataset in series()[:8]:
        assert store(dataset) is Stored.NEW
    assert recording(engine).state is RecordingState.RECEIVING
    assert woken == []
    store(series()[8])
    row = recording(engine)
    assert row.state is RecordingState.COMPLETE
    assert woken == [row.id]
    with Session(engine) as session:
        assert set(session.scalars(select(Photo.pose))) == set(JENA9.by_code)
        patient = session.scalars(select(Patient)).one()
        assert (patient.patient_id, patient.name, patient.birth_date) == (
            PATIENT.id, PATIENT.name, PATIENT.birth_date,
        )  # fmt: skip


def test_the_same_series_three_times_is_stored_and_announced_once(
    engine: Engine, store: Store, storage: FolderStorage, woken: list[int]
) -> None:
    for repeat in range(3):
        for dataset in series():
            assert store(dataset) is (Stored.NEW if repeat == 0 else Stored.DUPLICATE)
    assert len(woken) == 1
    assert len(files(storage, "objects")) == 9
    assert not list((storage.root / "spool").iterdir())
    with Session(engine) as session:
        assert set(session.scalars(select(Photo.times_received))) == {3}


def test_the_same_object_from_many_senders_at_once_is_stored_once(engine: Engine, store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(store, [photo() for _ in range(8)]))
    assert sorted(outcome.value for outcome in outcomes) == ["duplicate"] * 7 + ["new"]
    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(Photo)) == 1


def test_other_content_under_a_known_uid_is_kept_aside(
    engine: Engine, store: Store, storage: FolderStorage
) -> None:
    store(photo())
    assert store(photo(device="Another camera")) is Stored.CONFLICT
    assert len(files(storage, "objects")) == 1
    assert len(files(storage, "quarantine")) == 1
    with Session(engine) as session:
        assert session.scalars(select(Quarantined)).one().sop_instance_uid == photo().SOPInstanceUID


def test_eight_photos_wait_for_a_person_who_is_told_the_missing_pose_and_the_ninth_sets_it_going(
    engine: Engine, store: Store, woken: list[int]
) -> None:
    for dataset in series()[:8]:
        store(dataset)
    row = close(engine)
    assert row.state is RecordingState.NEEDS_ATTENTION
    assert row.reason is not None
    assert "Lowered mouth corners" in row.reason
    store(series()[8])
    assert recording(engine).state is RecordingState.COMPLETE
    assert len(woken) == 1


def test_two_photos_of_one_pose_wait_for_a_person(engine: Engine, store: Store, woken: list[int]) -> None:
    for dataset in series():
        if dataset.InstanceNumber != 9:
            store(dataset)
    store(
        photo(
            JENA9.by_code["SMILE"],
            series_uid=derived_uid("series", "one"),
            study_uid=derived_uid("study", "one"),
            sop_instance_uid=derived_uid("second smile"),
        )
    )
    row = close(engine)
    assert row.reason_code == "series.poses"
    assert row.reason is not None
    assert "2 photos show Smile, closed mouth" in row.reason
    assert woken == []


def test_a_late_photo_reopens_a_recording(engine: Engine, store: Store) -> None:
    for dataset in series():
        store(dataset)
    with Session(engine) as session, session.begin():
        row = session.scalars(select(Recording)).one()
        row.state = RecordingState.DELIVERED
    store(
        photo(
            JENA9.by_code["REST"],
            series_uid=derived_uid("series", "one"),
            sop_instance_uid=derived_uid("late"),
        )
    )
    assert recording(engine).state is RecordingState.RECEIVING
    assert close(engine).state is RecordingState.NEEDS_ATTENTION


def test_photos_without_a_patient_id_are_kept_and_wait_for_a_person(
    engine: Engine, store: Store, woken: list[int]
) -> None:
    for dataset in series():
        dataset.PatientID = ""
        assert store(dataset) is Stored.NEW
    row = close(engine)
    assert row.reason_code == "identity.missing"
    assert woken == []


def test_a_series_of_two_patients_is_not_graded(engine: Engine, store: Store, woken: list[int]) -> None:
    for number, dataset in enumerate(series()):
        dataset.PatientID = "A" if number < 5 else "B"
        store(dataset)
    assert close(engine).reason_code == "identity.mixed"
    assert woken == []


def test_a_ct_image_in_a_photo_object_does_not_stop_the_other_series(engine: Engine, store: Store) -> None:
    odd = series("odd")
    odd[3].Modality = "CT"
    for dataset in [*odd, *series("good")]:
        assert store(dataset) is Stored.NEW
    with Session(engine) as session:
        assert len(session.scalars(select(Recording)).all()) == 2


def test_an_unreachable_database_refuses_the_object_for_now(storage: FolderStorage) -> None:
    engine = connect("postgresql://nobody@127.0.0.1:1/none")
    intake = ServiceIntake(engine, storage, Settings(), lambda _: None)
    with pytest.raises(TransientError):
        intake.store(received(photo(), storage.root / "spool"))
    assert files(storage, "objects") == []


def test_the_day_of_the_recording_is_that_of_its_first_photo(engine: Engine, store: Store) -> None:
    for dataset in reversed(series()):
        store(dataset)
    assert recording(engine).recorded_at == dt.datetime(2026, 3, 1, 10, 0, 10)


def test_a_resent_photo_takes_the_place_of_a_lost_file(
    engine: Engine, store: Store, storage: FolderStorage
) -> None:
    store(photo())
    (lost,) = files(storage, "objects")
    content = lost.read_bytes()
    lost.unlink()
    assert store(photo()) is Stored.DUPLICATE
    assert lost.read_bytes() == content


def test_an_attribute_that_is_too_long_is_refused_for_good_and_kept_aside(
    engine: Engine, store: Store, storage: FolderStorage
) -> None:
    dataset = photo()
    dataset.PatientID = "9" * 65
    with pytest.raises(PermanentError, match="patient_id"):
        store(dataset)
    assert len(files(storage, "quarantine")) == 1
    with Session(engine) as session:
        assert "9999" not in session.scalars(select(Quarantined)).one().reason


def video() -> Dataset:
    dataset = photo(sop_instance_uid=derived_uid("video"), series_uid=derived_uid("videos"))
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = VideoPhotographicImageStorage
    return dataset


def earlier_report() -> Dataset:
    return encapsulated_pdf(
        b"%PDF-1.4 earlier",
        sources=[
            PhotoHeader(
                sop_class_uid="1.2",
                sop_instance_uid="1.2.1",
                series_uid="1.2.2",
                study_uid="1.2.3",
                patient_id=PATIENT.id,
                issuer=PATIENT.issuer,
            )
        ],
        title="Earlier report",
        sop_instance_uid=derived_uid("earlier report"),
        series_uid=derived_uid("reports"),
        created_at=dt.datetime(2020, 5, 4, 10),
    )


def test_videos_and_earlier_reports_are_kept_with_their_patient_and_make_no_recording(
    engine: Engine, store: Store, storage: FolderStorage, woken: list[int]
) -> None:
    for dataset in (video(), earlier_report()):
        assert store(dataset) is Stored.NEW
        assert store(dataset) is Stored.DUPLICATE
    changed = earlier_report()
    changed.DocumentTitle = "Another"
    assert store(changed) is Stored.CONFLICT
    with Session(engine) as session:
        assert not session.scalars(select(Recording)).all()
        patient = session.scalars(select(Patient)).one()
        assert [kept.kind for kept in patient.kept_objects] == ["document", "video"]
        assert [kept.times_received for kept in patient.kept_objects] == [2, 2]
    assert len(files(storage, "objects")) == 2
    assert woken == []


def test_a_photo_under_the_uid_of_a_kept_object_is_a_conflict(store: Store) -> None:
    store(video())
    assert store(photo(sop_instance_uid=derived_uid("video"))) is Stored.CONFLICT


def test_another_name_or_birth_date_under_a_known_id_is_noted_and_not_taken_over(
    engine: Engine, store: Store
) -> None:
    store(photo())
    for name, birth_date in (("MÜLLER-LÜDENSCHEIDT^änne^^", "19600229"), ("Meier^Änne", "19600228")):
        dataset = photo(sop_instance_uid=derived_uid(name), series_uid=derived_uid("series of", name))
        dataset.PatientName, dataset.PatientBirthDate = name, birth_date
        assert store(dataset) is Stored.NEW
    with Session(engine) as session, session.begin():
        for row in session.scalars(select(Recording)):
            close_series(session, row, pose_rules(Settings()))
    with Session(engine) as session:
        patient = session.scalars(select(Patient)).one()
        assert (patient.name, patient.birth_date) == (PATIENT.name, PATIENT.birth_date)
        notes = {(note.attribute, note.sent) for note in patient.identity_notes}
    assert notes == {("name", "Meier^Änne"), ("birth_date", "1960-02-28")}


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Müller^Änne"),
        ("ISO_IR 126", "Διονυσιος"),
        ("ISO_IR 144", "Люкceмбypг"),
        ("ISO_IR 192", "Wang^XiaoDong=王^小东"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
    ],
)
def test_names_arrive_as_they_were_sent(
    engine: Engine, store: Store, charset: str | list[str], name: str
) -> None:
    dataset = photo()
    dataset.SpecificCharacterSet = charset
    dataset.PatientName = name
    store(dataset)
    with Session(engine) as session:
        assert session.scalars(select(Patient.name)).one() == name


def test_days_from_surgery_that_photos_state_come_before_what_dates_say(engine: Engine, store: Store) -> None:
    for dataset in series(timepoint=Timepoint(188)):
        store(dataset)
    assert recording(engine).days_from_surgery == 188
    with Session(engine) as session, session.begin():
        add_surgery(session, PATIENT.id, PATIENT.issuer, dt.date(2026, 2, 1), "Jump anastomosis", "L")
    assert recording(engine).days_from_surgery == 188


def test_a_known_object_under_another_series_leaves_no_empty_recording(engine: Engine, store: Store) -> None:
    store(photo())
    odd = photo(series_uid=derived_uid("another series"))
    odd.PatientID = "SOMEBODY ELSE"
    assert store(odd) is Stored.CONFLICT
    with Session(engine) as session:
        assert len(session.scalars(select(Recording)).all()) == 1
        assert len(session.scalars(select(Patient)).all()) == 1


def test_documents_of_ours_that_an_archive_sends_back_are_not_taken_in(
    engine: Engine, store: Store, storage: FolderStorage, clinic: Clinic
) -> None:
    patient = clinic.patient("Phantom^Ada", "PH-1")
    recording = clinic.recording(patient, dt.date(2026, 1, 1), RecordingState.DELIVERED)
    clinic.report(clinic.grade(recording, clinic.bundle("commissioning"), 40), DeliveryState.DELIVERED, "")
    clinic.session.commit()
    uid = clinic.session.scalars(select(Report.sop_instance_uid)).one()
    back = photo(sop_instance_uid=uid, series_uid=derived_uid("documents"))
    back.SOPClassUID = back.file_meta.MediaStorageSOPClassUID = (
        MultiFrameTrueColorSecondaryCaptureImageStorage
    )
    assert store(back) is Stored.DUPLICATE
    assert files(storage, "objects") == []
    with Session(engine) as session:
        assert len(session.scalars(select(Recording)).all()) == 1


def test_photos_under_a_further_identifier_are_the_patients(engine: Engine, store: Store) -> None:
    store(photo())
    with Session(engine) as session, session.begin():
        patient = session.scalars(select(Patient)).one()
        session.add(PatientIdentifier(patient_key=patient.id, value="OLD-7", issuer=PATIENT.issuer))
    later = photo(series_uid=derived_uid("later"), sop_instance_uid=derived_uid("later photo"))
    later.PatientID = "OLD-7"
    assert store(later) is Stored.NEW
    with Session(engine) as session:
        assert [len(each.recordings) for each in session.scalars(select(Patient))] == [2]


def test_same_id_of_two_issuers_is_two_patients(engine: Engine, store: Store) -> None:
    store(photo())
    other = photo(sop_instance_uid=derived_uid("other"), series_uid=derived_uid("other series"))
    other.IssuerOfPatientID = "ANOTHER"
    store(other)
    with Session(engine) as session:
        assert len(session.scalars(select(Patient)).all()) == 2


def test_first_store_after_the_database_came_back_succeeds(
    engine: Engine, database_url: str, storage: FolderStorage
) -> None:
    fresh = connect(database_url, ask_first=False)
    intake = ServiceIntake(fresh, storage, Settings(), lambda _: None)
    for number, dataset in enumerate(series()[:4]):
        if number in (1, 3):
            with Session(engine) as session, session.begin():
                session.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE pid <> pg_backend_pid() AND usename = current_user"
                    )
                )
        assert intake.store(received(dataset, storage.root / "spool")) is Stored.NEW
    fresh.dispose()
    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(Photo)) == 4


def test_conflict_and_duplicate_within_an_open_series_are_told_apart(
    engine: Engine, store: Store, storage: FolderStorage
) -> None:
    """The usual case is recorded without looking for what is known: that is found out afterwards."""
    first, second = series()[:2]
    store(first)
    assert store(second) is Stored.NEW
    assert store(second) is Stored.DUPLICATE
    second.PatientComments = "changed"
    assert store(second) is Stored.CONFLICT
    assert len(files(storage, "objects")) == 2
    assert len(files(storage, "quarantine")) == 1
    assert recording(engine).state is RecordingState.RECEIVING


def test_photos_of_one_series_from_many_senders_at_once_complete_it(
    engine: Engine, store: Store, woken: list[int]
) -> None:
    with ThreadPoolExecutor(9) as pool:
        assert set(pool.map(store, series())) == {Stored.NEW}
    assert recording(engine).state is RecordingState.COMPLETE
    assert len(woken) == 1
