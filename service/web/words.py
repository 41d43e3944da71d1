"""How the pages say it: names, states, sides and times."""

import datetime as dt

from grading.scales import Item
from reports import words as words_of_reports
from reports.right_to_left import is_right_to_left
from service.constancy import Verdict
from service.records.models import (
    Bundle,
    DeliveryState,
    Event,
    Grading,
    Recording,
    RecordingState,
    Surgery,
)
from service.records.timepoints import timepoint_name
from service.reporting import SIDE_ESTIMATED
from service.web.language import Words

NO_NAME = "Name not stated"
ISOLATED, ISOLATION_ENDS = "\u2068", "\u2069"
"""Around text whose direction is its own and changes nothing beside it."""

STATES = {
    RecordingState.RECEIVING: "receiving photos",
    RecordingState.COMPLETE: "series complete",
    RecordingState.PREPARED: "photos prepared",
    RecordingState.GRADED: "graded",
    RecordingState.REPORTED: "report written",
    RecordingState.DELIVERED: "delivered",
    RecordingState.NEEDS_ATTENTION: "needs attention",
}
DELIVERIES = {
    DeliveryState.WAITING: "waits for sign-off",
    DeliveryState.PENDING: "waiting",
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.FAILED: "failed",
    DeliveryState.DROPPED: "given up",
}
DOCUMENTS = {
    "pdf": "PDF",
    "sr": "structured report",
    "maps": "maps of the scores",
    "oru": "HL7 message",
    "fhir": "FHIR transaction",
}
VERDICTS = {
    Verdict.AGREES: "agrees",
    Verdict.DIFFERS: "differs",
    Verdict.FAILED: "failed",
    Verdict.NONE: "not made yet",
}
CHANGEABLE = {
    "bundle": "Bundle",
    "weights": "Weights of the network",
    "preprocessing": "Preparing of photos",
    "photos": "Photos of the drawn face",
    "machine": "Machine",
    "processor": "Processor",
    "threads": "Cores used",
}
"""What a constancy check is made with; libraries are named by themselves."""
TASKS = {
    "prepare": "Preparing photos",
    "grade": "Grading",
    "report": "Writing reports",
    "deliver": "Sending documents",
    "regrade": "Grading the archive again",
    "constancy": "Constancy check",
    "reconcile": "Looking for work left behind",
    "features": "Preparing for training",
    "receiver": "Receiving photos",
    "clock": "Clock",
}
"""What processes do, by queue, and those that serve none by their kind."""
_SIDES = {"L": "left side", "R": "right side", "B": "both sides"}
_SEXES = {"M": "male", "F": "female", "O": "other"}


def person_name(t: Words, name: str) -> str:
    """A DICOM person name for reading, as reports print it; one from right to left is isolated."""
    read = words_of_reports.person_name(name)
    return f"{ISOLATED}{read}{ISOLATION_ENDS}" if any(map(is_right_to_left, read)) else read or t(NO_NAME)


def sex(t: Words, code: str) -> str:
    """A DICOM sex code in words."""
    return t(_SEXES[code]) if code in _SEXES else code or t("not stated")


def event_kind(t: Words, kind: str) -> str:
    """What kind of thing happened; ``kind`` is a value of `EventKind`."""
    return t.report.known(f"event.{kind}", kind)


def event_words(t: Words, event: Event) -> str:
    """What happened, on which side if any, and what was noted of it."""
    side = t(_SIDES[event.side]) if event.side else ""
    return ", ".join(filter(None, (event_kind(t, event.kind), side, event.note)))


def surgery_words(t: Words, surgery: Surgery) -> str:
    """What was done on which side."""
    return f"{surgery.procedure}, {t(_SIDES[surgery.side])}"


def assumed_side(t: Words, grading: Grading) -> str | None:
    """The affected side that the scores assume, None where the model does not ask for it."""
    if grading.side is None:
        return None
    side = t(_SIDES[grading.side])
    return t("{side}, estimated from the photos", side=side) if SIDE_ESTIMATED in grading.flags else side


def timepoint(recording: Recording) -> str | None:
    """The name of the recording's place around its surgery, None without one."""
    days = recording.days_from_surgery
    return None if days is None else timepoint_name(days)


def model_name(bundle: Bundle) -> str:
    """Name and version of a bundle."""
    return f"{bundle.name} {bundle.version}"


def trained(t: Words, bundle: Bundle) -> str:
    """The day on which a bundle was trained."""
    return t.day(dt.date.fromisoformat(bundle.manifest["created"]))


def meaning(t: Words, item: Item) -> str:
    """What scores beside 100 mean, in words."""
    below = t("under 100: {words}", words=t(item.below))
    return below if item.above is None else f"{below} · {t('over: {words}', words=t(item.above))}"


def size(t: Words, count: int | None) -> str:
    """A number of bytes, in gigabytes; in megabytes where it is less than one."""
    if count is None:
        return "?"
    return f"{t.report.decimal(count / 1e9)} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def points(t: Words, value: float) -> str:
    """A difference in points, to the hundredth; less than that is told as such."""
    if 0 < abs(value) < 0.005:
        return f"< {t.report.decimal(0.01, 2)}"
    return t.report.decimal(value, 2)


def seconds(t: Words, begun: dt.datetime, ended: dt.datetime) -> str:
    """A duration in seconds, to the tenth."""
    return f"{t.report.decimal((ended - begun).total_seconds())} s"


def numeral(t: Words, number: object) -> str:
    """A number that was written with a point and a hyphen, as the language writes it."""
    return str(number).replace(".", t.report.text("format.decimal")).replace("-", "−")
