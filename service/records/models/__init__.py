"""The tables. Constraints here hold what must never be wrong; the words are those of the design."""

from service.records.models.accounts import Account, BreakGlass, SignedIn, SignInFailure
from service.records.models.activations import BundleActivation
from service.records.models.annotations import Annotation, AnnotationScore, Rater
from service.records.models.assignments import Assignment, SettledScore
from service.records.models.audit import ActorKind, AuditEvent
from service.records.models.base import Base, DeliveryState, Leased, RecordingState
from service.records.models.commitments import CommitmentQuestion
from service.records.models.constancy import ConstancyRun, ConstancyState
from service.records.models.documents import Circuit, Delivery, Report, SignOff
from service.records.models.gradings import Bundle, Grading, ItemScore, SubScoreRow, WithInterval
from service.records.models.landmarks import Landmarks
from service.records.models.messages import Message, MessageState
from service.records.models.patients import (
    Change,
    Event,
    EventKind,
    IdentityNote,
    Patient,
    PatientIdentifier,
    Surgery,
)
from service.records.models.processes import Process, ProcessKind
from service.records.models.recordings import (
    KeptObject,
    Photo,
    Quarantined,
    Recording,
    StageRun,
    Timepoint,
)
from service.records.models.regrading import (
    Regrading,
    RegradingState,
    RegradingTask,
    RegradingTaskState,
)
from service.records.models.tokens import ApiToken

__all__ = [
    "Account",
    "ActorKind",
    "Annotation",
    "AnnotationScore",
    "ApiToken",
    "Assignment",
    "AuditEvent",
    "Base",
    "BreakGlass",
    "Bundle",
    "BundleActivation",
    "Change",
    "Circuit",
    "CommitmentQuestion",
    "ConstancyRun",
    "ConstancyState",
    "Delivery",
    "DeliveryState",
    "Event",
    "EventKind",
    "Grading",
    "IdentityNote",
    "ItemScore",
    "KeptObject",
    "Landmarks",
    "Leased",
    "Message",
    "MessageState",
    "Patient",
    "PatientIdentifier",
    "Photo",
    "Process",
    "ProcessKind",
    "Quarantined",
    "Rater",
    "Recording",
    "RecordingState",
    "Regrading",
    "RegradingState",
    "RegradingTask",
    "RegradingTaskState",
    "Report",
    "SettledScore",
    "SignInFailure",
    "SignOff",
    "SignedIn",
    "StageRun",
    "SubScoreRow",
    "Surgery",
    "Timepoint",
    "WithInterval",
]
