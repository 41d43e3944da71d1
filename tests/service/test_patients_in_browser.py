"""Clinicians find patients in a real browser, read and take along their history, and keep the time line."""

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from service.records.models import Recording, RecordingState
from tests.service.clinic import SURGERY_DAY, Clinic

pytestmark = pytest.mark.journey


def test_a_patient_is_found_by_name_number_or_day(
    page: Page, address: str, clinic: Clinic, ada: Recording
) -> None:
    clinic.patient("Other^Berta", "PX-2")
    clinic.session.commit()
    field = page.get_by_role("searchbox")
    for wanted in ("ada phantom", "PH-1", "2024-09-12", "12.3.2024"):
        page.goto(address)
        field.fill(wanted)
        field.press("Enter")
        expect(page.locator("h1")).to_contain_text(f"“{wanted}”")
        expect(page.locator(".patients")).not_to_contain_text("Other, Berta")
        assert re.fullmatch(r"/search/[\w-]{16,}", page.url.removeprefix(address))
        page.get_by_role("link", name="Phantom, Ada").click()
        expect(page.locator("h1")).to_have_text("Phantom, Ada")
    field.fill("nobody at all")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("main")).to_contain_text("Nobody is found. Every word that you give")


def test_changes_are_counted_from_the_baseline_that_was_chosen(
    page: Page, address: str, clinic: Clinic, ada: Recording
) -> None:
    between = clinic.recording(ada.patient, SURGERY_DAY.replace(month=6), RecordingState.DELIVERED)
    clinic.grade(between, ada.gradings[0].bundle, 55)
    clinic.session.commit()
    page.goto(f"{address}/patients/{ada.patient_key}")
    changes = page.locator("section:has(> #changes) tbody tr").first
    expect(changes).to_contain_text("+30")
    # The choice counts at once; the button beside it is for browsers without scripts.
    page.get_by_label("Baseline").select_option(str(between.id))
    expect(changes).to_contain_text("+15")
    expect(page.locator("#changes")).to_contain_text("Change from 2024-06-12")
    expect(page.get_by_label("Baseline")).to_have_value(str(between.id))


def test_a_history_is_taken_along_as_pdf_and_as_table(
    page: Page, address: str, ada: Recording, tmp_path: Path
) -> None:
    page.goto(f"{address}/patients/{ada.patient_key}")
    with page.expect_download() as table:
        page.get_by_role("link", name="Table (CSV)").click()
    assert table.value.suggested_filename == f"patient-{ada.patient_key}.csv"
    table.value.save_as(tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["recording"] for row in rows} >= {str(ada.id)}
    link = page.get_by_role("link", name="History (PDF)").get_attribute("href")
    answer = page.request.get(f"{address}{link}")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.body().startswith(b"%PDF")


def test_a_surgery_and_an_event_are_added_corrected_deleted_and_put_back(
    page: Page, address: str, ada: Recording
) -> None:
    page.goto(f"{address}/patients/{ada.patient_key}")
    timeline = page.locator("#timeline")
    timeline.get_by_text("Add an event").click()
    form = timeline.locator("form[action$='/events']")
    form.get_by_label("Day").fill("2024-07-01")
    form.get_by_label("Kind").select_option("training")
    form.get_by_label("Note").fill("Mirror training")
    form.get_by_role("button", name="Add").click()
    expect(timeline).to_contain_text("2024-07-01")
    expect(timeline).to_contain_text("Mirror training")
    entry = timeline.locator("li", has_text="Mirror training").first
    entry.get_by_text("Correct", exact=True).click()
    entry.get_by_label("Day").fill("2024-07-08")
    entry.get_by_role("button", name="Save").click()
    expect(timeline.locator("li", has_text="Mirror training").first).to_contain_text("2024-07-08")
    timeline.get_by_role("button", name="Undo").first.click()
    expect(timeline.locator("li", has_text="Mirror training").first).to_contain_text("2024-07-01")
    surgery = timeline.locator("li", has_text="Jump anastomosis").first
    surgery.get_by_text("Correct", exact=True).click()
    surgery.get_by_role("button", name="Delete").click()
    expect(page.locator("main .facts").first).to_contain_text("none on record")
    timeline.locator("li", has_text="Surgery deleted").get_by_role("button", name="Undo").click()
    expect(page.locator("main .facts").first).to_contain_text("Jump anastomosis")
