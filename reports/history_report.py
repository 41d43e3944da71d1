"""The history of a patient over all recordings: courses, the same pose at chosen dates, changes."""

import io
from collections.abc import Callable

from reports import words
from reports.document import DrawPage, finish, make_sheet
from reports.frame import Fact, Head
from reports.history_changes import NEEDS, draw_changes
from reports.history_content import HistoryReport
from reports.history_items import draw_item_courses
from reports.history_overview import draw_overview
from reports.history_photos import compared, draw_same_poses
from reports.history_values import draw_values, values_height
from reports.sheet import MARGIN, Sheet
from reports.style import PLAIN, Style

_Section = Callable[[Sheet, float, HistoryReport], object]


def render_history_report(history: HistoryReport, style: Style = PLAIN) -> bytes:
    """The history as a PDF of up to five pages; the same content and style give the same bytes.

    Raises:
        ReportPhotoError: a photo is not a JPEG that can be decoded.
        ReportFontError: the fonts are not installed.
        ReportLanguageError: there are no texts in the language.
    """
    target = io.BytesIO()
    sheet = make_sheet(target, style)
    sections: list[_Section] = [draw_overview]
    if history.visits:
        sections.append(draw_item_courses)
    if compared(history):
        sections.append(draw_same_poses)
    if history.model is not None:
        fits = NEEDS + values_height(history) <= sheet.paper.height - 2 * MARGIN
        sections += [_changes_and_values] if fits else [draw_changes, draw_values]
    latest = max((visit.point.recorded_on for visit in history.visits), default=history.created_at.date())
    subject = sheet.language.counted(
        "document.history_subject", len(history.visits), date=sheet.language.day(latest)
    )
    return finish(sheet, target, _head(sheet, history), subject, [_page(one, history) for one in sections])


def _changes_and_values(sheet: Sheet, y: float, history: HistoryReport) -> None:
    draw_values(sheet, draw_changes(sheet, y, history) - 6, history)


def _page(section: _Section, history: HistoryReport) -> DrawPage:
    def draw(sheet: Sheet, y: float) -> None:
        section(sheet, y, history)

    return draw


def _head(sheet: Sheet, history: HistoryReport) -> Head:
    days = [visit.point.recorded_on for visit in history.visits]
    count = sheet.say("words.none")
    if days:
        first, last = sheet.language.day(days[0]), sheet.language.day(days[-1])
        count = sheet.say("head.recordings_value", count=len(days), first=first, last=last)
    surgeries = [event for event in history.events if event.kind == "surgery"]
    done = sheet.say("surgery.none")
    if surgeries:
        latest = surgeries[-1]
        done = sheet.say(
            "surgery.line",
            date=sheet.language.day(latest.on),
            side=words.side(sheet.language, latest.side),
            procedure=latest.label or sheet.say("surgery.no_procedure"),
        )
        if len(surgeries) > 1:
            done = f"{sheet.say('words.and_more', count=len(surgeries) - 1)}; {done}"
    model = history.model
    return Head(
        title=sheet.say("document.history_title"),
        patient=history.patient,
        on=history.created_at.date(),
        facts=(
            Fact(sheet.say("head.recordings"), count, 0.27),
            Fact(sheet.say("head.surgery"), done, 0.35),
            Fact(sheet.say("head.side"), words.side(sheet.language, history.affected_side), 0.15),
            Fact(
                sheet.say("head.model"),
                sheet.say("words.none") if model is None else f"{model.name} {model.version}",
                0.23,
            ),
        ),
        commissioning=model is not None and model.commissioning,
        sign_off=None,
        open_ended=True,
        product=history.product,
        created_at=history.created_at,
        uid="",
    )
