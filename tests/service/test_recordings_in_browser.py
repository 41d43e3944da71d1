"""Clinicians decide about a recording in a real browser: its side, its photos, whether more are to come."""

import pytest
from playwright.sync_api import Page, expect

from service.records.models import Grading, Photo, Recording, RecordingState
from tests.service.clinic import SURGERY_DAY, Clinic

pytestmark = pytest.mark.journey


def state_of(clinic: Clinic, recording: Recording) -> RecordingState:
    clinic.session.expire_all()
    return clinic.session.get_one(Recording, recording.id).state


def test_the_side_is_set_and_photos_are_graded_again_while_the_earlier_grading_stays(
    page: Page, address: str, clinic: Clinic, ada: Recording
) -> None:
    page.goto(f"{address}/recordings/{ada.id}")
    page.get_by_label("Affected side").select_option("R")
    page.get_by_role("button", name="Set and grade again").click()
    expect(page.locator("h1")).to_contain_text("series complete")
    expect(page.get_by_label("Affected side")).to_have_value("R")
    assert state_of(clinic, ada) is RecordingState.COMPLETE
    assert clinic.session.get_one(Recording, ada.id).affected_side == "R"
    # The workers' part.
    ada.state = RecordingState.DELIVERED
    clinic.session.commit()
    page.reload()
    page.get_by_role("button", name="Grade again", exact=True).click()
    expect(page.locator("h1")).to_contain_text("series complete")
    assert state_of(clinic, ada) is RecordingState.COMPLETE
    assert clinic.session.query(Grading).filter_by(recording_key=ada.id).count() == 1
    expect(page.locator(".tile.static .figure")).to_contain_text("70")


def test_a_series_is_opened_for_further_photos_and_closed_again(
    page: Page, address: str, clinic: Clinic, ada: Recording
) -> None:
    page.goto(f"{address}/recordings/{ada.id}")
    page.get_by_role("button", name="Wait for further photos").click()
    expect(page.locator(".notice")).to_contain_text("Photos are still arriving")
    assert state_of(clinic, ada) is RecordingState.RECEIVING
    page.get_by_role("button", name="Close the series now").click()
    expect(page.locator("h1")).to_contain_text("series complete")
    assert state_of(clinic, ada) is RecordingState.COMPLETE


def test_a_second_photo_of_a_pose_is_left_out(
    page: Page, address: str, clinic: Clinic, ada: Recording
) -> None:
    recording = clinic.recording(ada.patient, SURGERY_DAY, RecordingState.DELIVERED)
    photos = clinic.photos(recording)
    (extra,) = clinic.photos(recording)[8:]
    for one in clinic.session.query(Photo).filter(
        Photo.recording_key == recording.id, Photo.id > photos[8].id, Photo.id != extra.id
    ):
        clinic.session.delete(one)
    clinic.session.commit()
    page.goto(f"{address}/recordings/{recording.id}/photos")
    page.locator(f"[name=pose-{photos[8].id}]").select_option(label="leave out")
    page.locator(f"[name=pose-{extra.id}]").select_option(extra.pose)
    page.get_by_role("button", name="Save and grade again").click()
    expect(page.locator("h1")).to_contain_text("series complete")
    expect(page.locator(".photos")).to_contain_text("left out")
    clinic.session.expire_all()
    assert clinic.session.get_one(Photo, photos[8].id).excluded
    assert not clinic.session.get_one(Photo, extra.id).excluded


def test_a_map_stands_over_its_photo_and_a_new_grading_brings_its_own(
    page: Page, address: str, clinic: Clinic, ada: Recording
) -> None:
    (first,) = ada.gradings
    clinic.map_of_the_smile(first, -5.0)
    clinic.session.commit()
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "/maps/" in one.url else None)
    with page.expect_response(lambda one: f"M4.jpg?grading={first.id}" in one.url):
        page.goto(f"{address}/recordings/{ada.id}")
    row, shown = page.locator("tr[data-map*='/M4.']"), page.locator("div[data-map] img")
    row.hover()
    expect(shown).to_have_js_property("naturalWidth", 512)
    assert sum(f"M4.jpg?grading={first.id}" in one for one in asked) == 1
    page.mouse.move(0, 0)
    expect(shown).to_have_count(0)
    first.active = False
    clinic.session.flush()
    second = clinic.grade(ada, first.bundle, 60)
    clinic.map_of_the_smile(second, 5.0)
    clinic.session.commit()
    expect(row).to_have_attribute("data-map", f"/recordings/{ada.id}/maps/M4.jpg?grading={second.id}")
    row.hover()
    expect(shown).to_have_js_property("naturalWidth", 512)
    expect(shown).to_have_attribute("src", f"/recordings/{ada.id}/maps/M4.jpg?grading={second.id}")
