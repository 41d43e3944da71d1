"""Who may open what: every route with every role and without one, overrides, forged forms, the trail.

Signing in itself is tested in test_signing_in.py.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session
from starlette.routing import BaseRoute, Mount

from dicom.building import to_bytes
from dicom.encapsulated_pdf import encapsulated_pdf
from dicom.header_reading import read_header
from service.access.roles import RIGHTS, Right, Role
from service.database import transaction
from service.records import audit
from service.records.audit import AuditSearch
from service.records.models import AuditEvent, BreakGlass, KeptObject, Recording, RecordingState
from service.storage import FolderStorage
from service.web.access import Allow, AllowPatient
from service.web.forms import posted
from service.web.uploading import uploaded
from tests.dicom.samples import photo, save
from tests.service.browsing import Browser, seen
from tests.service.clinic import ARRIVED, PDF, Clinic

# Every route with every role.
pytestmark = pytest.mark.journey

OPEN = {
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/sign-in/provider"),
    ("GET", "/sign-in/provider/back"),
    ("GET", "/health"),
}
"""What is there for everybody."""
OTHERS = {"/static", "/api/v1", "/fhir"}
"""What is mounted: files of ours without any record, and the interfaces with a gate of their own."""
EVERY_ROLE = [frozenset(), *(frozenset({role}) for role in Role), frozenset(Role)]
ROOT = Path(__file__).parents[2]


def dependencies(dependant: Dependant) -> Iterator[object]:
    for sub in dependant.dependencies:
        yield sub.call
        yield from dependencies(sub)


def walk(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """Every route, also of routers that an app of a newer FastAPI keeps as they are."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
        else:
            yield from walk(included.routes)


def needs(route: APIRoute) -> Right | None:
    """The right that a route asks for."""
    rights = {call.right for call in dependencies(route.dependant) if isinstance(call, Allow | AllowPatient)}
    assert len(rights) <= 1
    return next(iter(rights), None)


def by_method(visitor: Browser) -> Iterator[tuple[str, APIRoute]]:
    for route in walk(visitor.app.routes):
        if isinstance(route, APIRoute):
            for method in sorted(route.methods):
                yield method, route


@pytest.fixture
def everything(ada: Recording, clinic: Clinic, storage: FolderStorage, tmp_path: Path) -> dict[str, str]:
    """Numbers of things that are there, by their name in addresses."""
    source = save(photo(), tmp_path / "photo.dcm")
    document = to_bytes(
        encapsulated_pdf(
            PDF,
            sources=(read_header(source),),
            title="Letter",
            sop_instance_uid="1.2.3.900",
            series_uid="1.2.3.901",
            created_at=ARRIVED,
            software_version="test",
        )
    )
    storage.write("objects/letter.dcm", document)
    kept = KeptObject(
        kind="document",
        patient_key=ada.patient_key,
        study_uid="1.2.3",
        sop_instance_uid="1.2.3.900",
        sha256="0" * 64,
        size=len(document),
        storage_key="objects/letter.dcm",
        header={"document_title": "Letter"},
        calling_ae="PACS",
        received_at=ARRIVED,
        last_seen_at=ARRIVED,
    )
    clinic.session.add(kept)
    clinic.session.commit()
    clinic.session.refresh(ada, ["photos"])
    return {
        "patient_id": str(ada.patient_key),
        "recording_id": str(ada.id),
        "photo_id": str(ada.photos[0].id),
        "kept_id": str(kept.id),
        "word": "unknown",
        "account_id": "1",
        "bundle_id": "1",
        "run_id": "1",
        "item": "R1",
        "state": "delivered",
        "surgery_id": "1",
        "event_id": "1",
        "change_id": "1",
        "delivery_id": "1",
        "assignment_id": "1",
        "number": "1",
        "item_id": "R1",
        "check_id": "1",
    }


def address(route: BaseRoute, everything: dict[str, str]) -> str:
    assert isinstance(route, APIRoute)
    return re.sub(r"\{(\w+)\}", lambda match: everything[match[1]], route.path)


def test_every_route_names_its_right_and_every_form_its_token(visitor: Browser) -> None:
    for method, route in by_method(visitor):
        if (method, route.path) not in OPEN:
            assert needs(route) is not None, f"{method} {route.path} is open to everybody"
        if method not in ("GET", "HEAD"):
            assert {posted, uploaded} & set(dependencies(route.dependant)), (
                f"{method} {route.path} takes forged forms"
            )
    assert {route.path for route in walk(visitor.app.routes) if isinstance(route, Mount)} == OTHERS
    assert all(isinstance(route, APIRoute | Mount) for route in walk(visitor.app.routes))


def test_without_signing_in_nothing_but_the_way_in_is_answered(
    visitor: Browser, everything: dict[str, str]
) -> None:
    for method, route in by_method(visitor):
        path = address(route, everything)
        if (method, route.path) in OPEN:
            continue
        answer = visitor.get(path) if method == "GET" else visitor.post(path)
        if method == "GET":
            assert answer.status_code == 303, path
            place = "" if path == "/" else f"?next={path}"
            assert answer.headers["location"] == f"/sign-in{place}"
            assert not answer.content
        else:
            assert answer.status_code in (303, 403), path
            assert answer.headers.get("location", "/sign-in") == "/sign-in"


@pytest.mark.parametrize("roles", EVERY_ROLE, ids=lambda roles: "+".join(sorted(roles)) or "none")
def test_each_role_opens_what_its_rights_include_and_nothing_else(
    visitor: Browser, engine: Engine, everything: dict[str, str], roles: frozenset[Role]
) -> None:
    visitor.sign_in(engine, "someone", *roles)
    rights = {Right.SIGNED_IN}.union(*(RIGHTS[role] for role in roles))
    opened = 0
    for method, route in by_method(visitor):
        right, path = needs(route), address(route, everything)
        if method != "GET" or right is None:
            continue
        answer = visitor.get(path)
        if right in rights:
            assert answer.status_code in (200, 303, 404), f"{path}: {answer.status_code}"
            assert not answer.headers.get("location", "").startswith(("/sign-in", "/break-glass"))
            opened += answer.status_code == 200
        elif right is Right.PATIENTS and Right.BREAK_GLASS in rights:
            assert answer.headers["location"] == f"/break-glass/{everything['patient_id']}"
        else:
            assert answer.status_code == 403, f"{path}: {answer.status_code}"
            assert "Phantom" not in answer.text
    assert opened > 0


@pytest.mark.parametrize("role", [Role.VIEWER, Role.RATER, Role.ADMINISTRATOR])
def test_forms_of_others_are_refused_too(
    visitor: Browser, engine: Engine, everything: dict[str, str], role: Role
) -> None:
    visitor.sign_in(engine, "someone", role)
    for method, route in by_method(visitor):
        right = needs(route)
        if method == "POST" and right is not None and right not in RIGHTS[role]:
            assert visitor.post(address(route, everything)).status_code == 403, route.path


def test_a_form_without_the_token_of_its_browser_is_refused(
    browser: Browser, everything: dict[str, str]
) -> None:
    for method, route in by_method(browser):
        if method == "POST" and needs(route) in (None, *RIGHTS[Role.CLINICIAN]):
            for token in ("", "0" * 64, "ä"):
                answer = browser.post(address(route, everything), form_token=token)
                assert answer.status_code == 403, route.path
                assert "made for another session" in answer.text


def test_a_viewer_sees_a_patient_after_saying_why_and_no_other(
    visitor: Browser, engine: Engine, clinic: Clinic, everything: dict[str, str]
) -> None:
    visitor.sign_in(engine, "victor", Role.VIEWER)
    other = clinic.patient("Phantom^Boris", "PH-2")
    clinic.session.commit()
    listed = seen(visitor.get("/"))
    assert "Phantom, Ada" in listed
    patient, recording = everything["patient_id"], everything["recording_id"]
    asked = visitor.get(f"/recordings/{recording}/photos/{everything['photo_id']}")
    assert asked.headers["location"] == f"/break-glass/{patient}"
    assert "Your name, the reason and the time are recorded" in seen(visitor.get(f"/break-glass/{patient}"))
    assert visitor.post(f"/break-glass/{patient}", reason="curious").headers["location"].startswith("/break-")
    assert visitor.get(f"/patients/{patient}").status_code == 303
    opened = visitor.post(f"/break-glass/{patient}", reason="emergency")
    assert opened.headers["location"] == f"/patients/{patient}"
    for path in (
        f"/patients/{patient}",
        f"/recordings/{recording}",
        f"/recordings/{recording}/photos/{everything['photo_id']}",
        f"/recordings/{recording}/report.pdf",
        f"/kept/{everything['kept_id']}.pdf",
    ):
        assert visitor.get(path).status_code == 200, path
    assert visitor.get(f"/patients/{other.id}").headers["location"] == f"/break-glass/{other.id}"
    with transaction(engine) as session:
        (event,) = [
            event
            for event in audit.find(session, AuditSearch(actor="victor"), 100)
            if event.kind == "break_glass.started"
        ]
        assert (event.patient_key, event.address) == (int(patient), "127.0.0.1")
        assert event.detail == {"reason": "emergency", "minutes": 60}
        session.execute(update(BreakGlass).values(until=ARRIVED))
    assert visitor.get(f"/patients/{patient}").status_code == 303


def test_a_viewer_cannot_reach_recordings_of_nobody(visitor: Browser, engine: Engine, clinic: Clinic) -> None:
    visitor.sign_in(engine, "victor", Role.VIEWER)
    recording = clinic.recording(None, None, RecordingState.RECEIVING)
    clinic.session.commit()
    assert visitor.get(f"/recordings/{recording.id}").status_code == 403


def events(engine: Engine) -> list[tuple[str, int | None, int | None, int]]:
    with Session(engine) as session:
        rows = session.query(AuditEvent).order_by(AuditEvent.id).all()
        return [
            (row.kind, row.patient_key, row.recording_key, row.outcome)
            for row in rows
            if row.actor_kind == "user"
        ]


def test_every_look_is_recorded_once_with_who_and_at_whom(
    browser: Browser, engine: Engine, everything: dict[str, str]
) -> None:
    patient, recording = int(everything["patient_id"]), int(everything["recording_id"])
    browser.get("/")
    browser.get(f"/patients/{patient}")
    browser.get(f"/recordings/{recording}")
    for _ in range(2):
        browser.get(f"/recordings/{recording}/photos/{everything['photo_id']}")
    browser.get(f"/recordings/{recording}/report.pdf")
    browser.get(f"/kept/{everything['kept_id']}.pdf")
    browser.get("/patients/999")
    assert events(engine) == [
        ("patients.listed", None, None, 0),
        ("patient.viewed", patient, None, 0),
        ("recording.viewed", patient, recording, 0),
        ("document.viewed", patient, recording, 0),
        ("document.viewed", patient, None, 0),
    ]


def test_a_photo_alone_and_a_refusal_are_recorded_too(
    visitor: Browser, engine: Engine, everything: dict[str, str]
) -> None:
    patient, recording = int(everything["patient_id"]), int(everything["recording_id"])
    photo_address = f"/recordings/{recording}/photos/{everything['photo_id']}"
    visitor.sign_in(engine, "clara", Role.CLINICIAN)
    visitor.get(photo_address)
    visitor.sign_in(engine, "adam", Role.ADMINISTRATOR)
    visitor.get(photo_address)
    assert events(engine) == [
        ("recording.viewed", patient, recording, 0),
        ("access.refused", patient, None, 4),
    ]


def test_the_table_of_roles_and_pages_is_what_the_code_does(visitor: Browser) -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    section = text.split("### Pages and roles")[1].split("\n#")[0]
    told = {
        (method, path): tuple(mark.strip() for mark in marks.split("|")[: len(Role)])
        for method, path, marks in re.findall(r"^\| `(GET|POST) ([^`]+)` \|(.*)\|$", section, re.MULTILINE)
    }
    done = {}
    for method, route in by_method(visitor):
        right = needs(route)
        marks = []
        for role in Role:
            if right is None or right in RIGHTS[role]:
                marks.append("yes")
            elif right is Right.PATIENTS and Right.BREAK_GLASS in RIGHTS[role]:
                marks.append("reason")
            else:
                marks.append("")
        done[(method, route.path)] = tuple(marks)
    assert told == done
