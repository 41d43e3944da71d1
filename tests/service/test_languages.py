"""The pages in German: the catalogue has every text, with its placeholders, and the pages use it."""

import ast
import datetime as dt
import re
import string
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from grading.protocols import PROTOCOLS
from grading.scales import PREDICTED_ITEMS, SCALES, sub_scores
from service.access.roles import Role
from service.records.flow import Stage
from service.records.models import ActorKind, Recording, RegradingState
from service.web import app, breaking_glass, bundles, rendering, words
from service.web.language import load_words, preferred
from tests.service.browsing import Browser, seen

PACKAGE = Path(app.__file__).parent
MARKUP = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<code>.*?</code>|<svg.*?</svg>|<[^>]*>", re.DOTALL)
GERMAN = load_words("de", ZoneInfo("Europe/Berlin"))


def in_templates() -> Iterator[str]:
    for file in (PACKAGE / "templates").glob("*.html"):
        yield from re.findall(r'\bt\("((?:[^"\\]|\\.)*)"', file.read_text())


def in_code() -> Iterator[str]:
    """What is said by `t(…)`, `words_for(…)(…)` and `message(…)`, and as the problem of a form."""
    for file in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.func if isinstance(node.func, ast.Call) else node.func
            name = getattr(called, "id", getattr(called, "attr", ""))
            said = {"t": node.args[:1], "words_for": node.args[:1], "message": node.args[1:3]}.get(name, [])
            said += [keyword.value for keyword in node.keywords if keyword.arg == "problem"]
            for text in said:
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    yield text.value


def in_tables() -> Iterator[str]:
    tables = (words.STATES, words.DELIVERIES, words.DOCUMENTS, words._SIDES, words._SEXES)
    for table in (*tables, words.VERDICTS, words.CHANGEABLE, words.TASKS):
        yield from table.values()
    for pair in app._ANSWERS.values():
        yield from pair
    yield from (words.NO_NAME, app.FAILED, *breaking_glass.REASONS.values())
    yield from (member.value for member in (*Role, *Stage, *ActorKind) if member is not ActorKind.USER)
    yield from (*bundles.PROBLEMS.values(), bundles.NOT_DONE, *(member.value for member in RegradingState))
    yield from (name for _, name, _ in rendering._templates.globals["AREAS"])
    for item in (item for scale in SCALES.values() for item in scale.items):
        answers = (text for option in item.options for text in (option.label, option.words))
        yield from filter(None, (item.name, item.below, item.above, *answers))
    for protocol in PROTOCOLS.values():
        yield protocol.name
        yield from (pose.name for pose in protocol.poses if f"pose.{pose.code}" not in GERMAN.report.texts)
    yield from (score.name for score in sub_scores({item.id: 50 for item in PREDICTED_ITEMS}))


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_text_of_the_pages_has_a_german_one() -> None:
    texts = {*in_templates(), *in_code(), *in_tables()}
    assert len(texts) > 250
    assert sorted(texts - GERMAN.texts.keys()) == []


def test_translations_have_the_same_placeholders() -> None:
    for text, translated in GERMAN.texts.items():
        assert placeholders(text) == placeholders(translated), text


def test_no_text_stands_in_a_template_untranslated() -> None:
    for file in (PACKAGE / "templates").glob("*.html"):
        left = MARKUP.sub(" ", file.read_text())
        found = set(re.findall(r"[A-Za-z]{2,}", left)) - {"Facialis", "ID", "MDC"}
        assert not found, f"{file.name}: {found}"


@pytest.mark.parametrize(
    ("accepted", "code"),
    [
        ("de-DE,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,en;q=0.9,de;q=0.1", "en"),
        ("fr, de;q=0.5", "de"),
        ("fr", "en"),
        ("", "en"),
        ("de;q=0", "en"),
        ("de;q=x, *", "en"),
    ],
)
def test_the_browsers_wishes_choose_the_language(accepted: str, code: str) -> None:
    assert preferred(accepted) == code


def test_times_are_shown_in_the_zone_of_the_site() -> None:
    noon = dt.datetime(2026, 7, 1, 12, 0, 5, tzinfo=dt.UTC)
    assert GERMAN.moment(noon) == "01.07.2026 14:00:05 CEST"
    assert load_words("en", ZoneInfo("America/New_York")).moment(noon) == "2026-07-01 08:00:05 EDT"


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("side.estimated", "Die betroffene Seite war nicht verzeichnet und wurde vom Modell geschätzt."),
        ("clipped.M4", "M4: Das Modell ging über den Bereich hinaus; der Wert ist dessen Grenze."),
        ("face.small (REST)", "aus geringerem Abstand fotografieren. Foto 1, Ruhe."),
        ("pose.wrong.SMILE (REST)", "Foto 1, Ruhe (sieht aus wie: Lächeln, Mund geschlossen)."),
        ("new.flag", "Hinweis new.flag."),
    ],
)
def test_flags_are_said_in_german(flag: str, said: str) -> None:
    assert GERMAN.flag(flag).endswith(said)


def test_pages_speak_german_to_who_chose_it(browser: Browser, engine: Engine, ada: Recording) -> None:
    assert "Sprache" not in seen(browser.get("/account"))
    browser.post("/account/language", language="de")
    answer = browser.get(f"/recordings/{ada.id}")
    assert '<html lang="de">' in answer.text
    text = seen(answer)
    assert "Aufnahme vom 12.09.2024 zugestellt" in text
    assert "Zeitpunkt 6 Monate · 184 Tage" in text
    assert "R1 Ruhestellung der Augenbraue 1 70 /200 50–90" in text
    assert "Braue tief +30 (25) verbessert ±17" in text
    assert "Inbetriebnahme-Modell: nicht für die klinische Verwendung" in text
    answer = browser.get(f"/patients/{ada.patient_key}")
    assert "<title>12.09.2024, 6 Monate: statisch 70, von commissioning 1</title>" in answer.text
    text = seen(answer)
    assert "Geboren 04.05.1971 Geschlecht weiblich Operation 12.03.2024, Jump anastomosis, links" in text
    browser.post("/account/language", language="")
    assert "Recordings" in seen(browser.get("/"))
