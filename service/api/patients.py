"""Patients. They are searched for by POST, so that no name stands in an address."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from service.api.context import Held, Line, Number, tagged
from service.api.gate import Reader
from service.api.paging import Cursor, Limit, Page, page
from service.api.problems import NotFoundError, described
from service.database import transaction
from service.records.history import named
from service.records.models import Patient

router = APIRouter(prefix="/patients", tags=["patients"])

PatientId = Annotated[Line, StringConstraints(min_length=1, max_length=64)]
Issuer = Annotated[Line, StringConstraints(max_length=64)]


class PatientShown(BaseModel):
    """A patient: an id within its issuer, and what photos and other systems told."""

    id: int = Field(description="The number that other records name the patient by.", examples=[12])
    patient_id: str = Field(examples=["FP-0001"])
    issuer: str = Field(description="Of the patient id; empty where none is stated.", examples=["HOSP"])
    name: str = Field(description="As DICOM writes it.", examples=["Doe^Jane"])
    birth_date: dt.date | None = Field(examples=["1970-01-01"])
    sex: str = Field(description="M, F, O or empty.", examples=["F"])
    created_at: dt.datetime


class PatientSearch(BaseModel):
    """Whom to look for: whoever fits all that is given."""

    model_config = ConfigDict(extra="forbid")

    patient_id: PatientId | None = Field(default=None, description="The whole id.", examples=["FP-0001"])
    issuer: Issuer | None = Field(default=None, description="Of the patient id.", examples=["HOSP"])
    name: Annotated[Line, StringConstraints(min_length=1, max_length=100)] | None = Field(
        default=None, description="Words that each stand in the name or id.", examples=["doe jane"]
    )
    birth_date: dt.date | None = Field(default=None, examples=["1970-01-01"])


def patient_shown(patient: Patient) -> PatientShown:
    """What is shown of a patient."""
    return PatientShown.model_validate(patient, from_attributes=True)


@router.get("", responses=described(400))
def list_patients(
    held: Held, caller: Reader, request: Request, response: Response, limit: Limit = 50, cursor: Cursor = None
) -> Page[PatientShown]:
    """Every patient."""
    with transaction(held.engine) as session:
        query = select(Patient)
        return page(session, request, response, query, Patient.id, patient_shown, limit=limit, cursor=cursor)


@router.post("/search", responses=described(400))
def search_patients(
    search: PatientSearch,
    held: Held,
    caller: Reader,
    request: Request,
    response: Response,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[PatientShown]:
    """Patients who fit. For a further page, post the same search to the address in `next`."""
    query = select(Patient)
    if search.patient_id is not None:
        query = query.where(Patient.patient_id == search.patient_id)
    if search.issuer is not None:
        query = query.where(Patient.issuer == search.issuer)
    if search.name is not None:
        query = query.where(named(search.name))
    if search.birth_date is not None:
        query = query.where(Patient.birth_date == search.birth_date)
    with transaction(held.engine) as session:
        return page(session, request, response, query, Patient.id, patient_shown, limit=limit, cursor=cursor)


@router.get("/{number}", responses=described(404))
def one_patient(number: Number, held: Held, caller: Reader, response: Response) -> PatientShown:
    """A patient."""
    with transaction(held.engine) as session:
        patient = session.get(Patient, number)
        if patient is None:
            raise NotFoundError(f"there is no patient {number}")
        shown = patient_shown(patient)
    tagged(response, shown)
    return shown
