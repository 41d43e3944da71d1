"""Which pictures are taken: of which page, by doing what, and how much of it."""

import datetime as dt
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tools.screenshots.clinic import LOOKS_ON

WIDTH, HEIGHT = 1440, 1000
QUALITY = 82
NOTICED = 24
"""Levels by which a channel of a pixel must differ to count as another."""
ALLOWED = 0.0008
"""Share of pixels that may differ in a picture that is kept, such as how long some work took."""


STILL = r"""(today) => {
    let minute = 59;
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode())
        texts.currentNode.data = texts.currentNode.data
            .replace(new RegExp(`${today}.*UTC`), () => `2026-03-02 11:${minute--}:07 UTC`)
            .replace(/[0-9.]+ GB free in \S+/, "412.0 GB free in /srv/facialis")
            .replace(/^[\w.-]+, \d+$/, "facialis-1, 4242")
            .replace(/^[0-9.]+ s$/, "2.4 s");
}"""
"""Puts fixed texts in place of those that are others each time: moments of today, the disk, processes."""


def _nothing(page: Page) -> None:
    """Leave the page as it opens."""


def _point_at_the_mouth(page: Page) -> None:
    page.locator("tr[data-map*='/R5.']").hover()
    expect(page.locator("div[data-map] img")).to_have_js_property("complete", True)


def _wipe(page: Page) -> None:
    page.locator("[data-pose]").select_option("SMILE")
    page.wait_for_load_state("networkidle")


def _score_an_item(page: Page) -> None:
    page.wait_for_selector("#annotation[data-ready]")
    page.focus("#score-M3")
    page.wait_for_load_state("networkidle")


def _check_constancy(page: Page) -> None:
    page.click("#check-now")
    expect(page.locator("section[aria-labelledby=constancy]")).to_contain_text("Last check", timeout=120_000)
    page.evaluate("window.scrollTo(0, 0)")


def _save_points(page: Page) -> None:
    page.locator("#landmarks button[type=submit]").click()
    page.wait_for_load_state("networkidle")


@dataclass(frozen=True)
class Shot:
    """One picture: ``path`` takes the numbers of patient, recording, photo and assignment by name.

    ``part`` is the element that it shows, None for the window at the page's beginning, ``height`` pixels
    high.
    """

    name: str
    path: str
    prepare: Callable[[Page], None] = _nothing
    part: str | None = None
    height: int = HEIGHT
    language: str = "en-GB"


SHOTS = (
    Shot("worklist", "/", height=760),
    Shot("patient", "/patients/{patient}", height=1180),
    Shot("dates", "/patients/{patient}", _wipe, part="section.compare"),
    Shot("recording", "/recordings/{recording}", _point_at_the_mouth, height=1100),
    Shot("scoring", "/annotate/{assignment}", _score_an_item, height=900),
    Shot("landmarks", "/recordings/{recording}/landmarks/{photo}", _save_points, height=1000),
    Shot("raters", "/raters", height=900),
    Shot("agreement", "/raters/agreement", height=900),
    Shot("bland-altman", "/raters/agreement/M3", height=620),
    Shot("health", "/admin/health", _check_constancy, height=1240),
    Shot("bundles", "/admin/bundles", height=760),
    Shot("audit", f"/admin/audit?actor={LOOKS_ON}", height=620),
    Shot("recording-de", "/recordings/{recording}", height=1100, language="de-DE"),
)


def take(browser: Browser, address: str, password: str, numbers: Mapping[str, int], out: Path) -> list[Path]:
    """Take every picture, and write those that differ visibly from what is there; the files written."""
    written = []
    for language in dict.fromkeys(shot.language for shot in SHOTS):
        page = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, locale=language, reduced_motion="reduce"
        )
        page.goto(f"{address}/sign-in")
        page.fill("#name", LOOKS_ON)
        page.fill("#password", password)
        page.press("#password", "Enter")
        page.wait_for_url(f"{address}/")
        for shot in SHOTS:
            file = out / f"{shot.name}.webp"
            if shot.language == language and keep(_picture(page, address, shot, numbers), file):
                written.append(file)
        page.close()
    return written


def keep(picture: Image.Image, file: Path) -> bool:
    """Write a picture unless the file shows the same already; whether it was written."""
    compressed = io.BytesIO()
    picture.save(compressed, "WEBP", quality=QUALITY, method=6)
    if file.exists():
        # What compressing does to letters counts for much: like is compared with like.
        with Image.open(file) as known, Image.open(compressed) as new:
            if _same(known.convert("RGB"), new.convert("RGB")):
                return False
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(compressed.getvalue())
    return True


def _picture(page: Page, address: str, shot: Shot, numbers: Mapping[str, int]) -> Image.Image:
    page.set_viewport_size({"width": WIDTH, "height": shot.height})
    page.goto(address + shot.path.format_map(numbers))
    page.wait_for_load_state("networkidle")
    shot.prepare(page)
    page.evaluate(STILL, dt.datetime.now(dt.UTC).date().isoformat())
    shown = page.locator(shot.part).screenshot() if shot.part else page.screenshot()
    return Image.open(io.BytesIO(shown)).convert("RGB")


def _same(known: Image.Image, picture: Image.Image) -> bool:
    """Whether two pictures look alike, but for a few characters."""
    if known.size != picture.size:
        return False
    apart = np.abs(np.asarray(known, np.int16) - np.asarray(picture, np.int16)).max(axis=2)
    return float(np.mean(apart > NOTICED)) <= ALLOWED
