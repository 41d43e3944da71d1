"""How soon the clinicians' pages show something in a real browser, with a large archive behind them.

Patients are generated and copied into an embedded PostgreSQL of its own, as in `benchmarks.history`; the
patients whose pages are opened get photos. The pages are served by a process of their own and opened in
headless Chromium, each time by a browser without any cache.

The last line is one JSON object: per page the median and largest first contentful paint in milliseconds, and
when the answer began to arrive; ``largest_of_goal`` is the slowest of all over the goal.
"""

import argparse
import io
import json
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import Engine

from benchmarks.history import database, server
from benchmarks.history_rows import RECORDINGS_EACH
from grading.protocols import JENA9
from service.access import sessions
from service.access.accounts import add_account
from service.access.roles import Role
from service.database import transaction
from service.records.audit import system
from service.records.models import Photo
from service.storage import FolderStorage, content_key
from tests.service.in_browser import pages_served

GOAL_MS = 500.0
VIEW = content_key("views", "0" * 64, "jpg")
PAINT = """async () => {
  const paint = await new Promise((resolve) => new PerformanceObserver((list) => {
    const found = list.getEntriesByName("first-contentful-paint")[0];
    if (found) resolve(found.startTime);
  }).observe({ type: "paint", buffered: true }));
  return { paint, answer: performance.getEntriesByType("navigation")[0].responseStart };
}"""


def add_photos(engine: Engine, storage: FolderStorage, patients: list[int]) -> None:
    """Nine photos for each recording of these patients, all with one view of noise."""
    noise = np.random.default_rng(3).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize((512, 512)).save(buffer, "JPEG", quality=90)
    storage.write(VIEW, buffer.getvalue())
    with transaction(engine) as session:
        for recording in (number for patient in patients for number in recordings_of(patient)):
            session.add_all(
                Photo(
                    recording_key=recording,
                    sop_instance_uid=f"2.25.{recording}.{pose.number}",
                    sha256="0" * 64,
                    size=1,
                    storage_key="none",
                    header={},
                    pose=pose.code,
                    view_key=VIEW,
                    calling_ae="CAMERA",
                    received_at="2026-01-01 12:00+00",
                    last_seen_at="2026-01-01 12:00+00",
                )
                for pose in JENA9.poses
            )


def recordings_of(patient: int) -> range:
    """Numbers of a generated patient's recordings."""
    return range(RECORDINGS_EACH * (patient - 1) + 1, RECORDINGS_EACH * patient + 1)


def paths(patients: list[int]) -> dict[str, list[str]]:
    """Addresses of each kind of page, one per round."""
    return {
        "worklist": ["/" for _ in patients],
        "patient": [f"/patients/{patient}" for patient in patients],
        "recording": [f"/recordings/{recordings_of(patient)[-1]}" for patient in patients],
    }


def signed_in(engine: Engine) -> str:
    """The cookie of a clinician."""
    with transaction(engine) as session:
        account = add_account(session, system("benchmark"), "clara", [Role.CLINICIAN])
        return sessions.begin(session, account, "127.0.0.1")


def paints(chromium: Browser, address: str, secret: str, asked: list[str]) -> Iterator[dict[str, float]]:
    """The first contentful paint of each page, in a browser that has nothing in its cache."""
    for path in asked:
        context = chromium.new_context(viewport={"width": 1440, "height": 1000}, locale="en-GB")
        context.add_cookies([{"name": "facialis", "value": secret, "url": address}])
        page = context.new_page()
        answer = page.goto(address + path, wait_until="commit")
        if answer is None or answer.status != 200:
            raise RuntimeError(f"{path} was not answered")
        yield page.evaluate(PAINT)
        context.close()


def measure(recordings: int, rounds: int) -> dict[str, Any]:
    """Times by page, over ``rounds`` patients; one more page of each kind goes before, uncounted."""
    rng = np.random.default_rng(4)
    most = max(1, recordings // RECORDINGS_EACH)
    patients = [int(number) for number in rng.integers(1, most + 1, rounds + 1)]
    figures: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory(prefix="facialis-pages-") as folder,
        server() as postgres,
        database(postgres, recordings) as engine,
        sync_playwright() as playwright,
    ):
        storage = FolderStorage(Path(folder))
        add_photos(engine, storage, sorted(set(patients)))
        secret = signed_in(engine)
        url = postgres.url(f"archive_{recordings}")
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with pages_served(url, storage) as address:
            for name, asked in paths(patients).items():
                found = list(paints(chromium, address, secret, asked))[1:]
                figures[name] = {
                    "median_ms": round(statistics.median(one["paint"] for one in found), 1),
                    "largest_ms": round(max(one["paint"] for one in found), 1),
                    "answer_median_ms": round(statistics.median(one["answer"] for one in found), 1),
                }
                print(
                    f"{recordings:>9} {name:<10}", *(f"{key} {value}" for key, value in figures[name].items())
                )
        chromium.close()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--recordings", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=20, help="how often each kind of page is opened")
    arguments = parser.parse_args()
    figures = measure(arguments.recordings, arguments.rounds)
    slowest = max(page["largest_ms"] for page in figures.values())
    print(
        json.dumps(
            {
                "recordings": arguments.recordings,
                "first_contentful_paint": figures,
                "largest_of_goal": round(slowest / GOAL_MS, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
