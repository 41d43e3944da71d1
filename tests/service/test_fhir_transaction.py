"""Results as FHIR transactions: valid, complete, the same when made again."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from grading.scales import PREDICTED_ITEMS
from service.delivery.fhir_transaction import PatientSystemError, transaction_of
from service.delivery.messages import freeze_fhir
from service.delivery.outcomes import Parcel
from service.peer_settings import PatientSystems
from service.records.models import Grading, Recording, Report
from service.storage import FolderStorage
from tests.service.clinic import PDF
from tests.service.fhir_models import valid

SYSTEMS = PatientSystems(systems={"": "urn:oid:1.2.276.0.99"})


@pytest.fixture
def parcel(ada: Recording, engine: object, storage: FolderStorage, tmp_path: Path) -> Parcel:
    with Session(engine) as session:  # type: ignore[call-overload]
        grading = session.query(Grading).filter_by(recording_key=ada.id).one()
        report = session.query(Report).filter_by(grading_key=grading.id).one()
        file = tmp_path / "frozen.json"
        file.write_bytes(freeze_fhir(grading.recording, grading, report))
    return Parcel("fhir", "1.2.3.4", file, file)


def made(parcel: Parcel, storage: FolderStorage, *, create_patients: bool = True) -> dict[str, Any]:
    content = transaction_of(parcel, SYSTEMS, storage, create_patients=create_patients)
    assert content == transaction_of(parcel, SYSTEMS, storage, create_patients=create_patients)
    bundle: dict[str, Any] = json.loads(content)
    return bundle


def finalize(parcel: Parcel) -> None:
    parcel.content.write_text(json.dumps(json.loads(parcel.content.read_text()) | {"final": True}))


def references(value: object) -> set[str]:
    if isinstance(value, dict):
        own = {value["reference"]} if isinstance(value.get("reference"), str) else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_a_transaction_is_valid_and_every_reference_leads_to_an_entry(
    parcel: Parcel, storage: FolderStorage
) -> None:
    bundle = made(parcel, storage)
    valid(bundle)
    entries = bundle["entry"]
    kinds = [entry["resource"]["resourceType"] for entry in entries]
    assert kinds == ["Patient", "ImagingStudy", *["Observation"] * (len(kinds) - 3), "DiagnosticReport"]
    inside = {name for name in references(bundle) if not name.startswith("#")}
    assert inside <= {entry["fullUrl"] for entry in entries}
    assert not any({"id", "meta"} & entry["resource"].keys() for entry in entries)
    components = {part["code"]["coding"][0]["code"] for part in entries[2]["resource"]["component"]}
    assert {f"EF-{item.id}" for item in PREDICTED_ITEMS} <= components
    report = entries[-1]["resource"]
    assert base64.b64decode(report["presentedForm"][0]["data"]) == PDF
    assert report["status"] == "preliminary"
    assert entries[0]["request"]["ifNoneExist"] == "identifier=urn:oid:1.2.276.0.99|PH-1"
    assert all(
        entry["request"]["method"] == "POST" and entry["request"]["ifNoneExist"].startswith("identifier=urn:")
        for entry in entries
    )
    criteria = [(entry["request"]["url"], entry["request"]["ifNoneExist"]) for entry in entries]
    assert len(set(criteria)) == len(criteria)


def test_a_signed_report_replaces_its_draft_where_it_lies(parcel: Parcel, storage: FolderStorage) -> None:
    draft = made(parcel, storage)["entry"]
    finalize(parcel)
    final = made(parcel, storage)["entry"]
    valid({"resourceType": "Bundle", "type": "transaction", "entry": final})
    for before, after in zip(draft, final, strict=True):
        if after["resource"]["resourceType"] in ("Observation", "DiagnosticReport"):
            wanted = f"{after['resource']['resourceType']}?{before['request']['ifNoneExist']}"
            assert after["request"] == {"method": "PUT", "url": wanted}
            assert after["resource"]["status"] == "final"
        else:
            assert after == before


def test_patients_are_only_referred_to_where_they_must_not_be_made(
    parcel: Parcel, storage: FolderStorage
) -> None:
    bundle = made(parcel, storage, create_patients=False)
    kinds = {entry["resource"]["resourceType"] for entry in bundle["entry"]}
    assert "Patient" not in kinds
    assert bundle["entry"][-1]["resource"]["subject"] == {
        "reference": "Patient?identifier=urn:oid:1.2.276.0.99|PH-1"
    }


def test_a_patient_whose_issuer_has_no_system_is_not_sent(parcel: Parcel, storage: FolderStorage) -> None:
    with pytest.raises(PatientSystemError, match="systems"):
        transaction_of(parcel, PatientSystems(), storage, create_patients=True)
