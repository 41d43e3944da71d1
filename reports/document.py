"""A PDF as a whole: fonts, properties and pages; the same content gives the same bytes."""

import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from reportlab import rl_config
from reportlab.pdfgen.canvas import Canvas

from reports.fonts import REGULAR, load_fonts, printable
from reports.frame import Head, draw_frame
from reports.language import load_language
from reports.sheet import PAPERS, Sheet
from reports.style import Style

# text armour for streams only makes files larger and rendering five times slower
rl_config.useA85 = 0

DrawPage = Callable[[Sheet, float], None]
"""Draws the content of one page, which begins at the given height."""


def make_sheet(target: io.BytesIO, style: Style) -> Sheet:
    """An empty document. Raises `ReportFontError` and `ReportLanguageError`."""
    language = load_language(style.language)
    load_fonts(style.fonts)
    paper = PAPERS[style.paper]
    canvas = Canvas(
        target,
        pagesize=(paper.width, paper.height),
        pageCompression=1,
        invariant=1,
        lang=language.code,
        # named here, or every page would refer to a Helvetica that is not embedded
        initialFontName=REGULAR,
    )
    return Sheet(canvas, paper, language, ZoneInfo(style.time_zone))


def finish(sheet: Sheet, target: io.BytesIO, head: Head, subject: str, pages: Sequence[DrawPage]) -> bytes:
    """Draw the pages, each in its frame, and describe the document; returns its bytes.

    The properties name no patient: they are shown where files are listed.
    """
    canvas = sheet.canvas
    canvas.setTitle(head.title)
    canvas.setSubject(printable(subject))
    canvas.setAuthor(printable(head.product))
    canvas.setCreator(printable(head.product))
    canvas.setDateFormatter(lambda *_now: _pdf_date(head.created_at))
    canvas.setViewerPreference("DisplayDocTitle", "true")
    for number, draw in enumerate(pages, start=1):
        draw(sheet, draw_frame(sheet, head, number, len(pages)))
        canvas.showPage()
    canvas.save()
    return target.getvalue()


def _pdf_date(moment: datetime) -> str:
    """A moment as PDF writes it (ISO 32000-1, 7.9.4); one without a zone is taken as it is."""
    if moment.tzinfo is None:
        return f"D:{moment:%Y%m%d%H%M%S}"
    return f"D:{moment.astimezone(UTC):%Y%m%d%H%M%S}+00'00'"
