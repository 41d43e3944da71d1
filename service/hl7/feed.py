"""What a message asks for, done to the records: identity and merges by ADT, surgeries by ORM and SIU."""

import datetime as dt
from dataclasses import dataclass

import hl7
from sqlalchemy.orm import Session

from grading.errors import PermanentError
from service.hl7.inbound import Inbound
from service.hl7.persons import known_patient, read_identifiers, read_person, update_patient
from service.hl7.problems import (
    MISSING,
    UNKNOWN_KEY,
    UNSUPPORTED_EVENT,
    UNSUPPORTED_TYPE,
    MessageProblemError,
)
from service.listener_settings import ListenerSettings, ProcedureRule
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.merging import merge_patients
from service.records.models import MessageState
from service.records.patients import find_patient
from service.records.surgeries import add_surgery

IDENTITY = ("ADT^A01", "ADT^A04", "ADT^A08", "ADT^A28", "ADT^A31")
MERGES = ("ADT^A18", "ADT^A34", "ADT^A40")
CANCELLED = ("SIU^S15", "SIU^S17")
CANCELS = ("CA", "OC", "DC", "CR", "OD")
"""ORC-1: what takes an order back."""
_SIDES = {
    **dict.fromkeys(("L", "LT", "LEFT", "LI", "LINKS", "7771000"), "L"),
    **dict.fromkeys(("R", "RT", "RIGHT", "RE", "RECHTS", "24028007"), "R"),
    **dict.fromkeys(("B", "BI", "BOTH", "BILATERAL", "BEIDSEITS", "51440002"), "B"),
}


@dataclass(frozen=True)
class Done:
    """What became of a message: in words that name nobody, and the patient it was about if one is on record.

    A surgery of a day that is not over waits until ``due_on``; ``replaces`` tells that planned surgeries of
    the same ``order_id`` are to be dropped.
    """

    state: MessageState
    words: str
    patient: int | None = None
    order_id: str = ""
    due_on: dt.date | None = None
    replaces: bool = False


UNKNOWN_PATIENT = Done(MessageState.LEFT, "the patient is not on record here: nothing to do")


def apply_message(
    session: Session, message: Inbound, settings: ListenerSettings, actor: audit.Actor, today: dt.date
) -> Done:
    """Do what the message asks for, within the session's transaction.

    Raises:
        MessageProblemError: it cannot be used; nothing of it must be stored.
    """
    trigger = message.header.trigger
    if trigger in settings.ignored:
        return Done(MessageState.LEFT, "messages of this kind are left, as set")
    if trigger in IDENTITY:
        return _identify(session, message, settings, actor)
    if trigger in MERGES:
        return _merge(session, message, settings, actor)
    if trigger in CANCELLED:
        return _cancelled(message, settings)
    rules = [rule for rule in settings.procedures if trigger in rule.triggers]
    if not rules:
        raise _unsupported(trigger, settings)
    return _record_surgeries(session, message, rules, settings, actor, today)


def supported(settings: ListenerSettings) -> tuple[str, ...]:
    """Every trigger that something is done for."""
    told = [trigger for rule in settings.procedures for trigger in rule.triggers]
    return tuple(dict.fromkeys([*IDENTITY, *MERGES, *told, *CANCELLED]))


def _unsupported(trigger: str, settings: ListenerSettings) -> MessageProblemError:
    kinds = {known.partition("^")[0] for known in supported(settings)}
    kind = trigger.partition("^")[0]
    if kind not in kinds:
        return MessageProblemError(
            UNSUPPORTED_TYPE, "messages of this type are not used here", reject=True, place="MSH^1^9"
        )
    return MessageProblemError(
        UNSUPPORTED_EVENT, "this trigger event is not used here", reject=True, place="MSH^1^9"
    )


def _identify(session: Session, message: Inbound, settings: ListenerSettings, actor: audit.Actor) -> Done:
    person = read_person(message, _required(message, "PID"), settings)
    make = settings.new_patients
    patient = update_patient(session, person, make=make, by=_author(message))
    if patient is None:
        return UNKNOWN_PATIENT
    session.flush()
    audit.record(session, actor, AuditEventKind.PATIENT_CHANGED, patient=patient.id)
    return Done(MessageState.APPLIED, "the patient's record was brought up to date", patient.id)


def _merge(session: Session, message: Inbound, settings: ListenerSettings, actor: audit.Actor) -> Done:
    """Each MRG names the record that goes, the PID before it the one that stays."""
    merged: int | None = None
    pid: hl7.Segment | None = None
    _required(message, "PID")
    _required(message, "MRG")
    for segment in message.message:
        if str(segment[0]) == "PID":
            pid = segment
        if str(segment[0]) != "MRG" or pid is None:
            continue
        stays = read_person(message, pid, settings).identifiers
        goes = read_identifiers(message, segment, 1, settings)
        if not goes:
            raise MessageProblemError(MISSING, "MRG-1 holds no identifier of the patient", place="MRG^1^1")
        gone = find_patient(session, *goes[0])
        number = gone.id if gone is not None else None
        try:
            patient = merge_patients(session, stays[0], goes[0], by=_author(message))
        except PermanentError as error:
            raise MessageProblemError(UNKNOWN_KEY, str(error), place="MRG^1^1") from None
        if patient is None:
            continue
        merged = patient.id
        if number != merged:
            session.flush()
            audit.record(session, actor, AuditEventKind.PATIENT_MERGED, patient=merged, other=number)
    if merged is None:
        return UNKNOWN_PATIENT
    return Done(MessageState.APPLIED, "both identifiers name one record", merged)


def _cancelled(message: Inbound, settings: ListenerSettings) -> Done:
    paths = {rule.order for rule in settings.procedures if any("SIU" in one for one in rule.triggers)}
    order = next(filter(None, map(message.value, sorted(paths))), "")
    if not order:
        raise MessageProblemError(MISSING, "the message does not name the appointment")
    return Done(MessageState.APPLIED, "the planned surgery was dropped", order_id=order, replaces=True)


def _record_surgeries(
    session: Session,
    message: Inbound,
    rules: list[ProcedureRule],
    settings: ListenerSettings,
    actor: audit.Actor,
    today: dt.date,
) -> Done:
    person = read_person(message, _required(message, "PID"), settings)
    order = next(filter(None, (message.value(rule.order) for rule in rules)), "")
    if message.value("ORC-1").upper() in CANCELS:
        if not order:
            raise MessageProblemError(MISSING, "the message does not name the order that it takes back")
        return Done(MessageState.APPLIED, "the order was taken back", order_id=order, replaces=True)
    found = [
        surgery
        for rule in rules
        for segment in message.segments(rule.segment)
        if (surgery := _read_surgery(message, segment, rule)) is not None
    ]
    if not found:
        return Done(MessageState.LEFT, "no procedure that is recorded here")
    if known_patient(session, person) is None and not settings.new_patients:
        return UNKNOWN_PATIENT
    last = max(surgery.day for surgery in found)
    if last >= today:
        # What is planned has not been done; it is recorded once its day is over.
        words = "the surgery is planned: it is recorded once its day is over"
        return Done(MessageState.WAITING, words, order_id=order, due_on=last, replaces=bool(order))
    patient = update_patient(session, person, make=True, by=_author(message))
    assert patient is not None  # noqa: S101 - made if need be
    for surgery in found:
        try:
            row = add_surgery(
                session, patient.patient_id, patient.issuer, surgery.day, surgery.procedure, surgery.side,
                surgeon=surgery.surgeon,
            )  # fmt: skip
        except PermanentError as error:
            raise MessageProblemError(UNKNOWN_KEY, str(error)) from None
        audit.record(session, actor, AuditEventKind.SURGERY_ADDED, patient=patient.id, surgery=row.id)
    return Done(
        MessageState.APPLIED, f"{len(found)} surgeries are on record", patient.id, order, replaces=bool(order)
    )


@dataclass(frozen=True)
class _Surgery:
    day: dt.date
    procedure: str
    side: str
    surgeon: str


def _read_surgery(message: Inbound, segment: hl7.Segment, rule: ProcedureRule) -> _Surgery | None:
    """What one segment tells; None where its code is not among those that count."""
    code = message.value(rule.code, segment)
    if rule.codes and code not in rule.codes:
        return None
    days = (message.day(path, segment) for path in rule.dates)
    day = next((one for one in days if one is not None), None)
    if day is None:
        raise MessageProblemError(MISSING, f"the day of the procedure is missing ({', '.join(rule.dates)})")
    told = message.value(rule.side, segment).upper()
    side = _SIDES.get(told, "") or rule.codes.get(code, "")
    if not side:
        raise MessageProblemError(
            MISSING, f"the side of the procedure is missing ({rule.side or 'no field is set for it'})"
        )
    procedure, surgeon = message.value(rule.procedure, segment) or code, message.value(rule.surgeon, segment)
    return _Surgery(day, " ".join(procedure.split()), side, " ".join(surgeon.split()))


def _required(message: Inbound, name: str) -> hl7.Segment:
    segment = next(message.segments(name), None)
    if segment is None:
        number = {"PID": "3", "MRG": "1"}[name]
        raise MessageProblemError(
            MISSING, f"the segment {name} is missing, and with it {name}-{number}", place=f"{name}^1"
        )
    return segment


def _author(message: Inbound) -> str:
    return f"HL7 {message.header.sender}"[:100]
