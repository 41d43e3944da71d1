"""Documents that wait for delivery, made without a grading: recordings, gradings, reports and their files."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from dicom.building import to_bytes
from dicom.uids import derived_uid
from service.records.models import (
    Bundle,
    Delivery,
    DeliveryState,
    Grading,
    Patient,
    Recording,
    RecordingState,
    Report,
)
from service.results import Result, make_result
from service.storage import FolderStorage
from tests.dicom.samples import photo
from tests.reports.samples import make_report

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
PDF = b"%PDF-1.7 a report\n"
ISSUER = "1.2.276.0.99"


def result(number: int = 0, patient: str = "PH-0042") -> Result:
    """What a message says; its own uid by ``number``."""
    recording = Recording(
        series_uid=f"1.2.3.{number}", study_uid="1.2.3", recorded_at=dt.datetime(2024, 10, 16, 9, 30)
    )
    made = make_result(
        make_report(flags=("M4: clipped",)),
        uid=derived_uid("oru", str(number)),
        recording=recording,
        issuer=ISSUER,
        accession_number="ACC-1",
        pdf_key="reports/one.pdf",
    )
    return replace(made, patient=replace(made.patient, id=patient))


def content(kind: str, number: int, patient: str) -> bytes:
    """The file of a document."""
    if kind == "oru":
        return result(number, patient).to_json()
    if kind == "fhir":
        return json.dumps({}).encode()
    return to_bytes(photo(sop_instance_uid=derived_uid(kind, str(number))))


def fill(
    engine: Engine,
    storage: FolderStorage,
    destination: str,
    kind: str,
    count: int,
    *,
    patients: int = 1,
    ordered: bool = False,
    make: Callable[[str, int, str], bytes] = content,
) -> list[int]:
    """Documents of one kind for one destination, dealt to ``patients`` in turn; the deliveries' numbers."""
    storage.write("reports/one.pdf", PDF)
    with Session(engine) as session, session.begin():
        bundle = Bundle(hash="h", name="b", version="1", manifest={})
        people = [Patient(patient_id=f"PH-{number}", issuer=ISSUER) for number in range(patients)]
        session.add_all([bundle, *people])
        session.flush()
        for number in range(count):
            person = people[number % patients]
            uid = derived_uid(kind, str(number))
            key = f"reports/{uid}"
            storage.write(key, make(kind, number, person.patient_id))
            recording = Recording(
                series_uid=f"1.{number}", study_uid=f"1.{number}", protocol="jena9", patient_key=person.id,
                state=RecordingState.REPORTED, first_received_at=NOW, last_received_at=NOW,
                state_changed_at=NOW,
            )  # fmt: skip
            delivery = Delivery(
                destination=destination, created_at=NOW, order_key=person.id if ordered else None
            )
            report = Report(
                kind=kind, sop_instance_uid=uid, document_key=key, object_key=key, created_at=NOW,
                deliveries=[delivery],
            )  # fmt: skip
            session.add(
                Grading(
                    uid=f"g{number}", recording=recording, bundle=bundle, active=True, flags=[],
                    created_at=NOW, reports=[report],
                )
            )  # fmt: skip
            session.flush()
        return list(session.scalars(select(Delivery.id).order_by(Delivery.id)))


def states(engine: Engine) -> list[DeliveryState]:
    """The states of all deliveries, the oldest first."""
    with Session(engine) as session:
        return list(session.scalars(select(Delivery.state).order_by(Delivery.id)))


def row(engine: Engine, number: int) -> Delivery:
    """One delivery with its report."""
    with Session(engine) as session:
        found = session.get_one(Delivery, number)
        assert found.report is not None
        return found
