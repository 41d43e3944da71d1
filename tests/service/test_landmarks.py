"""Points are marked in photos, kept, and measured by; the irises at rest give the scale of the series."""

import numpy as np
import pytest
from playwright.sync_api import Browser as RealBrowser
from sqlalchemy import Engine

from grading.framing import VIEW
from grading.landmarks import POINTS, find_points
from service.database import transaction
from service.records.models import Landmarks, Recording
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
    browser.post(brow, **form(L_brow=(320.0, 128.0)))
    text = seen(browser.get(brow))
    assert "There are no millimetres yet" in text
    assert "Brow height over the iris – – – 100 %" in text
    browser.post(rest, **form())
    text = seen(browser.get(brow))
    # irises of 24 pixels are 11.77 mm; the affected side is the left
    assert "Brow height over the iris 19.6 mm 39.2 mm −19.6 mm 100 %" in text
    assert "% of the healthy side" in text
    assert "guessed" not in browser.get(brow).text


def test_points_outside_the_photo_are_refused_and_nothing_is_kept(
    browser: Browser, engine: Engine, ada: Recording, photos: list[int]
) -> None:
    path = f"/recordings/{ada.id}/landmarks/{photos[0]}"
    assert "must lie within the photo" in seen(browser.post(path, **form(R_brow=(-3.0, 10.0))), 422)
    assert "must lie within the photo" in seen(browser.post(path), 422)
    with transaction(engine) as session:
        assert session.get(Landmarks, photos[0]) is None
    assert browser.get(f"/recordings/{ada.id}/landmarks/{photos[1] + 100}").status_code == 404


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
    assert not faults(page)
    page.click("text=Save points and measure")
    page.wait_for_selector("text=Saved by eva")
    assert not faults(page)
    page.close()
    with transaction(engine) as session:
        points = session.get_one(Landmarks, photos[0]).points
    assert points["R-corner"] == pytest.approx([200, 350], abs=1)
    assert points["L-brow"] == [320, 208 - 40 - 11]
