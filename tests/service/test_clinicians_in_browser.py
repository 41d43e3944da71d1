"""What clinicians do in a real browser: correct poses, wipe between two dates, follow the work, sign off."""

import datetime as dt
import re

import pytest
from playwright.sync_api import Browser, Page, expect
from pydicom.encaps import encapsulate
from sqlalchemy import select

from dicom.building import to_bytes
from dicom.pixels import decode_photo
from grading.errors import PermanentError
from grading.protocols import JENA9
from service.photographs import photo_faults
from service.records import flow
from service.records.models import Photo, Recording, RecordingState
from service.storage import FolderStorage
from tests.dicom.samples import photo
from tests.service.clinic import SURGERY_DAY, Clinic
from tests.service.in_browser import sign_in

pytestmark = pytest.mark.journey


@pytest.fixture
def page(chromium: Browser, address: str, password: str) -> Page:
    """A clinician's, signed in."""
    page = chromium.new_page(locale="en-GB", viewport={"width": 1440, "height": 1000})
    page.set_default_timeout(60_000)
    sign_in(page, address, "eva", password)
    return page


def pose_of(clinic: Clinic, photo_id: int) -> str | None:
    clinic.session.expire_all()
    return clinic.session.scalar(select(Photo.pose).where(Photo.id == photo_id))


def test_a_wrong_pose_is_dragged_right_and_the_new_grading_appears_by_itself(
    page: Page, address: str, clinic: Clinic, ada: Recording
) -> None:
    photos = {photo.pose: photo.id for photo in clinic.session.scalars(select(Photo))}
    page.goto(f"{address}/recordings/{ada.id}")
    page.click("text=Correct poses, leave photos out")
    page.wait_for_url(
        f"{address}/recordings/{ada.id}/photos"
    )  # loaded: its script listens, its photos have their places
    places = page.locator("[data-place]")
    start, end = places.nth(4).locator("img").bounding_box(), places.nth(5).locator("img").bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 60, start["y"] + 60)
    page.mouse.down()
    page.mouse.move(end["x"] + 60, end["y"] + 60, steps=6)
    page.mouse.up()
    assert page.locator(f"[name=pose-{photos['NOSE']}]").input_value() == "SMILE"
    assert page.locator(f"[name=pose-{photos['SMILE']}]").input_value() == "NOSE"
    # By keyboard too, back and forth.
    for pose in ("TEETH", "SMILE"):
        page.locator(f"[name=pose-{photos['NOSE']}]").select_option(pose)
        assert len({select.input_value() for select in page.locator("select").all()}) == 9
    page.get_by_role("button", name="Save and grade again").click()
    page.wait_for_url(f"{address}/recordings/{ada.id}")
    expect(page.locator("h1")).to_contain_text("series complete")
    assert pose_of(clinic, photos["NOSE"]) == "SMILE"
    # The workers' part: another grading, by which the page renews itself.
    recording = clinic.session.get_one(Recording, ada.id)
    clinic.grade(recording, recording.gradings[0].bundle, 33)
    recording.state, recording.state_changed_at = RecordingState.GRADED, dt.datetime.now(dt.UTC)
    clinic.session.commit()
    expect(page.locator("h1")).to_contain_text("graded")
    expect(page.locator(".tile.static .figure")).to_contain_text("33")
    expect(page.locator("#gradings")).to_be_visible()


def test_the_slider_wipes_from_one_date_to_the_other(
    page: Page, address: str, clinic: Clinic, ada: Recording
) -> None:
    first = clinic.session.scalars(select(Recording).where(Recording.id != ada.id)).one()
    clinic.photos(first)
    clinic.session.commit()
    page.goto(f"{address}/patients/{ada.patient_key}")
    over = page.locator(".wipe .over")
    page.locator("[data-wipe]").focus()
    for key, left in (("End", "100%"), ("Home", "0%")):
        page.keyboard.press(key)
        assert left in over.evaluate("image => getComputedStyle(image).clipPath")
    box = page.locator(".wipe img").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + 20)
    assert page.locator("[data-wipe]").input_value() == "25"
    page.locator("[data-pose]").select_option("TEETH")
    shown = page.locator(".pair figure:not(.wipe) img")
    teeth = {
        photo.recording_key: photo.id
        for photo in clinic.session.scalars(select(Photo))
        if photo.pose == "TEETH"
    }
    sources = [image.get_attribute("src") for image in shown.all()]
    assert sources == [f"/recordings/{one}/photos/{teeth[one]}" for one in (first.id, ada.id)]


def test_the_worklist_shows_what_arrives_without_being_loaded_again(
    page: Page, address: str, clinic: Clinic, ada: Recording
) -> None:
    page.goto(address)
    page.evaluate("window.sameDocument = true")
    recording = clinic.recording(ada.patient, SURGERY_DAY, RecordingState.NEEDS_ATTENTION, "Two faces.", "c")
    recording.state_changed_at = dt.datetime.now(dt.UTC)
    clinic.session.commit()
    expect(page.locator(".attention")).to_contain_text("Two faces.")
    assert page.evaluate("window.sameDocument")


def test_a_report_is_signed_off(page: Page, address: str, clinic: Clinic, ada: Recording) -> None:
    page.goto(f"{address}/recordings/{ada.id}")
    page.get_by_role("button", name=re.compile("Sign off as")).click()
    expect(page.locator(".facts")).to_contain_text("signed off by Eva Ä. Müller")
    expect(page.get_by_role("button", name=re.compile("Sign off as"))).to_have_count(0)


def test_a_file_that_is_no_photo_says_so_and_can_be_left_out(
    page: Page, address: str, clinic: Clinic, storage: FolderStorage, ada: Recording
) -> None:
    recording = clinic.recording(ada.patient, SURGERY_DAY, RecordingState.RECEIVING)
    photos = clinic.photos(recording)
    broken = photo()
    broken.PixelData = encapsulate([b"no picture at all"])
    storage.write("objects/broken.dcm", to_bytes(broken))
    photos[8].view_key, photos[8].storage_key = None, "objects/broken.dcm"
    with pytest.raises(PermanentError) as refused:
        decode_photo(storage.path("objects/broken.dcm"))
    flow.hold(recording, refused.value.code, photo_faults([(JENA9.poses[8], refused.value)]))
    clinic.session.commit()
    page.goto(f"{address}/recordings/{recording.id}")
    expect(page.get_by_role("alert")).to_contain_text("Photo 9 (Lowered mouth corners)")
    natural = page.locator(".photos img").nth(8).evaluate("image => image.complete && image.naturalWidth")
    assert natural == 0
    page.click("text=Correct poses, leave photos out")
    page.locator(f"[name=pose-{photos[8].id}]").select_option("")
    page.get_by_role("button", name="Save and grade again").click()
    expect(page.get_by_role("alert")).to_contain_text("No photo shows Lowered mouth corners")
