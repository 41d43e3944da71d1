"""The health page in a real browser: it follows what happens, keeps what was opened, and asks for a check."""

import datetime as dt

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from service.database import transaction
from service.records import processes
from service.records.models import ConstancyRun, ProcessKind
from service.records.processes import Doing
from tests.service.constancy_checks import made
from tests.service.in_browser import faults, sign_in

pytestmark = pytest.mark.journey


def test_it_follows_the_work_and_keeps_what_was_opened(
    chromium: Browser, address: str, password: str, engine: Engine
) -> None:
    with transaction(engine) as session:
        made(session, {"R1": 50})
    page = chromium.new_page(locale="en-GB")
    sign_in(page, address, "eva", password)
    page.goto(f"{address}/admin/health")
    page.locator("#earlier").click()
    expect(page.get_by_role("heading", name="Grading has changed")).to_have_count(0)
    with transaction(engine) as session:
        doing = Doing("grade", 12, dt.datetime.now(dt.UTC))
        processes.give_sign(session, ProcessKind.WORKER, "host", 1, ["grade"], doing)
        made(session, {"R1": 53}, torch="2.7")
    expect(page.get_by_role("heading", name="Grading has changed")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("Grading 12, since")).to_be_visible()
    expect(page.locator("details[open] #earlier")).to_be_visible()
    assert faults(page) == []
    page.locator("#accept").click()
    expect(page.get_by_role("heading", name="Grading has changed")).to_have_count(0)
    expect(page.get_by_text("Accepted by")).to_be_visible()
    page.close()


def test_a_check_is_asked_for_in_german_and_by_keyboard(
    chromium: Browser, address: str, password: str, engine: Engine
) -> None:
    page = chromium.new_page(locale="de-DE")
    sign_in(page, address, "eva", password)
    page.goto(f"{address}/admin/health")
    page.get_by_role("button", name="Jetzt prüfen").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Eine Prüfung wartet auf einen Arbeiter oder läuft.")).to_be_visible()
    with Session(engine) as session:
        assert session.query(ConstancyRun).one().asked_by == "eva"
    page.close()
