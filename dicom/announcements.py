"""What others tell us of a series that has ended: it is available, or the procedure step is completed.

Instance Availability Notification (PS3.4 R) comes as an N-CREATE, a Modality Performed Procedure Step
(PS3.4 F) as an N-CREATE and, when it is completed, an N-SET. Neither is kept: what counts is which photos
should be here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pydicom.dataset import Dataset

from dicom.uids import is_uid


@dataclass(frozen=True)
class EndedSeries:
    """A series to which nothing more comes, with the SOP Instance UIDs of what is in it, if named."""

    series_uid: str
    sop_instance_uids: frozenset[str]


def read_availability(attributes: Dataset) -> tuple[EndedSeries, ...]:
    """The series of an Instance Availability Notification (PS3.3 C.4.23)."""
    return _series(attributes.get("ReferencedSeriesSequence"), ("ReferencedSOPSequence",))


def read_performed_step(attributes: Dataset) -> tuple[EndedSeries, ...]:
    """The series of a performed procedure step that is completed, else none (PS3.3 C.4.15)."""
    if attributes.get("PerformedProcedureStepStatus") != "COMPLETED":
        return ()
    return _series(
        attributes.get("PerformedSeriesSequence"),
        ("ReferencedImageSequence", "ReferencedNonImageCompositeSOPInstanceSequence"),
    )


def _series(items: Iterable[Dataset] | None, references: tuple[str, ...]) -> tuple[EndedSeries, ...]:
    ended = []
    for item in items or ():
        instances = (each for keyword in references for each in item.get(keyword) or ())
        uids = frozenset(str(each.get("ReferencedSOPInstanceUID", "")) for each in instances)
        series_uid = str(item.get("SeriesInstanceUID", ""))
        if is_uid(series_uid) and all(map(is_uid, uids)):
            ended.append(EndedSeries(series_uid, uids))
    return tuple(ended)
