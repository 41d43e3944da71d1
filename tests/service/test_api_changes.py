"""What programs change through the interface, who is said to have done it, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, select

from grading.bundle import COMMISSIONING_BUNDLE, load_bundle, save_bundle
from service import activating
from service.database import transaction
from service.records.audit import system
from service.records.gradings import save_grading
from service.records.models import AuditEvent, Change, Delivery, DeliveryState, Recording, Surgery
from service.records.models.regrading import Regrading, RegradingState
from service.records.tokens import Scope
from tests.service.clinic import SURGERY_DAY, Clinic
from tests.service.programs import API, Program, problem
from tests.service.samples import result

SURGERY = {"performed_on": "2023-01-10", "procedure": "Cross-face graft", "side": "R"}
EVENT = {"happened_on": "2024-06-01", "kind": "botulinum toxin", "side": "L"}


def change(
    program: Program, method: str, path: str, body: Any = None, tag: str | None = None
) -> httpx.Response:
    """Ask for a change of a record that was read with ``tag``."""
    headers = {"Content-Type": "application/json"} | ({"If-Match": tag} if tag else {})
    content = None if body is None else json.dumps(body)
    return program.ask(method, API + path, Scope.WRITE, content=content, headers=headers)


def trail(engine: Engine) -> list[tuple[str, str]]:
    """The audit trail: who and what, the oldest first."""
    with transaction(engine) as session:
        rows = session.scalars(select(AuditEvent).order_by(AuditEvent.id))
        return [(row.actor, row.kind) for row in rows]


def test_surgery_is_recorded_and_recordings_are_placed_around_it(program: Program, ada: Recording) -> None:
    answer = change(program, "POST", "/surgeries", {"patient": ada.patient_key, **SURGERY})
    assert answer.status_code == 201
    surgery = program.get(answer.headers["location"])
    assert surgery.json() == answer.json()
    assert surgery.headers["etag"] == answer.headers["etag"]
    early = program.json(f"{API}/recordings/1")["timepoint"]
    assert early["surgery"] == answer.json()["id"]
    again = change(program, "POST", "/surgeries", {"patient": ada.patient_key, **SURGERY})
    assert again.json() == answer.json()


def test_surgery_by_an_id_makes_a_patient_who_is_not_known(program: Program) -> None:
    who = {"value": "PH-9", "issuer": "HOSP"}
    answer = change(program, "POST", "/surgeries", {"patient": who, **SURGERY})
    patient = program.json(f"{API}/patients/{answer.json()['patient']}")
    assert (patient["patient_id"], patient["issuer"]) == ("PH-9", "HOSP")


def test_surgery_is_corrected_only_as_it_was_read(program: Program, ada: Recording, engine: Engine) -> None:
    path = f"/surgeries/{ada.surgery_key}"
    tag = program.get(API + path).headers["etag"]
    problem(change(program, "PATCH", path, {"side": "R"}), 428, "api.unconditional")
    corrected = change(program, "PATCH", path, {"performed_on": "2024-03-13"}, f"W/{tag}")
    assert (corrected.json()["performed_on"], corrected.json()["side"]) == ("2024-03-13", "L")
    assert program.json(f"{API}/recordings/{ada.id}")["timepoint"]["days"] == 183
    problem(change(program, "PATCH", path, {"side": "R"}, tag), 412, "api.changed")
    with transaction(engine) as session:
        (kept,) = session.scalars(select(Change))
        assert (kept.made_by, kept.before["performed_on"]) == ("token write program", "2024-03-12")


def test_date_of_death_that_was_a_mistake_is_taken_back(program: Program, ada: Recording) -> None:
    path = f"/patients/{ada.patient_key}"
    dead = change(program, "PATCH", path, {"death_date": "2024-06-01"}, tag="*")
    assert dead.json()["death_date"] == "2024-06-01"
    renamed = change(program, "PATCH", path, {"name": "Doe^Jane"}, tag="*")
    assert renamed.json()["death_date"] == "2024-06-01"
    assert change(program, "PATCH", path, {"death_date": None}, tag="*").json()["death_date"] is None


def test_merge_of_a_patient_with_the_same_is_refused(program: Program, ada: Recording) -> None:
    both = {"survivor": ada.patient_key, "other": ada.patient_key}
    answer = program.ask("POST", f"{API}/patients/merge", scope=Scope.ADMIN, json=both)
    problem(answer, 422, "patient.merge")


def test_surgery_is_deleted_only_as_it_was_read(program: Program, ada: Recording, engine: Engine) -> None:
    path = f"/surgeries/{ada.surgery_key}"
    tag = program.get(API + path).headers["etag"]
    problem(change(program, "DELETE", path), 428, "api.unconditional")
    problem(change(program, "DELETE", path, tag='"other"'), 412, "api.changed")
    gone = change(program, "DELETE", path, tag=tag)
    assert (gone.status_code, gone.content) == (204, b"")
    problem(program.get(API + path), 404, "api.not_found")
    problem(change(program, "DELETE", path, tag="*"), 404, "api.not_found")
    assert program.json(f"{API}/recordings/{ada.id}")["timepoint"] is None


def test_surgery_that_cannot_be_is_refused(program: Program, ada: Recording, engine: Engine) -> None:
    for given, status, code in (
        ({"performed_on": "1960-01-01"}, 422, "surgery.invalid"),
        ({"performed_on": "2999-01-01"}, 422, "surgery.invalid"),
        ({"performed_on": "2023-02-30"}, 422, "api.unfit"),
        ({"side": "left"}, 422, "api.unfit"),
        ({"side": None}, 422, "api.unfit"),
        ({"procedure": " "}, 422, "api.unfit"),
        ({"procedure": "a\0b"}, 422, "api.unfit"),
        ({"procedure": "a\ud800b"}, 422, "api.unfit"),
        ({"note": "a\0b"}, 422, "api.unfit"),
        ({"surgeon": "x" * 201}, 422, "api.unfit"),
        ({"patient": 99}, 404, "api.not_found"),
        ({"patient": {"value": " "}}, 422, "api.unfit"),
        ({"color": "red"}, 422, "api.unfit"),
    ):
        body = {"patient": ada.patient_key} | SURGERY | given
        problem(change(program, "POST", "/surgeries", body), status, code)
    with transaction(engine) as session:
        assert len(session.scalars(select(Surgery)).all()) == 1


def test_two_surgeries_on_one_day_both_stand(program: Program, ada: Recording) -> None:
    for side in ("L", "R"):
        body = {"patient": ada.patient_key, **SURGERY, "side": side, "performed_on": str(SURGERY_DAY)}
        assert change(program, "POST", "/surgeries", body).status_code == 201
    listed = program.json(f"{API}/surgeries?patient={ada.patient_key}")["items"]
    assert [one["side"] for one in listed] == ["R", "L", "L"]


def test_event_is_recorded_corrected_and_deleted(program: Program, ada: Recording) -> None:
    made = change(program, "POST", "/events", {"patient": ada.patient_key, **EVENT})
    path = made.headers["location"].removeprefix(API)
    corrected = change(program, "PATCH", path, {"note": "20 units\nin all"}, made.headers["etag"])
    assert corrected.json()["note"] == "20 units\nin all"
    assert program.json(f"{API}/events?patient={ada.patient_key}")["items"] == [corrected.json()]
    problem(change(program, "PATCH", path, {"side": "R"}, made.headers["etag"]), 412, "api.changed")
    assert change(program, "DELETE", path, tag=corrected.headers["etag"]).status_code == 204
    problem(program.get(API + path), 404, "api.not_found")
    early = {"patient": ada.patient_key, **EVENT, "happened_on": "1960-01-01"}
    problem(change(program, "POST", "/events", early), 422, "event.invalid")


def test_patient_is_added_once_corrected_and_found_by_a_further_id(program: Program) -> None:
    new = {"patient_id": "PH-1", "issuer": "HOSP", "name": "Phantom^Ada", "birth_date": "1971-05-04"}
    made = change(program, "POST", "/patients", new)
    assert made.status_code == 201
    problem(change(program, "POST", "/patients", new), 409, "api.conflict")
    path = made.headers["location"].removeprefix(API)
    corrected = change(program, "PATCH", path, {"sex": "F"}, made.headers["etag"])
    assert (corrected.json()["sex"], corrected.json()["name"]) == ("F", "Phantom^Ada")
    problem(change(program, "PATCH", path, {"sex": "M"}, made.headers["etag"]), 412, "api.changed")
    died = change(program, "PATCH", path, {"death_date": "1970-01-01"}, corrected.headers["etag"])
    problem(died, 422, "patient.invalid")
    change(program, "POST", f"{path}/identifiers", {"value": "17", "issuer": "OLD"})
    found = program.ask("POST", f"{API}/patients/search", json={"patient_id": "17", "issuer": "OLD"})
    (patient,) = found.json()["items"]
    assert patient["identifiers"] == [{"value": "17", "issuer": "OLD"}]


def test_birth_that_cannot_be_is_refused(program: Program) -> None:
    for born in ("2999-01-01", "0000-01-01", "31.12.1970"):
        answer = change(program, "POST", "/patients", {"patient_id": "PH-1", "birth_date": born})
        assert answer.status_code == 422
    assert program.json(f"{API}/patients")["items"] == []


def test_merging_takes_an_admin_and_leaves_one_patient_with_both_ids(
    program: Program, ada: Recording, clinic: Clinic
) -> None:
    other = clinic.patient("Phantom^Ada", "PH-2")
    clinic.session.commit()
    two = {"survivor": ada.patient_key, "other": other.id}
    problem(change(program, "POST", "/patients/merge", two), 403, "api.forbidden")
    merged = program.ask("POST", f"{API}/patients/merge", Scope.ADMIN, json=two)
    assert merged.json()["identifiers"] == [{"value": "PH-2", "issuer": ""}]
    problem(program.get(f"{API}/patients/{other.id}"), 404, "api.not_found")
    problem(program.ask("POST", f"{API}/patients/merge", Scope.ADMIN, json=two), 404, "api.not_found")


def test_table_comes_in_whole_or_not_at_all(program: Program) -> None:
    def sent(table: str, query: str = "", kind: str = "surgeries") -> httpx.Response:
        path = f"{API}/imports/{kind}{query}"
        return program.ask(
            "POST", path, Scope.ADMIN, content=table.encode(), headers={"Content-Type": "text/csv"}
        )

    good = "patient_id;date;procedure;side\nPH-1;12.3.2024;Jump;L\nPH-1;13.3.2024;Jump;R\n"
    dry = sent(good, "?dry_run=true").json()
    assert (dry["stored"], dry["added"], dry["new_patients"]) == (False, 2, 1)
    assert program.json(f"{API}/surgeries")["items"] == []
    bad = problem(sent(good + "PH-1;31.2.2024;Jump;X\n"), 422, "import.problems")
    assert "row 4, date" in str(bad["errors"])
    assert program.json(f"{API}/surgeries")["items"] == []
    assert sent(good).json()["stored"]
    assert len(program.json(f"{API}/surgeries")["items"]) == 2
    assert sent(good).json()["known"] == 2
    told = problem(sent("a,b\n1,2\n"), 422, "table.invalid")
    assert str(told["detail"]).startswith("the table: the first row")
    problem(sent(good, kind="photos"), 422, "api.unfit")
    problem(sent(good, "?encoding=ebcdic"), 422, "api.unfit")
    problem(change(program, "POST", "/imports/surgeries"), 403, "api.forbidden")


def test_failed_delivery_is_tried_again(program: Program, ada: Recording, engine: Engine) -> None:
    problem(change(program, "POST", "/deliveries/1/retry"), 409, "api.conflict")
    with transaction(engine) as session:
        session.get_one(Delivery, 1).state = DeliveryState.FAILED
    assert change(program, "POST", "/deliveries/1/retry").json()["state"] == "pending"
    problem(change(program, "POST", "/deliveries/99/retry"), 404, "api.not_found")


def test_failed_delivery_is_given_up(program: Program, ada: Recording, engine: Engine) -> None:
    problem(change(program, "POST", "/deliveries/1/drop"), 409, "api.conflict")
    with transaction(engine) as session:
        session.get_one(Delivery, 1).state = DeliveryState.FAILED
    assert change(program, "POST", "/deliveries/1/drop").json()["state"] == "dropped"
    problem(change(program, "POST", "/deliveries/99/drop"), 404, "api.not_found")


def test_who_read_and_changed_what_stands_in_the_audit_trail(
    program: Program, ada: Recording, engine: Engine
) -> None:
    program.json(f"{API}/patients")
    program.json(f"{API}/patients/{ada.patient_key}")
    program.json(f"{API}/recordings/{ada.id}")
    program.json(f"{API}/gradings/2")
    program.get(f"{API}/reports/1/document")
    change(program, "POST", "/surgeries", {"patient": ada.patient_key, **SURGERY})
    program.ask("POST", f"{API}/recordings/1/retry")
    reader, writer = "read program", "write program"
    assert trail(engine) == [
        (reader, "patients.listed"),
        (reader, "patient.viewed"),
        (reader, "recording.viewed"),
        (reader, "recording.viewed"),
        (reader, "document.viewed"),
        (writer, "surgery.added"),
        (reader, "access.refused"),
    ]


def test_what_a_rater_scored_is_replaced_only_as_it_was_read(program: Program, ada: Recording) -> None:
    new = {"recording": ada.id, "rater": "A", "scores": {"R1": 96, "M4": 70.5}}
    made = change(program, "POST", "/annotations", new)
    assert (made.status_code, made.json()["scale"]) == (201, "eface")
    assert program.json(f"{API}/annotations?recording={ada.id}")["items"] == [made.json()]
    (row,) = (one for one in program.json(f"{API}/queries/differences") if one["item"] == "R1")
    assert (row["rated"], row["graded"]) == (96, 70)
    other = new | {"scores": {"R1": 90}}
    problem(change(program, "POST", "/annotations", other), 409, "api.conflict")
    replaced = change(program, "POST", "/annotations", other, made.headers["etag"])
    assert replaced.json()["id"] == made.json()["id"]
    problem(change(program, "POST", "/annotations", new, made.headers["etag"]), 412, "api.changed")
    assert program.json(f"{API}/annotations/{made.json()['id']}")["scores"] == {"R1": 90}
    for given, status, code in (
        ({"scores": {"M4": 101}}, 422, "annotation.scores"),
        ({"scores": {"X9": 1}}, 422, "annotation.scores"),
        ({"scores": {}}, 422, "api.unfit"),
        ({"recording": 99}, 404, "api.not_found"),
    ):
        problem(change(program, "POST", "/annotations", new | {"rater": "B"} | given), status, code)


def test_changes_and_the_audit_trail_can_be_read(program: Program, ada: Recording) -> None:
    path = f"/surgeries/{ada.surgery_key}"
    change(program, "PATCH", path, {"surgeon": "Dr. Phantom"}, "*")
    (made,) = program.json(f"{API}/changes?patient={ada.patient_key}")["items"]
    assert (made["subject_id"], made["before"]["surgeon"]) == (ada.surgery_key, "")
    problem(program.get(f"{API}/audit-events"), 403, "api.forbidden")
    trail = f"{API}/audit-events?patient={ada.patient_key}"
    kinds = [event["kind"] for event in program.json(trail, scope=Scope.ADMIN)["items"]]
    assert kinds == ["audit.read", "surgery.changed"]


def test_regrading_rests_goes_on_and_its_bundle_is_adopted(
    program: Program, ada: Recording, clinic: Clinic
) -> None:
    other = clinic.bundle("other")
    save_grading(clinic.session, "1.9", ada.id, other.id, result(60), (), beside=True)
    run = Regrading(bundle_hash=other.hash, bundle_name="other 1", bundle_path="/x")
    run.state = RegradingState.RUNNING
    clinic.session.add(run)
    clinic.session.commit()
    assert program.ask("POST", f"{API}/regradings/1/pause", Scope.ADMIN).json()["state"] == "paused"
    (listed,) = program.json(f"{API}/regradings")
    assert (listed["bundle"], listed["state"]) == ("other 1", "paused")
    assert program.ask("POST", f"{API}/regradings/1/resume", Scope.ADMIN).json()["state"] == "running"
    problem(program.ask("POST", f"{API}/regradings/9/pause", Scope.ADMIN), 404, "regrading.unknown")
    problem(change(program, "POST", f"/bundles/{other.id}/adopt"), 403, "api.forbidden")
    adopted = program.ask("POST", f"{API}/bundles/{other.id}/adopt", Scope.ADMIN)
    assert adopted.json() == {"recordings": 1}
    (counts,) = program.json(f"{API}/gradings?recording={ada.id}&active=true")["items"]
    assert counts["bundle"] == other.id
    problem(program.ask("POST", f"{API}/bundles/99/adopt", Scope.ADMIN), 404, "api.not_found")


@pytest.mark.journey
def test_a_bundle_is_activated_and_rolled_back(program: Program, clinic: Clinic, tmp_path: Path) -> None:
    save_bundle(replace(load_bundle(COMMISSIONING_BUNDLE), name="new"), tmp_path / "new")
    new = activating.install(clinic.session, system("test"), clinic.storage, tmp_path / "new")
    lost = clinic.bundle("lost")
    clinic.session.commit()
    path = f"/bundles/{new.id}/activate"
    problem(change(program, "POST", path, {}), 403, "api.forbidden")

    def decide(path: str, why: dict[str, str]) -> httpx.Response:
        return program.ask("POST", f"{API}{path}", Scope.ADMIN, json=why)

    made = decide(path, {"reason": "a try"}).json()
    assert (made["bundle"], made["reason"], made["active"]) == (new.id, "a try", True)
    problem(decide(path, {}), 422, "bundle.active")
    problem(decide(f"/bundles/{lost.id}/activate", {}), 422, "bundle.not_installed")
    problem(decide("/bundles/99/activate", {}), 404, "api.not_found")
    back = decide("/bundles/roll-back", {}).json()
    assert (back["bundle"], back["replaced"]) == (made["replaced"], new.id)
    listed = program.json(f"{API}/bundles/activations")["items"]
    assert [(one["bundle"], one["active"]) for one in listed] == [(back["bundle"], True), (new.id, False)]


def test_what_was_refused_left_nothing_behind(program: Program, ada: Recording, engine: Engine) -> None:
    body = {"patient": {"value": "PH-9"}, **SURGERY, "performed_on": "2999-01-01"}
    problem(change(program, "POST", "/surgeries", body), 422, "surgery.invalid")
    assert trail(engine) == []
    assert len(program.json(f"{API}/patients")["items"]) == 1
