"""The health page: what is in order, what waits, who is alive, constancy; peers answer at a button."""

import asyncio
import datetime as dt
import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import Engine, event, update
from sqlalchemy.orm import Session

from dicom.standin import StandInPacs
from service import checks, health
from service.access.roles import Role
from service.checks import CheckError
from service.database import connect, transaction
from service.embedded.redis import EmbeddedRedis
from service.heartbeat import Heartbeat
from service.peer_settings import Destination, FolderDestination
from service.queues import CONSTANCY, NEEDED
from service.records import constancy, processes
from service.records.models import (
    ConstancyRun,
    DeliveryState,
    Process,
    ProcessKind,
    Recording,
    RecordingState,
)
from service.settings import Settings
from service.storage import FolderStorage
from service.web import latest
from service.web.app import make_app
from tests.service.browsing import Browser, seen
from tests.service.clinic import SURGERY_DAY, Clinic
from tests.service.constancy_checks import made
from tests.service.mllp_receiver import receiving


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation with a folder and a PACS that is not there."""
    (tmp_path / "out").mkdir()
    return Settings(
        data_dir=tmp_path,
        destinations=(
            FolderDestination(kind="folder", name="Folder", path=tmp_path / "out"),
            Destination(name="Main PACS", ae_title="PACS", host="127.0.0.1", port=1),
        ),
    )


@pytest.fixture
def admin(engine: Engine, storage: FolderStorage, runner: asyncio.Runner, settings: Settings) -> Browser:
    browser = Browser(make_app(engine, storage, settings), runner)
    browser.sign_in(engine, "adam", Role.ADMINISTRATOR)
    return browser


def everybody(engine: Engine) -> None:
    """Signs of life of all that an installation needs."""
    with transaction(engine) as session:
        processes.give_sign(session, ProcessKind.WORKER, "host", 1, NEEDED)
        processes.give_sign(session, ProcessKind.CLOCK, "host", 1)


def test_it_tells_what_is_in_order_and_what_waits(
    admin: Browser, engine: Engine, clinic: Clinic, ada: Recording
) -> None:
    everybody(engine)
    recording = clinic.recording(ada.patient, SURGERY_DAY, RecordingState.COMPLETE)
    grading = clinic.grade(
        clinic.recording(ada.patient, SURGERY_DAY, RecordingState.REPORTED), clinic.bundle("other"), 50
    )
    clinic.report(grading, DeliveryState.FAILED, "Refused")
    clinic.session.commit()
    text = seen(admin.get("/admin/health"))
    assert re.search(r"database in order PostgreSQL \d+", text)
    assert "broker look at it no service runs over the data folder" in text
    assert "workers in order every queue is served; processes alive: 2" in text
    assert re.search(r"prepare 1 .*2026.* 0 \? ", text)
    assert f"recording {recording.id}, received" in text
    assert "Deliveries that failed 1" in text
    assert re.search(r"storage in order [\d.]+ GB [\d.]+ GB 1.1 GB", text)
    assert re.search(r"Size of the database \d+ MB", text)
    assert "Phantom" not in text


def test_queues_of_a_real_broker_are_counted(
    engine: Engine, broker: EmbeddedRedis, queue: redis.Redis, settings: Settings
) -> None:
    queue.rpush("grade", "{}", "{}")
    reachable = settings.model_copy(update={"broker_url": broker.url()})
    with transaction(engine) as session:
        found = health.look(session, Settings.model_validate(reachable.model_dump()))
    assert found.queued["grade"] == 2
    assert found.queued[CONSTANCY] == 0


@pytest.mark.journey
def test_who_serves_what_and_who_fell_silent_is_seen(admin: Browser, engine: Engine) -> None:
    everybody(engine)
    heart = Heartbeat(engine, ProcessKind.WORKER, ["grade", CONSTANCY])
    heart.begin_task("grade", 12)
    heart.beat()
    text = seen(admin.get("/admin/health"))
    assert re.search(r"Grading Constancy check alive Grading 12, since .* \d+", text)
    with transaction(engine) as session:
        long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=2)
        session.execute(update(Process).where(Process.pid == 1).values(seen_at=long_ago))
        with pytest.raises(CheckError, match="nobody serves prepare, report, deliver, regrade, reconcile:"):
            checks.workers(session)
    assert "Looking for work left behind silent –" in seen(admin.get("/admin/health"))
    everybody(engine)
    with transaction(engine) as session:
        assert checks.workers(session) == "every queue is served; processes alive: 3"
        processes.leave(session, ProcessKind.CLOCK, "host", 1)
        with pytest.raises(CheckError, match="start 'facialis schedule'"):
            checks.workers(session)
    heart.end()
    with transaction(engine) as session:
        assert [sign.pid for sign in processes.signs(session)] == [1]


def test_a_sign_that_cannot_be_noted_ends_no_work(without_tables: Engine) -> None:
    Heartbeat(without_tables, ProcessKind.RECEIVER).beat()


def test_a_process_gives_signs_from_its_own_thread_also_after_the_database_was_away(engine: Engine) -> None:
    lost = Heartbeat(connect("postgresql://nobody@127.0.0.1:1/nothing"), ProcessKind.WORKER)
    lost.beat()
    heart = Heartbeat(engine, ProcessKind.WORKER, ["prepare"])
    heart.start()
    deadline = dt.datetime.now() + dt.timedelta(seconds=20)
    while True:
        with transaction(engine) as session:
            if processes.signs(session):
                break
        assert dt.datetime.now() < deadline, "it gave no sign"
    heart.end()
    with transaction(engine) as session:
        assert processes.signs(session) == ()


def test_those_long_gone_are_forgotten(engine: Engine) -> None:
    everybody(engine)
    with transaction(engine) as session:
        long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(hours=2)
        session.execute(update(Process).where(Process.kind == "clock").values(seen_at=long_ago))
        processes.forget_gone(session)
        assert [sign.kind for sign in processes.signs(session)] == [ProcessKind.WORKER]


@pytest.mark.journey
def test_the_page_has_a_new_version_when_and_only_when_it_tells_something_new(
    admin: Browser, engine: Engine, ada: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latest, "FRESH", 0.0)
    # What else goes on on this machine's disks would be news, too.
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    first = admin.get("/admin/health/version").text
    assert f'data-version="{first}"' in admin.get("/admin/health").text
    with transaction(engine) as session:
        made(session, {"R1": 50})
    second = admin.get("/admin/health/version").text
    assert second != first
    assert admin.get("/admin/health/version").text == second
    with transaction(engine) as session:
        session.get_one(Recording, ada.id).state = RecordingState.REPORTED
    assert admin.get("/admin/health/version").text != second


def test_one_look_answers_all_open_pages_and_a_page_that_is_opened_is_newer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr(latest.time, "monotonic", lambda: now)
    looks = iter(["first", "second", "third"])
    kept = latest.Latest()
    assert [kept.version(lambda: next(looks)) for _ in range(3)] == ["first"] * 3
    kept.seen("opened")
    assert kept.version(lambda: next(looks)) == "opened"
    now += latest.FRESH
    assert kept.version(lambda: next(looks)) == "second"


@pytest.mark.journey
def test_the_large_tables_are_not_read_through_for_the_page(engine: Engine, clinic: Clinic) -> None:
    statements: list[tuple[str, Any]] = []

    def note(_one: object, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
        statements.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    with transaction(engine) as session:
        health.look(session, Settings())
    event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        connection.exec_driver_sql("SET enable_seqscan = off")
        for statement, values in statements:
            if statement.startswith("SELECT"):
                plan = "\n".join(
                    line for (line,) in connection.exec_driver_sql(f"EXPLAIN {statement}", values)
                )
                assert "Seq Scan on stage_run" not in plan, plan
                assert "Seq Scan on delivery" not in plan, plan


@pytest.mark.journey
def test_scores_that_differ_are_told_first_of_all_and_can_be_accepted(admin: Browser, engine: Engine) -> None:
    with transaction(engine) as session:
        made(session, {"R1": 50, "M1": 60}, torch="2.6")
        number = made(session, {"R1": 52, "M1": 60}, torch="2.7").id
    text = seen(admin.get("/admin/health"))
    assert text.index("Grading has changed") < text.index("database")
    assert "R1 +2.00 the check before (no. 1)" in text
    assert "torch 2.6 2.7" in text
    assert admin.post(f"/admin/health/constancy/{number}/accept").status_code == 303
    text = seen(admin.get("/admin/health"))
    assert "Grading has changed" not in text
    assert "Accepted by adam" in text
    refused = admin.post("/admin/health/constancy/1/accept")
    assert refused.status_code == 409
    assert "not the newest" in seen(refused, 409)


@pytest.mark.journey
def test_a_check_is_asked_for_at_a_button_once(admin: Browser, engine: Engine) -> None:
    for _ in range(2):
        assert admin.post("/admin/health/constancy").status_code == 303
    with Session(engine) as session:
        (run,) = session.query(ConstancyRun)
        assert run.asked_by == "adam"
        assert constancy.waiting_checks(session) == [run.id]
    text = seen(admin.get("/admin/health"))
    assert "A check waits for a worker" in text
    assert "Check now" not in text


@pytest.mark.journey
def test_a_destination_is_tested_at_a_button(admin: Browser) -> None:
    text = seen(admin.post("/admin/health/test", peer="Folder"))
    assert re.search(r"Folder : the folder \S+ takes files", text)
    answer = admin.post("/admin/health/test", peer="Main PACS")
    assert 'class="problem" role="status"' in answer.text
    assert "Main PACS : PACS@127.0.0.1:1 cannot be reached" in seen(answer)
    # A page that tells of a test stays until it is left.
    assert "data-live" not in answer.text
    assert admin.post("/admin/health/test", peer="nobody").status_code == 404


class Handler(BaseHTTPRequestHandler):
    """A FHIR server's metadata and a DICOMweb server's search; anything else is a page."""

    def do_GET(self) -> None:
        answers = {
            "/fhir/metadata": ("application/fhir+json", {"resourceType": "CapabilityStatement"}),
            "/dicom-web/studies": ("application/dicom+json", []),
        }
        kind, body = answers.get(self.path.split("?")[0], ("text/html", "<p>Sign in</p>"))
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def web_server() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def peers(dicom: int, web: int, mllp: int, folder: Path) -> Settings:
    """One of each kind that there is, at these ports."""
    address = {"ae_title": "STANDIN", "host": "127.0.0.1", "port": dicom}
    dicomweb, fhir = f"http://127.0.0.1:{web}/dicom-web", f"http://127.0.0.1:{web}/fhir"
    return Settings.model_validate(
        {
            "receiver": {"commitment_peers": [address]},
            "destinations": [
                {"name": "store", **address},
                {"kind": "dicomweb", "name": "stow", "url": dicomweb},
                {"kind": "hl7", "name": "mllp", "host": "127.0.0.1", "port": mllp},
                {"kind": "fhir", "name": "fhir", "url": fhir},
                {"kind": "folder", "name": "folder", "path": str(folder)},
            ],
            "sources": [
                {"kind": "dicom", "name": "archive", **address},
                {"kind": "dicomweb", "name": "web archive", "url": dicomweb},
                {"kind": "fhir", "name": "fhir source", "url": fhir},
            ],
        }
    )


@pytest.mark.journey
def test_peers_of_every_kind_answer_when_they_are_there(tmp_path: Path) -> None:
    pacs = StandInPacs(tmp_path / "pacs")
    pacs.start()
    try:
        with web_server() as web, receiving(tmp_path / "hl7.log") as mllp:
            settings = peers(pacs.port, web, mllp, tmp_path)
            found = [health.ask_peer(settings, name) for name in health.peers(settings)]
    finally:
        pacs.stop()
    assert [(one.name, one.ok) for one in found if one] == [(name, True) for name in health.peers(settings)]
    assert [one.words.split(";")[0] for one in found if one][:4] == [
        "answers C-ECHO",
        "answers DICOMweb",
        "takes connections",
        "answers FHIR",
    ]
    assert found[-1] == health.Finding(health.askers(settings)[0], True, "answers C-ECHO")
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".facialis-")]


@pytest.mark.journey
def test_peers_of_every_kind_are_said_not_to_be_there(tmp_path: Path) -> None:
    settings = peers(1, 1, 1, tmp_path / "gone")
    for name in health.peers(settings):
        found = health.ask_peer(settings, name)
        assert found is not None
        assert not found.ok
        assert (
            "is not there: make it" in found.words if name == "folder" else "cannot be reached" in found.words
        )


def test_what_answers_in_another_language_is_no_peer(tmp_path: Path) -> None:
    with web_server() as web:
        settings = Settings.model_validate(
            {
                "destinations": [
                    {"kind": "fhir", "name": "wrong", "url": f"http://127.0.0.1:{web}/page"},
                    {"kind": "folder", "name": "sealed", "path": "/proc"},
                ]
            }
        )
        wrong, sealed = (health.ask_peer(settings, name) for name in health.peers(settings))
    assert wrong is not None
    assert "not as a FHIR server does" in wrong.words
    assert sealed is not None
    assert "takes no files" in sealed.words
