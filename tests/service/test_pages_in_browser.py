"""The pages in a real browser: by keyboard, what axe-core finds, and that nothing breaks the policy.

The server is a process of its own over the tests' database; Chromium is the system's.
"""

import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from sqlalchemy import Engine, delete

from service.access.accounts import add_account
from service.access.passwords import generate_password
from service.access.roles import Role
from service.database import transaction
from service.records.audit import system
from service.records.models import DeliveryState, Recording, RecordingState, SignedIn
from service.storage import FolderStorage
from tests.service.clinic import SURGERY_DAY, Clinic

pytestmark = pytest.mark.journey

WIDTHS = (1440, 820)
PAGES = (
    "/",
    "/patients/{patient}",
    "/recordings/{recording}",
    "/account",
    "/admin/health",
    "/admin/deliveries",
    "/admin/audit",
    "/admin/users",
    "/nowhere",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed: tools/test-packages installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def address(database_url: str, engine: Engine, storage: FolderStorage) -> Iterator[str]:
    """Where the pages answer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = (
        "from pathlib import Path\n"
        "from service.database import connect\n"
        "from service.settings import Settings\n"
        "from service.storage import FolderStorage\n"
        "from service.web.serve import serve\n"
        f"settings = Settings(web={{'port': {port}}}, data_dir={str(storage.root)!r}, destinations=(\n"
        "    {'name': 'Main PACS', 'ae_title': 'PACS', 'host': '127.0.0.1', 'port': 1},))\n"
        f"serve(connect({database_url!r}), FolderStorage(Path({str(storage.root)!r})), settings)"
    )
    process = subprocess.Popen([sys.executable, "-c", program])
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                httpx.get(f"{address}/health", trust_env=False)
                break
            except httpx.TransportError:
                assert process.poll() is None, "the server ended"
                assert time.monotonic() < deadline, "the server did not answer"
                time.sleep(0.05)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@pytest.fixture
def password(engine: Engine) -> str:
    """Of the user `eva`, who may everything; there is a viewer `victor` with the same."""
    chosen = generate_password()
    with transaction(engine) as session:
        roles = [role for role in Role if role is not Role.VIEWER]
        add_account(session, system("test"), "eva", roles, password=chosen, display_name="Eva Ä. Müller")
        add_account(session, system("test"), "victor", [Role.VIEWER], password=chosen)
    return chosen


@pytest.fixture
def busy(clinic: Clinic, ada: Recording) -> Recording:
    """Recordings in every state beside that of Ada, one of which needs attention and one failed to arrive."""
    for state in RecordingState:
        reason = ("Photo 6 is missing.", "series.poses") if state == RecordingState.NEEDS_ATTENTION else ()
        clinic.recording(ada.patient, SURGERY_DAY, state, *reason)
    grading = clinic.grade(
        clinic.recording(ada.patient, SURGERY_DAY, RecordingState.REPORTED), clinic.bundle("other"), 50
    )
    clinic.report(grading, DeliveryState.FAILED, "Refused: out of resources")
    clinic.session.commit()
    return ada


def sign_in(page: Page, address: str, name: str, password: str) -> None:
    page.goto(f"{address}/sign-in")
    page.fill("#name", name)
    page.fill("#password", password)
    page.press("#password", "Enter")
    page.wait_for_url(re.compile("/$|/admin"))


def note_broken_policy(found: list[str], message: ConsoleMessage) -> None:
    if "Content Security Policy" in message.text:
        found.append(message.text)


def faults(page: Page) -> list[str]:
    """What axe-core finds on the page that is serious or worse, and whether it scrolls sideways."""
    found = Axe().run(page).response["violations"]
    faults = [
        f"{page.url}: {rule['id']}: {node['target']} {node.get('failureSummary', '')}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*faults, *([f"{page.url}: {wider} px wider than the window"] if wider > 0 else [])]


@pytest.mark.parametrize(("scheme", "language"), [("light", "en-GB"), ("dark", "de-DE")])
def test_axe_finds_nothing_serious_on_any_page(
    chromium: Browser, address: str, password: str, busy: Recording, scheme: str, language: str
) -> None:
    found: list[str] = []
    for width in WIDTHS:
        context = chromium.new_context(
            viewport={"width": width, "height": 1000}, color_scheme=scheme, locale=language
        )
        page = context.new_page()

        page.on("console", partial(note_broken_policy, found))
        page.goto(f"{address}/sign-in")
        found += faults(page)
        sign_in(page, address, "eva", password)
        for path in PAGES:
            answer = page.goto(address + path.format(patient=busy.patient_key, recording=busy.id))
            assert answer is not None
            assert answer.status == (404 if path == "/nowhere" else 200), path
            found += faults(page)
        context.clear_cookies()
        sign_in(page, address, "victor", password)
        page.goto(f"{address}/recordings/{busy.id}")
        assert "/break-glass/" in page.url
        found += faults(page)
        page.goto(f"{address}/admin/users")
        found += faults(page)
        context.close()
    assert not found, "\n".join(found)


def test_a_patient_is_reached_by_keyboard_alone(
    chromium: Browser, address: str, password: str, ada: Recording
) -> None:
    page = chromium.new_page(locale="en-GB")
    page.goto(f"{address}/patients/{ada.patient_key}")
    page.keyboard.type("eva")
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/patients/{ada.patient_key}")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    link = page.locator("main a[href^='/recordings/']").first
    for _ in range(5):
        page.keyboard.press("Tab")
        if link.evaluate("link => link === document.activeElement"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/recordings/"))
    page.close()


def test_after_the_session_has_ended_the_sign_in_leads_back_to_the_page(
    chromium: Browser, address: str, password: str, engine: Engine, ada: Recording
) -> None:
    page = chromium.new_page(locale="en-GB")
    sign_in(page, address, "eva", password)
    page.goto(f"{address}/recordings/{ada.id}")
    with transaction(engine) as session:
        session.execute(delete(SignedIn))
    page.reload()
    assert "/sign-in" in page.url
    assert page.locator("img").count() == 0
    page.fill("#name", "eva")
    page.fill("#password", password)
    page.press("#password", "Enter")
    page.wait_for_url(f"{address}/recordings/{ada.id}")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile("/sign-in"))
    page.go_back()
    page.wait_for_url(re.compile("/sign-in"))
    page.close()


def test_a_viewer_says_why_and_sees_the_patient(
    chromium: Browser, address: str, password: str, ada: Recording
) -> None:
    page = chromium.new_page(locale="en-GB")
    sign_in(page, address, "victor", password)
    page.click("text=Phantom, Ada")
    page.click("text=Treatment in an emergency")
    page.get_by_role("button", name="Show this patient").click()
    page.wait_for_url(f"{address}/patients/{ada.patient_key}")
    assert page.locator("h1").inner_text() == "Phantom, Ada"
    page.close()
