"""The interface for programs over a real database: what it shows, what it changes, what it refuses.

How it bears requests that nobody thought of is for the journey with schemathesis.
"""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable

import pytest
import structlog
from fastapi import FastAPI
from pydicom import Dataset
from sqlalchemy import Engine, select, update

from dicom.intake import Stored
from grading.protocols import JENA9
from service.api.app import make_api
from service.api.limits import RateLimit
from service.database import connect, transaction
from service.records.models import ApiToken, Delivery, Recording, RecordingState
from service.records.tokens import Scope, TokenError, create_token, revoke_token
from service.settings import Settings
from service.storage import FolderStorage
from service.web.serve import make_site
from tests.service.clinic import JPEG, PDF, SURGERY_DAY, Clinic
from tests.service.programs import API, Program, problem
from tests.service.samples import series


def test_nothing_is_told_without_a_token(program: Program, ada: Recording) -> None:
    for path in ("/patients", "/recordings/2", "/openapi.json", "/nothing/here", "/worklist"):
        answer = program.get(API + path, scope=None)
        problem(answer, 401, "api.unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_token_that_is_wrong_expired_or_revoked_is_refused(program: Program, engine: Engine) -> None:
    wrong = {"Authorization": "Bearer facialis_wrong"}
    problem(program.get(f"{API}/worklist", headers=wrong), 401, "api.unauthenticated")
    program.json(f"{API}/worklist")
    with transaction(engine) as session:
        session.execute(
            update(ApiToken)
            .where(ApiToken.scope == Scope.READ)
            .values(expires_at=ApiToken.created_at - dt.timedelta(seconds=1))
        )
        revoke_token(session, "write program")
    problem(program.get(f"{API}/worklist"), 401, "api.unauthenticated")
    problem(program.get(f"{API}/worklist", scope=Scope.WRITE), 401, "api.unauthenticated")


def test_use_of_a_token_is_noted_and_its_text_is_not(program: Program, engine: Engine) -> None:
    program.json(f"{API}/worklist")
    with transaction(engine) as session:
        used = {token.scope: token for token in session.scalars(select(ApiToken))}
    assert used["read"].last_used_at is not None
    assert used["write"].last_used_at is None
    assert program.tokens[Scope.READ] not in str([vars(token) for token in used.values()])


def test_token_without_a_name_or_an_end_is_refused(engine: Engine) -> None:
    for name, days in (("", 1), (" ", 1), ("x" * 65, 1), ("a\nb", 1), ("once", 0), ("once", 9999)):
        with pytest.raises(TokenError), transaction(engine) as session:
            create_token(session, name, Scope.READ, days)


def test_name_of_a_token_is_given_once(engine: Engine) -> None:
    with transaction(engine) as session:
        create_token(session, "archive", Scope.READ, 1)
        revoke_token(session, "archive")
    with pytest.raises(TokenError, match="choose another"), transaction(engine) as session:
        create_token(session, "archive", Scope.READ, 1)


def test_scope_that_does_not_suffice_is_refused(program: Program, ada: Recording) -> None:
    problem(program.ask("POST", f"{API}/recordings/2/retry"), 403, "api.forbidden")


def test_too_many_requests_of_one_token_are_put_off(
    program: Program, engine: Engine, storage: FolderStorage
) -> None:
    refusals = program.app.state.refusals
    program.app = FastAPI()
    program.app.mount(API, make_api(engine, storage, Settings(), RateLimit(1, 2), refusals))
    assert [program.get(f"{API}/worklist").status_code for _ in range(2)] == [200, 200]
    answer = program.get(f"{API}/worklist")
    problem(answer, 429, "api.too_many_requests")
    assert 1 <= int(answer.headers["retry-after"]) <= 61
    assert program.get(f"{API}/worklist", scope=Scope.WRITE).status_code == 200


def test_permissions_come_back_with_time() -> None:
    now = 0.0
    limit = RateLimit(60, 2, clock=lambda: now)
    assert [limit.take("one") for _ in range(3)] == [0, 0, 1]
    now = 1.0
    assert [limit.take("one") for _ in range(2)] == [0, 1]
    now = 100.0
    assert [limit.take("one") for _ in range(3)] == [0, 0, 1]


def test_patient_is_found_by_id_name_and_birth(program: Program, ada: Recording, clinic: Clinic) -> None:
    clinic.patient("Phantom^Boris", "PH-2")
    clinic.session.commit()
    for search, found in (
        ({}, ["PH-2", "PH-1"]),
        ({"patient_id": "PH-1", "issuer": ""}, ["PH-1"]),
        ({"patient_id": "PH-1", "issuer": "HOSP"}, []),
        ({"patient_id": "PH"}, []),
        ({"name": "ada phantom"}, ["PH-1"]),
        ({"birth_date": "1971-05-04", "name": "boris"}, ["PH-2"]),
        ({"birth_date": "1971-05-05"}, []),
    ):
        answer = program.ask("POST", f"{API}/patients/search", json=search)
        assert [patient["patient_id"] for patient in answer.json()["items"]] == found


def test_lists_come_in_pages_that_lead_through_all_of_it_once(program: Program, clinic: Clinic) -> None:
    for number in range(5):
        clinic.patient("Phantom^Ada", f"PH-{number}")
    clinic.session.commit()
    path, seen = f"{API}/patients?limit=2", []
    while path:
        answer = program.get(path)
        assert "Phantom" not in path
        page = answer.json()
        seen.append([patient["patient_id"] for patient in page["items"]])
        path = page["next"]
        assert answer.headers.get("link") == (f'<{path}>; rel="next"' if path else None)
    assert seen == [["PH-4", "PH-3"], ["PH-2", "PH-1"], ["PH-0"]]


def test_cursor_of_another_list_or_none_is_refused(program: Program) -> None:
    for cursor in ("x", "cGF0aWVudHM6MQ", "cmVjb3JkaW5nczp4", "%00", "é"):
        problem(program.get(f"{API}/recordings?cursor={cursor}"), 400, "api.cursor")


def test_page_of_no_size_is_refused(program: Program) -> None:
    for limit in ("0", "201", "x", "-1"):
        told = problem(program.get(f"{API}/recordings?limit={limit}"), 422, "api.unfit")
        assert "query.limit" in str(told["errors"])


def test_recordings_are_found_by_state_patient_and_day(
    program: Program, ada: Recording, clinic: Clinic
) -> None:
    other = clinic.recording(
        clinic.patient("Phantom^Boris", "PH-2"), SURGERY_DAY, RecordingState.NEEDS_ATTENTION, "No face.", "x"
    )
    clinic.session.commit()
    for query, found in (
        ("", [other.id, 2, 1]),
        ("state=needs_attention", [other.id]),
        (f"patient={ada.patient_key}", [2, 1]),
        ("recorded_from=2024-09-12&recorded_to=2024-09-12", [2]),
        ("recorded_to=2024-03-12", [other.id, 1]),
    ):
        items = program.json(f"{API}/recordings?{query}")["items"]
        assert [recording["id"] for recording in items] == found


def test_recording_in_full_has_its_photos_timepoint_and_stages(program: Program, ada: Recording) -> None:
    answer = program.get(f"{API}/recordings/{ada.id}")
    recording = answer.json()
    assert recording["timepoint"] == {"surgery": ada.surgery_key, "days": 184, "name": "6 months"}
    assert [photo["pose"] for photo in recording["photos"]] == [pose.code for pose in JENA9.poses]
    assert recording["stages"][0]["outcome"] == "done"
    assert answer.headers["etag"]
    view = program.get(recording["photos"][0]["view"])
    assert (view.content, view.headers["content-type"]) == (JPEG, "image/jpeg")


def test_grading_tells_items_intervals_verdicts_and_flags(program: Program, ada: Recording) -> None:
    (row,) = program.json(f"{API}/gradings?recording={ada.id}")["items"]
    grading = program.json(f"{API}/gradings/{row['id']}")
    smile = next(item for item in grading["items"] if item["item"] == "M4")
    assert (smile["code"], smile["value"], smile["range"]) == ("EF-M4", 70, {"low": 0, "high": 100})
    assert smile["interval"] == {"low": 50, "high": 90}
    assert (smile["first"], smile["verdict"]) == (40, "improved")
    assert [score["code"] for score in grading["sub_scores"]] == [
        "EF-STATIC",
        "EF-STATIC-RAJ",
        "EF-DYNAMIC",
        "EF-DYNAMIC-RAJ",
    ]
    assert [flag["code"] for flag in grading["flags_in_words"]] == [
        "CLIPPED",
        "SIDE-ESTIMATED",
        "UNLIKE-TRAINING",
    ]
    bundle = program.json(f"{API}/bundles/{grading['bundle']}")
    assert bundle["commissioning"]
    assert "not for clinical use" in bundle["notice"]


def test_report_and_its_delivery(program: Program, ada: Recording, engine: Engine) -> None:
    (report,) = program.json(f"{API}/reports?recording={ada.id}")["items"]
    document = program.get(report["document"])
    assert (document.content, document.headers["content-type"]) == (PDF, "application/pdf")
    (delivery,) = program.json(f"{API}/deliveries?destination=Main%20PACS&state=delivered")["items"]
    assert (delivery["report"], delivery["answer"]) == (report["id"], "Success (0000H)")
    with transaction(engine) as session:
        assert session.get_one(Delivery, delivery["id"]).report_key == report["id"]


def test_what_is_not_there_is_told_as_such(program: Program) -> None:
    for name in ("patients", "surgeries", "events", "recordings", "gradings", "reports", "deliveries"):
        problem(program.get(f"{API}/{name}/999"), 404, "api.not_found")
        problem(program.get(f"{API}/{name}/0"), 422, "api.unfit")
        assert program.json(f"{API}/{name}") == {"items": [], "next": None}


def test_file_that_is_gone_is_told_as_such(program: Program, ada: Recording, storage: FolderStorage) -> None:
    storage.path("reports/one.pdf").unlink()
    problem(program.get(f"{API}/reports/1/document"), 404, "api.not_found")


def test_series_is_taken_as_ended_when_told_so(program: Program, store: Callable[[Dataset], Stored]) -> None:
    for photo in series()[:5]:
        store(photo)
    (recording,) = program.json(f"{API}/recordings?state=receiving")["items"]
    path = f"{API}/recordings/{recording['id']}/close"
    closed = program.ask("POST", path, scope=Scope.WRITE).json()
    assert (closed["state"], closed["reason_code"]) == ("needs_attention", "series.poses")
    told = problem(program.ask("POST", path, scope=Scope.WRITE), 409, "recording.state")
    assert "has ended already" in str(told["detail"])


def test_recording_that_needs_attention_is_tried_again(program: Program, clinic: Clinic) -> None:
    held = clinic.recording(
        clinic.patient("Phantom^Ada", "PH-1"), SURGERY_DAY, RecordingState.NEEDS_ATTENTION, "No face.", "x"
    )
    clinic.session.commit()
    answer = program.ask("POST", f"{API}/recordings/{held.id}/retry", scope=Scope.WRITE)
    assert (answer.json()["state"], answer.json()["reason"]) == ("complete", None)
    problem(
        program.ask("POST", f"{API}/recordings/{held.id}/retry", scope=Scope.WRITE), 409, "recording.state"
    )
    problem(program.ask("POST", f"{API}/recordings/99/retry", scope=Scope.WRITE), 404, "recording.unknown")


def test_every_type_of_problem_leads_to_its_meaning(program: Program) -> None:
    told = problem(program.get(f"{API}/recordings/1"), 404, "api.not_found")
    assert "lies under the address" in program.json(str(told["type"]))["meaning"]
    problem(program.get(f"{API}/problems/nothing"), 404, "api.not_found")


def test_what_was_sent_is_not_told_back(program: Program) -> None:
    for body in ({"name": "\0Phantom"}, {"birth_date": "Phantom"}, {"patient_id": ["Phantom"]}):
        answer = program.ask("POST", f"{API}/patients/search", json=body)
        problem(answer, 422, "api.unfit")
        assert "Phantom" not in answer.text
    answer = program.ask("POST", f"{API}/patients/search", content=b'{"name": "Phantom')
    problem(answer, 422, "api.unfit")
    assert "Phantom" not in answer.text


def test_address_that_takes_no_such_method_says_which_it_takes(program: Program) -> None:
    answer = program.ask("DELETE", f"{API}/recordings")
    problem(answer, 405, "api.method")
    assert answer.headers["allow"] == "GET"


def test_body_must_say_its_size_and_be_of_some(program: Program) -> None:
    async def sent() -> AsyncIterator[bytes]:
        yield b"{}"

    problem(program.ask("POST", f"{API}/patients/search", content=sent()), 413, "api.too_large")
    large = program.ask(
        "POST", f"{API}/patients/search", content=b"{}", headers={"Content-Length": str(1 << 40)}
    )
    problem(large, 413, "api.too_large")


@pytest.mark.parametrize("said", ["text/plain", "application/xml", "application/x-www-form-urlencoded"])
def test_body_of_another_type_is_told_which_is_wanted(program: Program, said: str) -> None:
    answer = program.ask(
        "POST", "/api/v1/surgeries", scope=Scope.WRITE, content="{}", headers={"Content-Type": said}
    )
    assert answer.status_code == 422
    assert answer.json()["detail"] == "send the body as Content-Type: application/json"


def test_database_that_is_down_is_a_problem_that_may_pass(
    storage: FolderStorage, runner: asyncio.Runner, program: Program
) -> None:
    program.app = make_site(connect("postgresql://x@/x?host=/nowhere"), storage, Settings())
    answer = program.get(f"{API}/worklist")
    problem(answer, 503, "database.unavailable")
    assert answer.headers["retry-after"]


def test_fault_of_ours_is_logged_by_its_place_only(
    program: Program, ada: Recording, storage: FolderStorage
) -> None:
    storage.path("reports/one.pdf").unlink()
    storage.path("reports/one.pdf").mkdir()
    with structlog.testing.capture_logs() as logged:
        answer = program.get(f"{API}/reports/1/document")
    problem(answer, 500, "api.failed")
    assert answer.headers["cache-control"] == "no-store"
    assert "one.pdf" not in str(logged)
    assert "storage.py:" in logged[0]["places"]


def test_description_has_examples_and_needs_no_other_site(program: Program) -> None:
    description = program.json(f"{API}/openapi.json")
    assert description["servers"] == [{"url": API}]
    assert description["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    assert "detail" in description["components"]["schemas"]["Problem"]["properties"]
    shown = description["components"]["schemas"]["RecordingShown"]["properties"]
    assert shown["reason_code"]["examples"] == ["series.poses"]
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            assert operation["description"], (path, method)
            assert {"401", "429"} <= operation["responses"].keys(), (path, method)
