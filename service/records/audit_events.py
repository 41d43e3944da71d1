"""What the audit trail knows to happen, each in the terms of ATNA (DICOM PS3.15, A.5.3).

Codes are of the coding scheme DCM. Add a member here for something new that a person or a system can do.
"""

import enum
from dataclasses import dataclass


@dataclass(frozen=True)
class AuditCode:
    """A code of the scheme DCM with its meaning."""

    value: str
    meaning: str


@dataclass(frozen=True)
class AuditTerms:
    """An event in ATNA's terms: its id, its action (C, R, U, D; E for execute), and its type if any."""

    event_id: AuditCode
    action: str
    event_type: AuditCode | None = None


ACTIVITY = AuditCode("110100", "Application Activity")
LOG_USED = AuditCode("110101", "Audit Log Used")
TRANSFERRING = AuditCode("110102", "Begin Transferring DICOM Instances")
ACCESSED = AuditCode("110103", "DICOM Instances Accessed")
TRANSFERRED = AuditCode("110104", "DICOM Instances Transferred")
EXPORT = AuditCode("110106", "Export")
IMPORT = AuditCode("110107", "Import")
PATIENT_RECORD = AuditCode("110110", "Patient Record")
PROCEDURE_RECORD = AuditCode("110111", "Procedure Record")
QUERY = AuditCode("110112", "Query")
ALERT = AuditCode("110113", "Security Alert")
AUTHENTICATION = AuditCode("110114", "User Authentication")

START = AuditCode("110120", "Application Start")
STOP = AuditCode("110121", "Application Stop")
LOGIN = AuditCode("110122", "Login")
LOGOUT = AuditCode("110123", "Logout")
NODE_AUTHENTICATION = AuditCode("110126", "Node Authentication")
OVERRIDE_STARTED = AuditCode("110127", "Emergency Override Started")
SOFTWARE = AuditCode("110131", "Software Configuration")
RESTRICTED = AuditCode("110132", "Use of Restricted Function")
ROLES_CHANGED = AuditCode("110136", "Security Roles Changed")
USER_CHANGED = AuditCode("110137", "User Security Attributes Changed")


class AuditEventKind(enum.StrEnum):
    """What happened; the value stands in the table and must not be changed once used."""

    SERVICE_STARTED = "service.started"
    SERVICE_STOPPED = "service.stopped"

    SIGNED_IN = "user.signed_in"
    SIGNED_OUT = "user.signed_out"
    USER_ADDED = "user.added"
    USER_CHANGED = "user.changed"
    USER_ROLE_CHANGED = "user.role_changed"
    TOKEN_ADDED = "token.added"  # noqa: S105 - the name of an event
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - the name of an event
    ACCESS_REFUSED = "access.refused"
    ASSOCIATION_REFUSED = "association.refused"
    BREAK_GLASS_STARTED = "break_glass.started"

    PATIENTS_LISTED = "patients.listed"
    PATIENT_VIEWED = "patient.viewed"
    PATIENT_ADDED = "patient.added"
    PATIENT_CHANGED = "patient.changed"
    PATIENT_MERGED = "patient.merged"
    SURGERY_ADDED = "surgery.added"
    SURGERY_CHANGED = "surgery.changed"
    SURGERY_DELETED = "surgery.deleted"
    CLINICAL_EVENT_ADDED = "clinical_event.added"
    CLINICAL_EVENT_CHANGED = "clinical_event.changed"
    CLINICAL_EVENT_DELETED = "clinical_event.deleted"
    ANNOTATION_SAVED = "annotation.saved"
    RATER_ASSIGNED = "rater.assigned"
    SCORE_SETTLED = "score.settled"

    RECORDING_VIEWED = "recording.viewed"
    RECORDING_CHANGED = "recording.changed"
    RECORDING_REGRADED = "recording.regraded"
    PHOTOS_RECEIVED = "photos.received"
    PHOTOS_FETCHED = "photos.fetched"
    ARCHIVE_QUERIED = "archive.queried"
    RECORDS_QUERIED = "records.queried"

    DOCUMENT_VIEWED = "document.viewed"
    DOCUMENT_SIGNED = "document.signed"
    DOCUMENT_SENT = "document.sent"
    DELIVERY_RETRIED = "delivery.retried"
    DELIVERY_DROPPED = "delivery.dropped"
    DATA_EXPORTED = "data.exported"
    DATA_IMPORTED = "data.imported"

    BUNDLE_INSTALLED = "bundle.installed"
    BUNDLE_ACTIVATED = "bundle.activated"
    BUNDLE_ADOPTED = "bundle.adopted"
    CONSTANCY_ACCEPTED = "constancy.accepted"
    AUDIT_READ = "audit.read"
    AUDIT_EXPORTED = "audit.exported"


K = AuditEventKind
TERMS: dict[AuditEventKind, AuditTerms] = {
    K.SERVICE_STARTED: AuditTerms(ACTIVITY, "E", START),
    K.SERVICE_STOPPED: AuditTerms(ACTIVITY, "E", STOP),
    K.SIGNED_IN: AuditTerms(AUTHENTICATION, "E", LOGIN),
    K.SIGNED_OUT: AuditTerms(AUTHENTICATION, "E", LOGOUT),
    K.USER_ADDED: AuditTerms(ALERT, "E", USER_CHANGED),
    K.USER_CHANGED: AuditTerms(ALERT, "E", USER_CHANGED),
    K.USER_ROLE_CHANGED: AuditTerms(ALERT, "E", ROLES_CHANGED),
    K.TOKEN_ADDED: AuditTerms(ALERT, "E", USER_CHANGED),
    K.TOKEN_REVOKED: AuditTerms(ALERT, "E", USER_CHANGED),
    K.ACCESS_REFUSED: AuditTerms(ALERT, "E", RESTRICTED),
    K.ASSOCIATION_REFUSED: AuditTerms(ALERT, "E", NODE_AUTHENTICATION),
    K.BREAK_GLASS_STARTED: AuditTerms(ALERT, "E", OVERRIDE_STARTED),
    K.PATIENTS_LISTED: AuditTerms(QUERY, "E"),
    K.PATIENT_VIEWED: AuditTerms(PATIENT_RECORD, "R"),
    K.PATIENT_ADDED: AuditTerms(PATIENT_RECORD, "C"),
    K.PATIENT_CHANGED: AuditTerms(PATIENT_RECORD, "U"),
    K.PATIENT_MERGED: AuditTerms(PATIENT_RECORD, "U"),
    K.SURGERY_ADDED: AuditTerms(PROCEDURE_RECORD, "C"),
    K.SURGERY_CHANGED: AuditTerms(PROCEDURE_RECORD, "U"),
    K.SURGERY_DELETED: AuditTerms(PROCEDURE_RECORD, "D"),
    K.CLINICAL_EVENT_ADDED: AuditTerms(PROCEDURE_RECORD, "C"),
    K.CLINICAL_EVENT_CHANGED: AuditTerms(PROCEDURE_RECORD, "U"),
    K.CLINICAL_EVENT_DELETED: AuditTerms(PROCEDURE_RECORD, "D"),
    K.ANNOTATION_SAVED: AuditTerms(PATIENT_RECORD, "U"),
    K.RATER_ASSIGNED: AuditTerms(ACTIVITY, "E"),
    K.SCORE_SETTLED: AuditTerms(PATIENT_RECORD, "U"),
    K.RECORDING_VIEWED: AuditTerms(ACCESSED, "R"),
    K.RECORDING_CHANGED: AuditTerms(ACCESSED, "U"),
    K.RECORDING_REGRADED: AuditTerms(ACCESSED, "U"),
    K.PHOTOS_RECEIVED: AuditTerms(TRANSFERRED, "C"),
    K.PHOTOS_FETCHED: AuditTerms(TRANSFERRED, "C"),
    K.ARCHIVE_QUERIED: AuditTerms(QUERY, "E"),
    K.RECORDS_QUERIED: AuditTerms(QUERY, "E"),
    K.DOCUMENT_VIEWED: AuditTerms(ACCESSED, "R"),
    K.DOCUMENT_SIGNED: AuditTerms(ACCESSED, "U"),
    K.DOCUMENT_SENT: AuditTerms(TRANSFERRED, "R"),
    K.DELIVERY_RETRIED: AuditTerms(TRANSFERRING, "E"),
    K.DELIVERY_DROPPED: AuditTerms(TRANSFERRING, "D"),
    K.DATA_EXPORTED: AuditTerms(EXPORT, "R"),
    K.DATA_IMPORTED: AuditTerms(IMPORT, "C"),
    K.BUNDLE_INSTALLED: AuditTerms(ALERT, "E", SOFTWARE),
    K.BUNDLE_ACTIVATED: AuditTerms(ALERT, "E", SOFTWARE),
    K.BUNDLE_ADOPTED: AuditTerms(ALERT, "E", SOFTWARE),
    K.CONSTANCY_ACCEPTED: AuditTerms(ALERT, "E", SOFTWARE),
    K.AUDIT_READ: AuditTerms(LOG_USED, "R"),
    K.AUDIT_EXPORTED: AuditTerms(LOG_USED, "R"),
}
