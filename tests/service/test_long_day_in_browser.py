"""The end of a long day, in a real browser: two clicks where one is meant, unsent words, endless names."""

import datetime as dt

import pytest
from playwright.sync_api import Page, expect

from service.records.models import Recording, RecordingState
from tests.service.clinic import SURGERY_DAY, Clinic
from tests.service.in_browser import faults

pytestmark = pytest.mark.journey


STOPPED = """() => {
  window.stopped = [];
  window.addEventListener("submit", (event) => {
    window.stopped.push(event.defaultPrevented);
    event.preventDefault();
  });
}"""


def test_a_form_is_sent_once_so_that_no_second_answer_hides_a_password(page: Page, address: str) -> None:
    page.goto(f"{address}/admin/users")
    page.evaluate(STOPPED)
    page.fill("#name", "nurse")
    add = page.get_by_role("button", name="Add and make a password")
    add.click()
    add.click()
    page.press("#name", "Enter")
    # Something else is not the same again.
    page.fill("#name", "doctor")
    page.press("#name", "Enter")
    assert page.evaluate("window.stopped") == [False, True, True, False]
    page.reload()
    page.fill("#name", "nurse")
    add.click()
    expect(page.locator(".success")).to_contain_text("The password of nurse")


def test_what_was_written_and_not_sent_yet_outlives_news(
    page: Page, address: str, clinic: Clinic, ada: Recording
) -> None:
    page.goto(f"{address}/recordings/{ada.id}")
    comment = page.get_by_label("Comment, printed in the report")
    comment.fill("Seen together with the patient.")
    page.locator("h1").click()
    recording = clinic.session.get_one(Recording, ada.id)
    recording.state, recording.state_changed_at = RecordingState.GRADED, dt.datetime.now(dt.UTC)
    clinic.session.commit()
    for _ in range(3):
        with page.expect_response(f"{address}/recordings/{ada.id}/version"):
            pass
    expect(comment).to_have_value("Seen together with the patient.")
    # Once nothing is left unsent, the page takes the news.
    comment.fill("")
    page.locator("h1").click()
    expect(page.locator("h1")).to_contain_text("graded")


def test_names_without_a_space_fit_into_the_window(page: Page, address: str, clinic: Clinic) -> None:
    patient = clinic.patient("L" * 200, "9" * 64)
    recording = clinic.recording(patient, SURGERY_DAY, RecordingState.NEEDS_ATTENTION, "Look at it", "x")
    clinic.session.commit()
    # A tablet, and the same zoomed to twice the size.
    for width in (820, 410):
        page.set_viewport_size({"width": width, "height": 1000})
        for path in ("/", f"/patients/{patient.id}", f"/recordings/{recording.id}", "/raters"):
            page.goto(f"{address}{path}")
            assert faults(page) == []
