"""The FHIR server over a real database: reading, searching, pages, and what it refuses.

What the resources say is for the tests of resources.
"""

import asyncio
import base64
import datetime as dt
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import structlog
from sqlalchemy import Engine, select, update

from service.database import connect, transaction
from service.fhir.coding import Resource
from service.records.gradings import save_grading
from service.records.models import AuditEvent, Grading, Patient, Recording, Report, SignOff, Surgery
from service.records.patients import add_identifier
from service.settings import ApiSettings, Settings
from service.storage import FolderStorage
from service.web.serve import make_site
from tests.service.clinic import PDF, SURGERY_DAY, Clinic
from tests.service.fhir_models import valid
from tests.service.programs import Program
from tests.service.samples import result

# A whole site over filled records.
pytestmark = pytest.mark.journey

KINDS = ("Patient", "Procedure", "ImagingStudy", "Observation", "DiagnosticReport")


def told(answer: httpx.Response, status: int = 200) -> Resource:
    """The resource that an answer is, which is valid."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/fhir+json; charset=utf-8"
    return valid(answer.json())


def refused(answer: httpx.Response, status: int, issue: str, code: str) -> str:
    """Why a request was refused: the words of its one issue."""
    (one,) = told(answer, status)["issue"]
    assert (one["severity"], one["code"], one["diagnostics"]) == ("error", issue, code)
    return str(one["details"]["text"])


def matches(bundle: Resource) -> list[str]:
    """The ids of what was found."""
    return [one["resource"]["id"] for one in bundle.get("entry", ()) if one["search"]["mode"] == "match"]


def found(program: Program, search: str, **options: Any) -> list[str]:
    return matches(told(program.get(f"/fhir/{search}", **options)))


def test_statement_says_what_can_be_searched_by(program: Program) -> None:
    statement = told(program.get("/fhir/metadata"))
    assert (statement["fhirVersion"], statement["kind"]) == ("4.0.1", "instance")
    served = {
        one["type"]: {p["name"] for p in one["searchParam"]} for one in statement["rest"][0]["resource"]
    }
    assert tuple(served) == KINDS
    assert served["Observation"] == {"_id", "_lastUpdated", "patient", "subject", "code", "date"}


def test_everything_found_can_be_read(program: Program, ada: Recording) -> None:
    for kind in KINDS:
        bundle = told(program.get(f"/fhir/{kind}"))
        assert bundle["entry"]
        for entry in bundle["entry"][-2:]:
            path = urlsplit(entry["fullUrl"]).path
            assert path == f"/fhir/{kind}/{entry['resource']['id']}"
            answer = program.get(path)
            resource = told(answer)
            assert answer.headers["etag"] == f'W/"{resource["meta"]["versionId"]}"'
            if kind != "DiagnosticReport":
                assert resource == valid(entry["resource"])


def test_report_is_read_with_its_pdf_and_found_without(program: Program, ada: Recording) -> None:
    (entry,) = told(program.get("/fhir/DiagnosticReport"))["entry"]
    (form,) = entry["resource"]["presentedForm"]
    assert "data" not in form
    assert program.get(urlsplit(form["url"]).path).content == PDF
    (form,) = told(program.get("/fhir/DiagnosticReport/2"))["presentedForm"]
    assert base64.b64decode(form["data"]) == PDF


def test_signed_report_is_final_with_its_observations(
    program: Program, ada: Recording, clinic: Clinic
) -> None:
    draft = told(program.get("/fhir/DiagnosticReport/2"))
    signed_at = dt.datetime.now(dt.UTC)
    final = Report(
        kind="pdf",
        version="final",
        sop_instance_uid="1.9",
        document_key="reports/one.pdf",
        object_key="reports/one.dcm",
        created_at=signed_at,
    )
    grading = clinic.session.get_one(Grading, 2)
    grading.reports.append(final)
    grading.sign_off = SignOff(signed_by="Dr. Phantom", signed_at=signed_at)
    clinic.session.commit()
    report = told(program.get("/fhir/DiagnosticReport/2"))
    assert (draft["status"], report["status"]) == ("preliminary", "final")
    assert report["identifier"][0]["value"] == "urn:oid:1.9"
    assert len(told(program.get("/fhir/DiagnosticReport"))["entry"]) == 1
    observation = told(program.get("/fhir/Observation/2-EF-STATIC"))
    assert observation["status"] == "final"
    assert observation["meta"]["lastUpdated"] == signed_at.isoformat()
    assert told(program.get("/fhir/Observation/1"))["status"] == "preliminary"


def test_report_whose_file_is_gone_is_read_without_it(
    program: Program, ada: Recording, storage: FolderStorage
) -> None:
    storage.path("reports/one.pdf").unlink()
    (form,) = told(program.get("/fhir/DiagnosticReport/2"))["presentedForm"]
    assert "data" not in form


def test_patient_is_found_by_any_identifier(
    engine: Engine, storage: FolderStorage, runner: asyncio.Runner, clinic: Clinic
) -> None:
    for patient_id, issuer in (("1", "HOSP"), ("1", "1.2.3"), ("1", "urn:x:y"), ("1", ""), ("2", "")):
        clinic.session.add(Patient(patient_id=patient_id, issuer=issuer))
    clinic.session.flush()
    add_identifier(clinic.session, clinic.session.get_one(Patient, 5), "old,1", "HOSP")
    clinic.session.commit()
    systems = {"HOSP": "http://hospital.example/mrn"}
    site = make_site(engine, storage, Settings(api=ApiSettings(identifier_systems=systems)))
    program = Program(site, runner, engine)
    for identifier, ids in (
        ("1", ["4", "3", "2", "1"]),
        ("http://hospital.example/mrn|1", ["1"]),
        ("urn:oid:1.2.3|1", ["2"]),
        ("urn:x:y|1", ["3"]),
        ("urn:x:y|", ["3"]),
        ("|1", ["4"]),
        ("urn:oid:9.9|1", []),
        ("3", []),
        ("2,urn:x:y|1", ["5", "3"]),
        ("http://hospital.example/mrn|old\\,1", ["5"]),
    ):
        assert found(program, "Patient", params={"identifier": identifier}) == ids, identifier
    identifiers = told(program.get("/fhir/Patient/5"))["identifier"]
    assert [one["use"] for one in identifiers] == ["usual", "secondary"]


def test_dates_are_spans_with_prefixes(program: Program, ada: Recording) -> None:
    day = SURGERY_DAY.isoformat()
    for date, fits in (
        (day, True), ("2024-03", True), ("2024", True), (f"{day}T23:59:00Z", True), ("2024-03-13", False),
        ("ne2024-03-13", True), ("ne2024", False), ("gt2024-03-11", True), (f"gt{day}", False),
        (f"ge{day}", True), ("lt2024-03-13", True), (f"lt{day}", False), (f"le{day}", True),
        ("sa2024-02", True), ("eb2024-04", True), ("eb2024-03", False), ("ap2024", True),
        ("2023,2024", True),
    ):  # fmt: skip
        assert bool(found(program, "Procedure", params={"date": date})) is fits, date
    assert found(program, "Procedure?date=ge2024-03-12&date=lt2024-03-12") == []
    assert found(program, "Observation?date=2024-03-03&code=EFACE") == ["1"]
    assert found(program, "ImagingStudy?started=gt2024-03-03") == ["2"]
    assert found(program, "Patient?birthdate=1971-05-04") == ["1"]
    for date in ("yesterday", "2024-3-1", "2024-02-30", "0000", "9999", "2024-03-12T10", "xx2024", "\ud7ff"):
        answer = program.get("/fhir/Procedure", params={"date": date})
        refused(answer, 400, "value", "fhir.value")


def test_what_changed_since_is_found(program: Program, ada: Recording, engine: Engine) -> None:
    later = (dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)).isoformat(timespec="seconds")
    for kind in KINDS:
        assert found(program, kind, params={"_lastUpdated": f"lt{later}"})
        assert not found(program, kind, params={"_lastUpdated": f"ge{later}"})
    with transaction(engine) as session:
        session.get_one(Surgery, ada.surgery_key).procedure = "Cross-face graft"
        before = session.get_one(Patient, ada.patient_key).updated_at
    assert told(program.get("/fhir/Procedure/1"))["meta"]["lastUpdated"] > before.isoformat()
    told_at = told(program.get("/fhir/Procedure/1"))["meta"]["lastUpdated"]
    assert found(program, "Procedure", params={"_lastUpdated": f"ge{told_at[:19]}Z"}) == ["1"]


def test_patient_code_and_id_choose_among_observations(program: Program, ada: Recording) -> None:
    assert len(found(program, "Observation?patient=1")) == 10
    assert len(found(program, "Observation?subject=Patient/1")) == 10
    assert len(found(program, "Observation?patient=http://localhost:8080/fhir/Patient/1")) == 10
    for nobody in ("2", "Group/1", "x", "1.5", "99999999999999999999"):
        assert found(program, f"Observation?patient={nobody}") == []
    assert found(program, "Observation?code=EF-STATIC") == ["2-EF-STATIC", "1-EF-STATIC"]
    assert found(program, "Observation?code=EF-STATIC,EFACE&_id=1,1-EF-STATIC") == ["1", "1-EF-STATIC"]
    assert found(program, "Observation?code=http://loinc.org|EF-STATIC") == []
    assert found(program, "Observation?code=nothing") == []
    assert found(program, "Procedure?code=http://snomed.info/sct|387713003") == ["1"]
    assert found(program, "DiagnosticReport?code=http://loinc.org|18748-4") == ["2"]
    study = told(program.get("/fhir/ImagingStudy/2"))["identifier"][0]["value"]
    assert found(program, f"ImagingStudy?identifier=urn:dicom:uid|{study}") == ["2"]
    assert found(program, f"ImagingStudy?identifier=urn:other|{study}") == []


def test_pages_lead_through_everything_once(program: Program, ada: Recording) -> None:
    everything = found(program, "Observation?patient=1")
    for count in (2, 7):
        path, seen = f"/fhir/Observation?patient=1&_count={count}", []
        while path:
            bundle = told(program.get(path))
            assert len(matches(bundle)) <= count
            seen += matches(bundle)
            links = {link["relation"]: link["url"] for link in bundle["link"]}
            path = links.get("next", "").removeprefix("http://localhost:8080")
        assert seen == everything


def test_posted_search_stands_in_no_address(program: Program, clinic: Clinic) -> None:
    for issuer in ("A", "B", "C"):
        clinic.session.add(Patient(patient_id="Secret-7", issuer=issuer))
    clinic.session.commit()
    search = {"identifier": "Secret-7", "_count": "2"}
    bundle = told(program.ask("POST", "/fhir/Patient/_search", data=search))
    assert matches(bundle) == ["3", "2"]
    links = {link["relation"]: link["url"] for link in bundle["link"]}
    assert "Secret" not in str(links)
    following = told(program.get(links["next"].removeprefix("http://localhost:8080")))
    assert matches(following) == ["1"]
    forgotten = program.get("/fhir/Patient?_kept=x&_page=x")
    refused(forgotten, 400, "value", "fhir.value")


def test_unknown_parameter_is_ignored_and_told_or_refused_if_asked(program: Program, ada: Recording) -> None:
    path = "/fhir/Procedure?patient=1&color=red&date:exact=2024"
    bundle = told(program.get(path))
    assert matches(bundle) == ["1"]
    assert bundle["link"][0]["url"] == "http://localhost:8080/fhir/Procedure?patient=1"
    notice = bundle["entry"][-1]
    assert notice["search"] == {"mode": "outcome"}
    assert "color, date:exact" in notice["resource"]["issue"][0]["details"]["text"]
    strict = program.get(path, headers={"Prefer": "handling=strict"})
    assert "color" in refused(strict, 400, "not-supported", "fhir.parameter")


def test_value_that_no_parameter_takes_is_refused(program: Program) -> None:
    for query in ("_count=0", "_count=x", "_count=-1", "_page=x", "_page=%00"):
        refused(program.get(f"/fhir/Patient?{query}"), 400, "value", "fhir.value")


def test_what_is_not_there_is_told_as_such(program: Program, ada: Recording) -> None:
    for path in ("Patient/99", "Patient/x", "Patient/1-x", "Observation/1-EF-R1", "Patient/" + "9" * 19):
        refused(program.get(f"/fhir/{path}"), 404, "not-found", "api.not_found")
    refused(program.get("/fhir/Encounter"), 404, "not-supported", "fhir.type")
    refused(program.get("/fhir/Encounter/1"), 404, "not-supported", "fhir.type")
    refused(program.get("/fhir/Patient/1/_history"), 404, "not-found", "api.not_found")
    refused(program.ask("PUT", "/fhir/Patient/1", json={}), 405, "not-supported", "fhir.refused")


def test_grading_that_another_replaced_is_gone(program: Program, ada: Recording, clinic: Clinic) -> None:
    save_grading(clinic.session, "1.9", ada.id, ada.gradings[0].bundle_key, result(60), ())
    clinic.session.commit()
    refused(program.get("/fhir/Observation/2"), 410, "deleted", "fhir.replaced")
    refused(program.get("/fhir/DiagnosticReport/2"), 410, "deleted", "fhir.replaced")
    assert found(program, "Observation?code=EFACE") == ["3", "1"]
    assert found(program, "DiagnosticReport") == []


def test_only_json_is_told(program: Program, ada: Recording) -> None:
    told(program.get("/fhir/Patient/1", headers={"Accept": "application/fhir+json;q=0.9, text/html"}))
    told(program.get("/fhir/Patient?_format=json", headers={"Accept": "text/html"}))
    for options in ({"headers": {"Accept": "application/fhir+xml"}}, {"params": {"_format": "xml"}}):
        refused(program.get("/fhir/Patient/1", **options), 406, "not-supported", "fhir.format")


def test_nothing_is_told_without_a_token(program: Program, ada: Recording) -> None:
    for path in ("metadata", "Patient", "Patient/1", "nothing"):
        refused(program.get(f"/fhir/{path}", scope=None), 401, "login", "api.unauthenticated")


def test_body_that_is_no_search_is_refused(program: Program) -> None:
    refused(
        program.ask("POST", "/fhir/Patient/_search", json={"identifier": "1"}), 400, "invalid", "fhir.refused"
    )


def test_text_that_no_database_holds_finds_nothing_or_is_refused(program: Program) -> None:
    refused(program.get("/fhir/Patient?identifier=%00"), 400, "value", "fhir.value")
    assert found(program, "Patient?identifier=%ed%a0%80") == []
    assert found(program, "Patient?identifier=%27;--%25_") == []


def test_readings_and_searches_stand_in_the_audit_trail(
    program: Program, ada: Recording, engine: Engine
) -> None:
    for path in ("Patient", "Patient/1", "Observation?patient=1", "Observation/2", "DiagnosticReport/2"):
        told(program.get(f"/fhir/{path}"))
    with transaction(engine) as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
    assert [(event.kind, event.patient_key, event.recording_key) for event in events] == [
        ("patients.listed", None, None),
        ("patient.viewed", 1, None),
        ("records.queried", None, None),
        ("recording.viewed", 1, 2),
        ("document.viewed", 1, 2),
    ]


def test_fault_of_ours_is_an_outcome_that_holds_nothing(
    program: Program, ada: Recording, engine: Engine
) -> None:
    with transaction(engine) as session:
        session.execute(update(Grading).values(flags=[{"Phantom": 1}]))
    with structlog.testing.capture_logs() as logged:
        answer = program.get("/fhir/Observation/2")
    refused(answer, 500, "exception", "api.failed")
    assert "Phantom" not in answer.text + str(logged)


def test_database_that_is_down_may_come_back(storage: FolderStorage, program: Program) -> None:
    program.app = make_site(connect("postgresql://x@/x?host=/nowhere"), storage, Settings())
    answer = program.get("/fhir/Patient")
    refused(answer, 503, "transient", "database.unavailable")
    assert answer.headers["retry-after"]
