"""Patients by their identifiers, whose systems follow from the issuers on record."""

from sqlalchemy import and_, exists, not_, or_, true

from service.fhir.people import SYSTEMATIC, IdentifierSystems, identifier_system
from service.fhir_server.parameters import Column, Condition, Token, token
from service.records.models import Patient, PatientIdentifier


def identified(text: str, systems: IdentifierSystems) -> Condition:
    """Condition: one of the patient's identifiers is the one that is searched for."""
    wanted = token(text)
    further = exists().where(
        PatientIdentifier.patient_key == Patient.id,
        _is(wanted, PatientIdentifier.value, PatientIdentifier.issuer, systems),
    )
    return or_(_is(wanted, Patient.patient_id, Patient.issuer, systems), further)


def _is(wanted: Token, value: Column, issuer: Column, systems: IdentifierSystems) -> Condition:
    of_system = true() if wanted.system is None else _issued(wanted.system, issuer, systems)
    return and_(of_system, value == wanted.value if wanted.value else true())


def _issued(system: str, issuer: Column, systems: IdentifierSystems) -> Condition:
    """Condition: the issuer's identifiers are of the system; of none if that is empty."""
    if not system:
        return and_(issuer.not_in(systems), not_(issuer.regexp_match(f"^({SYSTEMATIC})$")))
    issuers = {*systems, system, system.removeprefix("urn:oid:")}
    return issuer.in_([one for one in issuers if identifier_system(one, systems) == system])
