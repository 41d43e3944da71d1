"""The tables. Constraints here hold what must never be wrong; the words are those of the design."""

from service.records.models.base import Base, DeliveryState, Leased, RecordingState
from service.records.models.documents import Delivery, Report
from service.records.models.gradings import Bundle, Grading, ItemScore, SubScoreRow, WithInterval
from service.records.models.patients import IdentityNote, Patient, Surgery
from service.records.models.recordings import KeptObject, Photo, Quarantined, Recording, StageRun

__all__ = [
    "Base",
    "Bundle",
    "Delivery",
    "DeliveryState",
    "Grading",
    "IdentityNote",
    "ItemScore",
    "KeptObject",
    "Leased",
    "Patient",
    "Photo",
    "Quarantined",
    "Recording",
    "RecordingState",
    "Report",
    "StageRun",
    "SubScoreRow",
    "Surgery",
    "WithInterval",
]
