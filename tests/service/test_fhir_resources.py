"""The records as FHIR resources: each is valid R4B by fhir.resources, and says what the rows say.

fhir.resources has no plain R4 and does not check codes of required bindings: those are compared here.
"""

import base64
import hashlib

import pytest

from dicom import codes
from dicom.uids import CODING_SCHEME_UID
from grading.scales import PREDICTED_ITEMS, find_item
from service.fhir.coding import INTERVAL, SYSTEMS, Resource
from service.fhir.diagnostic_reports import Pdf, diagnostic_report_resource
from service.fhir.observations import CODES, observation_ids, observation_resources
from service.fhir.people import identifier, patient_resource, procedure_resource
from service.fhir.studies import imaging_study_resource
from service.records.models import Grading, Patient, Recording
from tests.service.clinic import PDF, SURGERY_DAY, Clinic
from tests.service.fhir_models import valid

OURS = f"urn:oid:{CODING_SCHEME_UID}"


@pytest.fixture
def grading(ada: Recording) -> Grading:
    return ada.gradings[0]


@pytest.fixture
def observations(grading: Grading) -> list[Resource]:
    return observation_resources(grading, final=False)


def code_of(coded: Resource) -> str:
    return str(coded["code"]["coding"][0]["code"])


def component(observation: Resource, code: str) -> Resource:
    (found,) = (one for one in observation["component"] if code_of(one) == code)
    return found


def test_patient_says_identity_and_when_it_last_changed(ada: Recording) -> None:
    assert ada.patient is not None
    patient = valid(patient_resource(ada.patient, {}))
    assert patient["identifier"][0]["value"] == "PH-1"
    assert patient["name"] == [{"text": "Ada Phantom", "family": "Phantom", "given": ["Ada"]}]
    assert (patient["gender"], patient["birthDate"]) == ("female", "1971-05-04")
    assert patient["meta"]["lastUpdated"].endswith("+00:00")


@pytest.mark.parametrize(
    ("issuer", "system"),
    [
        ("HOSP", "http://hospital.example/mrn"),
        ("1.2.276.0.76.3.1", "urn:oid:1.2.276.0.76.3.1"),
        ("urn:oid:1.2.3", "urn:oid:1.2.3"),
        ("Ward 7", None),
        ("", None),
    ],
)
def test_issuer_of_a_patient_id_is_its_system(issuer: str, system: str | None) -> None:
    made = identifier("PH-1", issuer, {"HOSP": "http://hospital.example/mrn"})
    assert made.get("system") == system
    assert made.get("assigner") == ({"display": issuer} if issuer else None)


def test_every_spelling_of_a_name_is_a_name(clinic: Clinic) -> None:
    patient = clinic.patient("Yamada^Tarou=山田^太郎=やまだ^たろう", "PH-2")
    names = valid(patient_resource(patient, {}))["name"]
    assert [name["family"] for name in names] == ["Yamada", "山田", "やまだ"]
    assert [name["extension"][0]["valueCode"] for name in names] == ["ABC", "IDE", "SYL"]


@pytest.mark.parametrize("name", ["", "^^^^", "Doe", "Doe^Jane^Mary^Dr^MD^x"])
def test_any_name_makes_a_valid_patient(clinic: Clinic, name: str) -> None:
    patient = Patient(patient_id="PH-3", issuer="", name=name, sex="", birth_date=None)
    clinic.session.add(patient)
    clinic.session.flush()
    valid(patient_resource(patient, {}))


def test_surgery_is_a_completed_procedure_in_its_own_words(ada: Recording) -> None:
    assert ada.surgery is not None
    procedure = valid(procedure_resource(ada.surgery))
    assert procedure["status"] == "completed"
    assert procedure["code"]["text"] == "Jump anastomosis"
    assert procedure["performedDateTime"] == SURGERY_DAY.isoformat()
    assert [site["coding"][0]["display"] for site in procedure["bodySite"]] == ["Face", "Left"]
    assert procedure["subject"]["reference"] == f"Patient/{ada.patient_key}"


def test_recording_is_a_study_of_its_photos(ada: Recording) -> None:
    study = valid(imaging_study_resource(ada))
    uid, accession = study["identifier"]
    assert uid == {"system": "urn:dicom:uid", "value": f"urn:oid:{ada.study_uid}"}
    assert accession["value"] == "ACC-1"
    assert study["started"] == "2024-09-12"
    (series,) = study["series"]
    assert series["uid"] == ada.series_uid
    assert [instance["title"] for instance in series["instance"]] == [photo.pose for photo in ada.photos]


def test_recording_of_nobody_is_a_valid_study(ada: Recording) -> None:
    ada.patient_key = None
    assert "display" in valid(imaging_study_resource(ada))["subject"]


def test_grading_is_one_observation_with_the_items_as_components(observations: list[Resource]) -> None:
    whole = valid(observations[0])
    assert whole["code"]["coding"][0] == {"system": OURS, "code": "EFACE", "display": "eFACE"}
    assert (whole["status"], whole["effectiveDateTime"]) == ("preliminary", "2024-09-12")
    smile = component(whole, "EF-M4")
    assert smile["valueQuantity"]["value"] == 70
    assert smile["valueQuantity"]["system"] == SYSTEMS["UCUM"]
    (interval,) = smile["valueQuantity"]["extension"]
    ends = (interval["valueRange"]["low"]["value"], interval["valueRange"]["high"]["value"])
    assert (interval["url"], ends) == (INTERVAL, (50, 90))
    (bounds,) = component(whole, "EF-R1")["referenceRange"]
    assert (bounds["low"]["value"], bounds["high"]["value"]) == (0, 200)


def test_time_from_surgery_and_flags_go_along_and_an_estimated_side_does_not(
    grading: Grading, observations: list[Resource]
) -> None:
    whole = observations[0]
    assert component(whole, "128740")["valueQuantity"]["value"] == 184
    flags = [one["valueCodeableConcept"] for one in whole["component"] if code_of(one) == "FLAG"]
    assert [flag["coding"][0]["code"] for flag in flags] == ["CLIPPED", "SIDE-ESTIMATED", "UNLIKE-TRAINING"]
    assert "M4" in flags[0]["text"]
    assert "272741003" not in str(whole)
    grading.flags = []
    (known,) = (
        one["valueCodeableConcept"]
        for one in observation_resources(grading, final=False)[0]["component"]
        if code_of(one) == "272741003"
    )
    assert known["coding"][0]["display"] == "Right"


def test_commissioning_model_is_said_to_be_one(observations: list[Resource]) -> None:
    for observation in observations:
        assert "not for clinical use" in observation["note"][0]["text"]
        assert observation["contained"][0]["deviceName"][0]["name"] == "commissioning"


def test_item_without_a_score_is_said_to_be_absent(clinic: Clinic, grading: Grading) -> None:
    clinic.session.delete(next(score for score in grading.items if score.item == "M4"))
    clinic.session.flush()
    clinic.session.expire(grading)
    observations = observation_resources(grading, final=False)
    absent = component(valid(observations[0]), "EF-M4")
    assert "valueQuantity" not in absent
    assert absent["dataAbsentReason"]["coding"][0]["code"] == "not-performed"
    assert [code_of(one) for one in observations] == [
        "EFACE",
        "EF-STATIC",
        "EF-STATIC-RAJ",
    ]


def test_sub_scores_are_observations_derived_from_the_grading(
    grading: Grading, observations: list[Resource]
) -> None:
    assert [one["id"] for one in observations] == observation_ids(grading)
    assert [code_of(one) for one in observations] == [code.value for code in CODES]
    assert len({one["identifier"][0]["value"] for one in observations}) == len(observations)
    static, plain = map(valid, observations[1:3])
    assert static["valueQuantity"]["value"] == 70
    assert "extension" in static["valueQuantity"]
    assert "extension" not in plain["valueQuantity"]
    assert static["derivedFrom"] == [{"reference": f"Observation/{grading.id}"}]
    members = [member["reference"] for member in observations[0]["hasMember"]]
    assert members == [f"Observation/{one['id']}" for one in observations[1:]]


def test_codes_are_those_of_the_structured_report(observations: list[Resource]) -> None:
    sent = {code_of(one) for one in observations[0]["component"]}
    assert sent >= {codes.item_code(find_item(item.id)).value for item in PREDICTED_ITEMS}


def test_signed_report_and_its_observations_are_final(grading: Grading) -> None:
    report = diagnostic_report_resource(grading, grading.reports[0], Pdf(), final=True)
    assert {one["status"] for one in [report, *observation_resources(grading, final=True)]} == {"final"}


def test_report_carries_its_pdf_as_address_and_where_asked_as_content(grading: Grading) -> None:
    (row,) = grading.reports
    told = valid(diagnostic_report_resource(grading, row, Pdf("http://localhost/one.pdf"), final=False))
    assert "data" not in told["presentedForm"][0]
    whole = valid(diagnostic_report_resource(grading, row, Pdf("http://localhost/one.pdf", PDF), final=False))
    (form,) = whole["presentedForm"]
    assert base64.b64decode(form["data"]) == PDF
    assert (form["contentType"], form["size"]) == ("application/pdf", len(PDF))
    assert base64.b64decode(form["hash"]) == hashlib.sha1(PDF, usedforsecurity=False).digest()
    assert whole["result"] == [{"reference": f"Observation/{name}"} for name in observation_ids(grading)]


def test_references_are_made_as_the_caller_wants_them(grading: Grading) -> None:
    def refer(kind: str, resource_id: str) -> str:
        return f"urn:uuid:{kind}-{resource_id}"

    whole = observation_resources(grading, final=False, refer=refer)[0]
    assert whole["subject"]["reference"] == f"urn:uuid:Patient-{grading.recording.patient_key}"
    assert whole["hasMember"][0]["reference"].startswith("urn:uuid:Observation-")
