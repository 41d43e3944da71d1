"""The report of one recording on two pages.

The first holds the photos and the result, the second the reading aid, the model, its limits and the review.
"""

import io
from datetime import UTC, datetime

from reportlab import rl_config
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from grading.scales import EFACE, PREDICTED_ITEMS, ScoreError
from reports.content import RecordingReport
from reports.fonts import REGULAR, load_fonts, printable
from reports.frame import FOOT, TITLE, draw_frame
from reports.notes import draw_notes
from reports.photos import draw_photos
from reports.sheet import LEFT, RIGHT, Sheet
from reports.summary import draw_summary
from reports.table import draw_items

# text armour for streams only makes files larger and rendering five times slower
rl_config.useA85 = 0

PAGES = 2
_PHOTOS_WIDE = 330.0
_GUTTER = 17.0


def render_recording_report(report: RecordingReport) -> bytes:
    """The report as a PDF of two A4 pages; the same content gives the same bytes.

    Raises:
        ScoreError: an item's score or first value is not in its range, or an item is not read from stills.
        ReportPhotoError: a photo is not a JPEG that can be decoded.
        ReportFontError: the fonts are not installed.
    """
    _check_scores(report)
    load_fonts()
    target = io.BytesIO()
    # named here, or every page would refer to a Helvetica that is not embedded
    canvas = Canvas(target, pagesize=A4, pageCompression=1, invariant=1, lang="en", initialFontName=REGULAR)
    _describe(canvas, report)
    sheet = Sheet(canvas)
    rest = _first_page(sheet, report)
    canvas.showPage()
    y = draw_frame(sheet, report, 2, PAGES)
    sheet.bookmark("Notes, model and review", y)
    draw_notes(sheet, y, FOOT, report, rest)
    canvas.showPage()
    canvas.save()
    return target.getvalue()


def _first_page(sheet: Sheet, report: RecordingReport) -> tuple[str, ...]:
    """Draw the first page; returns the flags that found no room."""
    y = draw_frame(sheet, report, 1, PAGES) - 8
    sheet.bookmark("Photos", y)
    lower = draw_photos(sheet, LEFT, y, _PHOTOS_WIDE, report.photos, report.affected_side)
    panel = LEFT + _PHOTOS_WIDE + _GUTTER
    written = draw_summary(sheet, panel, y, RIGHT - panel, lower, report)
    sheet.heading(LEFT, lower - 14, "Items")
    draw_items(sheet, lower - 28, report)
    return report.flags[written:]


def _check_scores(report: RecordingReport) -> None:
    for graded in report.items:
        if graded.item not in PREDICTED_ITEMS:
            raise ScoreError(f"{graded.item.id} is not read from stills: leave it out of the report")
        for score in (graded.value, graded.first_value):
            if score is not None:
                EFACE.check({graded.item.id: score})


def _describe(canvas: Canvas, report: RecordingReport) -> None:
    canvas.setTitle(TITLE)
    canvas.setSubject(f"Photo series of {report.recorded_on.isoformat()}, report {printable(report.uid)}")
    canvas.setAuthor(printable(report.product))
    canvas.setCreator(printable(report.product))
    canvas.setDateFormatter(lambda *_now: _pdf_date(report.created_at))
    canvas.setViewerPreference("DisplayDocTitle", "true")


def _pdf_date(moment: datetime) -> str:
    """A moment as PDF writes it (ISO 32000-1, 7.9.4); one without a zone is taken as it is."""
    if moment.tzinfo is None:
        return f"D:{moment:%Y%m%d%H%M%S}"
    return f"D:{moment.astimezone(UTC):%Y%m%d%H%M%S}+00'00'"
