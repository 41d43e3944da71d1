"""Events of the audit trail as ATNA audit messages: the XML of DICOM PS3.15, A.5.

One message is one element, as a syslog transport would carry it.
"""

import base64
from xml.etree.ElementTree import Element, SubElement, tostring

from service.records.audit_events import TERMS, AuditCode, AuditEventKind
from service.records.models import ActorKind, AuditEvent

IP_ADDRESS = "2"
PERSON, SYSTEM_OBJECT = "1", "2"
PATIENT_ROLE, REPORT_ROLE = "1", "3"
APPLICATION_SERVER = "4"
"""Type code of the source: an application server process."""
APPLICATION_ROLE = AuditCode("110150", "Application")
FINISHED_BADLY = {4: "refused", 8: "failed", 12: "no longer available"}


def audit_message(event: AuditEvent, source: str) -> str:
    """One event as XML on one line.

    Patients, recordings and documents are named by their numbers here, as in the trail itself.

    Parameters:
        source: what names this installation (AuditSourceID).
    """
    terms = TERMS[AuditEventKind(event.kind)]
    message = Element("AuditMessage")
    identification = SubElement(
        message,
        "EventIdentification",
        EventActionCode=terms.action,
        EventDateTime=event.happened_at.isoformat(timespec="milliseconds"),
        EventOutcomeIndicator=str(event.outcome),
    )
    _code(identification, "EventID", terms.event_id)
    if terms.event_type is not None:
        _code(identification, "EventTypeCode", terms.event_type)
    if event.outcome:
        SubElement(identification, "EventOutcomeDescription").text = FINISHED_BADLY[event.outcome]
    _participant(message, event)
    origin = SubElement(message, "AuditSourceIdentification", AuditSourceID=source)
    SubElement(origin, "AuditSourceTypeCode", {"csd-code": APPLICATION_SERVER})
    _objects(message, event)
    return tostring(message, encoding="unicode")


def _code(parent: Element, name: str, code: AuditCode) -> None:
    attributes = {"csd-code": code.value, "codeSystemName": "DCM", "originalText": code.meaning}
    SubElement(parent, name, attributes)


def _participant(message: Element, event: AuditEvent) -> None:
    participant = SubElement(message, "ActiveParticipant", UserID=event.actor, UserIsRequestor="true")
    if event.address:
        participant.set("NetworkAccessPointID", event.address)
        participant.set("NetworkAccessPointTypeCode", IP_ADDRESS)
    if event.actor_kind != ActorKind.USER:
        _code(participant, "RoleIDCode", APPLICATION_ROLE)


def _objects(message: Element, event: AuditEvent) -> None:
    """What it was done to; our own word for it and the details stand with the last of these."""
    objects = []
    if event.patient_key is not None:
        code = ("2", "RFC-3881", "Patient Number")
        objects.append(_object(message, event.patient_key, PERSON, PATIENT_ROLE, code, "patient"))
    if event.recording_key is not None:
        code = ("recording", "99FACIALIS", "Recording Number")
        objects.append(_object(message, event.recording_key, SYSTEM_OBJECT, REPORT_ROLE, code, "recording"))
    if event.document_key is not None:
        code = ("9", "RFC-3881", "Report Number")
        objects.append(_object(message, event.document_key, SYSTEM_OBJECT, REPORT_ROLE, code, "document"))
    if not objects:
        code = ("event", "99FACIALIS", "Event Number")
        objects.append(_object(message, event.id, SYSTEM_OBJECT, REPORT_ROLE, code, "event"))
    for name, value in ({"event": event.kind} | event.detail).items():
        encoded = base64.b64encode(str(value).encode()).decode()
        SubElement(objects[-1], "ParticipantObjectDetail", type=name, value=encoded)


def _object(
    message: Element, number: int, kind: str, role: str, code: tuple[str, str, str], word: str
) -> Element:
    element = SubElement(
        message,
        "ParticipantObjectIdentification",
        ParticipantObjectID=str(number),
        ParticipantObjectTypeCode=kind,
        ParticipantObjectTypeCodeRole=role,
    )
    value, scheme, meaning = code
    attributes = {"csd-code": value, "codeSystemName": scheme, "originalText": meaning}
    SubElement(element, "ParticipantObjectIDTypeCode", attributes)
    SubElement(element, "ParticipantObjectName").text = f"{word} {number}"
    return element
