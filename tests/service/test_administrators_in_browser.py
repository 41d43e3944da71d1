"""What administrators do in a real browser: users and roles, destinations, deliveries, the audit trail."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from service.records.models import Delivery, DeliveryState, Recording
from tests.service.clinic import SURGERY_DAY, Clinic
from tests.service.cohorts import run
from tests.service.in_browser import sign_in

pytestmark = pytest.mark.journey


def test_a_user_is_added_gets_another_role_and_is_shut_out(
    chromium: Browser, page: Page, address: str, ada: Recording
) -> None:
    page.goto(f"{address}/admin/users")
    page.get_by_label("Name to sign in with").fill("nora")
    page.get_by_label("Full name").fill("Nora Neu")
    page.locator("section:has(#add)").get_by_label("viewer").check()
    page.get_by_role("button", name="Add and make a password").click()
    given = page.get_by_role("status").locator("code").inner_text()

    other = chromium.new_context(locale="en-GB")
    theirs = other.new_page()
    sign_in(theirs, address, "nora", given)
    expect(theirs.locator("main")).to_contain_text("Phantom, Ada")
    answer = theirs.goto(f"{address}/recordings/{ada.id}")
    assert answer is not None
    assert "/break-glass/" in theirs.url

    row = page.locator("tbody tr", has_text="nora")
    row.get_by_label("clinician").check()
    row.get_by_role("button", name="Save").click()
    expect(row.get_by_label("clinician")).to_be_checked()
    theirs.goto(f"{address}/recordings/{ada.id}")
    assert "/sign-in" in theirs.url
    theirs.fill("#name", "nora")
    theirs.fill("#password", given)
    theirs.press("#password", "Enter")
    expect(theirs.locator("h1")).to_contain_text("Recording of")

    row.get_by_role("button", name="Disable").click()
    expect(row).to_contain_text("disabled")
    theirs.reload()
    theirs.fill("#name", "nora")
    theirs.fill("#password", given)
    theirs.press("#password", "Enter")
    expect(theirs.get_by_role("alert")).to_contain_text("not right")
    other.close()


def test_a_destination_is_tested_and_what_failed_is_sent_again(
    page: Page, address: str, clinic: Clinic, ada: Recording
) -> None:
    again = clinic.grade(clinic.recording(ada.patient, SURGERY_DAY, ada.state), ada.gradings[0].bundle, 50)
    clinic.report(again, DeliveryState.FAILED, "Refused: out of resources (A700H)")
    clinic.session.commit()
    page.goto(f"{address}/admin/health")
    page.get_by_role("button", name="Test Main PACS").click()
    expect(page.get_by_role("status")).to_contain_text("Main PACS")
    expect(page.locator(".problem")).to_contain_text("127.0.0.1")
    page.goto(f"{address}/admin/deliveries")
    page.get_by_label("State").select_option("failed")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("out of resources")
    page.locator("tbody").get_by_role("button", name="Try again").click()
    expect(page.locator("tbody tr", has_text="waiting")).to_have_count(1)
    clinic.session.expire_all()
    states = {row.state for row in clinic.session.query(Delivery)}
    assert states == {DeliveryState.PENDING, DeliveryState.DELIVERED}


def test_the_trail_is_searched_and_exported(
    page: Page,
    address: str,
    database_url: str,
    ada: Recording,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page.goto(f"{address}/recordings/{ada.id}")
    page.goto(f"{address}/admin/audit")
    page.get_by_label("Event").select_option("recording.viewed")
    page.get_by_label("Recording no.").fill(str(ada.id))
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("eva")
    page.get_by_label("Who").fill("nobody")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".empty")).to_be_visible()
    monkeypatch.setenv("FACIALIS_DATABASE_URL", database_url)
    out = tmp_path / "trail.xml"
    assert run("audit", "export", "--since", "2020-01-01", "--out", out).exit_code == 0
    assert f'ParticipantObjectID="{ada.id}"' in out.read_text()
