"""What changed from the baseline to the latest recording of the same model, and whether it is real."""

from grading.scales import PREDICTED_ITEMS
from reports import words
from reports.course import GROUPS, baseline_of
from reports.fonts import BOLD, REGULAR
from reports.history_content import HistoryChange, HistoryReport
from reports.notes import draw_history_notes
from reports.sheet import BODY, INK, LEFT, MUTED, SMALL, TINT, Sheet, leading, wrap

_ROW = 14.0
_SURE = ("improved", "worse", "other_side")


NEEDS = 560.0
"""What head, table and notes of the page take of it at most, in points."""


def draw_changes(sheet: Sheet, y: float, history: HistoryReport) -> float:
    """Draw the page below the height ``y``: the table of changes, then the notes; returns their lower end."""
    y -= 13
    sheet.heading(LEFT, y, "changes")
    y -= leading(BODY) + 2
    for line in wrap(_compared(sheet, history), REGULAR, BODY, sheet.paper.measure):
        sheet.text(LEFT, y, line)
        y -= leading(BODY)
    if history.changes:
        y = _table(sheet, y - 4, history)
    model = history.model
    return y if model is None else draw_history_notes(sheet, y - 18, model)


def _compared(sheet: Sheet, history: HistoryReport) -> str:
    baseline = baseline_of(history.course)
    if baseline is None or not history.changes or history.model is None:
        return sheet.say("history.one_only")
    latest = next(point for point in reversed(history.course.points) if point.model == baseline.model)
    first, last = (sheet.language.day(point.recorded_on) for point in (baseline, latest))
    model = f"{history.model.name} {history.model.version}"
    return sheet.say("history.compared", first=first, latest=last, model=model)


def _table(sheet: Sheet, y: float, history: HistoryReport) -> float:
    for place, key, align in _columns(sheet):
        sheet.text(place, y, sheet.say(key), size=SMALL, colour=MUTED, align=align)
    sheet.rule(LEFT, y - 4, sheet.paper.right, y - 4, colour=INK)
    y -= 4
    found = {change.score: change for change in history.changes}
    order = (*GROUPS, *(item.id for item in PREDICTED_ITEMS))
    for number, score in enumerate(score for score in order if score in found):
        if number % 2 == 0:
            sheet.box(LEFT, y - _ROW, sheet.paper.measure, _ROW, fill=TINT)
        _row(sheet, y - _ROW / 2 - 2.7, found[score])
        y -= _ROW
    sheet.rule(LEFT, y, sheet.paper.right, y)
    notes = wrap(sheet.say("history.verdict_note"), REGULAR, SMALL, sheet.paper.measure)
    return sheet.lines(LEFT, y - 9, notes, size=SMALL, colour=MUTED)


def _columns(sheet: Sheet) -> tuple[tuple[float, str, float], ...]:
    wide = sheet.paper.measure
    return (
        (LEFT + 4, "history.score", 0.0),
        (LEFT + 0.44 * wide, "history.baseline", 1.0),
        (LEFT + 0.53 * wide, "history.latest", 1.0),
        (LEFT + 0.62 * wide, "history.change", 1.0),
        (LEFT + 0.685 * wide, "history.mdc", 1.0),
        (LEFT + 0.71 * wide, "history.verdict", 0.0),
    )


def _row(sheet: Sheet, y: float, change: HistoryChange) -> None:
    group = change.score in GROUPS
    name = sheet.say(f"summary.{change.score}" if group else f"item.{change.score}")
    before, after = round(change.before), round(change.after)
    cells = (
        name if group else f"{change.score}  {name}",
        f"{before}",
        f"{after}",
        words.signed(after - before),
        sheet.say("words.none") if change.mdc is None else f"{change.mdc:.0f}",
        sheet.say(f"verdict.{change.verdict}"),
    )
    font = BOLD if group or change.verdict in _SURE else REGULAR
    for (place, _, align), text in zip(_columns(sheet), cells, strict=True):
        sheet.text(place, y, text, font=font, align=align)
