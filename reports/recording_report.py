"""The report of one recording on two pages.

The first holds the photos and the result, the second what made the scores, their course, the reading aid, the
model, its limits and the review.
"""

import io

from grading.scales import EFACE, PREDICTED_ITEMS, ScoreError
from reports import words
from reports.content import RecordingReport
from reports.course import draw_course_section
from reports.document import finish, make_sheet
from reports.flags import flag_sentences
from reports.fonts import BOLD, REGULAR
from reports.frame import Fact, Head
from reports.maps import draw_maps
from reports.notes import draw_notes
from reports.photos import draw_photos, grid_width
from reports.review import HEIGHT as REVIEW_HEIGHT
from reports.review import draw_review
from reports.sheet import BODY, FOOT, LEFT, SMALL, Sheet, leading, wrap
from reports.style import PLAIN, Style
from reports.summary import draw_flag, draw_summary
from reports.table import HEIGHT as TABLE_HEIGHT
from reports.table import draw_items, footnotes_height

_PHOTOS_WIDE = 330.0
_GUTTER = 17.0
_BEFORE_TABLE = 28.0
_COURSE_HEIGHT = 118.0


def render_recording_report(report: RecordingReport, style: Style = PLAIN) -> bytes:
    """The report as a PDF of two pages; the same content and style give the same bytes.

    Raises:
        ScoreError: an item's score or first value is not in its range, or an item is not read from stills.
        ReportPhotoError: a photo or map is not a JPEG that can be decoded.
        ReportFontError: the fonts are not installed.
        ReportLanguageError: there are no texts in the language.
    """
    _check_scores(report)
    target = io.BytesIO()
    sheet = make_sheet(target, style)
    flags = flag_sentences(sheet.language, report)
    left: list[str] = []
    subject = sheet.say("document.subject", date=sheet.language.day(report.recorded_on), uid=report.uid)
    return finish(
        sheet,
        target,
        _head(sheet, report),
        subject,
        (
            lambda on, y: left.extend(_first_page(on, y, report, flags)),
            lambda on, y: _second_page(on, y, report, tuple(left), style),
        ),
    )


def _head(sheet: Sheet, report: RecordingReport) -> Head:
    side = words.side(sheet.language, report.affected_side)
    if report.affected_side:
        side = sheet.say("side.estimated" if report.side_estimated else "side.told", side=side)
    when = words.time_from_surgery(sheet.language, report.timepoint, report.days_from_surgery)
    protocol = sheet.language.known(f"protocol.{report.protocol}", report.protocol_name)
    return Head(
        title=sheet.say("document.title"),
        patient=report.patient,
        on=report.recorded_on,
        facts=(
            Fact(sheet.say("head.taken"), sheet.language.day(report.recorded_on), 0.12),
            Fact(sheet.say("head.time"), when, 0.22),
            Fact(sheet.say("head.surgery"), words.surgery(sheet.language, report.surgery), 0.32),
            Fact(sheet.say("head.side"), side, 0.17),
            Fact(sheet.say("head.protocol"), protocol or sheet.say("words.not_stated"), 0.17),
        ),
        commissioning=report.model.commissioning,
        sign_off=report.sign_off,
        open_ended=False,
        product=report.product,
        created_at=report.created_at,
        uid=report.uid,
    )


def _first_page(sheet: Sheet, y: float, report: RecordingReport, flags: tuple[str, ...]) -> tuple[str, ...]:
    """Draw the first page; returns the flags that found no room."""
    y -= 8
    below = _BEFORE_TABLE + TABLE_HEIGHT + footnotes_height(sheet, report)
    wide = grid_width(len(report.photos), y - below - FOOT, _PHOTOS_WIDE)
    sheet.bookmark("photos", y)
    lower = draw_photos(sheet, LEFT, y, wide, report.photos, report.affected_side)
    lower = min(lower, y - 250)
    panel = LEFT + wide + _GUTTER
    written = draw_summary(sheet, panel, y, sheet.paper.right - panel, lower, report, flags)
    sheet.heading(LEFT, lower - 14, "items")
    draw_items(sheet, lower - _BEFORE_TABLE, report)
    return flags[written:]


def _second_page(
    sheet: Sheet, y: float, report: RecordingReport, flags: tuple[str, ...], style: Style
) -> None:
    sheet.bookmark("notes", y)
    y -= 13
    sheet.heading(LEFT, y, "maps")
    y = draw_maps(sheet, y - 7, report) - 12
    sheet.heading(LEFT, y, "course")
    draw_course_section(sheet, y - 4, _COURSE_HEIGHT, report.course)
    lower = FOOT + REVIEW_HEIGHT + 22
    room = sum(len(wrap(flag, REGULAR, SMALL, sheet.paper.measure)) for flag in flags) * leading(SMALL)
    room += 2 * leading(BODY) if flags else 0
    y = draw_notes(sheet, y - _COURSE_HEIGHT - 16, lower + room, report, style)
    draw_review(sheet, report.sign_off)
    if flags:
        _further_flags(sheet, y - 6, lower, flags)


def _further_flags(sheet: Sheet, y: float, lower: float, flags: tuple[str, ...]) -> None:
    sheet.heading(LEFT, y, "flags_continued")
    y -= leading(BODY) + 1
    for index, flag in enumerate(flags):
        rows = len(wrap(flag, REGULAR, SMALL, sheet.paper.measure)) + (index < len(flags) - 1)
        if y - (rows - 1) * leading(SMALL) < lower:
            more = sheet.say("summary.flags_lost", count=len(flags) - index)
            sheet.text(LEFT, y, more, font=BOLD)
            return
        y = draw_flag(sheet, LEFT, y, sheet.paper.measure, flag, SMALL)


def _check_scores(report: RecordingReport) -> None:
    for graded in report.items:
        if graded.item not in PREDICTED_ITEMS:
            raise ScoreError(f"{graded.item.id} is not read from stills: leave it out of the report")
        for score in (graded.value, graded.first_value, graded.rated):
            if score is not None:
                EFACE.check({graded.item.id: score})
