"""The pages over a real database: what they show, what they keep to themselves, and what they refuse.

Looks are not covered: they are judged by eye. Nor is grading: the scores here are given.
"""

import asyncio
import datetime as dt
import itertools
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
import structlog
from sqlalchemy import Engine

from dicom.building import to_bytes
from dicom.encapsulated_pdf import encapsulated_pdf
from dicom.header_reading import read_header
from grading.protocols import JENA9
from grading.scales import PREDICTED_ITEMS
from service.database import connect
from service.records.events import add_event
from service.records.models import (
    Bundle,
    EventKind,
    Grading,
    KeptObject,
    Recording,
    RecordingState,
)
from service.records.patients import add_identifier, correct_patient
from service.settings import Settings
from service.storage import FolderStorage
from service.web.app import make_app
from service.web.chart import (
    DIGIT_HEIGHT,
    MARK_REACH,
    RATED,
    Frame,
    Reading,
    dates_axis,
    draw,
    months_axis,
    score_bar,
)
from service.web.language import load_words
from service.web.words import person_name
from tests.dicom.samples import photo, save
from tests.service.browsing import Browser, seen
from tests.service.clinic import ARRIVED, JPEG, PDF, SURGERY_DAY, Clinic

FRAME = Frame(1000, 100, 0, 0, 0, 0, 100, (0, 100))
LINK = re.compile(r'(?:href|src)="([^"]*)"')


def test_first_page_lists_patients_with_recordings_timepoints_and_states(
    browser: Browser, ada: Recording
) -> None:
    text = seen(browser.get("/"))
    assert "Phantom, Ada ID PH-1 · born 1971-05-04" in text
    assert "2024-03-12 Jump anastomosis, left side" in text
    assert "2024-09-12 6 months delivered" in text
    assert "2024-03-03 pre-op delivered" in text


def test_recordings_that_need_attention_come_first_with_their_reason(
    browser: Browser, clinic: Clinic
) -> None:
    well = clinic.patient("Phantom^Ada", "PH-1")
    clinic.recording(well, SURGERY_DAY, RecordingState.RECEIVING)
    ill = clinic.patient("Phantom^Boris", "PH-2")
    clinic.recording(ill, SURGERY_DAY, RecordingState.NEEDS_ATTENTION, "Photo 6 is missing.", "series.poses")
    clinic.recording(None, None, RecordingState.NEEDS_ATTENTION, "No patient ID.", "patient.unknown")
    clinic.session.commit()
    text = seen(browser.get("/"))
    assert "Needs attention 2" in text
    assert text.index("Photo 6 is missing.") < text.index("No patient ID.") < text.index("Phantom, Ada")
    assert "Patient not identified" in text


def test_recording_on_its_way_without_a_patient_is_listed(browser: Browser, clinic: Clinic) -> None:
    clinic.recording(None, None, RecordingState.RECEIVING)
    clinic.session.commit()
    assert "Arriving, patient not identified 1 2026-01-07 receiving photos" in seen(browser.get("/"))


def test_empty_installation_says_what_to_do(browser: Browser) -> None:
    assert "No photo series has arrived yet" in seen(browser.get("/"))


def test_recording_page_shows_scores_changes_errors_flags_stages_and_deliveries(
    browser: Browser, ada: Recording
) -> None:
    answer = browser.get(f"/recordings/{ada.id}")
    text = seen(answer)
    assert "Recording of 2024-09-12 delivered" in text
    assert "Timepoint 6 months · 184 days" in text
    assert "R1 Resting brow height 1 70 /200" in text
    assert "R1 Resting brow height 1 70 /200 50–90" in text
    assert "brow low +30 (25) improved ±17" in text
    assert "Static 70 of 100 90 % interval 61–79 +30 since 2024-03-03: improved (MDC 25)" in text
    assert "Dynamic 70 of 100 +30 since" in text
    assert "Affected side right side, estimated from the photos" in text
    assert "Distance to the training data: 0.75, above 1 unlike it." in text
    assert "The affected side was not on record" in text
    assert "The photos are unlike those the model learned from" in text
    assert "M4: the model went beyond the range of this item" in text
    assert "grade 2026-01-07" in text
    assert "2.5 s done" in text
    assert "Main PACS delivered Success (0000H)" in text
    assert f'href="/recordings/{ada.id}/report.pdf"' in answer.text
    assert answer.text.count("<img ") == len(JENA9.poses)
    assert answer.text.count('class="side right" title') == len(JENA9.poses)
    assert all(f"Photo {pose.number}: {pose.name}" in answer.text for pose in JENA9.poses)


def test_a_grading_of_before_intervals_were_stored_is_shown_without(
    browser: Browser, clinic: Clinic, ada: Recording
) -> None:
    for grading in clinic.session.query(Grading):
        grading.side = grading.novelty = None
        for score in (*grading.items, *grading.sub_scores):
            score.low = score.high = None
    for bundle in clinic.session.query(Bundle):
        bundle.manifest = {name: said for name, said in bundle.manifest.items() if name != "uncertainties"}
    clinic.session.commit()
    text = seen(browser.get(f"/recordings/{ada.id}"))
    assert "R1 Resting brow height 1 70 /200 –" in text
    assert "brow low +30 not known ±17" in text
    assert "Distance to the training data" not in text


def test_recording_in_need_says_why_and_how_to_go_on(browser: Browser, clinic: Clinic) -> None:
    recording = clinic.recording(
        None, None, RecordingState.NEEDS_ATTENTION, "The photos carry no patient ID.", "patient.unknown"
    )
    clinic.session.commit()
    text = seen(browser.get(f"/recordings/{recording.id}"))
    assert "The photos carry no patient ID." in text
    assert "Try again Wait for further photos" in text
    assert text.count("missing") == len(JENA9.poses)


def test_patient_page_names_each_point_and_tabulates_every_value(browser: Browser, ada: Recording) -> None:
    answer = browser.get(f"/patients/{ada.patient_key}")
    text = seen(answer)
    assert "ID PH-1 Born 1971-05-04 Sex female Surgery 2024-03-12, Jump anastomosis, left side" in text
    assert "<title>2024-09-12, 6 months: static 70, by commissioning 1</title>" in answer.text
    assert "<title>2024-03-12: Jump anastomosis, left side</title>" in answer.text
    assert "M7 Lower lip movement, showing teeth 0–100 40 70" in text
    assert answer.text.count('class="line item"') == len(PREDICTED_ITEMS)


def test_line_breaks_between_gradings_of_different_bundles(browser: Browser, clinic: Clinic) -> None:
    patient = clinic.patient("Phantom^Ada", "PH-1")
    bundles = [clinic.bundle("old"), clinic.bundle("new")]
    for day, bundle in enumerate((bundles[0], bundles[0], bundles[1], bundles[1])):
        recording = clinic.recording(
            patient, SURGERY_DAY + dt.timedelta(days=90 * day), RecordingState.GRADED
        )
        clinic.grade(recording, bundle, 50)
    clinic.session.commit()
    page = browser.get(f"/patients/{patient.id}").text
    lines = re.findall(r'<polyline class="line static" points="([^"]+)"', page)
    assert [len(line.split()) for line in lines] == [2, 2]
    assert "Scores of different models are not joined" in page


def test_banner_stands_where_scores_of_a_commissioning_bundle_are_shown(
    browser: Browser, ada: Recording
) -> None:
    for path in (f"/recordings/{ada.id}", f"/patients/{ada.patient_key}"):
        assert "Commissioning model: not for clinical use" in seen(browser.get(path))
    assert "Error on simulated palsy" in seen(browser.get(f"/recordings/{ada.id}"))


def test_scores_of_a_clinical_bundle_carry_no_banner(browser: Browser, clinic: Clinic) -> None:
    patient = clinic.patient("Phantom^Ada", "PH-1")
    recording = clinic.recording(patient, SURGERY_DAY, RecordingState.GRADED)
    clinic.grade(recording, clinic.bundle("clinical", commissioning=False), 50)
    clinic.session.commit()
    for path in (f"/recordings/{recording.id}", f"/patients/{patient.id}"):
        text = seen(browser.get(path))
        assert "Commissioning" not in text
        assert "simulated" not in text


@pytest.mark.parametrize("search", ["ada", "Phantom Ada", "ph-1", "Phantom, Ada"])
def test_search_finds_by_name_or_id_without_showing_it_in_the_address(
    browser: Browser, clinic: Clinic, search: str
) -> None:
    clinic.patient("Phantom^Ada", "PH-1")
    clinic.patient("Phantom^Boris", "PH-2")
    clinic.session.commit()
    sent = browser.post("/search", search=search)
    assert sent.status_code == 303
    assert search.lower() not in unquote(sent.headers["location"]).lower()
    text = seen(browser.get(sent.headers["location"]))
    assert "Phantom, Ada" in text
    assert "Phantom, Boris" not in text


@pytest.mark.parametrize("search", ["da", "OLD-77", "77", "d-7 antom"])
def test_search_finds_by_short_words_and_further_identifiers(
    browser: Browser, clinic: Clinic, search: str
) -> None:
    add_identifier(clinic.session, clinic.patient("Phantom^Ada", "PH-1"), "OLD-77", "")
    clinic.patient("Phantom^Boris", "PH-2")
    clinic.session.commit()
    text = seen(browser.get(browser.post("/search", search=search).headers["location"]))
    assert "Phantom, Ada" in text
    assert "Phantom, Boris" not in text


def test_patients_are_listed_by_their_latest_arrival(browser: Browser, clinic: Clinic) -> None:
    arrivals = {"Ada": 2, "Boris": None, "Cem": 3, "Dora": 1}
    for name, day in arrivals.items():
        patient = clinic.patient(f"Phantom^{name}", name)
        patient.last_arrival_at = dt.datetime(2026, 1, day, tzinfo=dt.UTC) if day else None
    clinic.session.commit()
    text = seen(browser.get("/"))
    assert sorted(arrivals, key=lambda name: text.index(f"Phantom, {name}")) == [
        "Cem",
        "Ada",
        "Dora",
        "Boris",
    ]


def test_events_further_identifiers_and_death_stand_on_the_patients_page(
    browser: Browser, clinic: Clinic
) -> None:
    patient = clinic.patient("Phantom^Ada", "PH-1")
    add_identifier(clinic.session, patient, "OLD-77", "OFFICE")
    clinic.grade(clinic.recording(patient, SURGERY_DAY, RecordingState.GRADED), clinic.bundle("first"), 50)
    before = SURGERY_DAY - dt.timedelta(days=400)
    add_event(clinic.session, "PH-1", "", before, EventKind.BOTULINUM_TOXIN, "R", "5 units")
    correct_patient(clinic.session, patient, death_date=dt.date(2026, 1, 2))
    clinic.session.commit()
    page = browser.get(f"/patients/{patient.id}")
    text = seen(page)
    for told in (
        "OLD-77 (OFFICE)",
        "Died 2026-01-02",
        f"Event {before}, Botulinum toxin, right side, 5 units",
    ):
        assert told in text
    assert f"{before}: Botulinum toxin, right side, 5 units</title>" in page.text
    assert ">Botulinum toxin</text>" in page.text


@pytest.mark.parametrize("search", ["nobody", "%", "_", "\0", "a\0b"])
def test_search_that_matches_nobody_says_so(browser: Browser, clinic: Clinic, search: str) -> None:
    clinic.patient("Phantom^Ada", "PH-1")
    clinic.session.commit()
    sent = browser.post("/search", search=search)
    text = seen(browser.get(sent.headers["location"]))
    assert ("Nobody is found" in text) != (search == "\0")


def test_forgotten_or_empty_search_leads_to_everybody(browser: Browser) -> None:
    assert browser.get("/search/unknown").headers["location"] == "/"
    assert browser.post("/search", search="  ").headers["location"] == "/"


def test_hostile_name_is_shown_as_text(browser: Browser, clinic: Clinic) -> None:
    patient = clinic.patient('"><script>alert(1)</script>^Eve', "<u>1</u>")
    recording = clinic.recording(
        patient, SURGERY_DAY, RecordingState.NEEDS_ATTENTION, "<i>reason</i>", "code"
    )
    clinic.session.commit()
    sent = browser.post("/search", search='"><script>alert(1)')
    for path in ("/", f"/patients/{patient.id}", f"/recordings/{recording.id}", sent.headers["location"]):
        page = browser.get(path)
        assert page.status_code == 200
        assert not re.search(r"<(script>|u>|i>)", page.text)
        assert "&lt;script&gt;" in page.text


def test_no_address_or_title_holds_a_name_or_an_id_of_a_patient(browser: Browser, ada: Recording) -> None:
    waiting, walked = ["/"], set[str]()
    while waiting:
        path = waiting.pop()
        walked.add(path)
        answer = browser.get(path)
        assert answer.status_code == 200, path
        if answer.headers["content-type"].startswith("text/html"):
            links = {link.split("#")[0] for link in LINK.findall(answer.text)}
            waiting += sorted(links - walked - {""} - set(waiting))
            title = re.search(r"<title>(.*?)</title>", answer.text)
            assert title is not None
            assert "Phantom" not in title[1]
    assert {f"/patients/{ada.patient_key}", f"/recordings/{ada.id}/report.pdf"} <= walked
    assert len([path for path in walked if "/photos/" in path]) == len(JENA9.poses)
    assert not [path for path in walked if re.search("phantom|ada|ph-1|1971", path, re.IGNORECASE)]


def test_every_answer_carries_the_security_headers(browser: Browser, ada: Recording) -> None:
    paths = ["/", "/nowhere", "/health", "/static/facialis.css", "/patients/0", f"/recordings/{ada.id}"]
    answers = [browser.get(path) for path in paths] + [browser.post("/search", search="x")]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"


def test_pages_need_nothing_that_the_policy_forbids(browser: Browser, ada: Recording) -> None:
    for path in ("/", f"/patients/{ada.patient_key}", f"/recordings/{ada.id}"):
        page = browser.get(path).text
        assert not re.search(
            r'\sstyle="|<script(?! type="module" src="/static/\w+\.js"></script>)|<style|\son\w+="|https?://',
            page,
        )


def test_photo_is_served_as_jpeg_and_not_kept_by_the_browser(browser: Browser, ada: Recording) -> None:
    photo = ada.photos[0]
    answer = browser.get(f"/recordings/{ada.id}/photos/{photo.id}")
    assert answer.content == JPEG
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "no-store"


def test_photo_is_served_under_its_own_recording_only(browser: Browser, ada: Recording) -> None:
    assert browser.get(f"/recordings/{ada.id - 1}/photos/{ada.photos[0].id}").status_code == 404


def test_report_is_served_as_pdf_and_not_kept_by_the_browser(browser: Browser, ada: Recording) -> None:
    answer = browser.get(f"/recordings/{ada.id}/report.pdf")
    assert answer.content == PDF
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'inline; filename="recording-{ada.id}.pdf"'
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_kept_report_and_video_are_listed_and_the_report_can_be_read(
    browser: Browser, clinic: Clinic, storage: FolderStorage, tmp_path: Path
) -> None:
    patient = clinic.patient("Doe^Jane", "P-1")
    document = encapsulated_pdf(
        PDF,
        sources=[read_header(save(photo(), tmp_path / "photo.dcm"))],
        title="<b>Earlier</b> report",
        sop_instance_uid=clinic.uid(),
        series_uid=clinic.uid(),
        created_at=dt.datetime(2020, 5, 4, 10),
    )
    storage.write("objects/report.dcm", to_bytes(document))
    kept = [
        KeptObject(
            kind=kind,
            patient_key=patient.id,
            study_uid=clinic.uid(),
            sop_instance_uid=clinic.uid(),
            sha256="0" * 64,
            size=1,
            storage_key="objects/report.dcm",
            header={"document_title": document.DocumentTitle},
            recorded_at=dt.datetime(2020, 5, 4, 10),
            calling_ae="CAMERA",
            received_at=ARRIVED,
            last_seen_at=ARRIVED,
        )
        for kind in ("document", "video")
    ]
    clinic.session.add_all(kept)
    clinic.session.commit()
    page = browser.get(f"/patients/{patient.id}").text
    assert "&lt;b&gt;Earlier&lt;/b&gt; report" in page
    assert "Video" in page
    answer = browser.get(f"/kept/{kept[0].id}.pdf")
    assert answer.content == PDF
    assert answer.headers["content-type"] == "application/pdf"
    assert browser.get(f"/kept/{kept[1].id}.pdf").status_code == 404


def test_file_that_is_gone_from_the_storage_is_not_found(
    browser: Browser, ada: Recording, storage: FolderStorage
) -> None:
    storage.path("reports/one.pdf").unlink()
    assert browser.get(f"/recordings/{ada.id}/report.pdf").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere", "/patients/1", "/patients/x", "/patients/-1", f"/patients/{2**63}", "/recordings/1",
        "/recordings/1/report.pdf", "/recordings/1/photos/1", "/docs", "/redoc", "/openapi.json",
        "/static/../app.py", "/static/%2e%2e/app.py",
    ],
)  # fmt: skip
def test_unknown_page_is_not_found_in_plain_words(browser: Browser, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "localhost.evil.example"])
def test_unknown_host_is_refused(
    engine: Engine, storage: FolderStorage, runner: asyncio.Runner, host: str
) -> None:
    answer = Browser(make_app(engine, storage, Settings()), runner, host).get("/")
    assert answer.status_code == 400
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]:8080"])
def test_names_of_this_machine_are_answered(
    engine: Engine, storage: FolderStorage, runner: asyncio.Runner, host: str
) -> None:
    assert Browser(make_app(engine, storage, Settings()), runner, host).get("/sign-in").status_code == 200


def test_health_is_open_and_tells_nothing_of_the_records(visitor: Browser, ada: Recording) -> None:
    answer = visitor.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {"database": "reachable", "constancy": "none"}


def test_database_that_is_down_is_told_in_plain_words(storage: FolderStorage, runner: asyncio.Runner) -> None:
    browser = Browser(make_app(connect("postgresql://x@/x?host=/nowhere"), storage, Settings()), runner)
    browser.cookies.set("facialis", "a session", domain="localhost.local")
    answer = browser.get("/")
    assert answer.status_code == 503
    assert "The database does not answer" in answer.text
    health = browser.get("/health")
    assert health.status_code == 503
    assert health.json() == {"database": "unavailable", "error": "database.unavailable"}


def test_failing_page_logs_where_but_not_what(
    browser: Browser, ada: Recording, storage: FolderStorage
) -> None:
    storage.path("reports/one.pdf").unlink()
    storage.path("reports/one.pdf").mkdir()
    with structlog.testing.capture_logs() as logged:
        answer = browser.get(f"/recordings/{ada.id}/report.pdf")
    assert answer.status_code == 500
    assert "This page could not be made" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    (line,) = logged
    assert line["error"] == "IsADirectoryError"
    assert "storage.py:" in line["places"]
    assert "one.pdf" not in str(line)


@pytest.mark.journey
def test_server_answers_without_naming_itself_and_stops_on_sigterm(
    database_url: str, storage: FolderStorage
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = (
        "from pathlib import Path\n"
        "from service.database import connect\n"
        "from service.settings import Settings\n"
        "from service.storage import FolderStorage\n"
        "from service.web.serve import serve\n"
        f"settings = Settings(web={{'port': {port}}})\n"
        f"serve(connect({database_url!r}), FolderStorage(Path({str(storage.root)!r})), settings)"
    )
    process = subprocess.Popen([sys.executable, "-c", program])
    try:
        answer = _wait_for(f"http://127.0.0.1:{port}/health", process)
        assert "server" not in answer.headers
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> httpx.Response:
    deadline = time.monotonic() + 60
    while True:
        try:
            return httpx.get(url, trust_env=False)
        except httpx.TransportError:
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server did not answer"
            time.sleep(0.05)


def test_neighbours_of_one_model_are_joined_in_the_order_of_time() -> None:
    readings = [Reading(3, 50, 1, ""), Reading(0, 0, 1, ""), Reading(6, 100, 1, "")]
    plot = draw({"one": readings}, months_axis([0, 3, 6], 12), FRAME)
    (line,) = plot.lines
    places = [tuple(map(float, place.split(","))) for place in line.points.split()]
    assert [y for _, y in places] == [100, 50, 0]
    assert places[0][0] < places[1][0] < places[2][0]


def test_alternating_models_leave_every_reading_alone() -> None:
    readings = [Reading(month, 50, month % 2, "") for month in range(6)]
    plot = draw({"one": readings}, months_axis([0, 5], 12), FRAME)
    assert not plot.lines
    assert [dot.newest_model for dot in plot.dots] == [False, True] * 3


def test_chart_without_readings_is_empty() -> None:
    assert draw({"one": []}, months_axis([0], 12), FRAME).dots == ()


def test_months_axis_always_shows_the_surgery_and_some_months_around() -> None:
    axis = months_axis([30.0], 12)
    assert axis.low < 0 < 30 < axis.high
    assert [tick.at for tick in axis.ticks] == [0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30]
    single = months_axis([0.0], 12)
    assert single.high - single.low >= 6
    assert "−3" in [tick.label for tick in single.ticks]


@pytest.mark.parametrize("years", [0, 1, 3, 20, 80])
def test_dates_axis_marks_beginnings_of_months_within_it(years: int) -> None:
    days = [dt.date(1940, 2, 29), dt.date(1940 + years, 2, 28)]
    axis = dates_axis(days, 8)
    assert 1 <= len(axis.ticks) <= 9
    assert all(axis.low <= tick.at <= axis.high for tick in axis.ticks)
    assert all(dt.date.fromordinal(int(tick.at)).day == 1 for tick in axis.ticks)


def test_numbers_on_a_chart_leave_each_other_room() -> None:
    readings = [Reading(month / 10, 50, 1, "") for month in range(60)]
    plot = draw({"one": readings}, months_axis([0, 6], 12), FRAME)
    places = [dot.x for dot in plot.dots if dot.label_y is not None]
    assert all(after - before >= 30 for before, after in itertools.pairwise(places))


@pytest.mark.parametrize("given", [40, 47, 50, 53, 60])
def test_a_number_on_a_chart_stands_beside_what_raters_gave(given: float) -> None:
    axis = months_axis([0], 12)
    series = {"high": [Reading(0, 50, 1, "")], "low": [Reading(0, 45, 1, "")]}
    plot = draw(series, axis, FRAME, rated={"high": [Reading(0, given, 1, "")]})
    (mark,) = [dot.y for dot in plot.dots if dot.series == f"high {RATED}"]
    numbers = [dot.label_y for dot in plot.dots if dot.label_y is not None]
    assert len(numbers) == 2
    for baseline in numbers:
        assert mark <= baseline - DIGIT_HEIGHT - MARK_REACH or mark >= baseline + MARK_REACH


def test_a_score_bar_runs_from_balanced_and_carries_its_interval() -> None:
    bar = score_bar(90, 100, (65, 100))
    assert (bar.start, bar.length) == (90, 10)
    assert (bar.interval_start, bar.interval_length) == (65, 35)
    assert score_bar(130, 200, None).interval_start is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Doe^Jane", "Doe, Jane"),
        ("Doe^Jane^Mary^Dr^MD", "Doe, Jane Mary, Dr, MD"),
        ("=山田^太郎=やまだ^たろう", "山田, 太郎"),
        ("Doe", "Doe"),
        ("^^^^", "Name not stated"),
        ("", "Name not stated"),
        ("Doe^Jane^a^b^c^d^e", "Doe, Jane a, b, c"),
        ("משה^כהן", "\u2068משה, כהן\u2069"),
    ],
)
def test_person_name_is_written_for_reading(name: str, words: str) -> None:
    assert person_name(load_words("en"), name) == words
