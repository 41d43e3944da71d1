"""Points are marked in photos, kept, and measured by; the irises at rest give the scale of the series.

What finds the points is tested in tests/grading; the photos here are grey, so that nothing is found in them
but by models of 68 points, which see a face everywhere.
"""

import asyncio
import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser as RealBrowser
from playwright.sync_api import expect
from pydantic import ValidationError
from sqlalchemy import Engine

from grading.framing import VIEW
from grading.landmark_models import BUILT_IN, dlib_68
from grading.landmarks import POINTS, find_points
from service.access.roles import Role
from service.database import transaction
from service.records import assignments
from service.records.audit import system
from service.records.models import Landmarks, Recording
from service.settings import Settings
from service.storage import FolderStorage
from service.web.serve import make_site
from tests.service.browsing import Browser, seen
from tests.service.in_browser import faults, sign_in


@pytest.fixture
def photos(ada: Recording) -> list[int]:
    """Ada's photos at rest and of the raised brows, grey views both."""
    return [photo.id for photo in sorted(ada.photos, key=lambda photo: photo.id)[:2]]


BEGIN, _ = find_points(np.full((VIEW.height, VIEW.width, 3), 128, dtype=np.uint8))


def form(**moved: tuple[float, float]) -> dict[str, str]:
    points = BEGIN | {name.replace("_", "-"): place for name, place in moved.items()}
    return {f"{axis}-{name}": str(place["xy".index(axis)]) for name, place in points.items() for axis in "xy"}


def test_points_are_kept_and_millimetres_come_from_the_photo_at_rest(
    browser: Browser, ada: Recording, photos: list[int]
) -> None:
    rest, brow = (f"/recordings/{ada.id}/landmarks/{photo}" for photo in photos)
    assert f'href="{rest}"' in browser.get(f"/recordings/{ada.id}").text
    page = browser.get(rest)
    assert "Nothing is measured until" in seen(page)
    assert page.text.count("guessed") == len(POINTS)
    assert (
        "dlib’s model of 68 points trained on iBUG 300-W, for research only not for commercial use"
        in seen(page)
    )
    browser.post(brow, **form(L_brow=(320.0, 128.0)))
    text = seen(browser.get(brow))
    assert "There are no millimetres yet" in text
    assert "Brow height over the iris – – – 100 %" in text
    browser.post(rest, **form())
    text = seen(browser.get(brow))
    # irises of 24 pixels are 11.77 mm; the affected side is the left
    assert "Brow height over the iris 19.6 mm 39.2 mm −19.6 mm 100 %" in text
    assert "% of the healthy side" in text
    browser.post("/account/language", language="de")
    assert "19,6 mm 39,2 mm −19,6 mm 100 %" in seen(browser.get(brow))
    assert "guessed" not in browser.get(brow).text


def test_points_outside_the_photo_are_refused_and_nothing_is_kept(
    browser: Browser, engine: Engine, ada: Recording, photos: list[int]
) -> None:
    path = f"/recordings/{ada.id}/landmarks/{photos[0]}"
    refused = browser.post(path, **form(R_brow=(-3.0, 10.0), L_brow=(333.0, 150.0)))
    assert "must lie within the photo" in seen(refused, 422)
    # what was sent and is in the photo is not lost
    assert 'name="x-L-brow" value="333.0"' in refused.text
    assert 'value="-3.0"' not in refused.text
    assert "must lie within the photo" in seen(browser.post(path), 422)
    with transaction(engine) as session:
        assert session.get(Landmarks, (photos[0], 0)) is None
    assert browser.get(f"/recordings/{ada.id}/landmarks/{photos[1] + 100}").status_code == 404


def test_measures_of_all_marked_photos_are_a_table_that_tells_what_placed_the_points(
    browser: Browser, ada: Recording, photos: list[int]
) -> None:
    for photo in photos:
        browser.post(f"/recordings/{ada.id}/landmarks/{photo}", **form(L_teeth_bottom=(282.0, 365.0)))
    answer = browser.get(f"/recordings/{ada.id}/landmarks/measures.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {(row["photo"], row["pose"]) for row in rows} == {("1", "REST"), ("2", "BROW")}
    teeth = next(row for row in rows if row["measure"] == "teeth")
    # 20 pixels where irises of 24 pixels are 11.77 mm
    assert (teeth["right"], teeth["left"], teeth["unit"]) == ("0.0", "9.81", "mm")
    assert (teeth["percent_of"], teeth["mm_per_pixel"]) == ("healthy", "0.49042")
    assert (teeth["model"], teeth["licence"]) == (BUILT_IN.name, BUILT_IN.licence)
    assert (teeth["automatic_points"], teeth["marked_by"]) == ("", "clara")
    assert "Phantom" not in answer.text


def site_with(engine: Engine, storage: FolderStorage, runner: asyncio.Runner, **landmarks: object) -> Browser:
    site = Browser(make_site(engine, storage, Settings(landmarks=landmarks)), runner)
    site.sign_in(engine, "cora", Role.CLINICIAN)
    return site


@pytest.mark.journey
def test_a_model_that_an_administrator_set_is_kept_with_its_licence_and_the_points_left_to_it(
    engine: Engine, storage: FolderStorage, runner: asyncio.Runner, ada: Recording, photos: list[int]
) -> None:
    site = site_with(engine, storage, runner, model="dlib-68")
    path = f"/recordings/{ada.id}/landmarks/{photos[0]}"
    fields = re.findall(r'name="([xy]-[^"]+)" value="([^"]+)"', site.get(path).text)
    sent = dict(fields) | {"x-L-brow": "320.0", "y-L-brow": "150.0"}
    assert site.post(path, **sent).status_code == 303
    with transaction(engine) as session:
        kept = session.get_one(Landmarks, (photos[0], 0))
        assert (kept.model, kept.licence) == (dlib_68().name, dlib_68().licence)
        assert set(kept.automatic) == POINTS.keys() - {"L-brow", "R-iris", "L-iris", "R-limbus", "L-limbus"}
    text = seen(site.get(path))
    assert "16 points stand where “dlib’s model of 68 points” found them (trained on iBUG" in text


def test_a_model_that_cannot_be_used_is_told_and_the_own_finders_stand_in(
    engine: Engine,
    storage: FolderStorage,
    runner: asyncio.Runner,
    ada: Recording,
    photos: list[int],
    tmp_path: Path,
) -> None:
    file = tmp_path / "clinic.dat"
    file.write_bytes(b"no model")
    own = {"model": "own", "file": file, "name": "Clinic 1", "licence": "CC BY 4.0"}
    with pytest.raises(ValidationError, match="needs file, sha256, name and licence"):
        Settings(landmarks=own)
    site = site_with(engine, storage, runner, **own, sha256="0" * 64)
    text = seen(site.get(f"/recordings/{ada.id}/landmarks/{photos[0]}"))
    assert "cannot be used" in text
    assert "clinic.dat is not the file whose SHA-256 is set" in text
    assert "Clinic 1 CC BY 4.0" in text


@pytest.mark.journey
def test_a_blind_rater_marks_points_of_his_or_her_own_and_sees_nothing_else(
    browser: Browser,
    engine: Engine,
    runner: asyncio.Runner,
    ada: Recording,
    photos: list[int],
) -> None:
    browser.post(f"/recordings/{ada.id}/landmarks/{photos[0]}", **form(L_brow=(320.0, 128.0)))
    rater = Browser(browser.app, runner)
    rater.sign_in(engine, "rita", Role.RATER)
    with transaction(engine) as session:
        assignments.give(session, system("test"), ["rita"], [ada.id], ["eface"], blind=True)
        number = assignments.tasks_of(session, "rita")[0].assignment.id
    path = f"/annotate/{number}/landmarks/1"
    assert f'href="{path}"' in rater.get(f"/annotate/{number}").text
    page = rater.get(path)
    assert "Nothing is measured until" in seen(page)
    assert "128.0" not in page.text
    assert rater.post(path, **form()).status_code == 303
    page = rater.get(path)
    text = seen(page)
    assert "Saved by rita" in text
    # neither whose photo it is nor which side is ill, nor what anybody or the model scored
    assert "% of the mean" in text
    assert "clara" not in text
    assert "Phantom" not in text
    assert f"/recordings/{ada.id}" not in page.text
    assert "100 %" in seen(browser.get(f"/recordings/{ada.id}/landmarks/{photos[0]}"))
    rater.post(f"/annotate/{number}/finished", finished="yes")
    assert "is finished: open it again" in seen(rater.post(path, **form(L_brow=(310.0, 120.0))), 422)
    assert "310.0" not in rater.get(path).text
    for other in (f"/annotate/{number}/landmarks/12", f"/annotate/{number + 1}/landmarks/1"):
        assert rater.get(other).status_code == 404
    assert rater.get(f"/recordings/{ada.id}/landmarks/{photos[0]}").status_code == 403


@pytest.mark.journey
def test_points_are_moved_by_pointer_and_by_keys(
    chromium: RealBrowser, address: str, password: str, engine: Engine, ada: Recording, photos: list[int]
) -> None:
    page = chromium.new_page(locale="en-GB", viewport={"width": 1440, "height": 1000})
    sign_in(page, address, "eva", password)
    page.goto(f"{address}/recordings/{ada.id}/landmarks/{photos[0]}")
    box = page.locator(".marked svg").bounding_box()
    assert box is not None
    corner = page.locator("[data-point=R-corner] .dot").bounding_box()
    assert corner is not None
    scale = VIEW.width / box["width"]
    page.mouse.move(corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 200 / scale, box["y"] + 350 / scale)
    page.mouse.up()
    page.focus("[data-point=L-brow]")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Control+ArrowLeft")
    expect(page.locator(".loupe")).to_be_visible()
    expect(page.locator("#pointed")).to_have_text("Brow, above the iris L: 319.8 pixels across, 157.0 down")
    page.keyboard.press("Control+z")
    expect(page.locator("#pointed")).to_have_text("Brow, above the iris L: 320.0 pixels across, 157.0 down")
    expect(page.locator("#unsaved")).to_have_text("not saved yet")
    assert not faults(page)
    page.click("text=Save points and measure")
    page.wait_for_selector("text=Saved by eva")
    assert not faults(page)
    page.close()
    with transaction(engine) as session:
        points = session.get_one(Landmarks, (photos[0], 0)).points
    assert points["R-corner"] == pytest.approx([200, 350], abs=1)
    assert points["L-brow"] == [320, 208 - 40 - 11]


@pytest.mark.journey
def test_a_finger_moves_the_point_nearest_to_it_under_a_magnifier_and_undo_brings_it_back(
    chromium: RealBrowser, address: str, password: str, engine: Engine, ada: Recording, photos: list[int]
) -> None:
    context = chromium.new_context(has_touch=True, viewport={"width": 820, "height": 1180}, locale="de-DE")
    page = context.new_page()
    sign_in(page, address, "eva", password)
    page.goto(f"{address}/recordings/{ada.id}/landmarks/{photos[0]}")
    page.locator(".marked").scroll_into_view_if_needed()
    box = page.locator(".marked svg").bounding_box()
    assert box is not None
    finger = context.new_cdp_session(page)
    scale = box["width"] / VIEW.width

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": box["x"] + x * scale, "y": box["y"] + y * scale} for x, y in places]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    # a little beside the point: it keeps its distance from the finger
    x, y = BEGIN["R-brow"]
    touch("touchStart", (x + 6, y - 5))
    touch("touchMove", (x + 26, y - 25))
    expect(page.locator(".loupe")).to_be_visible()
    expect(page.locator(".loupe")).not_to_have_class(re.compile("left"))
    touch("touchEnd")
    expect(page.locator(".loupe")).to_be_hidden()
    moved = page.locator("[name=y-R-brow]")
    assert float(moved.input_value()) == pytest.approx(y - 20, abs=0.5)
    # on the photo beside all points a finger scrolls the page
    still = page.locator(".marked svg").evaluate("drawn => getComputedStyle(drawn).touchAction")
    assert still != "none"
    assert not faults(page)
    page.tap("#undo")
    expect(moved).to_have_value(str(y))
    expect(page.locator("#undo")).to_be_disabled()
    expect(page.locator("[data-point=R-brow]")).to_have_class(re.compile("guessed"))
    context.close()
