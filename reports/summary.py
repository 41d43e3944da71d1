"""What a clinician looks at first: the two sub-scores, what stills cannot show, and the flags."""

from reports import words
from reports.charts import draw_sub_score
from reports.content import RecordingReport, ReportSubScore
from reports.fonts import BOLD, REGULAR, width
from reports.sheet import ALERT, BODY, HAIRLINE, MUTED, SMALL, Sheet, leading, wrap

SYNKINESIS = "S1–S4 (synkinesis) not assessable from stills; no total score is formed."
NO_FLAGS = "None: no check of the photos or the scores objected."

_GROUPS = {"static": "Static", "dynamic": "Dynamic"}
_BIG = 30.0
_TILE = 88.0
_BULLET = 7.0


def draw_summary(sheet: Sheet, x: float, y: float, wide: float, lower: float, report: RecordingReport) -> int:
    """Draw the panel from ``y`` down to ``lower`` at most; returns how many flags it had room for."""
    sheet.heading(x, y - 8, "Sub-scores")
    y -= 18
    for group, name in _GROUPS.items():
        scores = {
            score.sub_score.formula: score for score in report.sub_scores if score.sub_score.id == group
        }
        _tile(sheet, x, y, wide, name, scores, report)
        y -= _TILE
    y = sheet.lines(x, y - 7, wrap(SYNKINESIS, BOLD, BODY, wide), font=BOLD) - 7
    sheet.heading(x, y - 2, "Flags")
    y -= 2 + leading(8.6)
    if not report.flags:
        sheet.lines(x, y, wrap(NO_FLAGS, REGULAR, BODY, wide))
        return 0
    return _flags(sheet, x, y, wide, lower, report.flags)


def _flags(sheet: Sheet, x: float, y: float, wide: float, lower: float, flags: tuple[str, ...]) -> int:
    """Write as many flags as fit, and how many follow on the next page."""
    line = leading(BODY)
    for index, flag in enumerate(flags):
        lines = len(wrap(flag, REGULAR, BODY, wide - _BULLET))
        needed = lines * line if index == len(flags) - 1 else (lines + 1) * line
        if y - needed + line < lower:
            more = len(flags) - index
            sheet.text(x, y, f"{more} {'more' if index else 'of them'} on the next page", font=BOLD)
            return index
        y = draw_flag(sheet, x, y, wide, flag)
    return len(flags)


def draw_flag(sheet: Sheet, x: float, y: float, wide: float, flag: str) -> float:
    """Write one flag with its bullet; returns the baseline after it."""
    sheet.box(x, y + 0.6, 3.6, 3.6, fill=ALERT)
    return sheet.lines(x + _BULLET, y, wrap(flag, REGULAR, BODY, wide - _BULLET))


def _tile(
    sheet: Sheet,
    x: float,
    y: float,
    wide: float,
    name: str,
    scores: dict[str, ReportSubScore],
    report: RecordingReport,
) -> None:
    sheet.rule(x, y, x + wide, y, colour=HAIRLINE)
    folded, plain = scores.get("folded"), scores.get("raj")
    if folded is None:
        sheet.text(x, y - 13, name, size=8.6, font=BOLD)
        sheet.text(x, y - 25, "Not formed: not all of its items were graded.", colour=MUTED)
        return
    base = y - 31
    number = f"{folded.sub_score.value:.0f}"
    sheet.text(x, base, number, size=_BIG, font=BOLD)
    after = x + width(number, BOLD, _BIG) + 6
    named = sheet.text(after, base + 13, name, size=8.6, font=BOLD)
    sheet.text(named + 4, base + 13, "formula “folded”", colour=MUTED)
    within = f"of {folded.sub_score.high:.0f}"
    if folded.interval is not None:
        within += ", 90 % interval {:.0f}–{:.0f}".format(*folded.interval)
    sheet.text(after, base + 2, within, colour=MUTED)
    draw_sub_score(sheet, x, base - 11, wide, folded)
    sheet.text(x, base - 26, _change(folded, report), font=BOLD)
    sheet.text(x, base - 36, _judgement(folded), font=BOLD)
    if plain is not None:
        mean = f"Plain mean, formula “raj”: {plain.sub_score.value:.0f} of {plain.sub_score.high:.0f}"
        changed = (
            ""
            if plain.first_value is None
            else f", change {_points(plain.sub_score.value, plain.first_value)}"
        )
        sheet.text(x, base - 46, mean + changed, size=SMALL, colour=MUTED)


def _change(score: ReportSubScore, report: RecordingReport) -> str:
    if score.first_value is None or report.first_recorded_on is None:
        return "No earlier recording graded by this model"
    points = _points(score.sub_score.value, score.first_value)
    return f"{points} since the first, {report.first_recorded_on.isoformat()}"


def _judgement(score: ReportSubScore) -> str:
    """The verdict on the change, and the change that it takes."""
    known = "" if score.mdc is None else f"(MDC {score.mdc:.0f} points)"
    return " ".join(filter(None, (score.verdict, known)))


def _points(now: float, first: float) -> str:
    return words.signed(round(now) - round(first))
