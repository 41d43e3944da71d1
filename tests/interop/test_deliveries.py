"""Two hundred deliveries to a real peer that is killed and started again in their midst: all arrive once.

The peers: Orthanc by C-STORE and by STOW-RS, an HL7 receiver on the server of the package `hl7`, and a FHIR
server on Medplum's router. Each has on the disk what it answered for.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hl7
import httpx
import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from dicom.uids import derived_uid
from service.delivery.by_fhir import send
from service.delivery.messages import freeze_fhir
from service.delivery.outcomes import Parcel
from service.peer_settings import (
    AnyDestination,
    Destination,
    FhirDestination,
    Hl7Destination,
    WebDestination,
)
from service.records import outbox
from service.records.circuits import open_circuits
from service.records.models import Delivery, DeliveryState, RecordingState, Report
from service.settings import Settings, WorkerSettings
from service.storage import FolderStorage
from tests.interop.conftest import (
    PASSWORD,
    fhir_command,
    free_port,
    listens,
    program,
    wait_for,
    write_orthanc_config,
)
from tests.service.clinic import ARRIVED, SURGERY_DAY, Clinic
from tests.service.mllp_receiver import received
from tests.workers.parcels import ISSUER, PDF, fill
from workers import tasks
from workers.context import Context

pytestmark = pytest.mark.interop

COUNT, PATIENTS = 200, 20
KILLS = (40, 110)
"""The peer is killed once so many deliveries have been recorded as delivered."""


@dataclass
class PeerProcess:
    """A peer that can be killed and started again on the same ports."""

    command: Sequence[str]
    ports: tuple[int, ...]
    process: subprocess.Popen[bytes] = field(init=False)
    kills: int = 0

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ
        )
        wait_for(lambda: all(map(listens, self.ports)), self.process, 60)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        self.kills += 1


@contextmanager
def running(command: Sequence[str], *ports: int) -> Iterator[PeerProcess]:
    peer = PeerProcess(command, ports)
    peer.start()
    try:
        yield peer
    finally:
        peer.kill()


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "files")


def count(engine: Engine, state: DeliveryState) -> int:
    with Session(engine) as session:
        query = select(func.count()).select_from(Delivery).where(Delivery.state == state)
        return session.scalar(query) or 0


def deliver_all(
    engine: Engine,
    storage: FolderStorage,
    monkeypatch: pytest.MonkeyPatch,
    destination: AnyDestination,
    peer: PeerProcess,
) -> None:
    """Do what the workers do until nothing is pending; meanwhile the peer is killed, and back a bit later."""
    workers = WorkerSettings(retry_seconds=0.1, breaker_failures=2, breaker_seconds=0.3)
    held = Context(Settings(destinations=(destination,), workers=workers), engine, storage)
    monkeypatch.setattr(tasks, "context", lambda: held)
    monkeypatch.setattr(tasks, "wake", lambda *_: False)
    opened: list[bool] = []

    def disturb() -> None:
        for mark in KILLS:
            while count(engine, DeliveryState.DELIVERED) < mark:
                time.sleep(0.002)
            peer.kill()
            end = time.monotonic() + 20
            while time.monotonic() < end:
                with Session(engine) as session:
                    if open_circuits(session):
                        opened.append(True)
                        break
                time.sleep(0.02)
            peer.start()

    disturber = threading.Thread(target=disturb)
    disturber.start()
    end = time.monotonic() + 240
    while count(engine, DeliveryState.PENDING):
        assert time.monotonic() < end, "not delivered in time"
        with Session(engine) as session:
            due = outbox.waiting_deliveries(session, 0)
        for number in due:
            tasks.deliver_report(number)
        if not due:
            time.sleep(0.02)
    disturber.join(60)
    assert count(engine, DeliveryState.DELIVERED) == COUNT
    assert peer.kills == len(KILLS)
    # The breaker opened each time the peer was away, and closed when it was back.
    assert len(opened) == len(KILLS)
    with Session(engine) as session:
        assert open_circuits(session) == {}


@contextmanager
def orthanc_process(folder: Path) -> Iterator[tuple[PeerProcess, int, httpx.Client]]:
    dicom_port, http_port = free_port(), free_port()
    config = write_orthanc_config(folder, dicom_port, http_port, 1)
    with (
        running([program("Orthanc"), str(config)], dicom_port, http_port) as peer,
        httpx.Client(
            base_url=f"http://127.0.0.1:{http_port}", timeout=30, auth=("facialis", PASSWORD)
        ) as rest,
    ):
        yield peer, dicom_port, rest


def stored(rest: httpx.Client) -> Counter[str]:
    """The SOP Instance UIDs that an Orthanc has."""
    instances = rest.get("/instances?expand").json()
    return Counter(instance["MainDicomTags"]["SOPInstanceUID"] for instance in instances)


def test_orthanc_gets_every_object_by_c_store(
    engine: Engine, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fill(engine, storage, "PACS", "sr", COUNT)
    with orthanc_process(tmp_path) as (peer, port, rest):
        destination = Destination(name="PACS", ae_title="ORTHANC", host="127.0.0.1", port=port)
        deliver_all(engine, storage, monkeypatch, destination, peer)
        assert stored(rest) == Counter(derived_uid("sr", str(number)) for number in range(COUNT))


def test_orthanc_gets_every_object_by_stow(
    engine: Engine, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fill(engine, storage, "PACS", "sr", COUNT)
    with orthanc_process(tmp_path) as (peer, _, rest):
        destination = WebDestination.model_validate(
            {"kind": "dicomweb", "name": "PACS", "url": f"{rest.base_url}/dicom-web", "user": "facialis",
             "password": PASSWORD}
        )  # fmt: skip
        deliver_all(engine, storage, monkeypatch, destination, peer)
        assert stored(rest) == Counter(derived_uid("sr", str(number)) for number in range(COUNT))


def test_an_hl7_receiver_gets_every_message_in_each_patients_order(
    engine: Engine, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fill(engine, storage, "EHR", "oru", COUNT, patients=PATIENTS, ordered=True)
    port, log = free_port(), tmp_path / "received"
    command = [sys.executable, "-m", "tests.service.mllp_receiver", str(port), str(log)]
    with running(command, port) as peer:
        destination = Hl7Destination(kind="hl7", name="EHR", host="127.0.0.1", port=port, answer_seconds=5)
        deliver_all(engine, storage, monkeypatch, destination, peer)
    first: dict[str, str] = {}
    for line in received(log):
        # What came again, its answer lost with the killed process, is the same to the byte.
        assert first.setdefault(line["control"], line["message"]) == line["message"]
    assert len(first) == COUNT
    numbers: dict[str, list[int]] = {}
    for text in first.values():
        message = hl7.parse(text)
        order = int(str(message.segment("OBR")[3][0][0]).rpartition(".")[2])
        numbers.setdefault(str(message.segment("PID")[3][0][0]), []).append(order)
    assert len(numbers) == PATIENTS
    assert all(of_one == sorted(of_one) for of_one in numbers.values())


SENDER = """
import sys
from pathlib import Path
from service.database import connect
from service.peer_settings import Hl7Destination
from service.records import outbox
from service.settings import Settings, WorkerSettings
from service.storage import FolderStorage
from sqlalchemy.orm import Session
from workers import tasks
from workers.context import Context

url, files, port = sys.argv[1:]
destination = Hl7Destination(kind="hl7", name="EHR", host="127.0.0.1", port=int(port), answer_seconds=5)
settings = Settings(destinations=(destination,), workers=WorkerSettings(lease_seconds=5))
held = Context(settings, connect(url), FolderStorage(Path(files)))
tasks.context, tasks.wake = (lambda: held), (lambda *_: False)
while True:
    with Session(held.engine) as session:
        due = outbox.waiting_deliveries(session, 0)
    for number in due:
        tasks.deliver_report(number)
"""


def test_a_killed_sender_loses_nothing_and_what_it_repeats_is_known_again(
    engine: Engine, database_url: str, storage: FolderStorage, tmp_path: Path
) -> None:
    """Killed between a peer's answer and its own record of it, a sender sends the same message again."""
    fill(engine, storage, "EHR", "oru", COUNT, patients=PATIENTS, ordered=True)
    port, log = free_port(), tmp_path / "received"
    receiver = [sys.executable, "-m", "tests.service.mllp_receiver", str(port), str(log)]
    command = [sys.executable, "-c", SENDER, database_url, str(storage.root), str(port)]
    output = (tmp_path / "output").open("wb")
    with running(receiver, port), output:
        marks = [60, 130, COUNT]
        end = time.monotonic() + 240
        for mark in marks:
            sender = subprocess.Popen(command, stdout=output, stderr=output)
            while count(engine, DeliveryState.DELIVERED) < mark:
                assert sender.poll() is None, (tmp_path / "output").read_text()[-2000:]
                assert time.monotonic() < end, "not delivered in time"
                time.sleep(0.005)
            sender.kill()
            sender.wait(30)
    first: dict[str, str] = {}
    for line in received(log):
        assert first.setdefault(line["control"], line["message"]) == line["message"]
    assert len(first) == COUNT
    assert count(engine, DeliveryState.DELIVERED) == COUNT


@pytest.fixture
def frozen(engine: Engine, storage: FolderStorage) -> dict[str, Any]:
    """What the transaction of a grading is made of; nothing of it stays on record."""
    with Session(engine) as session:
        clinic = Clinic(session, storage)
        recording = clinic.recording(
            clinic.patient("Phantom^Ada", "PH-1"), SURGERY_DAY, RecordingState.REPORTED
        )
        clinic.photos(recording)
        grading = clinic.grade(recording, clinic.bundle("commissioning"), 70)
        report = Report(
            grading_key=grading.id, kind="pdf", sop_instance_uid=clinic.uid(), document_key="one.pdf",
            object_key="one.dcm", created_at=ARRIVED,
        )  # fmt: skip
        session.add(report)
        session.flush()
        made: dict[str, Any] = json.loads(freeze_fhir(recording, grading, report))
    return made | {"issuer": ISSUER, "pdf_key": "reports/one.pdf"}


def test_a_fhir_server_gets_every_resource_once(
    frozen: dict[str, Any],
    engine: Engine,
    storage: FolderStorage,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    def make(kind: str, number: int, patient: str) -> bytes:
        """The same result as of another recording and patient."""
        copy: dict[str, Any] = json.loads(json.dumps(frozen))
        copy["patient_id"] = patient
        copy["grading_uid"] += f".{number}"
        for entry in copy["entries"]:
            if entry["resource"]["resourceType"] != "Patient":
                for identifier in entry["resource"]["identifier"]:
                    identifier["value"] += f".{number}"
        return json.dumps(copy).encode()

    fill(engine, storage, "EHR", "fhir", COUNT, patients=PATIENTS, make=make)
    port, journal = free_port(), tmp_path / "journal"
    with running(fhir_command(port, journal), port) as peer:
        destination = FhirDestination.model_validate(
            {"kind": "fhir", "name": "EHR", "url": f"http://127.0.0.1:{port}"}
        )
        deliver_all(engine, storage, monkeypatch, destination, peer)
    entries = len(frozen["entries"])
    made = Counter(
        (resource["resourceType"], resource["id"])
        for line in journal.read_text().splitlines()
        for resource in json.loads(line)
    )
    kinds = Counter(kind for kind, _ in made)
    assert set(made.values()) == {1}
    assert kinds["Patient"] == PATIENTS
    assert kinds["DiagnosticReport"] == COUNT
    assert kinds["Observation"] == COUNT * (entries - 3)
    assert kinds["ImagingStudy"] == COUNT


def test_a_signed_report_makes_its_draft_final_on_a_fhir_server(
    frozen: dict[str, Any], storage: FolderStorage, tmp_path: Path
) -> None:
    storage.write("reports/one.pdf", PDF)
    parcels = {}
    for number, final in enumerate((False, True)):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(frozen | {"final": final}))
        parcels[number] = Parcel("fhir", f"1.{number}", file, file)
    port = free_port()
    destination = FhirDestination.model_validate(
        {"kind": "fhir", "name": "EHR", "url": f"http://127.0.0.1:{port}", "systems": {"": "urn:x"}}
    )
    with (
        running(fhir_command(port, tmp_path / "journal"), port),
        httpx.Client(base_url=destination.url) as client,
    ):

        def statuses(kind: str) -> list[str]:
            entries = client.get(f"/{kind}").json()["entry"]
            return [entry["resource"]["status"] for entry in entries]

        draft = send({0: parcels[0]}, destination, storage, 60)
        assert draft[0].ok, draft[0].words
        observations = len(frozen["entries"]) - 3
        assert statuses("DiagnosticReport") == ["preliminary"]
        assert statuses("Observation") == ["preliminary"] * observations
        for _ in range(2):
            signed = send({1: parcels[1]}, destination, storage, 60)
            assert signed[1].ok, signed[1].words
            assert statuses("DiagnosticReport") == ["final"]
            assert statuses("Observation") == ["final"] * observations
        # A draft that comes late changes nothing.
        assert send({0: parcels[0]}, destination, storage, 60)[0].ok
        assert statuses("DiagnosticReport") == ["final"]
        assert len(client.get("/Patient").json()["entry"]) == 1
