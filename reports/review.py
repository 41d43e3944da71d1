"""Where the reviewing clinician signs by hand, or who signed the report off in the application."""

from reports.content import SignOff
from reports.fonts import BOLD, REGULAR
from reports.sheet import BODY, FOOT, INK, LEFT, MUTED, SMALL, Sheet, clip, wrap

HEIGHT = 74.0


def draw_review(sheet: Sheet, done: SignOff | None) -> None:
    """Draw the box at the foot of the page, `HEIGHT` high, with its heading above."""
    lower, right = FOOT, sheet.paper.right
    sheet.heading(LEFT, lower + HEIGHT + 6, "review")
    sheet.box(LEFT, lower, sheet.paper.measure, HEIGHT, stroke=INK, radius=2)
    if done is not None:
        _signed(sheet, done)
        return
    y = lower + HEIGHT - 16
    x = LEFT + 10
    for key in ("review.agree", "review.differ"):
        sheet.box(x, y - 1, 7, 7, stroke=INK)
        x = sheet.text(x + 12, y, sheet.say(key), size=BODY) + 24
    sheet.rule(x - 16, y - 2, right - 10, y - 2)
    sheet.rule(LEFT + 10, y - 18, right - 10, y - 18)
    y = lower + 18
    wide = sheet.paper.measure - 20
    for start, end, key in ((0.0, 0.4, "by"), (0.43, 0.6, "date"), (0.63, 1.0, "signature")):
        sheet.rule(LEFT + 10 + start * wide, y, LEFT + 10 + end * wide, y, colour=INK)
        sheet.text(LEFT + 10 + start * wide, y - 9, sheet.say(f"review.{key}"), size=SMALL, colour=MUTED)


def _signed(sheet: Sheet, done: SignOff) -> None:
    wide = sheet.paper.measure - 20
    signed = sheet.say("review.signed", name=done.name, moment=sheet.moment(done.at))
    y = FOOT + HEIGHT - 18
    y = sheet.lines(LEFT + 10, y, clip(wrap(signed, BOLD, 9.4, wide), 2), size=9.4, font=BOLD)
    y = sheet.lines(LEFT + 10, y, wrap(sheet.say("review.replaces"), REGULAR, BODY, wide), colour=MUTED)
    if done.comment:
        comment = sheet.say("review.comment", comment=done.comment)
        sheet.lines(LEFT + 10, y - 2, clip(wrap(comment, REGULAR, BODY, wide), 2))
