"""Raters at work in a real browser: by keyboard, two at once, without a connection, after their session."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import Engine, delete

from service.access.accounts import add_account
from service.access.roles import Role
from service.database import transaction
from service.records import annotating, assignments
from service.records.audit import system
from service.records.models import Recording, SignedIn
from tests.service.clinic import SURGERY_DAY, Clinic
from tests.service.in_browser import faults, sign_in

pytestmark = pytest.mark.journey


@pytest.fixture
def series(engine: Engine, clinic: Clinic, ada: Recording, password: str) -> list[int]:
    """Three recordings that `eva` and `otto` are to score; Ada's latest is the first."""
    others = [clinic.recording(ada.patient, SURGERY_DAY, ada.state) for _ in range(2)]
    for one in others:
        clinic.photos(one)
    clinic.session.commit()
    numbers = [ada.id, *(one.id for one in others)]
    with transaction(engine) as session:
        add_account(session, system("test"), "otto", [Role.RATER], password=password)
        scales = ["eface", "house-brackmann"]
        assignments.give(session, system("test"), ["eva", "otto"], numbers, scales, blind=False)
    return numbers


@pytest.fixture
def opened(
    chromium: Browser, address: str, password: str, series: list[int]
) -> Iterator[Callable[[str], Page]]:
    """Open a rater's first series in a browser of its own."""
    contexts: list[BrowserContext] = []

    def open_first(rater: str) -> Page:
        context = chromium.new_context(viewport={"width": 1440, "height": 1000}, locale="en-GB")
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{address}/sign-in")
        sign_in(page, address, rater, password)
        page.goto(f"{address}/annotate")
        page.click("text=Series 1")
        page.wait_for_selector("#annotation[data-ready]")
        return page

    yield open_first
    for context in contexts:
        context.close()


def on_record(engine: Engine, rater: str, place: int = 0) -> dict[str, float]:
    with transaction(engine) as session:
        return annotating.given_scores(session, assignments.tasks_of(session, rater)[place].assignment)


def saved(page: Page) -> None:
    expect(page.locator("#saving")).to_have_text("saved", timeout=30_000)


def test_a_series_is_scored_by_keyboard_alone_with_its_photos_beside_it(
    opened: Callable[[str], Page], engine: Engine
) -> None:
    page = opened("eva")
    page.focus("#next")
    page.keyboard.press("Enter")
    page.keyboard.type("85")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("PageUp")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    saved(page)
    assert on_record(engine, "eva") == {"R1": 85, "R2": 111, "R3": 100}
    page.focus("#score-M1")
    visible = page.locator("#large figure:visible").evaluate_all("all => all.map(one => one.dataset.pose)")
    assert visible == ["REST", "BROW"]
    page.keyboard.press("Control+z")
    expect(page.locator("#item-R3 output")).to_have_text("not scored")
    page.keyboard.press("Control+z")
    page.focus("#item-HB input")
    page.keyboard.type("4")
    saved(page)
    assert on_record(engine, "eva") == {"R1": 85, "HB": 4}
    page.keyboard.press("Delete")
    saved(page)
    assert on_record(engine, "eva") == {"R1": 85}
    expect(page.locator("#progress-words")).to_have_text("1 of 17 items")
    assert not faults(page)


def test_two_raters_at_once_do_not_disturb_each_other(opened: Callable[[str], Page], engine: Engine) -> None:
    pages = {name: opened(name) for name in ("eva", "otto")}
    for value, item in ((70, "R1"), (130, "R2")):
        for shift, (_, page) in enumerate(pages.items()):
            page.fill(f"#score-{item}", str(value + shift))
    for page in pages.values():
        saved(page)
    assert on_record(engine, "eva") == {"R1": 70, "R2": 130}
    assert on_record(engine, "otto") == {"R1": 71, "R2": 131}


def test_what_is_given_without_a_connection_is_kept_and_sent_once_it_is_back(
    opened: Callable[[str], Page], engine: Engine
) -> None:
    page = opened("eva")
    page.fill("#score-R1", "70")
    saved(page)
    page.context.set_offline(True)
    page.fill("#score-R2", "60")
    page.fill("#score-R1", "75")
    expect(page.locator("#saving")).to_contain_text("no connection")
    expect(page.locator("#item-R2 output")).to_contain_text("60")
    kept = page.evaluate("JSON.stringify(localStorage)")
    assert "R2" in kept
    assert "Ada" not in kept
    assert on_record(engine, "eva") == {"R1": 70}
    page.context.set_offline(False)
    saved(page)
    assert on_record(engine, "eva") == {"R1": 75, "R2": 60}


def test_after_the_session_has_ended_the_rater_signs_in_and_goes_on(
    opened: Callable[[str], Page], engine: Engine, password: str
) -> None:
    page = opened("eva")
    with transaction(engine) as session:
        session.execute(delete(SignedIn))
    page.fill("#score-R1", "70")
    expect(page.locator("#trouble")).to_contain_text("Your session has ended")
    page.fill("#score-R2", "60")
    assert on_record(engine, "eva") == {}
    page.click("text=sign in and go on")
    page.fill("#name", "eva")
    page.fill("#password", password)
    page.press("#password", "Enter")
    page.wait_for_selector("#annotation[data-ready]")
    saved(page)
    assert on_record(engine, "eva") == {"R1": 70, "R2": 60}
    page.click("#undo")
    saved(page)
    assert on_record(engine, "eva") == {"R1": 70}


def test_a_sign_in_in_another_tab_is_enough(
    opened: Callable[[str], Page], engine: Engine, address: str, password: str
) -> None:
    page = opened("eva")
    with transaction(engine) as session:
        session.execute(delete(SignedIn))
    other = page.context.new_page()
    sign_in(other, address, "eva", password)
    other.close()
    page.fill("#score-R1", "70")
    saved(page)
    assert on_record(engine, "eva") == {"R1": 70}


def test_a_computer_that_was_away_does_not_undo_what_was_changed_elsewhere(
    opened: Callable[[str], Page], engine: Engine
) -> None:
    old, new = opened("eva"), opened("eva")
    old.context.set_offline(True)
    old.fill("#score-R1", "40")
    expect(old.locator("#saving")).to_contain_text("no connection")
    new.fill("#score-R1", "90")
    saved(new)
    old.context.set_offline(False)
    expect(old.locator("#trouble")).to_contain_text("changed elsewhere", timeout=30_000)
    expect(old.locator("#item-R1 output")).to_contain_text("90")
    assert on_record(engine, "eva") == {"R1": 90}


def test_finishing_waits_for_what_is_not_saved_and_goes_on_to_the_next(
    opened: Callable[[str], Page], engine: Engine
) -> None:
    page = opened("eva")
    page.fill("#score-R1", "70")
    page.click("text=Finished, next series")
    page.wait_for_selector("h1:has-text('Series 2')")
    assert on_record(engine, "eva") == {"R1": 70}
    page.goto(re.sub(r"\d+$", "1", page.url))
    assert page.locator("#score-R1").is_disabled()
