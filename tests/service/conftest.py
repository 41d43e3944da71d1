"""An intake over a real database and a folder."""

import asyncio
import datetime as dt
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser as RealBrowser
from playwright.sync_api import Page, sync_playwright
from pydicom import Dataset
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from dicom.intake import Stored
from grading.phantom import write_cohort
from service.access.accounts import add_account
from service.access.passwords import generate_password
from service.access.roles import Role
from service.database import connect, transaction
from service.embedded.postgres import EmbeddedPostgres
from service.intake import ServiceIntake
from service.records.audit import system
from service.records.models import DeliveryState, Recording, RecordingState, StageRun
from service.records.tokens import Scope, create_token
from service.settings import Settings
from service.storage import FolderStorage
from service.web.serve import make_site
from tests.service.browsing import Browser
from tests.service.clinic import ARRIVED, SURGERY_DAY, Clinic
from tests.service.in_browser import pages_served, sign_in
from tests.service.programs import RUN_SITE, Program, RunningSite
from tests.service.samples import closing, received


@pytest.fixture
def without_tables(postgres_server: EmbeddedPostgres) -> Iterator[Engine]:
    """A database that was never brought to any revision, as after an update whose upgrade was forgotten."""
    engine = connect(postgres_server.url("postgres"))
    yield engine
    engine.dispose()


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "files")


@pytest.fixture
def woken() -> list[int]:
    """The recordings that became complete."""
    return []


@pytest.fixture
def intake(engine: Engine, storage: FolderStorage, woken: list[int]) -> ServiceIntake:
    """An intake whose workers look at once at what they are told of."""
    return ServiceIntake(engine, storage, Settings(), closing(engine, woken))


@pytest.fixture
def store(intake: ServiceIntake, storage: FolderStorage) -> Callable[[Dataset], Stored]:
    """Hand one object to the intake, as the receiver does."""
    return lambda dataset: intake.store(received(dataset, storage.root / "spool"))


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort folder of four phantoms, three of them patients with two recordings each."""
    folder = tmp_path_factory.mktemp("phantoms")
    write_cohort(folder, 4, seed=3)
    return folder


@pytest.fixture(scope="session")
def feature_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for crops and activations that the tests share."""
    return tmp_path_factory.mktemp("features")


@pytest.fixture
def clinic(engine: Engine, storage: FolderStorage) -> Iterator[Clinic]:
    with Session(engine, expire_on_commit=False) as session:
        yield Clinic(session, storage)


@pytest.fixture
def ada(clinic: Clinic) -> Recording:
    """A delivered recording, half a year after surgery, of a patient with an earlier one."""
    patient = clinic.patient("Phantom^Ada", "PH-1")
    bundle = clinic.bundle("commissioning")
    first = clinic.recording(patient, SURGERY_DAY - dt.timedelta(days=9), RecordingState.DELIVERED)
    clinic.grade(first, bundle, 40)
    latest = clinic.recording(patient, SURGERY_DAY + dt.timedelta(days=184), RecordingState.DELIVERED)
    clinic.photos(latest)
    flags = ("clipped.M4", "side.estimated", "recording.unlike_training")
    grading = clinic.grade(latest, bundle, 70, flags)
    clinic.report(grading, DeliveryState.DELIVERED, "Success (0000H)")
    clinic.session.add(
        StageRun(
            recording_key=latest.id,
            stage="grade",
            worker="w",
            started_at=ARRIVED,
            finished_at=ARRIVED + dt.timedelta(seconds=2.5),
            outcome="done",
        )
    )
    clinic.surgery(patient)
    clinic.session.commit()
    return latest


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    """The loop that apps are asked in."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def program(engine: Engine, storage: FolderStorage, runner: asyncio.Runner) -> Program:
    """A service with tokens for the whole site."""
    return Program(make_site(engine, storage, Settings()), runner, engine)


@pytest.fixture
def visitor(engine: Engine, storage: FolderStorage, runner: asyncio.Runner) -> Browser:
    """A browser that nobody is signed in with."""
    return Browser(make_site(engine, storage, Settings()), runner)


@pytest.fixture
def browser(visitor: Browser, engine: Engine) -> Browser:
    """A clinician's browser."""
    visitor.sign_in(engine, "clara", Role.CLINICIAN)
    return visitor


@pytest.fixture
def site(engine: Engine, database_url: str, storage: FolderStorage, ada: Recording) -> Iterator[RunningSite]:
    """The site over the clinic of Ada, as a process of its own."""
    with transaction(engine) as session:
        token = create_token(session, "fuzzer", Scope.ADMIN, 1)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = RUN_SITE.format(port=port, url=database_url, root=str(storage.root))
    process = subprocess.Popen([sys.executable, "-c", program])
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 120
    try:
        while True:
            try:
                httpx.get(f"{url}/health", trust_env=False)
                break
            except httpx.TransportError:
                assert process.poll() is None, "the site ended"
                assert time.monotonic() < deadline, "the site did not answer"
                time.sleep(0.1)
        yield RunningSite(url, {"Authorization": f"Bearer {token}"})
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def chromium() -> Iterator[RealBrowser]:
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
    with pages_served(database_url, storage) as address:
        yield address


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
def page(chromium: RealBrowser, address: str, password: str) -> Iterator[Page]:
    """Of `eva`, signed in."""
    page = chromium.new_page(locale="en-GB", viewport={"width": 1440, "height": 1000})
    page.set_default_timeout(60_000)
    sign_in(page, address, "eva", password)
    yield page
    page.close()
