"""A folder of photos that a clinician sends: what the page says of it before anything is kept."""

import asyncio
import io
import time
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from grading.protocols import JENA9
from service.access.roles import Role
from service.database import transaction
from service.records.models import Recording
from service.settings import Settings
from service.storage import FolderStorage
from service.uploads import FOLDER, KEPT_HOURS, clear, place_of
from service.web.serve import make_site
from tests.dicom.samples import jpeg_bytes
from tests.service.browsing import Browser, Files, seen

HEADER = "subject,session,group,side,recorded_on,R1"
ROW = "S1,before,palsy,L,2024-01-10,75"
PHOTO = jpeg_bytes(seed=1)


def photos(recording: str = "S1/before") -> Files:
    """As a browser sends the photos of a folder `clinic` that was chosen."""
    return [("folder", f"clinic/{recording}/{pose.number}.jpg", PHOTO) for pose in JENA9.poses]


def table(*rows: str, header: str = HEADER) -> Files:
    return [("folder", "clinic/labels.csv", "\n".join((header, *rows)).encode())]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def clara(engine: Engine, storage: FolderStorage, runner: asyncio.Runner, settings: Settings) -> Browser:
    browser = Browser(make_site(engine, storage, settings), runner)
    browser.sign_in(engine, "clara", Role.CLINICIAN)
    return browser


def looked_at(browser: Browser, files: Files, **form: str) -> str:
    """What the page says of what was sent."""
    answer = browser.send("/raters/import", files, **form)
    assert answer.status_code == 303, answer.text
    return seen(browser.get(answer.headers["location"]))


def kept(settings: Settings) -> list[Path]:
    return sorted((settings.data_dir / FOLDER).glob("*"))


def zipped(files: Files) -> Files:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for _, name, content in files:
            packed.writestr(name, content)
    return [("files", "all.zip", buffer.getvalue())]


def test_a_folder_is_told_and_nothing_of_it_is_on_record(
    clara: Browser, engine: Engine, settings: Settings
) -> None:
    said = looked_at(clara, [*photos(), *table(ROW)], rater="book")
    assert "This would be imported" in said
    assert "New recordings 1 with photos 9 On record already 0 New scores of raters 1" in said
    with transaction(engine) as session:
        assert session.scalars(select(Recording)).all() == []
    (folder,) = kept(settings)
    assert folder.stat().st_mode & 0o77 == 0


def test_a_zip_file_and_single_photos_say_the_same(clara: Browser) -> None:
    flat = [("files", name.removeprefix("clinic/").replace("/", "_"), one) for _, name, one in photos()]
    beside = [("labels", "our own name.txt", f"{HEADER}\n{ROW}".encode())]
    for files in (zipped([*photos(), *table(ROW)]), [*flat, *beside]):
        assert "New recordings 1 with photos 9" in looked_at(clara, files)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ([*photos()[:5], *photos()[6:], *table(ROW)], "labels.csv 2 S1/before: the series lacks photo 6"),
        ([*photos(), *table(ROW, ROW)], "labels.csv 3 row 2 is of the same recording: keep one"),
        ([*photos(), *table("S1,before,palsy,left,10/1/24,300")], "labels.csv 2 the side must be L or R"),
        ([*photos(), *table(ROW.replace("2024-01-10", "10/1/24"))], "2 recorded_on must say when"),
        ([*photos(), *table(ROW.replace(",", "|"), header=HEADER.replace(",", "|"))], "none of the columns"),
        ([*photos(), ("folder", "labels.csv", f"{HEADER}\nMüller".encode("cp1252"))], "is no text in UTF-8"),
        ([*photos(), *table(ROW, header=HEADER.replace("group", "grp"))], "lacks the column group"),
        (photos(), "labels.csv – cannot be read: give a folder that holds labels.csv"),
        (
            [*photos()[1:], ("folder", "clinic/S1/before/1.jpg", b"a letter"), *table(ROW)],
            "labels.csv 2 S1/before: 1.jpg cannot be read as a JPEG or PNG photo",
        ),
        (
            [*photos()[1:], ("folder", "clinic/S1/before/1.jpg", PHOTO[: len(PHOTO) // 2]), *table(ROW)],
            "labels.csv 2 S1/before: 1.jpg is incomplete or damaged",
        ),
        (
            [*photos(), *table(ROW), ("annotations", "x.csv", b"subject,session,rater,R1\nS9,a,eva,80")],
            "annotations.csv 2 the recording S9/a is not in labels.csv",
        ),
    ],
)
def test_each_problem_is_told_with_its_row(clara: Browser, files: Files, told: str) -> None:
    said = looked_at(clara, files)
    assert "This cannot be imported yet" in said
    assert told in said
    assert "Import it" not in said


def test_all_problems_are_told_at_once_and_in_german(clara: Browser) -> None:
    clara.post("/account/language", language="de")
    said = looked_at(clara, [*photos()[1:], *table(ROW, "S2,x,palsy,links,2024-01-10,75")])
    assert "Es gibt 2 Fehler" in said
    assert "2 S1/before: Es fehlt Foto 1 (Ruhe): Bitte ergänzen" in said
    assert "3 Die Seite muss L oder R sein" in said


def test_photos_that_no_row_names_are_told(clara: Browser) -> None:
    lost = ("files", "holiday.jpg", PHOTO)
    said = looked_at(
        clara, [*photos(), *photos("S2/x"), lost, ("folder", "clinic/.DS_Store", b""), *table(ROW)]
    )
    assert "left out, since no row and no place says whose they are holiday.jpg S2/x" in said
    assert "DS_Store" not in said


@pytest.mark.parametrize(
    ("change", "files", "told"),
    [
        ({"web": {"upload_gigabytes": 1e-6}}, photos(), "larger than what may be sent at once"),
        ({"receiver": {"min_free_bytes": 1 << 60}}, photos(), "the disk has no room for these photos"),
        ({}, [("files", "all.zip", b"no archive")], "the ZIP file is damaged"),
        ({}, [], "choose a folder, photos or a ZIP file first"),
    ],
)
def test_what_cannot_be_kept_is_told_and_leaves_nothing(
    engine: Engine,
    storage: FolderStorage,
    runner: asyncio.Runner,
    tmp_path: Path,
    change: dict[str, dict[str, float]],
    files: Files,
    told: str,
) -> None:
    settings = Settings(data_dir=tmp_path, **change)
    browser = Browser(make_site(engine, storage, settings), runner)
    browser.sign_in(engine, "clara", Role.CLINICIAN)
    # Without a file, a part without a name makes the form one that can carry files.
    answer = browser.send("/raters/import", files or [("files", "", b"")])
    assert told in seen(answer, 422)
    assert kept(settings) == []


def test_a_zip_file_that_unpacks_to_more_than_may_be_sent_is_refused(
    engine: Engine, storage: FolderStorage, runner: asyncio.Runner, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, web={"upload_gigabytes": 0.001})
    browser = Browser(make_site(engine, storage, settings), runner)
    browser.sign_in(engine, "clara", Role.CLINICIAN)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("S1/before/1.jpg", bytes(2_000_000))
    answer = browser.send("/raters/import", [("files", "all.zip", buffer.getvalue())])
    assert "larger than what may be sent at once" in seen(answer, 422)
    assert kept(settings) == []


def test_a_disk_that_takes_nothing_is_told(clara: Browser, settings: Settings) -> None:
    (settings.data_dir / FOLDER).write_text("in the way")
    assert "the disk takes nothing" in seen(clara.send("/raters/import", photos()), 422)


def test_files_without_the_browsers_token_are_refused_and_leave_nothing(
    clara: Browser, settings: Settings
) -> None:
    assert clara.send("/raters/import", photos(), form_token="0" * 64).status_code == 403
    assert clara.send("/raters/import", [("files", "", b"")], form_token="").status_code == 403
    assert kept(settings) == []


def test_what_is_not_confirmed_goes_with_the_next_and_with_time(clara: Browser, settings: Settings) -> None:
    looked_at(clara, [*photos(), *table(ROW)])
    first = kept(settings)
    looked_at(clara, [*photos(), *table(ROW)])
    (second,) = kept(settings)
    assert second not in first
    clear(settings.data_dir)
    assert kept(settings) == [second]
    clear(settings.data_dir, time.time() + KEPT_HOURS * 3600 + 60)
    assert kept(settings) == []


def test_it_is_deleted_at_once_where_somebody_wants_so(clara: Browser, settings: Settings) -> None:
    place = clara.send("/raters/import", [*photos(), *table(ROW)]).headers["location"]
    clara.post(f"{place}/discard")
    assert kept(settings) == []
    assert "no longer kept" in seen(clara.get(place), 404)


def test_nobody_else_sees_it_and_no_word_leads_out_of_the_folder(
    clara: Browser, engine: Engine, settings: Settings
) -> None:
    place = clara.send("/raters/import", [*photos(), *table(ROW)]).headers["location"]
    (settings.data_dir / FOLDER / "1-x").mkdir()
    assert clara.get("/raters/import/x").status_code == 404
    clara.sign_in(engine, "carl", Role.CLINICIAN)
    assert clara.get(place).status_code == 404
    assert clara.post(place).status_code == 404


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("clinic/S1/before/1.JPG", "S1/before/1.JPG"),
        ("S1\\before\\2.png", "S1/before/2.png"),
        ("S1_x_before_1.jpg", "S1_x/before/1.jpg"),
        ("clinic/Labels.CSV", "labels.csv"),
        ("../../S1/before/1.jpg", None),
        ("/etc/./S1/1.jpg", None),
        ("before/1.jpg", None),
        ("__1.jpg", None),
        ("a\0b/c/1.jpg", None),
        ("clinic/letter.docx", None),
        ("", None),
    ],
)
def test_files_go_where_their_names_say_and_never_elsewhere(name: str, place: str | None) -> None:
    found = place_of(name)
    assert (str(found) if found else None) == place
