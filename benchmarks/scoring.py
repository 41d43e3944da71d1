"""How soon a rater sees a bar move: from the key to the frame in which the new score stands there.

A rater scores a phantom's recording in headless Chromium, with every scale on the page, while each score is
saved to a server with a PostgreSQL of its own. The last line is one JSON object, in milliseconds.
"""

import argparse
import io
import json
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import Engine

from benchmarks.history import server
from dicom.header_reading import read_header
from grading.eyes import find_eyes
from grading.face import find_face
from grading.framing import view
from grading.phantom import draw_series, phantom_patient
from grading.protocols import JENA9
from grading.scales import SCALES
from migrations.upgrade import upgrade
from service.access.accounts import add_account
from service.access.passwords import generate_password
from service.access.roles import Role
from service.database import connect, transaction
from service.phantoms import write_dicom
from service.records import assignments
from service.records.audit import system
from service.records.models import Photo, Recording, RecordingState
from service.settings import Settings
from service.storage import FolderStorage
from service.web.serve import make_site

GOAL_MS = 100.0
PORT = 8199
RATER = "eva"

WATCH = """() => {
    window.took = [];
    document.getElementById("score-R2").addEventListener("input", (event) => requestAnimationFrame(
        () => setTimeout(() => window.took.push(performance.now() - event.timeStamp))));
}"""


def fill(engine: Engine, storage: FolderStorage, work: Path, password: str) -> None:
    """A phantom's first recording, given to a rater."""
    patient = phantom_patient(4, healthy=False)
    write_dicom(work, patient)
    pixels = draw_series(patient, patient.recordings[0])
    now = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    with transaction(engine) as session:
        recording = Recording(
            series_uid="1.2.3",
            study_uid="1.2",
            protocol=JENA9.id,
            state=RecordingState.PREPARED,
            first_received_at=now,
            last_received_at=now,
            state_changed_at=now,
        )
        for pose in JENA9.poses:
            photo = pixels[pose.code]
            buffer = io.BytesIO()
            Image.fromarray(view(photo, find_eyes(photo, find_face(photo)))).save(buffer, "JPEG", quality=92)
            storage.write(f"views/{pose.number}.jpg", buffer.getvalue())
            header = read_header(work / patient.id / "1" / f"{pose.number}.dcm")
            recording.photos.append(
                Photo(
                    sop_instance_uid=header.sop_instance_uid,
                    sha256="0" * 64,
                    size=1,
                    storage_key="none",
                    header=header.to_json(),
                    pose=pose.code,
                    view_key=f"views/{pose.number}.jpg",
                    calling_ae="CAMERA",
                    received_at=now,
                    last_seen_at=now,
                )
            )
        session.add(recording)
        session.flush()
        add_account(session, system("benchmark"), RATER, [Role.RATER], password=password)
        assignments.give(session, system("benchmark"), [RATER], [recording.id], list(SCALES), blind=True)


@contextmanager
def pages(engine: Engine, storage: FolderStorage) -> Iterator[str]:
    """Where the pages answer, from a thread of this process."""
    app = make_site(engine, storage, Settings(data_dir=storage.root))
    web = uvicorn.Server(uvicorn.Config(app, port=PORT, log_level="error"))
    thread = threading.Thread(target=web.run)
    thread.start()
    try:
        while not web.started:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{PORT}"
    finally:
        web.should_exit = True
        thread.join()


def sign_in(page: Page, address: str, password: str) -> None:
    page.goto(f"{address}/sign-in")
    page.fill("#name", RATER)
    page.fill("#password", password)
    page.press("#password", "Enter")
    page.click("text=Series 1")
    page.wait_for_selector("#annotation[data-ready]")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=100)
    parser.add_argument("--screenshot", type=Path, help="Write a picture of the page to this file.")
    asked = parser.parse_args()
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("Chromium is not installed: tools/test-packages installs it")
    password = generate_password()
    with tempfile.TemporaryDirectory(prefix="facialis-scoring-") as name, server() as postgres:
        upgrade(postgres.url())
        engine, storage = connect(postgres.url()), FolderStorage(Path(name) / "files")
        fill(engine, storage, Path(name) / "dicom", password)
        with pages(engine, storage) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-GB")
            sign_in(page, address, password)
            page.evaluate(WATCH)
            page.focus("#score-R2")
            for move in range(asked.moves):
                page.keyboard.press("ArrowLeft" if move % 60 < 30 else "ArrowRight")
            page.wait_for_timeout(1000)
            page.wait_for_selector("#saving[data-state=saved]")
            took = page.evaluate("window.took")
            if asked.screenshot:
                page.fill("#score-R1", "78")
                page.fill("#score-R3", "55")
                page.focus("#score-M1")
                page.fill("#score-M1", "35")
                page.wait_for_timeout(800)
                page.screenshot(path=asked.screenshot)
            browser.close()
        engine.dispose()
    median, slow = statistics.median(took), sorted(took)[int(0.95 * len(took))]
    print(f"{len(took)} moves: median {median:.1f} ms, 95 % within {slow:.1f} ms, goal {GOAL_MS:.0f} ms")
    figures = {
        "median_ms": median,
        "p95_ms": slow,
        "most_ms": max(took),
        "met": slow <= GOAL_MS and len(took) == asked.moves,
    }
    print(json.dumps({"benchmark": "scoring", "moves": len(took), **figures}))


if __name__ == "__main__":
    main()
