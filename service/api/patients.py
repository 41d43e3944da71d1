"""Patients. They are searched for by POST, so that no name stands in an address."""

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute, selectinload
from starlette.responses import Response

from service.api.context import Context, Held, Line, Number, SameRecord, check_unchanged, tagged
from service.api.gate import Admin, Reader, Writer
from service.api.paging import Asked, Page, page
from service.api.problems import ConflictError, described
from service.api.rows import row_of
from service.database import transaction
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.merging import merge_patients
from service.records.models import Patient, PatientIdentifier
from service.records.patients import (
    add_identifier,
    complete_patient,
    correct_patient,
    find_patient,
    hold_identifier,
    patient_for,
)
from service.records.searching import named

router = APIRouter(prefix="/patients", tags=["patients"])

PatientId = Annotated[Line, StringConstraints(min_length=1, max_length=64)]
Issuer = Annotated[Line, StringConstraints(max_length=64)]
Name = Annotated[Line, StringConstraints(max_length=324)]
Sex = Literal["M", "F", "O", ""]


class Identifier(BaseModel):
    """An id of a patient within its issuer."""

    model_config = ConfigDict(extra="forbid")

    value: PatientId = Field(examples=["FP-0001"])
    issuer: Issuer = Field(default="", description="Empty where none is stated.", examples=["HOSP"])


class NewPatient(BaseModel):
    """A patient to be recorded."""

    model_config = ConfigDict(extra="forbid")

    patient_id: PatientId = Field(examples=["FP-0001"])
    issuer: Issuer = Field(default="", examples=["HOSP"])
    name: Name = Field(default="", description="As DICOM writes it.", examples=["Doe^Jane"])
    birth_date: dt.date | None = Field(default=None, examples=["1970-01-01"])
    death_date: dt.date | None = None
    sex: Sex = Field(default="", examples=["F"])


class PatientCorrection(BaseModel):
    """What of a patient is to be overwritten; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = Field(default=None, examples=["Doe^Jane"])
    birth_date: dt.date | None = None
    death_date: dt.date | None = None
    sex: Sex | None = None


class Merge(BaseModel):
    """Two records of one person."""

    model_config = ConfigDict(extra="forbid")

    survivor: int = Field(ge=1, le=2**63 - 1, description="Number of the patient that stays.", examples=[12])
    other: int = Field(ge=1, le=2**63 - 1, description="Number of the one that goes.", examples=[13])


class PatientShown(BaseModel):
    """A patient: an id within its issuer, and what photos and other systems told."""

    id: int = Field(description="The number that other records name the patient by.", examples=[12])
    patient_id: str = Field(examples=["FP-0001"])
    issuer: str = Field(description="Of the patient id; empty where none is stated.", examples=["HOSP"])
    identifiers: list[Identifier] = Field(description="Further ones, such as those of merged records.")
    name: str = Field(description="As DICOM writes it.", examples=["Doe^Jane"])
    birth_date: dt.date | None = Field(examples=["1970-01-01"])
    death_date: dt.date | None
    sex: str = Field(description="M, F, O or empty.", examples=["F"])
    created_at: dt.datetime


class PatientSearch(BaseModel):
    """Whom to look for: whoever fits all that is given."""

    model_config = ConfigDict(extra="forbid")

    patient_id: PatientId | None = Field(default=None, description="A whole id.", examples=["FP-0001"])
    issuer: Issuer | None = Field(default=None, description="Of that id.", examples=["HOSP"])
    name: Annotated[Line, StringConstraints(min_length=1, max_length=100)] | None = Field(
        default=None, description="Words that each stand in the name or id.", examples=["doe jane"]
    )
    birth_date: dt.date | None = Field(default=None, examples=["1970-01-01"])


@router.get("", responses=described(400))
def list_patients(
    held: Held,
    asked: Asked,
) -> Page[PatientShown]:
    """Every patient."""
    return _page(held, asked, PatientSearch())


@router.post("/search", responses=described(400))
def search_patients(
    search: PatientSearch,
    held: Held,
    asked: Asked,
) -> Page[PatientShown]:
    """Patients who fit. For a further page, post the same search to the address in `next`."""
    return _page(held, asked, search)


@router.post("/merge", responses=described(404))
def merge(two: Merge, held: Held, caller: Admin) -> PatientShown:
    """Make two records of one person one; the ids of both name it from then on. This cannot be undone."""
    with transaction(held.engine) as session:
        stays, goes = row_of(session, Patient, two.survivor), row_of(session, Patient, two.other)
        survivor, other = ((one.patient_id, one.issuer) for one in (stays, goes))
        merged = merge_patients(session, survivor, other, by=caller.signature)
        assert merged is not None  # noqa: S101 - both are on record
        kind = AuditEventKind.PATIENT_MERGED
        audit.record(session, caller.actor, kind, patient=merged.id, other=two.other)
        return patient_shown(merged)


@router.post("", status_code=201, responses=described(409))
def add_patient(new: NewPatient, held: Held, caller: Writer, response: Response) -> PatientShown:
    """Record a patient whose id is not on record."""
    with transaction(held.engine) as session:
        hold_identifier(session, new.patient_id, new.issuer)
        known = find_patient(session, new.patient_id, new.issuer)
        if known is not None:
            raise ConflictError(f"the id is on record: it names patient {known.id}")
        patient = patient_for(session, new.patient_id, new.issuer)
        complete_patient(session, patient, name=new.name, birth_date=new.birth_date, sex=new.sex)
        correct_patient(
            session, patient, birth_date=new.birth_date, death_date=new.death_date, by=caller.signature
        )
        audit.record(session, caller.actor, AuditEventKind.PATIENT_ADDED, patient=patient.id)
        shown = patient_shown(patient)
    response.headers["Location"] = f"/api/v1/patients/{shown.id}"
    tagged(response, shown)
    return shown


@router.get("/{number}", responses=described(404))
def one_patient(number: Number, held: Held, caller: Reader, response: Response) -> PatientShown:
    """A patient."""
    with transaction(held.engine) as session:
        shown = patient_shown(row_of(session, Patient, number))
        audit.record(session, caller.actor, AuditEventKind.PATIENT_VIEWED, patient=number)
    tagged(response, shown)
    return shown


@router.patch("/{number}", responses=described(404, 412, 428))
def correct(
    number: Number,
    correction: PatientCorrection,
    held: Held,
    caller: Writer,
    response: Response,
    if_match: SameRecord = None,
) -> PatientShown:
    """Overwrite what is given of a patient; what was before is kept in the record's changes.

    A `death_date` of null takes back one that was recorded by mistake.
    """
    with transaction(held.engine) as session:
        patient = row_of(session, Patient, number, lock=True)
        check_unchanged(patient_shown(patient), if_match)
        lives = "death_date" in correction.model_fields_set and correction.death_date is None
        correct_patient(session, patient, **correction.model_dump(), lives=lives, by=caller.signature)
        audit.record(session, caller.actor, AuditEventKind.PATIENT_CHANGED, patient=number)
        shown = patient_shown(patient)
    tagged(response, shown)
    return shown


@router.post("/{number}/identifiers", responses=described(404))
def add_further_identifier(number: Number, further: Identifier, held: Held, caller: Writer) -> PatientShown:
    """Let a further id name the patient; one that does so already is left as it is."""
    with transaction(held.engine) as session:
        patient = row_of(session, Patient, number, lock=True)
        add_identifier(session, patient, further.value, further.issuer)
        session.expire(patient, ["identifiers"])
        audit.record(session, caller.actor, AuditEventKind.PATIENT_CHANGED, patient=number)
        return patient_shown(patient)


def patient_shown(patient: Patient) -> PatientShown:
    """What is shown of a patient."""
    further = [Identifier(value=one.value, issuer=one.issuer) for one in patient.identifiers]
    columns = {name: getattr(patient, name) for name in PatientShown.model_fields if name != "identifiers"}
    return PatientShown(identifiers=further, **columns)


def _page(held: Context, asked: Asked, search: PatientSearch) -> Page[PatientShown]:
    query = select(Patient).options(selectinload(Patient.identifiers))
    if search.patient_id is not None or search.issuer is not None:
        further = exists().where(
            PatientIdentifier.patient_key == Patient.id,
            _is(search, PatientIdentifier.value, PatientIdentifier.issuer),
        )
        query = query.where(or_(_is(search, Patient.patient_id, Patient.issuer), further))
    if search.name is not None:
        query = query.where(named(search.name))
    if search.birth_date is not None:
        query = query.where(Patient.birth_date == search.birth_date)
    with transaction(held.engine) as session:
        return page(session, asked, query, Patient.id, patient_shown)


def _is(
    search: PatientSearch, value: InstrumentedAttribute[str], issuer: InstrumentedAttribute[str]
) -> ColumnElement[bool]:
    """Condition: an identifier in these columns is the one that is searched for."""
    return and_(
        True,
        *([value == search.patient_id] if search.patient_id is not None else []),
        *([issuer == search.issuer] if search.issuer is not None else []),
    )
