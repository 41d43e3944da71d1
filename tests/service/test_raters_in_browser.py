"""Raters' work from beginning to end in real browsers: given, scored, compared, settled, exported."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import Engine

from grading.rated_cohort import read_rated_cohort
from service.access.accounts import add_account
from service.access.roles import Role
from service.cohort_export import write_cohort
from service.database import transaction
from service.records import assignments
from service.records.audit import system
from service.records.models import Recording
from service.storage import FolderStorage
from tests.dicom.samples import photo, save
from tests.service.in_browser import sign_in

pytestmark = pytest.mark.journey

SCORES = {"ida": {"R1": 60, "R2": 90}, "jan": {"R1": 120, "R2": 95}}


@pytest.fixture
def signed_in(
    chromium: Browser, address: str, password: str, engine: Engine
) -> Iterator[Callable[[str], Page]]:
    """A page of a rater in a browser of her own."""
    contexts: list[BrowserContext] = []
    with transaction(engine) as session:
        for name in SCORES:
            add_account(session, system("test"), name, [Role.RATER], password=password)

    def open_page(name: str) -> Page:
        contexts.append(chromium.new_context(locale="en-GB", viewport={"width": 1440, "height": 1000}))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        sign_in(page, address, name, password)
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_blind_work_is_given_scored_compared_settled_and_exported(
    page: Page,
    signed_in: Callable[[str], Page],
    address: str,
    engine: Engine,
    storage: FolderStorage,
    ada: Recording,
    tmp_path: Path,
) -> None:
    page.goto(f"{address}/raters")
    for name in SCORES:
        page.get_by_role("checkbox", name=name, exact=True).check()
    page.get_by_label(re.compile("Numbers of recordings")).fill(str(ada.id))
    page.get_by_role("button", name="Give", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("2 new assignments")

    for name, scores in SCORES.items():
        rater = signed_in(name)
        rater.goto(f"{address}/annotate")
        expect(rater.locator(".tasks")).to_contain_text("blind")
        rater.get_by_role("link", name="Series 1").click()
        rater.wait_for_selector("#annotation[data-ready]")
        for item, score in scores.items():
            rater.fill(f"#score-{item}", str(score))
        expect(rater.locator("#saving")).to_have_text("saved")
        # Nothing of the model, of the patient or of the other rater.
        for secret in ("Ada", "PH-1", "model", *(SCORES.keys() - {name})):
            expect(rater.locator("main")).not_to_contain_text(secret)
        rater.get_by_role("button", name="Finished").click()
        rater.wait_for_url(re.compile("/annotate$"))
        rater.goto(f"{address}/raters/agreement")
        expect(rater.locator("h1")).to_have_text("Not for your roles")

    page.goto(f"{address}/raters")
    row = page.locator("section:has(#differing) tbody tr")
    expect(row).to_contain_text("ida, jan")
    page.get_by_role("link", name="How far they agree").click()
    expect(page.locator("tbody tr", has_text="R1").first).to_contain_text("60.0")
    page.goto(f"{address}/raters")
    row.get_by_role("link").click()
    expect(page.locator("tr", has_text="far apart")).to_have_count(1)
    page.fill("#score-R1", "80")
    page.get_by_role("button", name="Save settled scores").click()
    expect(row.locator("td").last).to_have_text("1")

    save(photo(), storage.path("objects/one.dcm"))
    with transaction(engine) as session:
        write_cohort(session, storage, tmp_path / "cohort")
    (recording,) = read_rated_cohort(tmp_path / "cohort").recordings
    assert recording.labels == {"R1": 80, "R2": 92.5}


def test_a_rater_compares_with_the_model_where_work_is_not_blind(
    page: Page, signed_in: Callable[[str], Page], address: str, engine: Engine, ada: Recording
) -> None:
    with transaction(engine) as session:
        assignments.give(session, system("test"), ["ida"], [ada.id], ["eface"], blind=False)
    rater = signed_in("ida")
    rater.goto(f"{address}/annotate")
    rater.get_by_role("link", name="Series 1").click()
    expect(rater.locator("#item-R1")).to_contain_text("model 70")
