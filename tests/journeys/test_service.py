"""Whole ways through a running service: from C-STORE to the document in the PACS, on good and bad input."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import psutil
import pydicom
import pytest
import redis
from pydicom import Dataset
from pydicom.encaps import encapsulate, get_frame
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dicom.sending import send_objects
from grading.scales import PREDICTED_ITEMS
from service.records import processes
from service.records.models import (
    Delivery,
    DeliveryState,
    Grading,
    ItemScore,
    Recording,
    RecordingState,
    Report,
)
from service.running import find_running
from tests.journeys.conftest import RunningService, wait_until
from tests.journeys.series import FAMILY_NAME, Pixels, photos, series_uid, write_series

pytestmark = pytest.mark.journey

CAMERA = "CAMERA"


@pytest.fixture(scope="module")
def phantom() -> dict[str, Pixels]:
    return photos(seed=21)


def send(service: RunningService, files: list[Path]) -> list[bool]:
    return [outcome.ok for outcome in send_objects(files, service.receiver, calling_ae=CAMERA)]


def reports_of(service: RunningService, name: str) -> list[tuple[Report, list[Delivery]]]:
    with Session(service.engine) as session:
        rows = session.scalars(
            select(Report)
            .join(Grading)
            .join(Recording)
            .where(Recording.series_uid == series_uid(name))
            .order_by(Report.kind)
        ).all()
        return [(row, list(row.deliveries)) for row in rows]


def test_a_series_is_graded_and_its_report_lies_in_the_same_study_of_the_pacs(
    service: RunningService, phantom: dict[str, Pixels], tmp_path: Path
) -> None:
    files = write_series(tmp_path, "good", phantom)
    assert all(send(service, files))
    row = service.wait_for(series_uid("good"))
    assert row.state is RecordingState.DELIVERED
    with Session(service.engine) as session:
        scores = session.execute(
            select(ItemScore.item, ItemScore.value).join(Grading).where(Grading.recording_key == row.id)
        ).all()
    assert {item for item, _ in scores} == {item.id for item in PREDICTED_ITEMS}
    (report, _), (measurements, _) = reports_of(service, "good")
    (stored,) = service.place.pacs_folder.rglob(f"{report.sop_instance_uid}.dcm")
    document, photo = pydicom.dcmread(stored), pydicom.dcmread(files[0])
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "StudyDate", "StudyTime"):
        assert document.get(keyword) == photo.get(keyword)
    assert document.EncapsulatedDocument.startswith(b"%PDF")
    assert len(document.SourceInstanceSequence) == 9
    (stored,) = service.place.pacs_folder.rglob(f"{measurements.sop_instance_uid}.dcm")
    assert pydicom.dcmread(stored).Modality == "SR"


def test_a_signed_report_is_filed_beside_its_draft_and_stands_in_the_history(
    service: RunningService, tmp_path: Path
) -> None:
    row = service.wait_for(series_uid("good"))
    signed = service.command("report", "sign-off", str(row.id), "--by", "Dr Berta Beispiel")
    assert signed.returncode == 0, signed.stderr
    wait_until(lambda: len(reports_of(service, "good")) == 4, 60)
    assert service.wait_for(series_uid("good")).state is RecordingState.DELIVERED
    flags = []
    for report, deliveries in reports_of(service, "good"):
        (stored,) = service.place.pacs_folder.rglob(f"{report.sop_instance_uid}.dcm")
        flags.append((report.kind, report.version, pydicom.dcmread(stored).VerificationFlag))
        assert [delivery.state for delivery in deliveries] == [DeliveryState.DELIVERED]
    assert sorted(flags) == [
        ("pdf", "draft", "UNVERIFIED"), ("pdf", "final", "VERIFIED"),
        ("sr", "draft", "UNVERIFIED"), ("sr", "final", "VERIFIED"),
    ]  # fmt: skip
    refused = service.command("report", "sign-off", str(row.id), "--by", "Somebody else")
    assert refused.returncode == 1
    assert "signed off already" in refused.stderr
    with Session(service.engine) as session:
        patient = session.get_one(Recording, row.id).patient
        assert patient is not None
        names = (patient.patient_id, "--issuer", patient.issuer)
    file = tmp_path / "history.pdf"
    written = service.command("report", "history", *names, "--out", str(file))
    assert written.returncode == 0, written.stderr
    assert file.read_bytes().startswith(b"%PDF")
    unknown = service.command("report", "history", "nobody", "--out", str(file))
    assert "no patient with this ID" in unknown.stderr


def test_the_same_series_sent_three_times_is_graded_once(
    service: RunningService, phantom: dict[str, Pixels], tmp_path: Path
) -> None:
    files = write_series(tmp_path, "thrice", phantom)
    for _ in range(3):
        assert all(send(service, files))
    service.wait_for(series_uid("thrice"))
    assert all(send(service, files))
    row = service.wait_for(series_uid("thrice"))
    assert row.state is RecordingState.DELIVERED
    assert len(row.photos) == 9
    assert len(row.gradings) == 1
    assert [report.kind for report, _ in reports_of(service, "thrice")] == ["pdf", "sr"]


def test_bad_series_say_what_is_wrong_and_stop_nobody(
    service: RunningService, phantom: dict[str, Pixels], tmp_path: Path
) -> None:
    noise = np.random.default_rng(1).integers(0, 255, phantom["REST"].shape, dtype=np.uint8)
    twins = np.concatenate([phantom["SMILE"], phantom["SMILE"]], axis=1)

    def leave_out(number: int, dataset: Dataset) -> Dataset | None:
        return None if number == 4 else dataset

    def no_pixels(number: int, dataset: Dataset) -> Dataset:
        if number == 2:
            del dataset.PixelData
        return dataset

    def ct(number: int, dataset: Dataset) -> Dataset:
        if number == 3:
            dataset.Modality = "CT"
        return dataset

    def cut(number: int, dataset: Dataset) -> Dataset:
        if number == 5:
            jpeg = get_frame(dataset.PixelData, 0, number_of_frames=1)
            dataset.PixelData = encapsulate([jpeg[: len(jpeg) // 3]])
        return dataset

    def two_of_a_kind(number: int, dataset: Dataset) -> Dataset:
        if number == 9:
            dataset.AcquisitionContextSequence[0].ConceptCodeSequence[0].CodeValue = "REST"
        return dataset

    same = phantom
    bad = {
        "eight": (same, leave_out, "series.poses", "Squeezed eyes"),
        "twice": (same, two_of_a_kind, "series.poses", "2 photos show Neutral face"),
        "faceless": ({**same, "REST": noise}, None, "photo.no_face", "Photo 1 (Neutral face)"),
        "twins": ({**same, "SMILE": twins}, None, "photo.several_faces", "Photo 6"),
        "black": ({**same, "TEETH": np.zeros_like(noise)}, None, "photo.blank", "Photo 7"),
        "empty": (same, no_pixels, "photo.no_pixels", "Photo 2"),
        "ct": (same, ct, "photo.modality", "modality CT"),
        "cut": (same, cut, "photo.", "Photo 5"),
    }
    for name, (pictures, spoil, _, _) in bad.items():
        files = write_series(tmp_path / name, name, pictures, **({"spoil": spoil} if spoil else {}))
        assert all(send(service, files)), name
    assert all(send(service, write_series(tmp_path / "behind", "behind", same)))
    assert service.wait_for(series_uid("behind")).state is RecordingState.DELIVERED
    for name, (_, _, code, words) in bad.items():
        row = service.wait_for(series_uid(name))
        assert row.state is RecordingState.NEEDS_ATTENTION, name
        assert row.reason_code is not None, name
        assert row.reason is not None, name
        assert row.reason_code.startswith(code), (name, row.reason_code, row.reason)
        assert words in row.reason, (name, row.reason)
        assert row.gradings == [], name


def test_the_missing_photo_sets_a_held_recording_going(
    service: RunningService, phantom: dict[str, Pixels], tmp_path: Path
) -> None:
    files = write_series(tmp_path, "late", phantom)
    assert all(send(service, files[:8]))
    assert service.wait_for(series_uid("late")).state is RecordingState.NEEDS_ATTENTION
    assert all(send(service, files[8:]))
    wait_until(lambda: service.state(series_uid("late")) is RecordingState.DELIVERED, 60)


def test_killed_workers_and_a_wiped_broker_lose_nothing(
    service: RunningService, phantom: dict[str, Pixels], tmp_path: Path
) -> None:
    names = [f"crash{number}" for number in range(3)]
    for name in names:
        assert all(send(service, write_series(tmp_path / name, name, phantom)))
    running = find_running(service.place.data_dir)
    assert running is not None
    socket = running.broker_url.removeprefix("redis+socket://")
    with redis.Redis(unix_socket_path=socket) as broker:
        broker.flushall()
    (supervisor,) = [p for p in psutil.process_iter(["cmdline"]) if _is_up_of(p, service)]
    for process in supervisor.children():
        if "worker" in process.cmdline():
            process.send_signal(signal.SIGKILL)
    with Session(service.engine) as session, session.begin():
        # The killed workers' leases would run for minutes; here they run out at once.
        session.execute(
            Recording.__table__.update()
            .where(Recording.lease_until.is_not(None))
            .values(lease_until=func.clock_timestamp())
        )
    for name in names:
        assert service.wait_for(series_uid(name)).state is RecordingState.DELIVERED
        assert [report.kind for report, _ in reports_of(service, name)] == ["pdf", "sr"]


def test_a_pacs_that_is_away_gets_the_report_when_it_is_back(
    service: RunningService, phantom: dict[str, Pixels], tmp_path: Path
) -> None:
    assert service.pacs.process is not None
    service.pacs.process.terminate()
    service.pacs.process.wait()
    assert all(send(service, write_series(tmp_path, "away", phantom)))

    def postponed() -> bool:
        return any(d.attempts > 0 for _, deliveries in reports_of(service, "away") for d in deliveries)

    wait_until(postponed, 60)
    assert service.state(series_uid("away")) is RecordingState.REPORTED
    service.pacs.start()
    with Session(service.engine) as session, session.begin():
        session.execute(Delivery.__table__.update().values(next_attempt_at=None))
    assert service.wait_for(series_uid("away")).state is RecordingState.DELIVERED
    states = [d.state for _, deliveries in reports_of(service, "away") for d in deliveries]
    assert states == [DeliveryState.DELIVERED, DeliveryState.DELIVERED]


def test_a_recording_that_needs_attention_can_be_tried_again(service: RunningService) -> None:
    listed = service.command("recordings", "list", "--state", "needs_attention", "--json")
    assert listed.returncode == 0
    row = service.recording(series_uid("faceless"))
    assert row is not None
    assert f'"recording": {row.id}' in listed.stdout
    assert service.command("recordings", "retry", str(row.id)).returncode == 0
    assert service.wait_for(series_uid("faceless")).reason_code == "photo.no_face"
    refused = service.command("recordings", "retry", "999999")
    assert refused.returncode == 1
    assert "no recording 999999" in refused.stderr


def test_the_installation_checks_itself(service: RunningService) -> None:
    checked = service.command("check")
    assert checked.returncode == 0, checked.stdout
    assert "destination stand-in PACS: answers C-ECHO" in checked.stdout
    assert "every queue is served" in checked.stdout


def test_constancy_is_checked_by_the_worker_that_grades_and_makes_no_recording(
    service: RunningService,
) -> None:
    def recordings() -> int:
        with Session(service.engine) as session:
            return session.scalars(select(func.count()).select_from(Recording)).one()

    before = recordings()
    for _ in range(2):
        made = service.command("constancy", "run", "--json")
        assert made.returncode == 0, made.stdout + made.stderr
    found = json.loads(made.stdout)
    assert found["state"] == "agrees"
    assert max(map(abs, found["compared"]["last"]["differences"].values())) < 0.01
    assert recordings() == before
    assert "constancy: check 2 of" in service.command("check").stdout


def test_a_process_that_is_killed_and_its_successor_are_told_apart(service: RunningService) -> None:
    def graders() -> set[int]:
        with Session(service.engine) as session:
            return {sign.pid for sign in processes.signs(session) if "grade" in sign.queues}

    def runs(pid: int) -> bool:
        return psutil.pid_exists(pid) and "grade" in psutil.Process(pid).cmdline()

    # Those that tests before this one killed are on record as well.
    wait_until(lambda: any(map(runs, graders())), 60)
    before = graders()
    os.kill(next(filter(runs, before)), signal.SIGKILL)
    wait_until(lambda: bool(graders() - before), 60)


def test_no_log_holds_a_name_or_an_id_of_a_patient(service: RunningService) -> None:
    logs = [*service.place.folder.rglob("*.log")]
    assert len(logs) >= 8
    for log in logs:
        words = log.read_text(errors="replace")
        for secret in (FAMILY_NAME, "Änne", "JOURNEY-"):
            assert secret not in words, f"{log.name} holds what identifies a patient"


def _is_up_of(process: psutil.Process, service: RunningService) -> bool:
    try:
        return (
            process.cmdline()[-3:] == ["-m", "service", "up"]
            and process.environ().get("FACIALIS_CONFIG") == service.place.environment["FACIALIS_CONFIG"]
        )
    except (psutil.Error, OSError, IndexError):
        return False


def test_everything_that_was_sent_is_still_there(service: RunningService) -> None:
    with Session(service.engine) as session:
        for row in session.scalars(select(Recording)):
            for photo in row.photos:
                file = service.place.data_dir / "files" / photo.storage_key
                assert file.stat().st_size > 0
                assert os.access(file, os.R_OK)
