"""Scores as small vector drawings on one shared axis.

All items share the axis 0 to 200 points, so that "balanced" (100) is one straight line down the table. A
two-sided item is a bar from that line to its score, a 0-100 item a bar from 0 to its score.
"""

from grading.scales import BALANCED, Item
from reports.content import ReportItem, ReportSubScore
from reports.sheet import BAR, INK, TRACK, WHITE, Sheet

AXIS_END = 2 * BALANCED
_THICK = 6.0


def axis_position(score: float, x: float, wide: float) -> float:
    """Where a score lies on an axis of ``wide`` points that starts at ``x``."""
    return x + wide * min(max(score, 0.0), AXIS_END) / AXIS_END


def draw_ungraded(sheet: Sheet, x: float, y: float, wide: float, item: Item) -> None:
    """Draw an item's range and its balanced line around the height ``y``, without a score."""
    _track(sheet, x, y, wide, item)
    _balanced_line(sheet, x, y, wide)


def _track(sheet: Sheet, x: float, y: float, wide: float, item: Item) -> None:
    sheet.box(x, y - _THICK / 2, axis_position(item.high, x, wide) - x, _THICK, fill=TRACK)


def _balanced_line(sheet: Sheet, x: float, y: float, wide: float) -> None:
    balanced = axis_position(BALANCED, x, wide)
    sheet.rule(balanced, y - _THICK / 2 - 2, balanced, y + _THICK / 2 + 2, colour=INK, weight=0.7)


def draw_item(sheet: Sheet, x: float, y: float, wide: float, graded: ReportItem) -> None:
    """Draw one item around the height ``y``: track, bar, interval as a whisker, first value as a ring."""
    item = graded.item
    start = axis_position(BALANCED, x, wide) if item.two_sided else x
    at = axis_position(graded.value, x, wide)
    _track(sheet, x, y, wide, item)
    sheet.box(min(start, at), y - _THICK / 2, max(abs(at - start), 0.8), _THICK, fill=BAR)
    _balanced_line(sheet, x, y, wide)
    if graded.interval is not None:
        _whisker(sheet, y, *(axis_position(end, x, wide) for end in graded.interval))
    if graded.first_value is not None:
        sheet.ring(axis_position(graded.first_value, x, wide), y, 2.0, fill=WHITE, stroke=INK)


def draw_sub_score(sheet: Sheet, x: float, y: float, wide: float, score: ReportSubScore) -> None:
    """Draw a folded score, 0 to 100, as a bar that is full when balanced, with whisker and ring."""
    sheet.box(x, y - _THICK / 2, wide, _THICK, fill=TRACK)
    sheet.box(x, y - _THICK / 2, max(wide * score.sub_score.value / BALANCED, 0.8), _THICK, fill=BAR)
    if score.interval is not None:
        _whisker(sheet, y, *(x + wide * end / BALANCED for end in score.interval))
    if score.first_value is not None:
        sheet.ring(x + wide * score.first_value / BALANCED, y, 2.0, fill=WHITE, stroke=INK)


def _whisker(sheet: Sheet, y: float, low: float, high: float) -> None:
    sheet.rule(low, y, high, y, colour=INK, weight=0.7)
    for edge in (low, high):
        sheet.rule(edge, y - 1.6, edge, y + 1.6, colour=INK, weight=0.7)
