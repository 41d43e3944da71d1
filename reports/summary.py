"""What a clinician looks at first: the two sub-scores, what stills cannot show, and the flags."""

from reports import words
from reports.charts import draw_sub_score
from reports.content import RecordingReport, ReportSubScore
from reports.fonts import BOLD, REGULAR, width
from reports.sheet import (
    ACCENT,
    ALERT,
    BODY,
    HAIRLINE,
    HEADING,
    MUTED,
    SMALL,
    WHITE,
    Sheet,
    fitting_size,
    leading,
    wrap,
)

_GROUPS = ("static", "dynamic")
_BIG = 30.0
_TILE = 88.0
_BULLET = 7.0


def draw_summary(
    sheet: Sheet,
    x: float,
    y: float,
    wide: float,
    lower: float,
    report: RecordingReport,
    flags: tuple[str, ...],
) -> int:
    """Draw the panel from ``y`` down to ``lower`` at most; returns how many flags it had room for."""
    sheet.heading(x, y - 8, "sub_scores")
    y -= 18
    for group in _GROUPS:
        scores = {
            score.sub_score.formula: score for score in report.sub_scores if score.sub_score.id == group
        }
        _tile(sheet, x, y, wide, sheet.say(f"summary.{group}"), scores, report)
        y -= _TILE
    for line in _ratings(sheet, report):
        y = sheet.lines(x, y - 7, wrap(line, BOLD, BODY, wide), font=BOLD) + 5
    y -= 12
    sheet.heading(x, y - 2, "flags")
    y -= 2 + leading(HEADING)
    if not flags:
        sheet.lines(x, y, wrap(sheet.say("summary.no_flags"), REGULAR, BODY, wide))
        return 0
    return _flags(sheet, x, y, wide, lower, flags)


def _ratings(sheet: Sheet, report: RecordingReport) -> list[str]:
    """What is known of synkinesis, and what clinicians found on other scales."""
    if report.synkinesis:
        given = ", ".join(f"{item} {value:.0f}" for item, value in sorted(report.synkinesis.items()))
        lines = [sheet.say("summary.synkinesis_rated", scores=given)]
    else:
        lines = [sheet.say("summary.synkinesis")]
    for rating in report.ratings:
        value = sheet.say("words.none") if rating.value is None else f"{rating.value:g}"
        name = sheet.language.known(f"rating.{rating.scale}", rating.scale_name)
        lines.append(sheet.say("summary.rating", name=name, value=value, rater=rating.rater))
    return lines


def _flags(sheet: Sheet, x: float, y: float, wide: float, lower: float, flags: tuple[str, ...]) -> int:
    """Write as many flags as fit, smaller where that makes all of them fit, and how many follow."""
    lines = sum(len(wrap(flag, REGULAR, SMALL, wide - _BULLET)) for flag in flags)
    size = BODY
    if sum(len(wrap(flag, REGULAR, BODY, wide - _BULLET)) for flag in flags) * leading(BODY) > y - lower:
        size = SMALL if lines * leading(SMALL) <= y - lower + leading(SMALL) else BODY
    line = leading(size)
    for index, flag in enumerate(flags):
        rows = len(wrap(flag, REGULAR, size, wide - _BULLET))
        needed = rows * line if index == len(flags) - 1 else (rows + 1) * line
        if y - needed + line < lower:
            more = len(flags) - index
            sheet.text(x, y, sheet.language.counted("summary.flags_next", more), font=BOLD)
            return index
        y = draw_flag(sheet, x, y, wide, flag, size)
    return len(flags)


def draw_flag(sheet: Sheet, x: float, y: float, wide: float, flag: str, size: float = BODY) -> float:
    """Write one flag with its bullet; returns the baseline after it."""
    sheet.box(x, y + 0.6, 3.6, 3.6, fill=ALERT)
    return sheet.lines(x + _BULLET, y, wrap(flag, REGULAR, size, wide - _BULLET), size=size)


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
        sheet.text(x, y - 13, name, size=HEADING, font=BOLD)
        sheet.lines(x, y - 25, wrap(sheet.say("summary.not_formed"), REGULAR, BODY, wide), colour=MUTED)
        return
    base = y - 31
    after = x + _number(sheet, x, base, folded) + 6
    named = sheet.text(after, base + 13, name, size=HEADING, font=BOLD)
    sheet.text(named + 4, base + 13, sheet.say("summary.formula"), colour=MUTED)
    high = f"{folded.sub_score.high:.0f}"
    within = sheet.say("summary.of", high=high)
    if folded.interval is not None:
        low, upper = (f"{end:.0f}" for end in folded.interval)
        within = sheet.say("summary.of_interval", high=high, low=low, upper=upper)
    if folded.rated is not None:
        within = sheet.say("summary.model", value=f"{folded.sub_score.value:.0f}", within=within)
    size = fitting_size(within, REGULAR, BODY, SMALL, x + wide - after)
    sheet.text(after, base + 2, within, size=size, colour=MUTED)
    draw_sub_score(sheet, x, base - 11, wide, folded)
    sheet.text(x, base - 26, _change(sheet, folded, report), font=BOLD)
    sheet.text(x, base - 36, _judgement(sheet, folded), font=BOLD)
    if plain is not None:
        mean = sheet.say(
            "summary.plain", value=f"{plain.sub_score.value:.0f}", high=f"{plain.sub_score.high:.0f}"
        )
        if plain.first_value is not None:
            points = _points(plain.sub_score.value, plain.first_value)
            mean = sheet.say("summary.plain_change", plain=mean, points=points)
        sheet.text(x, base - 46, mean, size=fitting_size(mean, REGULAR, SMALL, 5.0, wide), colour=MUTED)


def _number(sheet: Sheet, x: float, base: float, score: ReportSubScore) -> float:
    """Write the score large, a clinician's in white on blue; returns its width."""
    if score.rated is None:
        number = f"{score.sub_score.value:.0f}"
        sheet.text(x, base, number, size=_BIG, font=BOLD)
        return width(number, BOLD, _BIG)
    number = f"{score.rated:.0f}"
    wide = width(number, BOLD, _BIG) + 8
    sheet.box(x, base - 4, wide, _BIG, fill=ACCENT, radius=2)
    sheet.text(x + 4, base, number, size=_BIG, font=BOLD, colour=WHITE)
    return wide


def _change(sheet: Sheet, score: ReportSubScore, report: RecordingReport) -> str:
    if score.first_value is None or report.first_recorded_on is None:
        return sheet.say("summary.no_earlier")
    points = _points(score.sub_score.value, score.first_value)
    return sheet.say("summary.since_first", points=points, date=sheet.language.day(report.first_recorded_on))


def _judgement(sheet: Sheet, score: ReportSubScore) -> str:
    """The verdict on the change, and the change that it takes."""
    verdict = "" if score.verdict is None else sheet.say(f"verdict.{score.verdict}")
    known = "" if score.mdc is None else sheet.say("summary.mdc", points=f"{score.mdc:.0f}")
    return " ".join(filter(None, (verdict, known)))


def _points(now: float, first: float) -> str:
    return words.signed(round(now) - round(first))
