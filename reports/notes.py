"""The second page: flags that found no room on the first, a reading aid, the model and its limits, review."""

from reports.content import RecordingReport
from reports.fonts import BOLD, REGULAR
from reports.sheet import BODY, INK, LEFT, MEASURE, MUTED, RIGHT, Sheet, clip, leading, wrap
from reports.summary import SYNKINESIS, draw_flag

_GUTTER = 22.0
_HALF = (MEASURE - _GUTTER) / 2
_LABEL = 62.0
_PARAGRAPH_GAP = 4.0
_TEXT = 8.2
_REVIEW_HEIGHT = 116.0

_ERRORS_SIMULATED = (
    "Errors, intervals and MDC were measured on simulated palsy: faces drawn or altered by a computer, each "
    "graded by a model that had not seen that face. They do not tell how large the error on a patient is."
)
_ERRORS_PATIENTS = (
    "Errors, intervals and MDC were measured in cross-validation: each person was graded by a model that had "
    "not seen any photo of them."
)
_COMMISSIONING = (
    "The model was not trained on graded patients. It shows that the installation works; its scores must not "
    "enter clinical decisions."
)
_ASSISTS = (
    "It assists a clinician who knows the patient. It does not diagnose and decides no treatment by itself."
)
_RESEARCH = "It is for research use and is not a certified medical device."
_SCOPE = (
    "It is not meant for palsy of both sides, for children, or to tell a stroke from a nerve palsy. Healthy "
    "faces are not fully symmetric either: small deviations from 100 are normal."
)


def draw_notes(sheet: Sheet, y: float, lower: float, report: RecordingReport, flags: tuple[str, ...]) -> None:
    """Draw the page's content between ``y`` and ``lower``; ``flags`` are those still to be written."""
    y -= 18
    left = _paragraphs(sheet, LEFT, y, "Reading the scores", _reading(report))
    right = LEFT + _HALF + _GUTTER
    ends = _model(sheet, right, y, report) - 14
    ends = _paragraphs(sheet, right, ends, "What this report is for, and what not", _limits(report))
    _review(sheet, lower)
    if flags:
        _flags(sheet, min(left, ends) - 14, lower + _REVIEW_HEIGHT + 24, flags)


def _reading(report: RecordingReport) -> tuple[str, ...]:
    return (
        "Items R1–R5 and M5–M6 run from 0 to 200: 100 is balanced, and a score may lie below or above it. "
        "Items M1–M4 and M7 run from 0 (no movement) to 100 (full). Scores follow the eFACE scale.",
        "Formula “folded” is the one to read: the mean of the items, each counted as 100 minus its distance "
        "from 100. Deviations in opposite directions do not cancel out. 100 is best.",
        "Formula “raj” is the plain mean of the items (Raj et al., Section 2), kept for comparison with the "
        "literature. Deviations in opposite directions cancel out.",
        f"{SYNKINESIS} A total would need them.",
        _ERRORS_SIMULATED if report.model.commissioning else _ERRORS_PATIENTS,
        "A 90 % interval is made to hold the score that raters would give in nine recordings of ten. Both "
        "recordings of a change carry an error: without any true change, one pair of twenty still differs by "
        "more than the minimal detectable change (MDC).",
        "R and L mark the patient's right and left, the darker mark the affected side. Photos are not "
        "mirrored: the patient's right side is on the left of the picture.",
    )


def _limits(report: RecordingReport) -> tuple[str, ...]:
    stated = (_ASSISTS, _SCOPE, _RESEARCH)
    return (_COMMISSIONING, *stated) if report.model.commissioning else stated


def _paragraphs(sheet: Sheet, x: float, y: float, title: str, paragraphs: tuple[str, ...]) -> float:
    sheet.heading(x, y, title)
    y -= leading(8.6) + 1
    for paragraph in paragraphs:
        y = sheet.lines(x, y, wrap(paragraph, REGULAR, _TEXT, _HALF), size=_TEXT) - _PARAGRAPH_GAP
    return y


def _model(sheet: Sheet, x: float, y: float, report: RecordingReport) -> float:
    model = report.model
    sheet.heading(x, y, "Model")
    y -= leading(8.6) + 2
    facts = (
        ("Name", f"{model.name}, version {model.version}", 2),
        ("Hash", model.hash, 3),
        ("Backbone", f"{model.backbone}, layer {model.layer}", 2),
        ("Trained on", model.training, 8),
        ("Date", model.trained_on.isoformat(), 1),
    )
    for label, fact, most in facts:
        sheet.text(x, y, label, size=_TEXT, colour=MUTED)
        lines = clip(wrap(fact, REGULAR, _TEXT, _HALF - _LABEL), most)
        y = sheet.lines(x + _LABEL, y, lines, size=_TEXT) - 1.5
    return y


def _flags(sheet: Sheet, y: float, lower: float, flags: tuple[str, ...]) -> None:
    sheet.heading(LEFT, y, "Flags, continued from page 1")
    y -= leading(8.6) + 2
    for index, flag in enumerate(flags):
        if y - len(wrap(flag, REGULAR, BODY, MEASURE)) * leading(BODY) < lower:
            more = f"{len(flags) - index} more: see the recording's page"
            sheet.text(LEFT, y, more, font=BOLD)
            return
        y = draw_flag(sheet, LEFT, y, MEASURE, flag)


def _review(sheet: Sheet, lower: float) -> None:
    """Draw the box that the clinician fills in by hand, from ``lower`` upward."""
    sheet.heading(LEFT, lower + _REVIEW_HEIGHT + 8, "Review by the clinician")
    sheet.box(LEFT, lower, MEASURE, _REVIEW_HEIGHT, stroke=INK, radius=2)
    y = lower + _REVIEW_HEIGHT - 20
    for x, choice in ((LEFT + 10, "Scores agree with what I see"), (LEFT + 170, "Scores differ:")):
        sheet.box(x, y - 1, 7, 7, stroke=INK)
        sheet.text(x + 12, y, choice, size=_TEXT)
    sheet.rule(LEFT + 244, y - 2, RIGHT - 10, y - 2)
    for line in (y - 22, y - 42):
        sheet.rule(LEFT + 10, line, RIGHT - 10, line)
    y = lower + 22
    for x, wide, label in (
        (LEFT + 10, 200.0, "Reviewed by (name)"),
        (LEFT + 226, 90.0, "Date"),
        (LEFT + 332, 181.0, "Signature"),
    ):
        sheet.rule(x, y, x + wide, y, colour=INK)
        sheet.text(x, y - 10, label, colour=MUTED)
