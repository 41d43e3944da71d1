"""A clinician takes a folder of photos in, in a real browser over a running receiver."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine, select

from dicom.receiver import Receiver, ReceiverConfig
from grading.protocols import JENA9
from service.database import transaction
from service.intake import ServiceIntake
from service.records import audit
from service.records.audit import AuditSearch
from service.records.audit_events import AuditEventKind
from service.records.models import Photo
from service.records.ratings import all_ratings
from service.storage import FolderStorage
from service.uploads import FOLDER
from tests.dicom.samples import jpeg_bytes
from tests.service.in_browser import faults, pages_served, sign_in

pytestmark = pytest.mark.journey


@pytest.fixture
def receiver_port(intake: ServiceIntake, storage: FolderStorage) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = ReceiverConfig(spool=storage.root / "spool", host="127.0.0.1", port=port, min_free_bytes=0)
    receiver = Receiver(config, intake)
    receiver.start()
    yield port
    receiver.stop()


@pytest.fixture
def address(database_url: str, engine: Engine, storage: FolderStorage, receiver_port: int) -> Iterator[str]:
    with pages_served(database_url, storage, receiver_port) as address:
        yield address


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two recordings of somebody; a photo of the second is no photo."""
    made = tmp_path / "clinic"
    rows = ["subject;session;group;side;recorded_on;R1"]
    for session, day in (("before", "10.01.2024"), ("after", "10.07.2024")):
        (made / "S1" / session).mkdir(parents=True)
        for pose in JENA9.poses:
            (made / "S1" / session / f"{pose.number}.jpg").write_bytes(jpeg_bytes(seed=pose.number))
        rows.append(f"S1;{session};palsy;L;{day};75")
    (made / "S1" / "after" / "4.jpg").write_bytes(b"a letter")
    (made / "labels.csv").write_text("\n".join(rows))
    return made


def send(page: Page, address: str, folder: Path) -> None:
    page.goto(f"{address}/raters/import")
    page.get_by_label("A folder with its subfolders").set_input_files(folder)
    page.get_by_label("Who gave the scores").fill("book")
    page.get_by_role("button", name="Send and look at it").click()


def test_a_folder_is_mended_looked_at_imported_and_known_the_second_time(
    page: Page, address: str, engine: Engine, storage: FolderStorage, folder: Path
) -> None:
    page.goto(f"{address}/raters")
    page.get_by_role("link", name="Import a folder of photos").click()
    assert faults(page) == []
    send(page, address, folder)
    expect(page.locator("h1")).to_have_text("This cannot be imported yet")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("S1/after: 4.jpg cannot be read as a JPEG or PNG photo")
    assert faults(page) == []

    (folder / "S1" / "after" / "4.jpg").write_bytes(jpeg_bytes(seed=4))
    send(page, address, folder)
    expect(page.locator("h1")).to_have_text("This would be imported")
    assert faults(page) == []
    page.get_by_role("button", name="Import it").click()
    expect(page.locator("h1")).to_have_text("The import is done", timeout=60_000)
    expect(page.locator(".facts dd")).to_have_text(["2", "18", "0", "2"])
    assert list((storage.root / FOLDER).iterdir()) == []
    with transaction(engine) as session:
        assert len(session.scalars(select(Photo)).all()) == 18
        assert [dict(one.scores) for one in all_ratings(session)] == [{"R1": 75}] * 2
        search = AuditSearch(actor="eva", kinds=[AuditEventKind.DATA_IMPORTED])
        assert [one.detail for one in audit.find(session, search, 10)] == [{"table": "folder", "rows": 2}]

    send(page, address, folder)
    expect(page.locator("h1")).to_have_text("All of this is on record already")
    expect(page.locator(".facts dd")).to_have_text(["0", "0", "2", "0"])
    expect(page.get_by_role("button", name="Import it")).to_have_count(0)


def test_a_receiver_that_is_away_is_told_and_the_photos_are_still_there(
    chromium: Browser, database_url: str, password: str, storage: FolderStorage, folder: Path
) -> None:
    (folder / "S1" / "after" / "4.jpg").write_bytes(jpeg_bytes(seed=4))
    with socket.socket() as nobody, pages_served(database_url, storage, _free(nobody)) as address:
        page = chromium.new_page(locale="en-GB")
        sign_in(page, address, "eva", password)
        send(page, address, folder)
        page.get_by_role("button", name="Import it").click()
        expect(page.get_by_role("alert")).to_contain_text(
            "The import broke off after 0 of 2 recordings", timeout=60_000
        )
        expect(page.get_by_role("button", name="Import it")).to_be_visible()
        page.close()


def _free(probe: socket.socket) -> int:
    """A port that nobody listens on for as long as ``probe`` is open."""
    probe.bind(("127.0.0.1", 0))
    port: int = probe.getsockname()[1]
    return port
