"""A recording's place relative to surgery, as attributes of the Clinical Trial Study module (PS3.3 C.7.2.3).

LongitudinalTemporalOffsetFromEvent and its event type survive the basic de-identification profile (PS3.15
Table E.1-1), so a shifted study date does not lose the time axis. The event type SURGERY extends the defined
terms and belongs in the conformance statement.
"""

from dataclasses import dataclass

from pydicom.dataset import Dataset

from dicom.headers import PhotoHeader

EVENT = "SURGERY"


@dataclass(frozen=True)
class Timepoint:
    """Days from the surgery: negative before it, 0 on its day. ``name`` is what the clinic calls it."""

    days: int
    name: str = ""

    @property
    def id(self) -> str:
        """The identifier of the time point, such as POSTOP-90D."""
        if self.days == 0:
            return "SURGERY-DAY"
        return f"{'PREOP' if self.days < 0 else 'POSTOP'}-{abs(self.days)}D"

    @property
    def words(self) -> str:
        """The time point in words, such as "90 days after surgery"."""
        if self.days == 0:
            text = "day of surgery"
        else:
            unit = "day" if abs(self.days) == 1 else "days"
            text = f"{abs(self.days)} {unit} {'before' if self.days < 0 else 'after'} surgery"
        return f"{self.name} ({text})" if self.name else text


def stated_days(header: PhotoHeader) -> int | None:
    """Days from the surgery that a photo's header states itself; None where it states another event or none.

    The event type SURGERY is ours; what others write into the id of the time point is not guessed at.
    """
    if header.event_type.upper() != EVENT or header.event_offset_days is None:
        return None
    return round(header.event_offset_days)


def add_timepoint(dataset: Dataset, timepoint: Timepoint | None) -> None:
    """Write the time point into an object; nothing for None."""
    if timepoint is None:
        return
    dataset.ClinicalTrialTimePointID = timepoint.id
    dataset.ClinicalTrialTimePointDescription = timepoint.words
    dataset.LongitudinalTemporalOffsetFromEvent = float(timepoint.days)
    dataset.LongitudinalTemporalEventType = EVENT
