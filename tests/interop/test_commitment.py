"""Orthanc commits itself to keep our documents, on an association that it opens to our receiver."""

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import VLPhotographicImageStorage
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from dicom.building import to_bytes
from dicom.commitment import request_commitment
from dicom.peers import Peer, PeerUnavailableError
from dicom.receiver import Receiver, ReceiverConfig
from dicom.sending import send_objects
from dicom.uids import derived_uid
from service.commitments import COMMITTED, note_commitment
from service.committing import Committer
from service.intake import ServiceIntake
from service.peer_settings import Destination
from service.receiver_settings import CommitmentPeer, ReceiverSettings
from service.records.models import (
    Bundle,
    Delivery,
    DeliveryState,
    Grading,
    Recording,
    RecordingState,
    Report,
)
from service.settings import Settings
from service.storage import FolderStorage
from tests.dicom.samples import FolderIntake, photo, save
from tests.interop.conftest import Orthanc, running_orthanc
from workers import tasks
from workers.context import Context

pytestmark = pytest.mark.interop

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
UIDS = [derived_uid("committed", str(number)) for number in range(2)]


@contextmanager
def listening_at(orthanc: Orthanc, engine: Engine, tmp_path: Path) -> Iterator[Receiver]:
    """Our receiver, where an Orthanc takes us to be."""
    config = ReceiverConfig(
        spool=tmp_path / "spool", host="127.0.0.1", port=orthanc.our_port, min_free_bytes=0
    )
    receiver = Receiver(
        config, FolderIntake(tmp_path / "store"), on_commitment=partial(note_commitment, engine)
    )
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()


@pytest.fixture
def receiver(orthanc: Orthanc, engine: Engine, tmp_path: Path) -> Iterator[Receiver]:
    with listening_at(orthanc, engine, tmp_path) as found:
        yield found


@pytest.fixture
def deliveries(
    orthanc: Orthanc, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    return fill_deliveries(orthanc, engine, tmp_path, monkeypatch)


def fill_deliveries(
    orthanc: Orthanc, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    """Two documents that wait for an Orthanc that is to commit itself to them."""
    peer = orthanc.peer
    destination = Destination(
        name="PACS", ae_title=peer.ae_title, host=peer.host, port=peer.port, commitment=True
    )
    context = Context(Settings(destinations=(destination,)), engine, FolderStorage(tmp_path / "files"))
    monkeypatch.setattr(tasks, "context", lambda: context)
    for uid in UIDS:
        context.storage.write(f"{uid}.dcm", to_bytes(photo(sop_instance_uid=uid)))
    with Session(engine) as session, session.begin():
        recording = Recording(
            series_uid="1", study_uid="1", protocol="jena9", state=RecordingState.REPORTED,
            first_received_at=NOW, last_received_at=NOW, state_changed_at=NOW,
        )  # fmt: skip
        reports = [
            Report(
                kind=kind,
                sop_instance_uid=uid,
                document_key=uid,
                object_key=f"{uid}.dcm",
                created_at=NOW,
                deliveries=[Delivery(destination="PACS", created_at=NOW)],
            )
            for kind, uid in zip(("pdf", "sr"), UIDS, strict=True)
        ]
        bundle = Bundle(hash="h", name="b", version="1", manifest={})
        session.add(
            Grading(
                uid="1", recording=recording, bundle=bundle, active=True, flags=[], created_at=NOW,
                reports=reports,
            )
        )  # fmt: skip
        session.flush()
        return [report.deliveries[0].id for report in reports]


def rows(engine: Engine) -> list[Delivery]:
    with Session(engine) as session:
        return list(session.scalars(select(Delivery).order_by(Delivery.id)))


@pytest.mark.usefixtures("receiver")
def test_documents_are_delivered_once_orthanc_has_committed_itself(
    engine: Engine, deliveries: list[int]
) -> None:
    tasks.deliver_report(deliveries[0])
    end = time.monotonic() + 20
    while any(row.state is DeliveryState.PENDING for row in rows(engine)) and time.monotonic() < end:
        time.sleep(0.1)
    assert [(row.state, row.answer) for row in rows(engine)] == [(DeliveryState.DELIVERED, COMMITTED)] * 2
    with Session(engine) as session:
        assert session.scalars(select(Recording.state)).one() is RecordingState.DELIVERED


def test_what_orthanc_takes_and_loses_is_sent_again(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An Orthanc that deletes whatever it stored, having answered Success."""
    script = tmp_path / "lose.lua"
    script.write_text("function OnStoredInstance(id) Delete(id) end")
    with (
        running_orthanc(tmp_path, LuaScripts=[str(script)]) as losing,
        listening_at(losing, engine, tmp_path),
    ):
        numbers = fill_deliveries(losing, engine, tmp_path, monkeypatch)
        tasks.deliver_report(numbers[0])
        end = time.monotonic() + 20
        while any(row.transaction_uid is not None for row in rows(engine)) and time.monotonic() < end:
            time.sleep(0.1)
    for row in rows(engine):
        assert row.state is DeliveryState.PENDING
        assert row.answer == "the peer does not commit the object: it does not have it (0x0112)"
        assert row.next_attempt_at is not None


def test_without_an_answer_a_document_waits_and_is_sent_again_later(
    engine: Engine, deliveries: list[int]
) -> None:
    """Nobody listens where Orthanc takes us to be."""
    tasks.deliver_report(deliveries[0])
    for row in rows(engine):
        assert row.state is DeliveryState.PENDING
        assert row.answer == "stored; its commitment is waited for"
        assert row.next_attempt_at is not None
        assert row.next_attempt_at > dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)
    tasks.deliver_report(deliveries[0])
    assert {row.attempts for row in rows(engine)} == {1}


@pytest.fixture
def keeping(orthanc: Orthanc, engine: Engine, tmp_path: Path) -> Iterator[Receiver]:
    """Our receiver with its intake, ready to commit itself to what Orthanc sends."""
    peer = orthanc.peer
    known = CommitmentPeer(ae_title=peer.ae_title, host=peer.host, port=peer.port)
    settings = Settings(receiver=ReceiverSettings(commitment_peers=(known,)))
    storage = FolderStorage(tmp_path / "files")
    config = ReceiverConfig(
        spool=tmp_path / "files" / "spool", host="127.0.0.1", port=orthanc.our_port, min_free_bytes=0
    )
    committer = Committer(engine, storage, settings)
    receiver = Receiver(
        config, ServiceIntake(engine, storage, settings, lambda _: None), commit=committer.ask
    )
    receiver.start()
    committer.start()
    yield receiver
    receiver.stop()
    committer.stop()


def test_orthanc_asks_us_and_hears_which_objects_we_keep(
    orthanc: Orthanc, keeping: Receiver, tmp_path: Path
) -> None:
    kept, missing = derived_uid("we keep"), derived_uid("we have never seen")
    path = save(photo(sop_instance_uid=kept), tmp_path / "photo.dcm")
    (outcome,) = send_objects([path], Peer("FACIALIS", "127.0.0.1", keeping.port), calling_ae="CAMERA")
    assert outcome.ok

    def ask(*uids: str) -> dict[str, Any]:
        asked = [{"SOPClassUID": VLPhotographicImageStorage, "SOPInstanceUID": uid} for uid in uids]
        answer = orthanc.rest.post(
            "/modalities/facialis/storage-commitment", json={"DicomInstances": asked, "Timeout": 30}
        )
        assert answer.status_code == 200, answer.text
        end = time.monotonic() + 30
        while True:
            report: dict[str, Any] = orthanc.rest.get(f"/storage-commitment/{answer.json()['ID']}").json()
            if report["Status"] != "Pending":
                return report
            assert time.monotonic() < end
            time.sleep(0.1)

    assert ask(kept)["Status"] == "Success"
    report = ask(kept, missing)
    assert report["Status"] == "Failure"
    assert [each["SOPInstanceUID"] for each in report["Failures"]] == [missing]
    (file,) = (tmp_path / "files" / "objects").rglob("*.dcm")
    file.unlink()
    assert ask(kept)["Status"] == "Failure"


def test_sender_that_is_not_among_the_commitment_peers_is_told_so(
    orthanc: Orthanc, receiver: Receiver
) -> None:
    with pytest.raises(PeerUnavailableError):
        request_commitment(
            [(VLPhotographicImageStorage, "1.2.3")],
            Peer("FACIALIS", "127.0.0.1", receiver.port),
            derived_uid("transaction"),
            calling_ae="STRANGER",
        )
