"""In a real browser two bundles are compared, one is activated and rolled back, and the history shows who."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine

from grading.bundle import COMMISSIONING_BUNDLE, load_bundle, save_bundle
from service import activating
from service.database import transaction
from service.records import activations
from service.records.audit import system
from service.settings import Settings
from service.storage import FolderStorage
from tests.service.in_browser import faults, note_broken_policy, sign_in

pytestmark = pytest.mark.journey


def test_a_bundle_is_compared_activated_and_rolled_back(
    chromium: Browser, address: str, password: str, engine: Engine, storage: FolderStorage, tmp_path: Path
) -> None:
    served = load_bundle(COMMISSIONING_BUNDLE)
    name = f"{served.name} {served.version}"
    save_bundle(replace(served, name="department", version="7"), tmp_path / "new")
    with transaction(engine) as session:
        new = activating.install(session, system("test"), storage, tmp_path / "new")
        activating.named_by_settings(session, Settings())
    found: list[str] = []
    page = chromium.new_page(locale="en-GB")
    page.on("console", lambda message: note_broken_policy(found, message))
    sign_in(page, address, "eva", password)
    page.get_by_role("link", name="Bundles", exact=True).click()
    expect(page.locator(".now")).to_contain_text(name)
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("h1")).to_have_text(f"{name} and department 7")
    expect(page.get_by_role("img", name=re.compile("by both bundles"))).to_have_count(len(served.training))
    found += faults(page)
    page.get_by_role("link", name="department 7", exact=True).click()
    found += faults(page)
    page.get_by_role("link", name="Activate", exact=True).click()
    expect(page.get_by_text("Nothing has to be started again")).to_be_visible()
    page.get_by_label("Reason").fill("a try")
    page.get_by_role("button", name="Activate", exact=True).click()
    expect(page.locator(".now")).to_contain_text("department 7")
    page.get_by_role("link", name=f"Roll back to {name}").click()
    expect(page.locator("h1")).to_have_text(f"Roll back to {name}")
    page.get_by_role("button", name="Roll back", exact=True).click()
    expect(page.locator(".now")).to_contain_text(name)
    rows = page.get_by_role("region", name="Who activated what").locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text(re.compile(rf"active\s*{re.escape(name)}.*eva", re.DOTALL))
    expect(rows.nth(1)).to_contain_text(re.compile(r"department 7.*eva.*a try", re.DOTALL))
    found += faults(page)
    page.close()
    assert not found, "\n".join(found)
    with transaction(engine) as session:
        back = activations.active(session)
        assert back is not None
        assert (back.bundle.hash, back.replaced_key) == (served.hash, new.id)
