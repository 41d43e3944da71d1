"""What must be known to read a report: how the scores are made, the model, what the report is for."""

from reports.content import RecordingReport, ReportModel
from reports.fonts import REGULAR
from reports.sheet import HEADING, LEFT, MUTED, Sheet, clip, leading, wrap
from reports.style import Style

_SIZES = (6.8, 6.4, 6.0, 5.6)
"""Of the text: the largest at which all of it fits."""
_GUTTER = 20.0
_LABEL = 50.0
_PARAGRAPH_GAP = 2.4

_Fact = tuple[str, str, int]
"""A label, what it says, and the most lines that it may take."""


def draw_notes(sheet: Sheet, y: float, lower: float, report: RecordingReport, style: Style) -> float:
    """Draw the notes in two columns from ``y`` down to ``lower``; returns the height of their lower end."""
    half = (sheet.paper.measure - _GUTTER) / 2
    right = LEFT + half + _GUTTER
    reading, limits = _reading(sheet, report), _limits(sheet, report, style)
    facts = _facts(sheet, report.model)

    def ends(size: float) -> float:
        heights = (
            _paragraphs_height(reading, half, size),
            _facts_height(facts, half, size) + 9 + _paragraphs_height(limits, half, size),
        )
        return y - max(heights)

    size = next((size for size in _SIZES if ends(size) >= lower), _SIZES[-1])
    _paragraphs(sheet, LEFT, y, half, "reading", reading, size)
    below = _draw_facts(sheet, right, y, half, facts, size) - 9
    _paragraphs(sheet, right, below, half, "limits", limits, size)
    return ends(size)


def draw_history_notes(sheet: Sheet, y: float, model: ReportModel) -> float:
    """Draw what a history needs of the notes in two columns downward from ``y``; returns their lower end."""
    half = (sheet.paper.measure - _GUTTER) / 2
    errors = "errors_simulated" if model.commissioning else "errors_patients"
    reading = tuple(sheet.say(f"notes.{key}") for key in ("items", "folded", errors, "sides"))
    one = _paragraphs(sheet, LEFT, y, half, "reading", reading, _SIZES[0])
    right = LEFT + half + _GUTTER
    y = _draw_facts(sheet, right, y, half, _facts(sheet, model), _SIZES[0]) - 9
    keys = ("commissioning", "assists", "research") if model.commissioning else ("assists", "research")
    limits = tuple(sheet.say(f"notes.{key}") for key in keys)
    return min(one, _paragraphs(sheet, right, y, half, "limits", limits, _SIZES[0]))


def _reading(sheet: Sheet, report: RecordingReport) -> tuple[str, ...]:
    errors = "errors_simulated" if report.model.commissioning else "errors_patients"
    keys = ("items", "folded", "raj", "total", errors, "intervals", "sides")
    return tuple(sheet.say(f"notes.{key}") for key in keys)


def _limits(sheet: Sheet, report: RecordingReport, style: Style) -> tuple[str, ...]:
    keys = ("assists", "scope", "research")
    stated = [sheet.say(f"notes.{key}") for key in keys]
    if report.model.commissioning:
        stated.insert(0, sheet.say("notes.commissioning"))
    asked = ", ".join(filter(None, (style.organization, style.contact)))
    return (*stated, *([sheet.say("notes.contact", contact=asked)] if asked else []))


def _paragraphs(
    sheet: Sheet, x: float, y: float, wide: float, key: str, paragraphs: tuple[str, ...], size: float
) -> float:
    sheet.heading(x, y, key)
    y -= leading(HEADING)
    for paragraph in paragraphs:
        y = sheet.lines(x, y, wrap(paragraph, REGULAR, size, wide), size=size) - _PARAGRAPH_GAP
    return y


def _paragraphs_height(paragraphs: tuple[str, ...], wide: float, size: float) -> float:
    lines = sum(len(wrap(paragraph, REGULAR, size, wide)) for paragraph in paragraphs)
    return leading(HEADING) + lines * leading(size) + len(paragraphs) * _PARAGRAPH_GAP


def _facts(sheet: Sheet, model: ReportModel) -> tuple[_Fact, ...]:
    training = "; ".join(sheet.say("model.training_value", **vars(cohort)) for cohort in model.training)
    return (
        (sheet.say("model.name"), sheet.say("model.name_value", name=model.name, version=model.version), 2),
        (sheet.say("model.hash"), model.hash, 2),
        (
            sheet.say("model.backbone"),
            sheet.say("model.backbone_value", backbone=model.backbone, layer=model.layer),
            2,
        ),
        (sheet.say("model.training"), training, 4),
        (sheet.say("model.date"), sheet.language.day(model.trained_on), 1),
    )


def _facts_height(facts: tuple[_Fact, ...], wide: float, size: float) -> float:
    lines = sum(len(_fact_lines(fact, wide, size)) for fact in facts)
    return leading(HEADING) + lines * leading(size) + len(facts)


def _fact_lines(fact: _Fact, wide: float, size: float) -> list[str]:
    _, text, most = fact
    return clip(wrap(text, REGULAR, size, wide - _LABEL), most)


def _draw_facts(
    sheet: Sheet, x: float, y: float, wide: float, facts: tuple[_Fact, ...], size: float
) -> float:
    sheet.heading(x, y, "model")
    y -= leading(HEADING)
    for fact in facts:
        sheet.text(x, y, fact[0], size=size, colour=MUTED)
        y = sheet.lines(x + _LABEL, y, _fact_lines(fact, wide, size), size=size) - 1
    return y
