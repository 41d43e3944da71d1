"""What stands on every page: whose photos, of which days, around which surgery, and which page this is."""

from dataclasses import dataclass
from datetime import date, datetime

from reports import words
from reports.content import ReportPatient, SignOff
from reports.fonts import BOLD, PLACEHOLDER, printable
from reports.sheet import (
    ALERT,
    BODY,
    HEADING,
    INK,
    LEFT,
    MARGIN,
    MUTED,
    SMALL,
    WHITE,
    Sheet,
    clip,
    fitting_size,
    leading,
    wrap,
)

_BANNER_HEIGHT = 17.0
_NAME_SIZE, _SMALLEST_NAME = 15.0, 10.0
_TITLE_WIDTH = 180.0
_FACT_GAP = 8.0


@dataclass(frozen=True)
class Fact:
    """A labelled fact of the head; ``share`` of the line's length is its own."""

    label: str
    text: str
    share: float


@dataclass(frozen=True)
class Head:
    """What the head and foot of each page of one document say.

    ``sign_off`` is None while it is a draft; with ``open_ended`` it is neither (a history is not signed).
    ``facts`` are already in the document's language. ``uid`` is empty for a document that has none.
    """

    title: str
    patient: ReportPatient
    on: date
    facts: tuple[Fact, ...]
    commissioning: bool
    sign_off: SignOff | None
    open_ended: bool
    product: str
    created_at: datetime
    uid: str


def draw_frame(sheet: Sheet, head: Head, page: int, pages: int) -> float:
    """Draw a page's head and foot; returns the height at which its content begins."""
    y = sheet.paper.top
    if head.commissioning:
        y = _banner(sheet, y)
    y = _identity(sheet, head, y)
    y = _facts(sheet, head.facts, y)
    sheet.rule(LEFT, y, sheet.paper.right, y, colour=INK, weight=0.8)
    _foot(sheet, head, page, pages)
    return y


def _banner(sheet: Sheet, y: float) -> float:
    sheet.box(LEFT, y - _BANNER_HEIGHT + 8, sheet.paper.measure, _BANNER_HEIGHT, fill=ALERT, radius=2)
    text = sheet.say("banner.commissioning")
    sheet.text(sheet.paper.width / 2, y - 3.6, text, size=9.4, font=BOLD, colour=WHITE, align=0.5)
    return y - _BANNER_HEIGHT


def _identity(sheet: Sheet, head: Head, y: float) -> float:
    measure = sheet.paper.measure
    name = printable(words.person_name(head.patient.name)) or sheet.say("head.name_missing")
    room = measure - _TITLE_WIDTH
    size = fitting_size(name, BOLD, _NAME_SIZE, _SMALLEST_NAME, room)
    y -= _NAME_SIZE * 0.8
    sheet.text(sheet.paper.right, y, head.title, size=HEADING, font=BOLD, colour=MUTED, align=1)
    below = _status(sheet, head, y - leading(HEADING))
    y = sheet.lines(LEFT, y, clip(wrap(name, BOLD, size, room), 2), size=size, font=BOLD)
    y += leading(size) - leading(HEADING) - 1
    identity = words.identity(sheet.language, head.patient, head.on)
    if PLACEHOLDER in name:
        identity += "  ·  " + sheet.say("head.unprintable", mark=PLACEHOLDER)
    size = fitting_size(identity, BOLD, HEADING, SMALL, room)
    y = sheet.lines(LEFT, y, clip(wrap(identity, BOLD, size, room), 2), size=size, font=BOLD)
    return min(y, below) - 4


def _status(sheet: Sheet, head: Head, y: float) -> float:
    """Write at the right whether this is a draft or who signed it off; returns the baseline after it."""
    if head.open_ended:
        return y
    done = head.sign_off
    if done is None:
        text, colour = sheet.say("status.draft"), ALERT
    else:
        text = sheet.say("status.final", name=done.name, moment=sheet.moment(done.at))
        colour = INK
    for line in clip(wrap(text, BOLD, BODY, _TITLE_WIDTH - 8), 2):
        sheet.text(sheet.paper.right, y, line, font=BOLD, colour=colour, align=1)
        y -= leading(BODY)
    return y


def _facts(sheet: Sheet, facts: tuple[Fact, ...], y: float) -> float:
    lowest, x = y, LEFT
    for fact in facts:
        wide = fact.share * sheet.paper.measure
        sheet.text(x, y, fact.label, size=SMALL, colour=MUTED)
        lines = clip(wrap(fact.text, BOLD, BODY, wide - _FACT_GAP), 3)
        lowest = min(lowest, sheet.lines(x, y - leading(BODY), lines, size=BODY, font=BOLD))
        x += wide
    return lowest + leading(BODY) - 6


def _foot(sheet: Sheet, head: Head, page: int, pages: int) -> None:
    y, right = MARGIN - 8, sheet.paper.right
    sheet.rule(LEFT, y + 10, right, y + 10)
    written = sheet.moment(head.created_at)
    generated = sheet.say("foot.generated", product=head.product, moment=written)
    sheet.text(LEFT, y, generated, size=SMALL, colour=MUTED)
    if head.uid:
        uid = sheet.say("foot.report", uid=head.uid)
        sheet.text(sheet.paper.width / 2 + 36, y, uid, size=5.6, colour=MUTED, align=0.5)
    sheet.text(right, y, sheet.say("foot.page", page=page, pages=pages), size=SMALL, colour=MUTED, align=1)
