"""The types of resources that are served: the rows they are made of, and how these are found.

The one table that searching, reading and the CapabilityStatement go by.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydicom.sr.coding import Code
from sqlalchemy import Select, false, func, select
from sqlalchemy.orm import contains_eager, selectinload

from dicom import codes
from service.fhir.coding import UIDS, Resource
from service.fhir.diagnostic_reports import STUDY_REPORT, Pdf, diagnostic_report_resource
from service.fhir.observations import CODES, observation_resources
from service.fhir.people import IdentifierSystems, patient_resource, procedure_resource
from service.fhir.studies import imaging_study_resource
from service.fhir_server import parameters as by
from service.fhir_server.identifiers import identified
from service.fhir_server.parameters import Column, Condition, Parameter
from service.records.models import Grading, Patient, Recording, Report, SignOff, Surgery
from service.storage import Storage


@dataclass(frozen=True)
class Site:
    """What resources are made with: the storage, the systems of patients' ids, where the REST side is."""

    storage: Storage
    systems: IdentifierSystems
    rest: str


@dataclass(frozen=True)
class Kind:
    """A type of resource.

    ``rows`` selects what its resources are made of; an id begins with the row's ``number``. ``current``
    leaves out rows that others have replaced, which ``replaced`` tells of one. ``make`` makes the resources
    of a row, with what they attach where it is asked for. ``about`` gives the numbers of the patient and the
    recording that a row is about.
    """

    name: str
    rows: Select[Any]
    number: Any
    parameters: Mapping[str, Parameter]
    make: Callable[[Any, Site, bool], list[Resource]]
    about: Callable[[Any], tuple[int | None, int | None]]
    current: Condition | None = None
    replaced: Callable[[Any], bool] = lambda row: False


def served_kinds(systems: IdentifierSystems) -> dict[str, Kind]:
    """Every type that is served, by its name; ``systems`` are those of patients' identifiers."""
    kinds = (_patients(systems), _procedures(), _imaging_studies(), _observations(), _diagnostic_reports())
    return {kind.name: kind for kind in kinds}


def _patients(systems: IdentifierSystems) -> Kind:
    is_one = partial(identified, systems=systems)
    return Kind(
        name="Patient",
        rows=select(Patient).options(selectinload(Patient.identifiers)),
        number=Patient.id,
        parameters=_common(Patient.id, Patient.updated_at)
        | {
            "identifier": Parameter("token", "An id of the patient.", lambda text: by.any_of(text, is_one)),
            "birthdate": Parameter("date", "Day of birth.", by.on_day(Patient.birth_date)),
        },
        make=lambda patient, site, _: [patient_resource(patient, site.systems)],
        about=lambda patient: (patient.id, None),
    )


def _procedures() -> Kind:
    return Kind(
        name="Procedure",
        rows=select(Surgery),
        number=Surgery.id,
        parameters=_common(Surgery.id, Surgery.updated_at)
        | _whose(Surgery.patient_key)
        | _coded(codes.SURGERY)
        | {"date": Parameter("date", "Day of the surgery.", by.on_day(Surgery.performed_on))},
        make=lambda surgery, *_: [procedure_resource(surgery)],
        about=lambda surgery: (surgery.patient_key, None),
    )


def _imaging_studies() -> Kind:
    changed = func.greatest(Recording.state_changed_at, Recording.last_received_at)
    return Kind(
        name="ImagingStudy",
        rows=select(Recording).options(selectinload(Recording.photos)),
        number=Recording.id,
        parameters=_common(Recording.id, changed)
        | _whose(Recording.patient_key)
        | {
            "identifier": Parameter(
                "token", "The Study Instance UID, as `urn:dicom:uid|urn:oid:…`.", _of_uid(Recording.study_uid)
            ),
            "started": Parameter("date", "Day of the photos.", by.on_day(Recording.recorded_at, by.midnight)),
        },
        make=lambda recording, *_: [imaging_study_resource(recording)],
        about=lambda recording: (recording.patient_key, recording.id),
    )


def _observations() -> Kind:
    changed = func.greatest(Grading.created_at, Surgery.updated_at, SignOff.signed_at)
    return Kind(
        name="Observation",
        rows=_with_recording(select(Grading).join(Grading.recording)),
        number=Grading.id,
        parameters=_common(Grading.id, changed) | _whose(Recording.patient_key) | _coded(*CODES) | _taken(),
        make=lambda grading, *_: observation_resources(grading, final=grading.sign_off is not None),
        about=lambda grading: (grading.recording.patient_key, grading.recording_key),
        current=Grading.active.is_(True),
        replaced=lambda grading: not grading.active,
    )


def _diagnostic_reports() -> Kind:
    # The final version comes after the draft.
    newest = (
        select(func.max(Report.id))
        .where(Report.grading_key == Grading.id, Report.kind == "pdf")
        .correlate(Grading)
        .scalar_subquery()
    )
    return Kind(
        name="DiagnosticReport",
        rows=_with_recording(
            select(Grading)
            .join(Grading.recording)
            .join(Report, Report.id == newest)
            .options(contains_eager(Grading.reports))
        ),
        number=Grading.id,
        parameters=_common(Grading.id, Report.created_at)
        | _whose(Recording.patient_key)
        | _coded(STUDY_REPORT)
        | _taken()
        | {
            "identifier": Parameter(
                "token",
                "The PDF's SOP Instance UID, as `urn:dicom:uid|urn:oid:…`.",
                _of_uid(Report.sop_instance_uid),
            )
        },
        make=_report,
        about=lambda grading: (grading.recording.patient_key, grading.recording_key),
        current=Grading.active.is_(True),
        replaced=lambda grading: not grading.active,
    )


def _report(grading: Grading, site: Site, attach: bool) -> list[Resource]:
    (report,) = grading.reports
    content = None
    if attach:
        # Should the file be gone, whoever follows the address is told so.
        with suppress(FileNotFoundError):
            content = site.storage.read(report.document_key)
    pdf = Pdf(f"{site.rest}/reports/{report.id}/document", content)
    return [diagnostic_report_resource(grading, report, pdf, final=report.version == "final")]


def _with_recording(gradings: Select[Any]) -> Select[Any]:
    """The gradings with what their resources tell of them and of their recordings."""
    return (
        gradings.outerjoin(Recording.surgery)
        .outerjoin(Grading.sign_off)
        .options(
            contains_eager(Grading.recording).contains_eager(Recording.surgery),
            contains_eager(Grading.sign_off),
            selectinload(Grading.items),
            selectinload(Grading.sub_scores),
            selectinload(Grading.bundle),
        )
    )


def _common(number: Column, changed: Column) -> dict[str, Parameter]:
    return {
        "_id": Parameter("token", "The id of the resource.", by.numbered(number), by.by_id),
        "_lastUpdated": Parameter("date", "When the resource last changed.", by.at_moment(changed)),
    }


def _whose(column: Column) -> dict[str, Parameter]:
    whose = Parameter("reference", "The patient whom it is about.", by.referred(column, "Patient"))
    return {"patient": whose, "subject": whose}


def _coded(*known: Code) -> dict[str, Parameter]:
    return {"code": Parameter("token", "What it is of.", by.coded(known), by.by_code)}


def _taken() -> dict[str, Parameter]:
    days = by.on_day(Recording.recorded_at, by.midnight)
    return {"date": Parameter("date", "Day of the photos.", days)}


def _of_uid(column: Column) -> Callable[[str], Condition]:
    def condition(text: str) -> Condition:
        wanted = by.token(text)
        if wanted.system not in (None, UIDS):
            return false()
        return column == wanted.value.removeprefix("urn:oid:")

    return lambda text: by.any_of(text, condition)
