"""Surgeries are taken from a FHIR server on Medplum's router, once, and follow its corrections."""

import datetime as dt
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from dicom.peers import PeerUnavailableError
from service.peer_settings import FhirSource
from service.records import audit
from service.records.models import Change, Surgery
from service.records.patients import patient_for
from service.surgeries_fetched import PatientOutcome, fetch_surgeries
from tests.interop.conftest import fhir_command, free_port, listens, wait_for

pytestmark = pytest.mark.interop

SYSTEM = "urn:oid:1.2.276.0.99"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[httpx.Client]:
    port = free_port()
    process = subprocess.Popen(fhir_command(port, tmp_path / "journal"), stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: listens(port), process, 60)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield client
    finally:
        process.kill()
        process.wait(30)


def store(server: httpx.Client, resource: dict[str, Any]) -> str:
    """Store a resource; its id."""
    kind, number = resource["resourceType"], resource.get("id")
    answer = (
        server.put(f"/{kind}/{number}", json=resource) if number else server.post(f"/{kind}", json=resource)
    )
    assert answer.status_code in (200, 201), answer.text
    found: str = answer.json()["id"]
    return found


def procedure(patient: str, day: str, **other: Any) -> dict[str, Any]:
    return {
        "resourceType": "Procedure",
        "status": "completed",
        "code": {"text": "Nerve graft", "coding": [{"system": "http://fhir.de/ops", "code": "5-044"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "performedDateTime": day,
        "bodySite": [{"coding": [{"system": "http://snomed.info/sct", "code": "7771000"}]}],
        **other,
    }


def patient(server: httpx.Client, value: str) -> str:
    return store(server, {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": value}]})


def fetch(engine: Engine, server: httpx.Client, **options: Any) -> list[PatientOutcome]:
    source = FhirSource.model_validate(
        {"kind": "fhir", "name": "EHR", "url": str(server.base_url), "systems": {"CLINIC": SYSTEM}, **options}
    )
    return list(fetch_surgeries(engine, source, audit.system("test")))


def surgeries(engine: Engine) -> list[tuple[dt.date, str, str]]:
    with Session(engine) as session:
        return [
            (one.performed_on, one.procedure, one.side)
            for one in session.scalars(select(Surgery).order_by(Surgery.id))
        ]


def test_surgeries_come_once_and_follow_corrections(engine: Engine, server: httpx.Client) -> None:
    with Session(engine) as session, session.begin():
        for one in ("FP-1", "FP-2"):
            patient_for(session, one, "CLINIC")
        patient_for(session, "FP-3", "ELSEWHERE")
    known, other = patient(server, "FP-1"), patient(server, "FP-9")
    made = store(server, procedure(known, "2024-03-12"))
    store(server, procedure(known, "2024-05", code={"text": "Botched date"}))
    store(server, procedure(other, "2024-03-13"))
    first, second, third = fetch(engine, server)
    assert (first.added, len(first.remarks)) == (1, 1)
    assert "its day is missing or not exact" in first.remarks[0]
    assert second == PatientOutcome(second.patient)
    assert third.remarks == ("no FHIR system is known for the patient's ID",)
    assert surgeries(engine) == [(dt.date(2024, 3, 12), "Nerve graft", "L")]
    assert fetch(engine, server)[0].unchanged == 1
    store(server, procedure(known, "2024-03-14", id=made))
    assert fetch(engine, server)[0].corrected == 1
    assert surgeries(engine) == [(dt.date(2024, 3, 14), "Nerve graft", "L")]
    with Session(engine) as session:
        (change,) = session.scalars(select(Change))
        assert change.before["performed_on"] == "2024-03-12"
    store(server, procedure(known, "2024-03-14", id=made, status="entered-in-error"))
    (gone, *_) = fetch(engine, server)
    assert any("was taken back there; look at surgery" in remark for remark in gone.remarks)
    assert len(surgeries(engine)) == 1


def test_only_the_codes_that_count_are_taken(engine: Engine, server: httpx.Client) -> None:
    with Session(engine) as session, session.begin():
        patient_for(session, "FP-1", "CLINIC")
    known = patient(server, "FP-1")
    for number in range(3):
        store(server, procedure(known, f"2024-03-1{number}", bodySite=[]))
    other = {"text": "Appendectomy", "coding": [{"system": "http://fhir.de/ops", "code": "5-470"}]}
    store(server, procedure(known, "2024-03-19", code=other))
    (found,) = fetch(engine, server, codes={"5-044": "R"})
    assert (found.added, found.remarks) == (3, ())
    assert {side for _, _, side in surgeries(engine)} == {"R"}


def test_a_server_that_is_away_is_told(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        patient_for(session, "FP-1", "CLINIC")
    with (
        httpx.Client(base_url=f"http://127.0.0.1:{free_port()}") as absent,
        pytest.raises(PeerUnavailableError),
    ):
        fetch(engine, absent)
