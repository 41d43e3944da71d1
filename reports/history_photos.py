"""The same poses at chosen dates beside each other: the same crop, the same scale, sides marked."""

from reports import words
from reports.content import ReportPhoto
from reports.course import point_name
from reports.fonts import BOLD, REGULAR
from reports.history_content import HistoryReport, HistoryVisit
from reports.photos import draw_photo, pose_name, readable
from reports.sheet import BODY, FOOT, LEFT, MUTED, SMALL, Sheet, clip, leading, wrap

MOST_DATES = 4
_LABEL = 62.0
_GAP = 6.0


def compared(history: HistoryReport) -> list[HistoryVisit]:
    """The visits whose photos are shown."""
    return [visit for visit in history.visits if visit.photos][:MOST_DATES]


def draw_same_poses(sheet: Sheet, y: float, history: HistoryReport) -> None:
    """Draw the page below the height ``y``: a column per date, a row per pose."""
    visits = compared(history)
    y -= 13
    sheet.heading(LEFT, y, "same_pose")
    poses: dict[str, ReportPhoto] = {photo.pose: photo for visit in visits for photo in visit.photos}
    y -= 12
    across = (sheet.paper.measure - _LABEL - (MOST_DATES - 1) * _GAP) / MOST_DATES
    side = min(across, (y - 2 * leading(BODY) - FOOT) / len(poses) - _GAP)
    for number, visit in enumerate(visits):
        _column_head(sheet, LEFT + _LABEL + number * (side + _GAP), y, side, visit)
    y -= 2 * leading(BODY) + 2
    for pose, photo in poses.items():
        name = wrap(pose_name(sheet, photo), REGULAR, BODY, _LABEL - 6)
        sheet.lines(LEFT, y - 10, clip(name, 4))
        for number, visit in enumerate(visits):
            shown = next((one for one in visit.photos if one.pose == pose), None)
            image = readable(shown) if shown else None
            left = LEFT + _LABEL + number * (side + _GAP)
            draw_photo(sheet, left, y - side, side, image, history.affected_side)
        y -= side + _GAP


def _column_head(sheet: Sheet, x: float, y: float, wide: float, visit: HistoryVisit) -> None:
    sheet.text(x, y, sheet.language.day(visit.point.recorded_on), font=BOLD)
    when = point_name(sheet, visit.point)
    if visit.point.timepoint:
        when = f"{when}, {words.days_apart(sheet.language, visit.point.days)}"
    lines = clip(wrap(when, REGULAR, SMALL, wide), 1)
    sheet.lines(x, y - leading(BODY) + 1, lines, size=SMALL, colour=MUTED)
