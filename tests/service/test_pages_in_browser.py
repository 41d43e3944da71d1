"""The pages in a real browser: by keyboard, what axe-core finds, and that nothing breaks the policy.

The server is a process of its own over the tests' database; Chromium is the system's.
"""

import re
from functools import partial

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine, delete

from grading.scales import SCALES
from service.database import transaction
from service.records import assignments
from service.records.audit import system
from service.records.models import DeliveryState, Recording, RecordingState, SignedIn
from tests.service.clinic import SURGERY_DAY, Clinic
from tests.service.in_browser import faults, note_broken_policy, sign_in

pytestmark = pytest.mark.journey

WIDTHS = (1440, 820)
PAGES = (
    "/",
    "/patients/{patient}",
    "/recordings/{recording}",
    "/recordings/{recording}/photos",
    "/states/needs_attention",
    "/account",
    "/annotate",
    "/annotate/1",
    "/raters",
    "/raters/import",
    "/raters/agreement",
    "/raters/agreement/R1",
    "/raters/settle/{recording}",
    "/admin/health",
    "/admin/deliveries",
    "/admin/audit",
    "/admin/bundles",
    "/admin/bundles/1",
    "/admin/bundles/1/activate",
    "/admin/bundles/compare?before=1&after=2",
    "/admin/users",
    "/nowhere",
)


@pytest.fixture
def busy(clinic: Clinic, ada: Recording) -> Recording:
    """Recordings in every state beside that of Ada, one of which needs attention and one failed to arrive."""
    for state in RecordingState:
        reason = ("Photo 6 is missing.", "series.poses") if state == RecordingState.NEEDS_ATTENTION else ()
        clinic.recording(ada.patient, SURGERY_DAY, state, *reason)
    grading = clinic.grade(
        clinic.recording(ada.patient, SURGERY_DAY, RecordingState.REPORTED), clinic.bundle("other"), 50
    )
    clinic.report(grading, DeliveryState.FAILED, "Refused: out of resources")
    clinic.session.commit()
    with transaction(clinic.session.get_bind()) as session:
        assignments.give(session, system("test"), ["eva"], [ada.id], list(SCALES), blind=False)
    return ada


@pytest.mark.parametrize(("scheme", "language"), [("light", "en-GB"), ("dark", "de-DE")])
def test_axe_finds_nothing_serious_on_any_page(
    chromium: Browser, address: str, password: str, busy: Recording, scheme: str, language: str
) -> None:
    found: list[str] = []
    for width in WIDTHS:
        context = chromium.new_context(
            viewport={"width": width, "height": 1000}, color_scheme=scheme, locale=language
        )
        page = context.new_page()

        page.on("console", partial(note_broken_policy, found))
        page.goto(f"{address}/sign-in")
        found += faults(page)
        sign_in(page, address, "eva", password)
        for path in PAGES:
            answer = page.goto(address + path.format(patient=busy.patient_key, recording=busy.id))
            assert answer is not None
            assert answer.status == (404 if path == "/nowhere" else 200), path
            found += faults(page)
        context.clear_cookies()
        sign_in(page, address, "victor", password)
        page.goto(f"{address}/recordings/{busy.id}")
        assert "/break-glass/" in page.url
        found += faults(page)
        page.goto(f"{address}/admin/users")
        found += faults(page)
        context.close()
    assert not found, "\n".join(found)


def test_a_patient_is_reached_by_keyboard_alone(
    chromium: Browser, address: str, password: str, ada: Recording
) -> None:
    page = chromium.new_page(locale="en-GB")
    page.goto(f"{address}/patients/{ada.patient_key}")
    expect(page.locator("#name")).to_be_focused()
    page.keyboard.type("eva")
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/patients/{ada.patient_key}")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    link = page.locator("main a[href^='/recordings/']").first
    for _ in range(60):
        page.keyboard.press("Tab")
        if link.evaluate("link => link === document.activeElement"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/recordings/"))
    page.close()


def test_after_the_session_has_ended_the_sign_in_leads_back_to_the_page(
    chromium: Browser, address: str, password: str, engine: Engine, ada: Recording
) -> None:
    page = chromium.new_page(locale="en-GB")
    sign_in(page, address, "eva", password)
    page.goto(f"{address}/recordings/{ada.id}")
    with transaction(engine) as session:
        session.execute(delete(SignedIn))
    page.reload()
    assert "/sign-in" in page.url
    assert page.locator("img").count() == 0
    page.fill("#name", "eva")
    page.fill("#password", password)
    page.press("#password", "Enter")
    page.wait_for_url(f"{address}/recordings/{ada.id}")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile("/sign-in"))
    page.go_back()
    page.wait_for_url(re.compile("/sign-in"))
    page.close()


def test_a_viewer_says_why_and_sees_the_patient(
    chromium: Browser, address: str, password: str, ada: Recording
) -> None:
    page = chromium.new_page(locale="en-GB")
    sign_in(page, address, "victor", password)
    page.click("text=Phantom, Ada")
    page.click("text=Treatment in an emergency")
    page.get_by_role("button", name="Show this patient").click()
    page.wait_for_url(f"{address}/patients/{ada.patient_key}")
    assert page.locator("h1").inner_text() == "Phantom, Ada"
    page.close()


@pytest.mark.parametrize("language", ["en-GB", "de-DE"])
def test_all_areas_of_somebody_with_every_role_stand_in_one_line(
    chromium: Browser, address: str, password: str, language: str
) -> None:
    page = chromium.new_page(locale=language, viewport={"width": 1440, "height": 900})
    sign_in(page, address, "eva", password)
    tops = page.locator(".areas a").evaluate_all("links => links.map(link => link.offsetTop)")
    assert len(tops) == 7
    assert len(set(tops)) == 1
    page.close()
