"""The PDF of one recording as its readers see it: text and pages by poppler, and the file's own structure."""

import re
import shutil
import subprocess
import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from grading.change import Verdict
from grading.gates import SENTENCES
from grading.protocols import JENA9
from grading.scales import EFACE, PREDICTED_ITEMS, Item, ScoreError
from reports.content import (
    Course,
    RecordingReport,
    ReportMaps,
    ReportPatient,
    ReportPhoto,
    ReportRating,
    ReportSurgery,
    ReportTraining,
    SignOff,
)
from reports.errors import ReportFontError, ReportPhotoError
from reports.fonts import PLACEHOLDER
from reports.language import Language, load_language
from reports.recording_report import render_recording_report
from reports.right_to_left import NON_JOINER
from reports.sheet import PAPERS
from reports.style import PLAIN, PaperName, Style
from tests.reports.samples import (
    FIRST_SCORES,
    MDC,
    MODEL,
    PHOTOS,
    SCORES,
    SURGERY,
    VERDICT,
    interval,
    jpeg,
    make_course,
    make_maps,
    make_report,
    photos,
)

ENGLISH, GERMAN = load_language("en"), load_language("de")
CJK = Path("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf")
BANNER = ENGLISH.text("banner.commissioning")

poppler = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler-utils is not installed")


def poppler_says(tmp_path: Path, program: str, pdf: bytes, *options: str) -> str:
    file = tmp_path / "report.pdf"
    file.write_bytes(pdf)
    target = [] if program == "pdfinfo" else ["-"]
    done = subprocess.run([program, *options, str(file), *target], check=True, capture_output=True, text=True)
    assert not done.stderr
    return done.stdout


def pages(tmp_path: Path, report: RecordingReport, style: Style = PLAIN) -> list[str]:
    """The text of each page, spaces and line breaks as single spaces."""
    text = poppler_says(tmp_path, "pdftotext", render_recording_report(report, style), "-layout")
    return [" ".join(page.split()) for page in text.split("\f")[:-1]]


def told(tmp_path: Path, report: RecordingReport, style: Style = PLAIN) -> str:
    """All text in the order in which it was written, so that a wrapped one stays together."""
    return " ".join(
        poppler_says(tmp_path, "pdftotext", render_recording_report(report, style), "-raw").split()
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The text of `make_report`, laid out."""
    folder = tmp_path_factory.mktemp("plain")
    return poppler_says(folder, "pdftotext", render_recording_report(make_report()), "-layout")


@pytest.fixture(scope="module")
def plain_pages(plain: str) -> list[str]:
    """The same by pages, with single spaces."""
    return [" ".join(page.split()) for page in plain.split("\f")[:-1]]


@poppler
def test_every_page_says_whose_photos_these_are(plain_pages: list[str]) -> None:
    first, second = plain_pages
    for number, page in enumerate((first, second), start=1):
        for fact in ("Phantom, Paula", "PH-0042", "1961-03-09", "sex female", "2024-10-16", "2024-04-11"):
            assert fact in page
        assert "side left" in page
        assert "6 months: 188 days" in page
        assert f"Page {number} of 2" in page


@poppler
def test_every_page_of_a_commissioning_model_is_marked(plain_pages: list[str]) -> None:
    assert all(BANNER in page for page in plain_pages)


@poppler
def test_a_model_trained_on_patients_is_not_marked_and_speaks_of_no_simulation(tmp_path: Path) -> None:
    text = " ".join(pages(tmp_path, make_report(model=replace(MODEL, commissioning=False))))
    assert "ommissioning model" not in text
    assert "simulated" not in text


@poppler
@pytest.mark.parametrize("item", PREDICTED_ITEMS, ids=lambda item: item.id)
def test_an_item_stands_in_one_row_with_all_that_is_known(plain: str, item: Item) -> None:
    graded = next(graded for graded in make_report().items if graded.item == item)
    row = next(line for line in plain.splitlines() if line.strip().startswith(f"{graded.item.id} "))
    change = round(SCORES[graded.item.id]) - round(FIRST_SCORES[graded.item.id])
    cells = (
        graded.item.name,
        f"{SCORES[graded.item.id]:.0f}",
        "{:.0f}–{:.0f}".format(*interval(SCORES[graded.item.id], 20, graded.item.high)),
        f"0–{graded.item.high:.0f}",
        graded.item.direction(graded.value) + (" †" if graded.item.provisional else ""),
        f"±{graded.known_error:.0f}",
        str(JENA9.by_code[graded.item.pose or ""].number),
        f"{change:+d}",
        f"{MDC:.0f}",
        ENGLISH.text(f"verdict.{VERDICT}"),
    )
    assert " ".join(row.split()) == " ".join((graded.item.id, *cells))


@poppler
def test_an_item_without_a_score_keeps_its_row_and_is_said_to_be_not_graded(tmp_path: Path) -> None:
    report = make_report()
    items = tuple(graded for graded in report.items if graded.item.id != "M1")
    first, _ = pages(tmp_path, replace(report, items=items))
    assert "M1 Brow elevation – 0–100 not graded" in first
    assert first.count("not graded") == 1


@poppler
def test_sub_scores_name_their_formula_and_change_and_no_total_is_formed(plain_pages: list[str]) -> None:
    report = make_report()
    first, _ = plain_pages
    for score in report.sub_scores:
        assert score.sub_score.formula in first
        assert f"{score.sub_score.value:.0f}" in first
    assert first.count("since the first, 2024-04-01") == 2
    assert first.count(f"within measurement error (MDC {MDC:.0f} points)") == 2
    static = next(score for score in report.sub_scores if score.interval is not None)
    assert "of 100, 90 % interval {:.0f}–{:.0f}".format(*static.interval or ()) in first
    assert "S1–S4 (synkinesis) not assessable from stills" in first


@poppler
@pytest.mark.parametrize("language", [ENGLISH, GERMAN], ids=lambda language: language.code)
def test_every_verdict_is_written_whole(tmp_path: Path, language: Language) -> None:
    report = make_report()
    codes = [verdict.name.lower() for verdict in Verdict]
    items = tuple(replace(item, verdict=code) for item, code in zip(report.items, codes, strict=False))
    text = told(tmp_path, replace(report, items=items), Style(language.code))
    for code in codes:
        assert language.text(f"verdict.{code}") in text


@poppler
def test_a_side_that_no_record_told_is_said_to_be_estimated(tmp_path: Path) -> None:
    for estimated in (True, False):
        text = told(tmp_path, make_report(side_estimated=estimated))
        assert ("left, estimated by the model" in text) is estimated
        assert ("left, from the record of the surgery" in text) is not estimated


@poppler
def test_a_model_that_knows_no_intervals_has_none_printed(tmp_path: Path) -> None:
    first, _ = pages(tmp_path, make_report(known_errors=False))
    assert "R1 Resting brow height 83 0–200 brow low – 1 +17 – within" in first


@poppler
def test_a_first_recording_shows_no_change(tmp_path: Path) -> None:
    first, _ = pages(tmp_path, make_report(first=True))
    assert "no earlier recording was graded by this model" in first
    assert "since the first" not in first


@poppler
def test_sub_scores_that_cannot_be_formed_are_said_to_be_missing(tmp_path: Path) -> None:
    report = make_report()
    first, _ = pages(tmp_path, replace(report, items=report.items[:3], sub_scores=()))
    assert first.count("Not formed") == 2


@poppler
def test_the_second_page_says_what_graded_and_what_it_is_not_for(plain_pages: list[str]) -> None:
    _, second = plain_pages
    trained_on = "rendered phantoms (400 recordings of 200 faces)"
    for fact in (MODEL.name, MODEL.version, MODEL.backbone, MODEL.layer, trained_on, "2025-06-02"):
        assert fact in second
    assert "does not diagnose" in second
    assert "simulated palsy" in second
    assert "Reviewed by" in second
    assert "Facialis 0.1.0" in second


@poppler
def test_every_photo_is_named_and_a_missing_one_is_shown_as_missing(tmp_path: Path) -> None:
    gap = replace(PHOTOS[4], jpeg=None)
    first, _ = pages(tmp_path, make_report(photos=(*PHOTOS[:4], gap, *PHOTOS[5:])))
    for pose in JENA9.poses:
        assert f"{pose.number} {pose.name}" in first
    assert first.count("missing") == 1


@poppler
@pytest.mark.parametrize(("paper", "count"), [("a4", 0), ("letter", 1), ("letter", 12)])
def test_a_protocol_of_another_length_stays_on_two_pages(
    tmp_path: Path, count: int, paper: PaperName
) -> None:
    series = tuple(
        ReportPhoto("", number, f"Pose {number}", jpeg(number, 64)) for number in range(1, count + 1)
    )
    assert len(pages(tmp_path, make_report(photos=series), Style(paper=paper))) == 2


@poppler
def test_flags_go_on_where_the_first_page_is_full_and_none_is_lost_silently(tmp_path: Path) -> None:
    flags = tuple(f"number{number}" for number in range(100))
    first, second = pages(tmp_path, make_report(flags=flags))
    shown = [int(number) for number in re.findall(r"Flag number(\d+)", first + second)]
    assert shown == list(range(len(shown)))
    assert "Flag number" in second
    assert f"{len(flags) - len(shown)} more: see the recording's page" in second


@poppler
@pytest.mark.parametrize("style", [PLAIN, Style("de")])
def test_every_flag_that_can_be_raised_is_written_once_with_all_its_photos(
    tmp_path: Path, style: Style
) -> None:
    flags = tuple(f"{code} ({pose})" for code in SENTENCES for pose in ("REST", "SMILE", "TEETH"))
    flags = (*flags, "clipped.M4", "clipped.R1", "side.estimated", "recording.unlike_training")
    text = told(tmp_path, make_report(flags=flags), style)
    language = load_language(style.language)
    for code in SENTENCES:
        assert language.text(f"flag.{code}") in text
    assert text.count("1, 6, 7") == len(SENTENCES)
    assert "M4, R1: " in text
    assert language.text("summary.flags_lost", count=1)[2:] not in text


@poppler
def test_a_photo_that_seems_to_show_another_pose_is_named_with_it(tmp_path: Path) -> None:
    text = " ".join(
        pages(tmp_path, make_report(flags=("pose.wrong.PUCKER (SMILE)", "pose.wrong.REST (NOSE)")))
    )
    assert "Photos 6 (looks like: Pursed lips), 5 (looks like: Neutral face)." in text


@poppler
@pytest.mark.parametrize(
    "name", ["Müller-Lüdenscheidt, Jürgen", "Παπαδόπουλος, Γεώργιος", "Достоевский, Фёдор", "Ćwięk, Ødegård"]
)
def test_names_of_european_alphabets_are_printed_and_can_be_selected(tmp_path: Path, name: str) -> None:
    family, given = name.split(", ")
    report = make_report(patient=ReportPatient(f"{family}^{given}", "1", date(1950, 1, 1), "M"))
    assert all(name in page for page in pages(tmp_path, report))


@poppler
@pytest.mark.parametrize("name", ["محمد, علي", "علی‌رضا, پژمان", "גולדברג, משה"])
def test_names_from_right_to_left_are_printed_embedded_and_can_be_selected(tmp_path: Path, name: str) -> None:
    report = make_report(patient=ReportPatient(name.replace(", ", "^"), "1", date(1950, 1, 1), "M"))
    for page in pages(tmp_path, report):
        assert PLACEHOLDER not in page
        # Readers give letters in the forms that join, and each word from its beginning.
        read = unicodedata.normalize("NFKC", page)
        assert all(word.replace(NON_JOINER, "") in read for word in name.split(", "))
    assert render_recording_report(report, PLAIN) == render_recording_report(report, PLAIN)


@poppler
@pytest.mark.parametrize("name", ["山田^太郎", "홍^길동", "ܐܠܦ", "\U0001f600", "\ud800"])
def test_characters_that_the_font_lacks_are_visibly_replaced(tmp_path: Path, name: str) -> None:
    for page in pages(tmp_path, make_report(patient=ReportPatient(name, "1", None, ""))):
        assert PLACEHOLDER in page
        assert "a character that cannot be printed here" in page


@poppler
@pytest.mark.parametrize(
    ("language", "paper", "sign_off"),
    [
        ("en", "a4", SignOff("W" * 300, datetime(2025, 7, 2, tzinfo=UTC), "W " * 500)),
        ("de", "letter", None),
    ],
)
def test_long_texts_stay_inside_the_pages_and_apart(
    tmp_path: Path, language: str, paper: PaperName, sign_off: SignOff | None
) -> None:
    long = "Wolfeschlegelsteinhausenbergerdorff " * 20
    report = make_report(
        patient=ReportPatient(long, "7" * 200, None, ""),
        surgery=ReportSurgery(SURGERY.date, long, "B"),
        model=replace(
            MODEL,
            name=long,
            hash="f" * 400,
            backbone=long,
            layer=long,
            training=(ReportTraining(long * 9, 10**6, 10**6),) * 3,
        ),
        flags=tuple(f"{number}-{'long' * 20}" for number in range(30)),
        course=make_course(40),
        sign_off=sign_off,
    )
    style = Style(language, paper, contact=long[:200])
    boxes = poppler_says(tmp_path, "pdftotext", render_recording_report(report, style), "-bbox")
    assert boxes.count("<page ") == 2
    corners = re.findall(r'xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)"', boxes)
    for left, top, right, bottom in (map(float, corner) for corner in corners):
        assert left >= 30
        assert right <= PAPERS[paper].width - 30
        assert top >= 30
        assert bottom <= PAPERS[paper].height - 20
    _, second = boxes.split("<page ")[1:]
    heights = {word: float(top) for top, word in re.findall(r'yMin="([\d.]+)"[^>]*>([^<]+)</word>', second)}
    research = {"en": "device.", "de": "Medizinprodukt."}[language]
    review = {"en": "clinician", "de": "Begutachtung"}[language]
    assert heights[research] < heights[review] < heights["2.25.113059749145936325402354257176981405696"] - 20


@poppler
def test_the_document_names_its_subject_and_product_but_not_the_patient(tmp_path: Path) -> None:
    info = poppler_says(tmp_path, "pdfinfo", render_recording_report(make_report()), "-isodates")
    assert "Facial palsy report" in info
    assert "Facialis 0.1.0" in info
    assert re.search(r"CreationDate: +2025-07-01T09:30:00", info)
    assert "Phantom" not in info
    assert "PH-0042" not in info


@poppler
def test_every_font_is_embedded(tmp_path: Path) -> None:
    file = tmp_path / "report.pdf"
    file.write_bytes(render_recording_report(make_report()))
    listed = subprocess.run(["pdffonts", str(file)], check=True, capture_output=True, text=True).stdout
    fonts = listed.splitlines()[2:]
    assert len(fonts) == 2
    assert all("yes yes yes" in font for font in fonts)


def test_the_same_content_gives_the_same_bytes() -> None:
    assert render_recording_report(make_report()) == render_recording_report(make_report())


def test_the_clock_of_the_document_is_the_moment_it_is_given(tmp_path: Path) -> None:
    report = make_report()
    later = replace(report, created_at=report.created_at + timedelta(days=1))
    assert render_recording_report(later) != render_recording_report(report)
    assert b"D:20250702093000" in render_recording_report(later)
    assert b"D:20250702" in render_recording_report(
        replace(later, created_at=later.created_at.replace(tzinfo=None))
    )


def test_the_document_has_bookmarks_and_a_language() -> None:
    pdf = render_recording_report(make_report())
    assert b"/Lang (en)" in pdf
    for title in (b"Photos", b"Sub-scores", b"Items", b"Model", b"Course of the", b"Review by the clinician"):
        assert title in pdf
    assert b"/Lang (de)" in render_recording_report(make_report(), Style("de"))


def test_photos_are_embedded_as_they_are_and_the_file_stays_small() -> None:
    series = photos(side=512)
    pdf = render_recording_report(make_report(photos=series))
    assert all(photo.jpeg is not None and photo.jpeg in pdf for photo in series)
    assert len(pdf) < 1_500_000


@pytest.mark.parametrize("damaged", [b"", b"no photo at all", jpeg(1)[:2000], b"\x89PNG\r\n\x1a\n" + jpeg(1)])
def test_a_photo_that_cannot_be_decoded_is_a_permanent_error_that_names_the_photo(damaged: bytes) -> None:
    broken = (replace(PHOTOS[0], jpeg=damaged), *PHOTOS[1:])
    with pytest.raises(ReportPhotoError, match="Photo 1 ") as raised:
        render_recording_report(make_report(photos=broken))
    assert raised.value.code == "report.photo"


@pytest.mark.parametrize("value", [-1.0, 101.0, float("nan")])
def test_a_score_outside_its_range_is_not_printed(value: float) -> None:
    report = make_report()
    items = tuple(replace(item, value=value) if item.item.id == "M1" else item for item in report.items)
    with pytest.raises(ScoreError):
        render_recording_report(replace(report, items=items))


def test_an_item_that_stills_cannot_show_is_refused_and_not_left_out_silently() -> None:
    report = make_report()
    synkinesis = replace(report.items[0], item=EFACE.by_id["S1"], value=40.0)
    with pytest.raises(ScoreError, match="S1 "):
        render_recording_report(replace(report, items=(*report.items, synkinesis)))


@poppler
def test_a_draft_says_so_on_every_page_and_a_final_version_who_signed_it(
    tmp_path: Path, plain_pages: list[str]
) -> None:
    drafted = plain_pages
    assert all("DRAFT – not yet reviewed" in page for page in drafted)
    assert "Signature" in drafted[1]
    done = SignOff("Dr Berta Beispiel", datetime(2025, 7, 2, 14, 5, tzinfo=UTC), "Seen with the patient.")
    final = pages(tmp_path, make_report(sign_off=done))
    for page in final:
        assert "DRAFT" not in page
        assert "FINAL – signed off by Dr Berta Beispiel" in page
    assert "Signed off by Dr Berta Beispiel on 2025-07-02 14:05 UTC." in final[1]
    berlin = pages(tmp_path, make_report(sign_off=done), Style("de", time_zone="Europe/Berlin"))
    assert "Freigegeben von Dr Berta Beispiel am 02.07.2025 16:05 CEST." in berlin[1]
    assert "Seen with the patient." in final[1]


@poppler
def test_the_course_stands_beside_its_chart_as_a_table(plain_pages: list[str]) -> None:
    course = make_course(4)
    _, second = plain_pages
    for point in course.points:
        assert f"{point.recorded_on}" in second
        assert f"{point.scores['static']:.0f} (" in second
    assert "Hypoglossal-facial jump nerve suture" in second
    assert "Botulinum toxin" in second
    assert "Band: the first recording" in second
    assert "months from surgery" in second


@poppler
def test_a_long_course_keeps_its_first_and_last_recordings_and_says_how_many_are_not_listed(
    tmp_path: Path,
) -> None:
    course = make_course(30)
    _, second = pages(tmp_path, make_report(course=course))
    listed = [point for point in course.points if f" {point.recorded_on} " in second]
    assert listed[0] == course.points[0]
    assert listed[-1] == course.points[-1]
    assert f"{30 - len(listed)} between them are not listed" in second


@poppler
def test_a_model_whose_detectable_change_is_not_known_draws_no_band(tmp_path: Path) -> None:
    _, second = pages(tmp_path, make_report(course=make_course(mdc=False)))
    assert "minimal detectable change is not known" in second
    assert "Band:" not in second


@poppler
def test_a_patient_without_surgery_has_a_course_from_the_first_recording(tmp_path: Path) -> None:
    course = replace(make_course(), from_surgery=False, marks=())
    report = make_report(surgery=None, days_from_surgery=None, timepoint=None, course=course)
    first, second = pages(tmp_path, report)
    assert "none on record" in first
    assert "months from the first recording" in second


@poppler
def test_maps_are_told_in_numbers_that_add_up(tmp_path: Path, plain_pages: list[str]) -> None:
    _, second = plain_pages
    assert "M4 Oral commissure" in second
    assert "33 = 101 -68" in second
    assert "right half -5, left half -63" in second
    beyond = make_maps(1)
    beyond = replace(beyond, maps=(replace(beyond.maps[0], total=-8.0),))
    assert "-8 = 101 -109, beyond the range" in pages(tmp_path, make_report(maps=beyond))[1]


@poppler
def test_maps_that_are_not_there_are_said_to_be_missing(tmp_path: Path) -> None:
    assert "No item deviates" in pages(tmp_path, make_report(maps=ReportMaps()))[1]
    assert "Not kept for this grading" in pages(tmp_path, make_report(maps=ReportMaps(kept=False)))[1]


@poppler
def test_a_recording_without_a_date_has_no_course(tmp_path: Path) -> None:
    assert len(pages(tmp_path, make_report(course=Course()))) == 2


@poppler
def test_where_questions_go_to_is_printed(tmp_path: Path) -> None:
    style = Style(contact="ENT department, phone 4711")
    assert "Questions: ENT department, phone 4711" in pages(tmp_path, make_report(), style)[1]


@poppler
@pytest.mark.skipif(not CJK.exists(), reason="fonts-droid-fallback is not installed")
def test_names_that_a_font_of_the_site_covers_are_printed_embedded_and_can_be_selected(
    tmp_path: Path,
) -> None:
    report = make_report(patient=ReportPatient("山田^太郎", "1", None, ""))
    style = Style(fonts=(CJK,))
    assert all("山田, 太郎" in page for page in pages(tmp_path, report, style))
    file = tmp_path / "report.pdf"
    listed = subprocess.run(["pdffonts", str(file)], check=True, capture_output=True, text=True).stdout
    assert all("yes yes yes" in font for font in listed.splitlines()[2:])
    assert all(PLACEHOLDER in page for page in pages(tmp_path, report))


def test_a_font_that_cannot_be_embedded_is_told_by_its_file(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.ttf"
    wrong.write_bytes(b"no font")
    with pytest.raises(ReportFontError, match=r"wrong\.ttf"):
        render_recording_report(make_report(), Style(fonts=(wrong,)))


@poppler
def test_a_clinicians_scores_come_before_the_models_and_are_told_apart(tmp_path: Path) -> None:
    report = make_report()
    items = tuple(
        replace(item, rated=140.0) if item.item.id == "R2" else replace(item, rated=None)
        for item in report.items
    )
    scores = tuple(
        replace(score, rated=45.0) if score.interval and score.sub_score.id == "dynamic" else score
        for score in report.sub_scores
    )
    report = replace(
        report,
        items=items,
        sub_scores=scores,
        raters=("Dr Berta Beispiel",),
        synkinesis={"S1": 80.0, "S2": 95.0},
        ratings=(ReportRating("house-brackmann", "House-Brackmann", "Dr Berta Beispiel", 3.0),),
    )
    text = poppler_says(tmp_path, "pdftotext", render_recording_report(report), "-layout")
    rows = {line.split()[0]: " ".join(line.split()) for line in text.splitlines() if line.strip()}
    assert rows["R2"].startswith("R2 Resting palpebral fissure width 61 140 41–81")
    assert "narrow" in rows["R2"]
    assert rows["R1"].startswith("R1 Resting brow height 83 63–103")
    written = told(tmp_path, report)
    assert "given by clinicians (Dr Berta Beispiel)" in written
    assert "model 54 of 100" in written
    assert "Synkinesis, given by a clinician: S1 80, S2 95." in written
    assert "House-Brackmann grade: 3 (Dr Berta Beispiel)" in written
    assert "not assessable from stills" not in written


def test_a_clinicians_score_outside_its_range_is_not_printed() -> None:
    report = make_report()
    items = tuple(replace(item, rated=101.0) if item.item.id == "M1" else item for item in report.items)
    with pytest.raises(ScoreError):
        render_recording_report(replace(report, items=items))
