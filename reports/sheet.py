"""A PDF page to write and draw on: the report's type, colours and text wrapping over a reportlab canvas.

Lengths are points, the origin is the lower left corner of the page, ``y`` of a text is its baseline.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4, LETTER

from reports.fonts import BOLD, CONDENSED, REGULAR, printable, runs, width
from reports.language import Language
from reports.style import PaperName

MARGIN = 36.0
LEFT = MARGIN
FOOT = MARGIN + 12
"""Baseline under which no section may write."""

INK = HexColor("#17212b")
MUTED = HexColor("#5b6875")
HAIRLINE = HexColor("#cfd6dd")
TINT = HexColor("#f2f5f8")
TRACK = HexColor("#e4e9ee")
ACCENT = HexColor("#1f6391")
BAR = HexColor("#74a9cf")
ALERT = HexColor("#a3271d")
SECOND = HexColor("#b3651a")
WHITE = HexColor("#ffffff")

HEADING = 8.6
BODY = 7.6
SMALL = 6.6
ELLIPSIS = "…"


def _broken(word: str, font: str, size: float, room: float) -> list[str]:
    """A word in pieces that each fit into ``room``."""
    pieces = [""]
    for character in word:
        if pieces[-1] and width(pieces[-1] + character, font, size) > room:
            pieces.append("")
        pieces[-1] += character
    return pieces


def wrap(text: str, font: str, size: float, room: float) -> list[str]:
    """Lines of at most ``room`` points, broken between words, and inside a word only where it is too long."""
    lines: list[str] = []
    for word in printable(text).split():
        joined = f"{lines[-1]} {word}" if lines else word
        if width(joined, font, size) <= room:
            lines[-1:] = [joined]
        else:
            lines.extend(_broken(word, font, size, room))
    return lines


def clip(lines: list[str], most: int) -> list[str]:
    """The first ``most`` lines; an ellipsis says where some were left out."""
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], lines[most - 1][:-1].rstrip() + ELLIPSIS]


def fitting_size(text: str, font: str, size: float, smallest: float, room: float) -> float:
    """The largest size from ``size`` down to ``smallest`` at which the text fits into ``room``."""
    needed = width(printable(text), font, size)
    return size if needed <= room else max(smallest, size * room / needed)


@dataclass(frozen=True)
class Paper:
    """A page's size; all pages have the same margins."""

    width: float
    height: float

    @property
    def right(self) -> float:
        """Where lines end."""
        return self.width - MARGIN

    @property
    def measure(self) -> float:
        """Length of a line."""
        return self.width - 2 * MARGIN

    @property
    def top(self) -> float:
        """Where the page's head begins."""
        return self.height - MARGIN


PAPERS: dict[PaperName, Paper] = {"a4": Paper(*A4), "letter": Paper(*LETTER)}


@dataclass(frozen=True)
class Sheet:
    """The canvas of a document, with the report's paper, language, time zone and manner of writing on it."""

    canvas: Any
    paper: Paper
    language: Language
    zone: tzinfo

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = BODY,
        font: str = REGULAR,
        colour: Color = INK,
        align: float = 0.0,
    ) -> float:
        """Write one line; ``align`` 0 starts at ``x``, 0.5 centres on it, 1 ends there. Returns its end."""
        line = printable(text)
        span = width(line, font, size)
        start = x - align * span
        text_object = self.canvas.beginText(start, y)
        text_object.setHorizScale(100 * CONDENSED)
        text_object.setFillColor(colour)
        for one, piece in runs(line, font):
            text_object.setFont(one, size)
            text_object.textOut(piece)
        self.canvas.drawText(text_object)
        return start + span

    def lines(
        self,
        x: float,
        y: float,
        lines: list[str],
        *,
        size: float = BODY,
        font: str = REGULAR,
        colour: Color = INK,
    ) -> float:
        """Write lines below each other; returns the baseline after the last one."""
        for line in lines:
            self.text(x, y, line, size=size, font=font, colour=colour)
            y -= leading(size)
        return y

    def rule(
        self, x0: float, y0: float, x1: float, y1: float, *, colour: Color = HAIRLINE, weight: float = 0.5
    ) -> None:
        """Draw a straight line."""
        self.canvas.setStrokeColor(colour)
        self.canvas.setLineWidth(weight)
        self.canvas.line(x0, y0, x1, y1)

    def box(
        self,
        x: float,
        y: float,
        wide: float,
        high: float,
        *,
        fill: Color | None = None,
        stroke: Color | None = None,
        radius: float = 0.0,
    ) -> None:
        """Draw a rectangle from its lower left corner."""
        if fill is not None:
            self.canvas.setFillColor(fill)
        if stroke is not None:
            self.canvas.setStrokeColor(stroke)
            self.canvas.setLineWidth(0.5)
        self.canvas.roundRect(x, y, wide, high, radius, stroke=stroke is not None, fill=fill is not None)

    def path(
        self,
        points: Sequence[tuple[float, float]],
        *,
        colour: Color,
        weight: float = 1.0,
        dashes: tuple[float, ...] = (),
    ) -> None:
        """Draw straight lines through points."""
        path = self.canvas.beginPath()
        path.moveTo(*points[0])
        for point in points[1:]:
            path.lineTo(*point)
        self.canvas.saveState()
        self.canvas.setDash(*([list(dashes)] if dashes else []))
        self.canvas.setStrokeColor(colour)
        self.canvas.setLineWidth(weight)
        self.canvas.drawPath(path, stroke=1, fill=0)
        self.canvas.restoreState()

    def veil(self, x: float, y: float, wide: float, high: float, *, colour: Color) -> None:
        """Draw a see-through rectangle from its lower left corner."""
        self.canvas.saveState()
        self.canvas.setFillColor(colour)
        self.canvas.setFillAlpha(0.14)
        self.canvas.rect(x, y, wide, high, stroke=0, fill=1)
        self.canvas.restoreState()

    def moment(self, moment: datetime) -> str:
        """A moment in the report's zone."""
        return self.language.moment(moment, self.zone)

    def say(self, key: str, /, **values: object) -> str:
        """A text of the report's language."""
        return self.language.text(key, **values)

    def ring(self, x: float, y: float, radius: float, *, fill: Color, stroke: Color) -> None:
        """Draw a circle around its centre."""
        self.canvas.setFillColor(fill)
        self.canvas.setStrokeColor(stroke)
        self.canvas.setLineWidth(0.8)
        self.canvas.circle(x, y, radius, stroke=1, fill=1)

    def heading(self, x: float, y: float, key: str) -> None:
        """Write the heading of the section ``key`` and make it a bookmark of the document."""
        self.bookmark(key, y + 14)
        self.text(x, y, self.say(f"section.{key}"), size=HEADING, font=BOLD, colour=ACCENT)

    def bookmark(self, key: str, top: float) -> None:
        """Add an entry for the section ``key`` to the document's outline that leads to ``top`` here."""
        place = f"{self.canvas.getPageNumber()}-{key}"
        self.canvas.bookmarkHorizontal(place, 0, top)
        self.canvas.addOutlineEntry(self.say(f"section.{key}"), place)


def leading(size: float) -> float:
    """Distance between baselines."""
    return size * 1.36
