"""The outbox over real receivers: order, breaker, dead letters, sign-off, folders and HL7."""

import datetime as dt
import json
import ssl
import time
from dataclasses import replace
from pathlib import Path

import hl7
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from service.hl7.oru import control_id
from service.peer_settings import FolderDestination, Hl7Destination
from service.records import audit, flow, outbox
from service.records.audit_events import AuditEventKind
from service.records.circuits import open_circuits
from service.records.models import Circuit, Delivery, DeliveryState, Recording, RecordingState
from service.records.models.audit import AuditEvent
from service.settings import Settings, WorkerSettings
from service.storage import FolderStorage
from tests.service.mllp_receiver import Answer, accept, received, receiving
from tests.workers.parcels import ISSUER, fill, row, states
from workers import tasks
from workers.app import make_app
from workers.context import Context
from workers.reconcile import reconcile

PENDING, DELIVERED, FAILED = DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.FAILED


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "files")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "received"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The deliveries that the workers are told of; nothing else happens with them."""
    woken: list[int] = []
    monkeypatch.setattr(tasks, "wake", lambda _, row_id: woken.append(row_id))
    return woken


def use(
    engine: Engine, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, *destinations: object
) -> Context:
    workers = WorkerSettings(breaker_failures=2, breaker_seconds=60, max_attempts=3)
    settings = Settings(destinations=destinations, workers=workers)  # type: ignore[arg-type]
    held = Context(settings, engine, storage)
    monkeypatch.setattr(tasks, "context", lambda: held)
    return held


def ehr(port: int, **options: object) -> Hl7Destination:
    return Hl7Destination.model_validate(
        {"kind": "hl7", "name": "EHR", "host": "127.0.0.1", "port": port, "answer_seconds": 2, **options}
    )


def set_all(engine: Engine, **values: object) -> None:
    with Session(engine) as session, session.begin():
        session.execute(update(Delivery).values(**values))


def due(engine: Engine) -> list[int]:
    with Session(engine) as session:
        return outbox.waiting_deliveries(session, 0)


def refuse(code: str, words: str) -> Answer:
    def answer(message: hl7.Message) -> bytes:
        return str(message.create_ack(code)).rstrip("\r").encode() + f"|{words}\r".encode()

    return answer


def test_a_patients_messages_go_one_by_one_and_others_do_not_wait(
    engine: Engine, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, log: Path, sent: list[int]
) -> None:
    numbers = fill(engine, storage, "EHR", "oru", 5, patients=2, ordered=True)
    assert due(engine) == numbers[:2]
    with receiving(log) as port:
        use(engine, storage, monkeypatch, ehr(port))
        tasks.deliver_report(numbers[2])
        assert received(log) == []
        tasks.deliver_report(numbers[0])
        assert states(engine) == [DELIVERED, DELIVERED, PENDING, PENDING, PENDING]
        assert sorted(sent) == numbers[2:4]
        tasks.deliver_report(numbers[2])
        tasks.deliver_report(numbers[4])
    assert set(states(engine)) == {DELIVERED}
    order = [hl7.parse(line["message"]).segment("OBR")[3][0][0] for line in received(log)]
    assert [str(one) for one in order] == ["1.2.3.0", "1.2.3.1", "1.2.3.2", "1.2.3.3", "1.2.3.4"]
    with Session(engine) as session:
        trail = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
        assert [event.kind for event in trail] == [AuditEventKind.DOCUMENT_SENT] * 5
        assert trail[0].detail == {"destination": "EHR", "what": "oru"}
        assert set(session.scalars(select(Recording.state))) == {RecordingState.DELIVERED}


def test_without_an_answer_the_same_message_goes_again_and_the_next_waits(
    engine: Engine, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, log: Path, sent: list[int]
) -> None:
    numbers = fill(engine, storage, "EHR", "oru", 2, ordered=True)
    answers: list[Answer] = [lambda _: None, accept]
    with receiving(log, lambda message: answers.pop(0)(message)) as port:
        use(engine, storage, monkeypatch, ehr(port))
        tasks.deliver_report(numbers[0])
        assert states(engine) == [PENDING, PENDING]
        assert "hung up" in (row(engine, numbers[0]).answer or "")
        set_all(engine, next_attempt_at=None)
        assert due(engine) == numbers[:1]
        tasks.deliver_report(numbers[0])
    first, again = received(log)
    assert first == again
    assert first["control"] == control_id(row(engine, numbers[0]).report.sop_instance_uid, "EHR", 0)
    assert states(engine) == [DELIVERED, PENDING]


def test_a_rejected_message_keeps_the_peers_words_and_a_person_may_send_it_as_a_new_one(
    engine: Engine, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, log: Path, sent: list[int]
) -> None:
    numbers = fill(engine, storage, "EHR", "oru", 2, ordered=True)
    answers = [refuse("AR", "no such patient"), accept, accept]
    with receiving(log, lambda message: answers.pop(0)(message)) as port:
        use(engine, storage, monkeypatch, ehr(port))
        tasks.deliver_report(numbers[0])
        assert (row(engine, numbers[0]).state, row(engine, numbers[0]).answer) == (
            FAILED,
            "AR no such patient",
        )
        # A dead letter holds nothing up.
        tasks.deliver_report(numbers[1])
        assert states(engine) == [FAILED, DELIVERED]
        with Session(engine) as session, session.begin():
            held = session.scalars(select(Recording).order_by(Recording.id)).first()
            assert held is not None
            assert held.reason_code == flow.DELIVERY_FAILED
            with pytest.raises(outbox.DeliveryError, match="only one that failed"):
                outbox.retry_delivery(session, numbers[1], audit.system("test"))
            with pytest.raises(outbox.DeliveryError, match="no delivery 99"):
                outbox.retry_delivery(session, 99, audit.system("test"))
            assert outbox.failed_deliveries(session, "EHR") == numbers[:1]
            outbox.retry_delivery(session, numbers[0], audit.system("test"))
            assert held.state is RecordingState.REPORTED
        tasks.deliver_report(numbers[0])
    assert states(engine) == [DELIVERED, DELIVERED]
    rejected, _, again = received(log)
    assert rejected["control"] != again["control"]


def test_what_a_person_gives_up_is_no_dead_letter_and_may_still_be_tried_again(
    engine: Engine, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, log: Path, sent: list[int]
) -> None:
    numbers = fill(engine, storage, "EHR", "oru", 2, ordered=True)
    answers = [refuse("AR", "closed for good"), accept]
    somebody = audit.system("test")
    with receiving(log, lambda message: answers.pop(0)(message)) as port:
        use(engine, storage, monkeypatch, ehr(port))
        tasks.deliver_report(numbers[0])
        with Session(engine) as session, session.begin():
            with pytest.raises(outbox.DeliveryError, match="only one that failed is dropped"):
                outbox.drop_delivery(session, numbers[1], somebody)
            dropped = outbox.drop_delivery(session, numbers[0], somebody)
            assert dropped.state is DeliveryState.DROPPED
            # It did not arrive anywhere, but nobody needs to look after it any more.
            recording = dropped.report.grading.recording
            assert (recording.state, recording.reason_code) == (RecordingState.REPORTED, None)
            assert outbox.failed_deliveries(session) == []
            assert outbox.open_deliveries(session) == {("EHR", PENDING): 1}
        assert due(engine) == numbers[1:]
        with Session(engine) as session, session.begin():
            outbox.retry_delivery(session, numbers[0], somebody)
        tasks.deliver_report(numbers[0])
    assert states(engine) == [DELIVERED, PENDING]
    with Session(engine) as session:
        assert row(engine, numbers[0]).answer == "AA"
        first = session.scalars(select(Recording).order_by(Recording.id)).first()
        assert first is not None
        assert first.state is RecordingState.DELIVERED


def test_an_error_that_may_pass_is_tried_a_few_times_only(
    engine: Engine, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, log: Path, sent: list[int]
) -> None:
    (number,) = fill(engine, storage, "EHR", "oru", 1, ordered=True)
    with receiving(log, refuse("AE", "table locked")) as port:
        use(engine, storage, monkeypatch, ehr(port))
        for _ in range(3):
            assert states(engine) == [PENDING]
            set_all(engine, next_attempt_at=None)
            tasks.deliver_report(number)
    assert (row(engine, number).state, row(engine, number).answer) == (FAILED, "AE table locked")
    assert len(received(log)) == 3
    with Session(engine) as session:
        assert open_circuits(session) == {}


def test_a_destination_that_is_away_is_left_alone_then_tried_with_one_document(
    engine: Engine, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, log: Path, sent: list[int]
) -> None:
    numbers = fill(engine, storage, "EHR", "oru", 4, patients=4, ordered=True)
    use(engine, storage, monkeypatch, ehr(1))
    for _ in range(2):
        set_all(engine, next_attempt_at=None)
        tasks.deliver_report(numbers[0])
    assert due(engine) == []
    set_all(engine, next_attempt_at=None, attempts=0)
    tasks.deliver_report(numbers[0])
    assert row(engine, numbers[0]).attempts == 0
    with Session(engine) as session:
        (circuit,) = open_circuits(session).values()
        assert (circuit.destination, circuit.failures) == ("EHR", 2)
        assert "cannot be reached" in (circuit.answer or "")
    over = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    with Session(engine) as session, session.begin():
        session.execute(update(Circuit).values(open_until=over))
    tasks.deliver_report(numbers[0])
    # The trial took one document along, and the pause is longer now.
    assert [row(engine, number).attempts for number in numbers] == [1, 0, 0, 0]
    with Session(engine) as session, session.begin():
        (circuit,) = open_circuits(session).values()
        assert circuit.failures == 3
        assert circuit.open_until is not None
        assert circuit.open_until > dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60)
        circuit.open_until = over
        later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=50)
        session.execute(update(Delivery).values(next_attempt_at=later).where(Delivery.id != numbers[0]))
        session.execute(update(Delivery).values(next_attempt_at=None).where(Delivery.id == numbers[0]))
    with receiving(log) as port:
        use(engine, storage, monkeypatch, ehr(port))
        tasks.deliver_report(numbers[0])
        assert states(engine) == [DELIVERED, PENDING, PENDING, PENDING]
        with Session(engine) as session:
            assert open_circuits(session) == {}
        # What had waited long is due at once.
        assert due(engine) == numbers[1:]
        tasks.deliver_report(numbers[1])
    assert set(states(engine)) == {DELIVERED}


def test_a_slow_peer_does_not_outlast_the_lease(
    engine: Engine, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, log: Path, sent: list[int]
) -> None:
    numbers = fill(engine, storage, "EHR", "oru", 3, patients=3, ordered=True)

    def slowly(message: hl7.Message) -> bytes:
        time.sleep(0.3)
        return accept(message)

    with receiving(log, slowly) as port:
        held = use(engine, storage, monkeypatch, ehr(port))
        short = held.settings.workers.model_copy(update={"lease_seconds": 0.8})
        held = replace(held, settings=held.settings.model_copy(update={"workers": short}))
        monkeypatch.setattr(tasks, "context", lambda: held)
        tasks.deliver_report(numbers[0])
    # How many go within half the lease is the machine's affair; the last one's turn cannot come.
    first, _, last = states(engine)
    assert (first, last) == (DELIVERED, PENDING)
    # Its turn did not come, which is no attempt: it is due at once.
    assert (row(engine, numbers[2]).attempts, row(engine, numbers[2]).lease_owner) == (0, None)
    assert numbers[2] in due(engine)


def test_while_a_trial_is_under_way_nothing_else_goes(
    engine: Engine, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, sent: list[int]
) -> None:
    numbers = fill(engine, storage, "EHR", "oru", 2, patients=2, ordered=True)
    use(engine, storage, monkeypatch, ehr(1))
    now = dt.datetime.now(dt.UTC)
    with Session(engine) as session, session.begin():
        session.add(
            Circuit(
                destination="EHR", failures=5, open_until=now - dt.timedelta(seconds=1),
                trial_until=now + dt.timedelta(seconds=60), changed_at=now,
            )
        )  # fmt: skip
    tasks.deliver_report(numbers[0])
    assert row(engine, numbers[0]).attempts == 0
    assert due(engine) == []


def test_a_draft_that_waits_for_sign_off_is_not_sent(
    engine: Engine, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, log: Path, sent: list[int]
) -> None:
    (number,) = fill(engine, storage, "EHR", "oru", 1, ordered=True)
    set_all(engine, state=DeliveryState.WAITING)
    with receiving(log) as port:
        use(engine, storage, monkeypatch, ehr(port))
        tasks.deliver_report(number)
        assert received(log) == []
    assert states(engine) == [DeliveryState.WAITING]


def test_a_folder_gets_whole_files_and_one_that_is_not_mounted_is_not_made(
    engine: Engine, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sent: list[int]
) -> None:
    place = tmp_path / "share"
    numbers = fill(engine, storage, "share", "oru", 2)
    folder = FolderDestination(kind="folder", name="share", path=place, documents=("oru",))
    use(engine, storage, monkeypatch, folder)
    tasks.deliver_report(numbers[0])
    assert not place.exists()
    assert "is not there" in (row(engine, numbers[0]).answer or "")
    place.mkdir()
    set_all(engine, next_attempt_at=None)
    tasks.deliver_report(numbers[0])
    assert states(engine) == [DELIVERED, DELIVERED]
    files = sorted(place.iterdir())
    assert len(files) == 2
    for file in files:
        assert hl7.parse(file.read_bytes().decode()).segment("PID") is not None
        assert "PH-" not in file.name


@pytest.mark.parametrize("kind", ["folder", "hl7"])
def test_a_document_whose_file_is_lost_or_damaged_fails_alone(
    engine: Engine, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, log: Path,
    sent: list[int], kind: str,
) -> None:  # fmt: skip
    numbers = fill(engine, storage, "EHR", "oru", 4)
    storage.path(row(engine, numbers[0]).report.object_key).unlink()
    storage.write(row(engine, numbers[1]).report.object_key, b'{"patient": {"na')
    with receiving(log) as port:
        folder = FolderDestination(kind="folder", name="EHR", path=tmp_path, documents=("oru",))
        use(engine, storage, monkeypatch, folder if kind == "folder" else ehr(port))
        tasks.deliver_report(numbers[0])
    assert states(engine) == [FAILED, FAILED, DELIVERED, DELIVERED]
    lost, damaged = ((row(engine, number).answer or "") for number in numbers[:2])
    assert "is gone: restore the data folder" in lost
    assert "is damaged: restore the data folder" in damaged


def test_a_patient_without_an_identifier_system_does_not_hold_up_what_others_get(
    engine: Engine, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sent: list[int]
) -> None:
    def make(kind: str, number: int, patient: str) -> bytes:
        issuer = "WARD" if number == 0 else ISSUER
        frozen = {
            "issuer": issuer,
            "patient_id": patient,
            "grading_uid": "1.2",
            "entries": [],
            "final": False,
        }
        return json.dumps(frozen).encode()

    numbers = fill(engine, storage, "share", "fhir", 3, make=make)
    folder = FolderDestination(kind="folder", name="share", path=tmp_path, documents=("fhir",))
    use(engine, storage, monkeypatch, folder)
    tasks.deliver_report(numbers[0])
    assert states(engine) == [FAILED, DELIVERED, DELIVERED]
    assert "name it in the destination's systems" in (row(engine, numbers[0]).answer or "")


def test_an_expired_certificate_is_named_and_the_document_waits(
    engine: Engine, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, log: Path, sent: list[int],
    expired: tuple[Path, Path],
) -> None:  # fmt: skip
    certificate, key = expired
    (number,) = fill(engine, storage, "EHR", "oru", 1, ordered=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with receiving(log, context=context) as port:
        use(engine, storage, monkeypatch, ehr(port, tls={"authorities": certificate}))
        tasks.deliver_report(number)
    assert states(engine) == [PENDING]
    assert "has expired: renew it there" in (row(engine, number).answer or "")
    assert received(log) == []


@pytest.mark.journey
def test_without_a_broker_deliveries_go_on_and_what_is_due_next_is_found(
    engine: Engine, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, log: Path
) -> None:
    numbers = fill(engine, storage, "EHR", "oru", 2, ordered=True)
    with receiving(log) as port:
        held = use(engine, storage, monkeypatch, ehr(port))
        make_app(held.settings.model_copy(update={"broker_url": SecretStr("redis://127.0.0.1:1/0")}))
        tasks.deliver_report(numbers[0])
        assert states(engine) == [DELIVERED, PENDING]
        assert due(engine) == numbers[1:]
        reconcile(held)
        tasks.deliver_report(numbers[1])
    assert states(engine) == [DELIVERED, DELIVERED]
