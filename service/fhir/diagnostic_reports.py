"""DiagnosticReport: the report of a grading, with its PDF."""

import base64
import hashlib
from dataclasses import dataclass

from pydicom.sr.coding import Code

from service.fhir.coding import (
    Refer,
    Resource,
    concept,
    filled,
    instant,
    meta,
    relative,
    terminology,
    uid_identifier,
)
from service.fhir.observations import observation_ids
from service.records.models import Grading, Report

STUDY_REPORT = Code("18748-4", "LN", "Diagnostic imaging study")


@dataclass(frozen=True)
class Pdf:
    """The report as a document: where it can be fetched, and what it holds if that is to go along."""

    url: str | None = None
    content: bytes | None = None


def diagnostic_report_resource(
    grading: Grading, report: Report, pdf: Pdf, *, final: bool, refer: Refer = relative
) -> Resource:
    """The report of a grading; ``report`` is its PDF's row. ``final`` once a clinician signed it off.

    The grading comes with its scores and recording loaded.
    """
    recording = grading.recording
    return filled({
        "resourceType": "DiagnosticReport",
        "id": str(grading.id),
        "meta": meta(report.created_at),
        "identifier": [uid_identifier(report.sop_instance_uid)],
        "status": "final" if final else "preliminary",
        "category": [terminology("v2-0074", "OTH", "Other")],
        "code": concept(STUDY_REPORT, "eFACE photographic grading"),
        "subject": {"reference": refer("Patient", str(recording.patient_key))},
        "effectiveDateTime": recording.recorded_at and recording.recorded_at.date().isoformat(),
        "issued": instant(report.created_at),
        "result": [{"reference": refer("Observation", found)} for found in observation_ids(grading)],
        "imagingStudy": [{"reference": refer("ImagingStudy", str(recording.id))}],
        "presentedForm": [_attachment(report, pdf)],
    })  # fmt: skip


def _attachment(report: Report, pdf: Pdf) -> Resource:
    attached: Resource = {
        "contentType": "application/pdf",
        "url": pdf.url,
        "title": "eFACE facial palsy report",
        "creation": instant(report.created_at),
    }
    if pdf.content is not None:
        attached["data"] = base64.b64encode(pdf.content).decode()
        attached["size"] = len(pdf.content)
        digest = hashlib.sha1(pdf.content, usedforsecurity=False).digest()
        attached["hash"] = base64.b64encode(digest).decode()
    return filled(attached)
