"""The catalogues: the same keys in every language, nothing said that is in none, and no word beside them."""

import re
import shutil
import string
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from grading.change import Verdict
from grading.gates import SENTENCES
from grading.protocols import PROTOCOLS
from grading.scales import PREDICTED_ITEMS
from reports import language as languages_module
from reports import words
from reports.content import CourseMark, ReportPatient, ReportSurgery, ReportTraining
from reports.errors import ReportLanguageError
from reports.history_report import render_history_report
from reports.language import FOLDER, languages, load_language
from reports.recording_report import render_recording_report
from reports.style import Style
from tests.reports.history_samples import make_history
from tests.reports.samples import MODEL, SURGERY, make_course, make_report, photos

ENGLISH = load_language("en")
CODE = "\n".join(
    file.read_text()
    for file in Path(words.__file__).parent.glob("*.py")
    if file.name != "evaluation_figures.py"
)
FAMILIES = (
    "item.",
    "direction.",
    "verdict.",
    "pose.",
    "protocol.",
    "flag.",
    "timepoint.",
    "event.",
    "section.",
)
"""Keys that the code puts together from a code of the content."""


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("code", languages())
def test_every_language_has_the_same_texts_with_the_same_placeholders(code: str) -> None:
    other = load_language(code)
    assert other.texts.keys() == ENGLISH.texts.keys()
    for key, text in ENGLISH.texts.items():
        assert placeholders(other.texts[key]) == placeholders(text), key
        assert other.texts[key].strip()


def test_there_are_english_and_german() -> None:
    assert {"en", "de"} <= set(languages())


def test_no_text_is_written_that_no_report_says() -> None:
    for key in ENGLISH.texts:
        section, name = key.split(".", 1)
        spoken = f'"{key}"' in CODE or f"{section}.{{" in CODE or f'"{key.rsplit("_", 1)[0]}"' in CODE
        assert spoken or f'"{name}"' in CODE, key


def test_english_words_are_those_of_the_scale_the_poses_and_the_flags() -> None:
    for item in PREDICTED_ITEMS:
        assert ENGLISH.text(f"item.{item.id}") == item.name
        for score in (item.low, item.normal, item.high):
            assert words.direction(ENGLISH, item, score) == item.direction(score)
    for protocol in PROTOCOLS.values():
        assert ENGLISH.text(f"protocol.{protocol.id}") == protocol.name
    for pose in PROTOCOLS["jena12"].poses + PROTOCOLS["jena9"].poses:
        assert ENGLISH.text(f"pose.{pose.code}") == pose.name
    for code, sentence in SENTENCES.items():
        assert ENGLISH.text(f"flag.{code}") == sentence
    for verdict in Verdict:
        assert ENGLISH.text(f"verdict.{verdict.name.lower()}") == verdict.value


def test_a_language_without_a_catalogue_is_told_with_those_that_have_one() -> None:
    with pytest.raises(ReportLanguageError, match="de, en"):
        load_language("tlh")


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A third language, one more file: every letter of the English one is a Cyrillic one."""
    catalogue = tomllib.loads((FOLDER / "en.toml").read_text())
    lines = []
    for section, texts in catalogue.items():
        lines.append(f"[{section}]")
        for name, text in texts.items():
            kept = re.split(r"(\{\w+\})", text)
            changed = (
                text
                if section == "format"
                else "".join(part if part.startswith("{") else re.sub("[A-Za-z]", "ж", part) for part in kept)
            )
            lines.append(f"\"{name}\" = '''{changed}'''")
    (tmp_path / "xx.toml").write_text("\n".join(lines))
    monkeypatch.setattr(languages_module, "FOLDER", tmp_path)
    load_language.cache_clear()
    yield "xx"
    load_language.cache_clear()


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler-utils is not installed")
def test_reports_say_nothing_that_is_not_in_their_catalogue(tmp_path: Path, made_up: str) -> None:
    series = photos(64)
    report = make_report(
        patient=ReportPatient("1^2", "3", None, ""),
        surgery=ReportSurgery(SURGERY.date, "4", "L"),
        photos=(replace(series[0], jpeg=None), *series[1:]),
        flags=("face.small (REST)", "clipped.M4", "side.estimated"),
        model=replace(
            MODEL, name="5", hash="6", backbone="7", layer="8", training=(ReportTraining("9", 1, 2),)
        ),
        course=replace(make_course(3), marks=()),
    )
    report = replace(report, product="10", raters=("11",), items=report.items[1:])
    history = make_history(patient=report.patient, chosen=(0, 1))
    visits = tuple(replace(visit, model="5", signed_by=visit.signed_by and "12") for visit in history.visits)
    history = replace(
        history, visits=visits, model=report.model, product="10",
        events=tuple(replace(event, label="4") for event in history.events),
        course=replace(history.course, marks=(CourseMark(0, "surgery", "4"), *history.course.marks[1:])),
    )  # fmt: skip
    file = tmp_path / "report.pdf"
    for pdf in (
        render_recording_report(report, Style(made_up)),
        render_history_report(history, Style(made_up)),
    ):
        file.write_bytes(pdf)
        done = subprocess.run(["pdftotext", str(file), "-"], check=True, capture_output=True, text=True)
        told = re.sub(r"[RMS]\d|\bUTC\b", "", done.stdout)
        assert "ж" in told
        assert re.findall(r"[A-Za-z]+", told) == []
