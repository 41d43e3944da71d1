"""Signing reports off on the pages, and the history as PDF."""

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from service.access.roles import Role
from service.records.models import AuditEvent, Recording, RecordingState, SignOff
from tests.service.browsing import Browser, seen
from tests.service.clinic import Clinic


def grading_of(clinic: Clinic, recording: Recording) -> str:
    return str(recording.gradings[-1].id)


def test_a_clinician_signs_the_report_that_the_page_shows(
    browser: Browser, clinic: Clinic, ada: Recording, engine: Engine
) -> None:
    page = f"/recordings/{ada.id}"
    assert "draft, not yet reviewed" in seen(browser.get(page))
    answer = browser.post(f"{page}/sign-off", grading=grading_of(clinic, ada), comment="Seen.")
    assert (answer.status_code, answer.headers["location"]) == (303, page)
    text = seen(browser.get(page))
    assert "signed off by" in text
    assert "Sign off as" not in text
    with Session(engine) as session:
        row = session.scalars(select(SignOff)).one()
        assert row.comment == "Seen."
        assert session.get_one(Recording, ada.id).state is RecordingState.GRADED
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.kind == "document.signed"))
        assert event.actor_kind == "user"
        assert row.signed_by in (event.actor, "Test")


def test_a_report_that_is_not_the_one_on_the_page_is_not_signed(browser: Browser, ada: Recording) -> None:
    answer = browser.post(f"/recordings/{ada.id}/sign-off", grading="999", comment="")
    assert "was graded anew" in seen(answer, 409)
    assert browser.post(f"/recordings/{ada.id}/sign-off", grading="x").status_code == 404


def test_who_is_no_clinician_signs_nothing(
    browser: Browser, clinic: Clinic, ada: Recording, engine: Engine
) -> None:
    grading = grading_of(clinic, ada)
    browser.sign_in(engine, "looker", Role.VIEWER)
    assert browser.post(f"/recordings/{ada.id}/sign-off", grading=grading).status_code == 403
    with Session(engine) as session:
        assert session.scalars(select(SignOff)).all() == []


def test_a_form_without_its_token_signs_nothing(browser: Browser, clinic: Clinic, ada: Recording) -> None:
    address = f"/recordings/{ada.id}/sign-off"
    forged = browser.post(address, grading=grading_of(clinic, ada), form_token="0" * 8)
    assert forged.status_code == 403


def test_the_history_of_a_patient_comes_as_pdf_and_is_recorded(
    browser: Browser, ada: Recording, engine: Engine
) -> None:
    address = f"/patients/{ada.patient_key}/history.pdf"
    assert address in browser.get(f"/patients/{ada.patient_key}").text
    answer = browser.get(address)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")
    with Session(engine) as session:
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.kind == "document.viewed"))
        assert event.detail == {"what": "history"}
    assert browser.get("/patients/9999/history.pdf").status_code == 404
