"""What becomes of deliveries and their recordings: refusals, retries, broken-off attempts, old reports."""

import datetime as dt
from pathlib import Path

import pytest
from pynetdicom import evt
from pynetdicom.events import Event
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from dicom.building import to_bytes
from dicom.commitment import CommitmentReport
from dicom.standin import StandInPacs
from service.commitments import COMMITTED, note_commitment
from service.peer_settings import Destination
from service.records import flow
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
from tests.dicom.samples import photo
from workers import tasks
from workers.context import Context

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def add_grading(recording: Recording, bundle: Bundle, name: str, *, active: bool) -> Grading:
    """A grading with two documents that wait for delivery."""
    return Grading(
        uid=f"grading {name}",
        recording=recording,
        bundle=bundle,
        active=active,
        flags=[],
        created_at=NOW,
        reports=[
            Report(
                kind=kind,
                sop_instance_uid=f"{kind} {name}",
                document_key=f"{kind} {name}",
                object_key=f"{kind} {name}.dcm",
                created_at=NOW,
                deliveries=[Delivery(destination="PACS", created_at=NOW)],
            )
            for kind in ("pdf", "sr")
        ],
    )


@pytest.fixture
def reported(engine: Engine) -> None:
    """A recording with an old grading and a current one, each with its documents."""
    with Session(engine) as session, session.begin():
        recording = Recording(
            series_uid="1", study_uid="1", protocol="jena9", state=RecordingState.REPORTED,
            first_received_at=NOW, last_received_at=NOW, state_changed_at=NOW,
        )  # fmt: skip
        bundle = Bundle(hash="h", name="b", version="1", manifest={})
        session.add_all(
            [
                add_grading(recording, bundle, "old", active=False),
                add_grading(recording, bundle, "new", active=True),
            ]
        )


@pytest.fixture
def context(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    return use(engine, tmp_path, monkeypatch, port=1)


def use(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, port: int, **options: bool
) -> Context:
    """The context of the tasks, with a PACS on ``port``."""
    address = {"ae_title": "PACS", "host": "127.0.0.1", "port": port}
    destination = Destination.model_validate({"name": "PACS", **address, **options})
    held = Context(Settings(destinations=(destination,)), engine, FolderStorage(tmp_path))
    monkeypatch.setattr(tasks, "context", lambda: held)
    return held


def write_documents(context: Context) -> None:
    """Objects that can be sent, as the documents of both gradings."""
    for number, name in enumerate(("pdf old", "sr old", "pdf new", "sr new")):
        context.storage.write(f"{name}.dcm", to_bytes(photo(sop_instance_uid=f"2.25.{number + 1}")))


def delivery(engine: Engine, grading: str = "new", kind: str = "pdf") -> Delivery:
    with Session(engine) as session:
        return session.scalars(
            select(Delivery).join(Report).where(Report.sop_instance_uid == f"{kind} {grading}")
        ).one()


def recording(engine: Engine) -> Recording:
    with Session(engine) as session:
        return session.scalars(select(Recording)).one()


def change(engine: Engine, row: Delivery, **values: object) -> None:
    with Session(engine) as session, session.begin():
        held = session.get_one(Delivery, row.id)
        for name, value in values.items():
            setattr(held, name, value)
        session.flush()
        flow.settle_deliveries(session, held.report.grading_key)


@pytest.mark.usefixtures("reported")
def test_a_recording_is_delivered_when_all_its_current_documents_are(engine: Engine) -> None:
    change(engine, delivery(engine, "old", "pdf"), state=DeliveryState.DELIVERED)
    change(engine, delivery(engine, "old", "sr"), state=DeliveryState.DELIVERED)
    assert recording(engine).state is RecordingState.REPORTED
    change(engine, delivery(engine, "new", "pdf"), state=DeliveryState.DELIVERED)
    assert recording(engine).state is RecordingState.REPORTED
    change(engine, delivery(engine, "new", "sr"), state=DeliveryState.DELIVERED)
    assert recording(engine).state is RecordingState.DELIVERED


@pytest.mark.usefixtures("reported")
def test_a_refusal_needs_attention_with_the_peers_words_and_can_be_tried_again(engine: Engine) -> None:
    change(engine, delivery(engine, "old"), state=DeliveryState.FAILED, answer="old words")
    change(engine, delivery(engine), state=DeliveryState.FAILED, answer="class not supported")
    row = recording(engine)
    assert row.reason_code == flow.DELIVERY_FAILED
    assert row.reason is not None
    assert "PACS (pdf): class not supported" in row.reason
    with Session(engine) as session, session.begin():
        flow.retry(session, session.get_one(Recording, row.id))
    assert recording(engine).state is RecordingState.GRADED
    assert delivery(engine).state is DeliveryState.PENDING
    assert delivery(engine, "old").state is DeliveryState.FAILED


@pytest.mark.usefixtures("reported")
def test_an_absent_peer_is_tried_again_later(engine: Engine, context: Context) -> None:
    context.storage.write("pdf new.dcm", to_bytes(photo()))
    tasks.deliver_report(delivery(engine).id)
    row = delivery(engine)
    assert row.state is DeliveryState.PENDING
    assert row.attempts == 1
    assert row.next_attempt_at is not None
    assert row.answer
    assert recording(engine).state is RecordingState.REPORTED


@pytest.mark.usefixtures("reported")
def test_what_waits_for_a_peer_goes_over_one_association(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    associations: list[Event] = []
    pacs = StandInPacs(tmp_path / "pacs", "PACS")
    pacs.start([(evt.EVT_ACCEPTED, associations.append)])
    held = use(engine, tmp_path, monkeypatch, port=pacs.port)
    write_documents(held)
    held.storage.write("sr old.dcm", b"no DICOM")
    tasks.deliver_report(delivery(engine).id)
    pacs.stop()
    assert len(associations) == 1
    states = {
        name: delivery(engine, *reversed(name.split())).state for name in ("pdf old", "pdf new", "sr new")
    }
    assert set(states.values()) == {DeliveryState.DELIVERED}
    assert delivery(engine, "old", "sr").state is DeliveryState.FAILED
    assert len(list((tmp_path / "pacs").rglob("*.dcm"))) == 3
    assert recording(engine).state is RecordingState.DELIVERED


@pytest.mark.usefixtures("reported")
def test_a_document_that_broke_a_worker_is_not_sent_along_with_others(
    engine: Engine, context: Context
) -> None:
    write_documents(context)
    change(engine, delivery(engine, kind="sr"), crashes=1)
    tasks.deliver_report(delivery(engine).id)
    assert delivery(engine, kind="sr").attempts == 0
    assert delivery(engine, "old").attempts == 1


@pytest.mark.usefixtures("reported")
def test_waits_differ_a_little_so_that_not_all_come_back_at_once(engine: Engine, context: Context) -> None:
    write_documents(context)
    tasks.deliver_report(delivery(engine).id)
    with Session(engine) as session:
        times = session.scalars(select(Delivery.next_attempt_at)).all()
    assert len(set(times)) == 4


def waiting(engine: Engine, **values: object) -> Delivery:
    """The current PDF's delivery, stored at the PACS, with its commitment asked for."""
    change(engine, delivery(engine), transaction_uid="1.9", attempts=1, **values)
    return delivery(engine)


@pytest.mark.usefixtures("reported")
def test_a_committed_document_is_delivered_though_its_worker_still_holds_it(engine: Engine) -> None:
    waiting(engine, lease_owner="a worker", next_attempt_at=NOW)
    change(engine, delivery(engine, kind="sr"), state=DeliveryState.DELIVERED)
    note_commitment(engine, CommitmentReport("1.8", frozenset({"pdf new"}), {}))
    assert delivery(engine).state is DeliveryState.PENDING
    note_commitment(engine, CommitmentReport("1.9", frozenset({"pdf new"}), {}))
    row = delivery(engine)
    assert (row.state, row.answer, row.lease_owner) == (DeliveryState.DELIVERED, COMMITTED, None)
    assert recording(engine).state is RecordingState.DELIVERED
    note_commitment(engine, CommitmentReport("1.9", frozenset(), {"pdf new": 0x0112}))
    assert delivery(engine).state is DeliveryState.DELIVERED


@pytest.mark.usefixtures("reported")
def test_a_document_that_the_peer_does_not_keep_is_sent_again(engine: Engine) -> None:
    waiting(engine)
    note_commitment(engine, CommitmentReport("1.9", frozenset(), {"pdf new": 0x0112}))
    row = delivery(engine)
    assert row.state is DeliveryState.PENDING
    assert row.answer == "the peer does not commit the object: it does not have it (0x0112)"
    assert row.transaction_uid is None
    assert row.next_attempt_at is not None


@pytest.mark.usefixtures("reported")
def test_a_peer_that_is_to_commit_but_does_not_offer_it_needs_a_person(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pacs = StandInPacs(tmp_path / "pacs", "PACS")
    pacs.start()
    write_documents(use(engine, tmp_path, monkeypatch, port=pacs.port, commitment=True))
    tasks.deliver_report(delivery(engine).id)
    pacs.stop()
    row = delivery(engine)
    assert row.state is DeliveryState.FAILED
    assert "does not offer storage commitment" in (row.answer or "")


@pytest.mark.usefixtures("reported", "context")
def test_a_delivery_that_breaks_off_again_and_again_ends_with_a_person(engine: Engine) -> None:
    change(engine, delivery(engine), crashes=5)
    tasks.deliver_report(delivery(engine).id)
    assert delivery(engine).state is DeliveryState.FAILED
    assert recording(engine).reason_code == flow.DELIVERY_FAILED
