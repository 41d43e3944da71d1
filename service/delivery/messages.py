"""What messages say of a grading, frozen as a file when its documents are written.

HL7 and FHIR destinations get messages that differ with their settings; each is made anew from the frozen file
when it is sent. A message that is sent again so says the same, whatever has changed in the records since.
"""

import json
import uuid
from dataclasses import replace

from dicom.headers import PhotoHeader
from service.documents import DocumentSource
from service.fhir.coding import Resource
from service.fhir.diagnostic_reports import Pdf, diagnostic_report_resource
from service.fhir.observations import observation_resources
from service.fhir.people import patient_resource
from service.fhir.studies import imaging_study_resource
from service.records.models import Grading, Recording, Report
from service.results import make_result

MESSAGES = ("oru", "fhir")
"""The kinds of document that are messages."""
_NAMESPACE = uuid.UUID("7f0c6f7a-5d55-5bb0-9a55-0a5f0f2b9d0e")


def freeze_message(
    kind: str, source: DocumentSource, recording: Recording, grading: Grading, pdf: Report
) -> bytes:
    """What a message of one of `MESSAGES` is to say; ``pdf`` is the row of the report that goes along."""
    if kind == "oru":
        return _freeze_oru(source, recording, pdf)
    return freeze_fhir(recording, grading, pdf, final=source.content.sign_off is not None)


def _freeze_oru(source: DocumentSource, recording: Recording, pdf: Report) -> bytes:
    headers = list(source.photos.values())
    done = source.content.sign_off
    result = make_result(
        source.content,
        uid=source.uid("oru"),
        recording=recording,
        issuer=recording.patient.issuer if recording.patient else "",
        accession_number=_first(headers, "accession_number"),
        pdf_key=pdf.document_key,
    )
    return replace(result, final=done is not None, signed_by=done.name if done else "").to_json()


def freeze_fhir(recording: Recording, grading: Grading, pdf: Report, *, final: bool = False) -> bytes:
    """The resources of a transaction, which refer to each other; the PDF is put in when it is sent."""
    patient = recording.patient
    assert patient is not None  # noqa: S101 - a recording without a patient is held before it is graded

    def refer(kind: str, resource_id: str) -> str:
        return f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{grading.uid} {kind} {resource_id}')}"

    resources: list[Resource] = [
        patient_resource(patient, {}),
        imaging_study_resource(recording, refer),
        *observation_resources(grading, final=final, refer=refer),
        diagnostic_report_resource(grading, pdf, Pdf(), final=final, refer=refer),
    ]
    frozen = {
        "grading_uid": grading.uid,
        "patient_id": patient.patient_id,
        "issuer": patient.issuer,
        "pdf_key": pdf.document_key,
        "final": final,
        "entries": [
            {"url": refer(resource["resourceType"], resource["id"]), "resource": resource}
            for resource in resources
        ],
    }
    return json.dumps(frozen, ensure_ascii=False, sort_keys=True).encode()


def _first(headers: list[PhotoHeader], name: str) -> str:
    return next((str(value) for header in headers if (value := getattr(header, name))), "")
