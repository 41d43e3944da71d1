"""What errors, records and checks say is told in German on the pages, by sentences that are in the code."""

import ast
import html
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from grading.face import NoFaceError
from grading.gates import SENTENCES, Flag, UnfitPhotoError
from grading.protocols import JENA9
from grading.scales import SCALES
from service.access.roles import Role
from service.database import transaction
from service.photographs import photo_faults
from service.records import assignments
from service.records.audit import system
from service.records.models import Recording, RecordingState
from service.web import told as told_module
from service.web.language import load_words
from tests.service.browsing import Browser
from tests.service.clinic import SURGERY_DAY, Clinic

ROOT = Path(told_module.__file__).parents[2]
GERMAN = load_words("de")
SAY = [
    "dicom/header_reading.py",
    "dicom/peers.py",
    "dicom/pixels.py",
    "dicom/poses.py",
    "grading/annotations.py",
    "grading/bundle.py",
    "grading/cohort.py",
    "grading/csv_tables.py",
    "grading/face.py",
    "grading/distances.py",
    "grading/landmark_models.py",
    "grading/landmarks.py",
    "grading/photos.py",
    "grading/rated_cohort.py",
    "grading/scales",
    "service/access",
    "service/activating.py",
    "service/cohort_import.py",
    "service/folder_imports.py",
    "service/uploads.py",
    "service/bundles.py",
    "service/checks.py",
    "service/correcting.py",
    "service/delivery/sending.py",
    "service/delivery/to_folder.py",
    "service/fhir/client.py",
    "service/photographs.py",
    "service/records/activations.py",
    "service/records/annotating.py",
    "service/records/assignments.py",
    "service/records/constancy.py",
    "service/records/events.py",
    "service/records/outbox.py",
    "service/records/patients.py",
    "service/records/surgeries.py",
    "service/records/undoing.py",
    "service/series.py",
    "service/signing.py",
    "service/web",
    "workers/constancy.py",
    "workers/regrade.py",
    "workers/tasks.py",
    "service/records/flow.py",
    "service/running.py",
]
"""Where the sentences are written that pages show."""
HELD = [
    "service/correcting.py",
    "service/signing.py",
    "service/photographs.py",
    "service/access",
    "service/records/annotating.py",
    "service/records/assignments.py",
    "service/records/events.py",
    "service/records/undoing.py",
    "service/uploads.py",
    "service/web",
    "grading/face.py",
    "grading/distances.py",
    "grading/landmark_models.py",
    "grading/landmarks.py",
]
"""Where everything that an error says may come to a page."""
VALUE = "{}"
LETTERS = 10
"""A text with fewer letters is no sentence."""


def files(places: list[str]) -> Iterator[Path]:
    for place in places:
        path = ROOT / place
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def versions(node: ast.AST) -> list[str]:
    """What a string of the code may say, its values as `VALUE`; of a condition within it either part."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp():
            return versions(node.body) + versions(node.orelse)
        case ast.FormattedValue():
            return versions(node.value) if isinstance(node.value, ast.IfExp) else [VALUE]
        case ast.JoinedStr():
            return ["".join(parts) for parts in itertools.product(*map(versions, node.values))]
    return []


def plain(sentence: str) -> str:
    return re.sub(r"\{\w*\}", VALUE, sentence).removesuffix(".")


def test_german_sentences_are_those_that_the_code_says() -> None:
    said = {
        plain(text)
        for file in files(SAY)
        for node in ast.walk(ast.parse(file.read_text()))
        for text in versions(node)
    }
    known = told_module.FOLDER / "de.toml"
    texts = [line.split('" = "')[0].lstrip('"') for line in known.read_text().splitlines() if '" = "' in line]
    assert len(texts) > 80
    assert [text for text in texts if plain(text) not in said] == []


def test_what_errors_say_on_pages_has_a_german_sentence() -> None:
    lacking = []
    for file in files(HELD):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if not name.endswith("Error"):
                continue
            for text in versions(node.args[0]):
                written = plain(text).replace(VALUE, "17")
                if sum(map(str.isalpha, text)) > LETTERS and GERMAN.told(written) == written:
                    lacking.append(f"{file.name}: {text}")
    assert lacking == []


def test_flags_of_photos_are_sentences_too() -> None:
    for code, sentence in SENTENCES.items():
        assert GERMAN.told(sentence) == GERMAN.report.texts[f"flag.{code}"]


@pytest.mark.parametrize(
    ("said", "german"),
    [
        (
            "No photo shows Pursed lips, Showing teeth: send what is missing.",
            "Kein Foto zeigt Lippen spitzen, Zähne zeigen: Bitte senden, was fehlt.",
        ),
        (
            "2 photos show Neutral face: choose one. "
            "1 photo does not say which pose it shows: choose its pose.",
            "2 Fotos zeigen Ruhe: Bitte eines wählen. 1 Foto sagt nicht, welche Pose es zeigt: "
            "Bitte die Pose wählen.",
        ),
        ("There is no recording 7.", "Es gibt keine Aufnahme 7."),
        ("12.5 GB free in /srv/data-1.2", "12,5 GB frei in /srv/data-1.2"),
        (
            "The report was refused. Main PACS (pdf): Refused: Out of resources (A700H)",
            "Der Bericht wurde abgelehnt. Main PACS (pdf): Refused: Out of resources (A700H)",
        ),
        ("something that nobody foresaw", "something that nobody foresaw"),
        ("", ""),
    ],
)
def test_sentences_are_told_with_their_values(said: str, german: str) -> None:
    assert GERMAN.told(said) == german


def test_faults_of_several_photos_are_told_one_after_the_other() -> None:
    lost = NoFaceError("no face was found in the photo: it must show one upright face from the front")
    poor = UnfitPhotoError([Flag("face.small"), Flag("photo.blurred")])
    assert GERMAN.told(photo_faults([(JENA9.poses[0], lost), (JENA9.poses[7], poor)])) == (
        "Foto 1 (Ruhe): Im Foto wurde kein Gesicht gefunden: Es muss ein aufrechtes Gesicht von vorn zeigen. "
        f"Foto 8 (Lippen spitzen): {GERMAN.report.texts['flag.face.small']} "
        f"{GERMAN.report.texts['flag.photo.blurred']}"
    )


def test_english_pages_say_it_as_it_is() -> None:
    assert load_words("en").told("No photo shows Pursed lips: x.") == "No photo shows Pursed lips: x."


ENGLISH = re.compile(
    r"\b(the|of|and|is|are|were|with|without|not|no|for|this|that|from|by|on|has|have|or|to|it|which|show|"
    r"photos?|scores?|recordings?|patients|send|choose|sides?|months?|years?|days?|mild|moderate)\b",
    re.IGNORECASE,
)
QUOTED = re.compile(
    r"group side recorded_on|side (?=\(betroffene)|"
    r"Jump anastomosis|Success \(0000H\)|facialis [a-z ]+|[\w-]+\.[\w.]+|OpenID Connect|by_\w+|--[\w-]+"
)

SPOKEN = re.compile(r'(?:title|alt|aria-label|placeholder|data-sa(?:y|id)[\w-]*|data-swapped)="([^"]*)"')
"""What attributes say to readers."""
RECORDED = re.compile(r"<tbody>.*?</tbody>|<select name=\"event\">.*?</select>", re.DOTALL)


@pytest.mark.journey
def test_no_page_in_german_says_anything_in_english(
    browser: Browser, engine: Engine, clinic: Clinic, ada: Recording
) -> None:
    waits = clinic.recording(
        ada.patient,
        SURGERY_DAY,
        RecordingState.NEEDS_ATTENTION,
        "No photo shows Pursed lips: send what is missing.",
        "series.poses",
    )
    clinic.photos(waits)
    clinic.session.commit()
    browser.sign_in(engine, "alles", *Role)
    browser.post("/account/language", language="de")
    with transaction(engine) as session:
        assignments.give(session, system("test"), ["alles"], [ada.id], list(SCALES), blind=False)
        task = assignments.tasks_of(session, "alles")[0].assignment.id
    found = []
    for path in (
        "/",
        f"/patients/{ada.patient_key}",
        f"/recordings/{ada.id}",
        f"/recordings/{ada.id}/photos",
        f"/recordings/{waits.id}",
        f"/recordings/{ada.id}/landmarks/{ada.photos[0].id}",
        "/states/needs_attention",
        "/account",
        "/annotate",
        f"/annotate/{task}",
        "/raters",
        "/raters/import",
        "/raters/agreement",
        "/raters/agreement/HB",
        f"/raters/settle/{ada.id}",
        "/admin/health",
        "/admin/deliveries",
        "/admin/audit",
        "/admin/users",
        "/admin/bundles",
    ):
        markup = browser.get(path).text
        # What stands in the audit trail stays as it was written.
        markup = RECORDED.sub("", markup) if path == "/admin/audit" else markup
        spoken = html.unescape(" ".join((*SPOKEN.findall(markup), re.sub(r"<[^>]+>", " ", markup))))
        text = QUOTED.sub(" ", " ".join(spoken.split()))
        found += [
            f"{path}: …{text[max(0, hit.start() - 30) : hit.end() + 30]}…" for hit in ENGLISH.finditer(text)
        ]
    assert not found, "\n".join(found)
