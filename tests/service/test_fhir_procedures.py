"""Procedure resources of other systems, read as surgeries."""

import datetime as dt
from typing import Any

import pytest

from service.fhir.people import procedure_resource
from service.fhir.procedures import ProcedureRead, read_procedure
from service.records.models import Surgery

LEFT = {"coding": [{"system": "http://snomed.info/sct", "code": "7771000"}]}
RIGHT = {"coding": [{"system": "http://snomed.info/sct", "code": "24028007"}]}


def procedure(**other: Any) -> dict[str, Any]:
    return {
        "resourceType": "Procedure",
        "id": "7",
        "status": "completed",
        "code": {"coding": [{"system": "http://fhir.de/ops", "code": "5-044", "display": "Nerve graft"}]},
        "performedDateTime": "2024-03-12T08:00:00+01:00",
        "bodySite": [LEFT],
        **other,
    }


def read(resource: dict[str, Any], **codes: str) -> ProcedureRead:
    found = read_procedure(resource, codes)
    assert found is not None
    return found


def test_what_we_tell_others_we_understand_ourselves() -> None:
    for side in ("L", "R", "B"):
        surgery = Surgery(
            id=3, patient_key=1, performed_on=dt.date(2024, 3, 12), procedure="Jump graft", side=side,
            updated_at=dt.datetime(2024, 3, 13, tzinfo=dt.UTC),
        )  # fmt: skip
        found = read(procedure_resource(surgery))
        assert (found.day, found.procedure, found.side) == (dt.date(2024, 3, 12), "Jump graft", side)
        assert found.problem is None


def test_the_day_is_taken_from_moments_and_periods() -> None:
    assert read(procedure()).day == dt.date(2024, 3, 12)
    period = procedure(performedDateTime=None, performedPeriod={"start": "2024-03-11T22:00:00Z"})
    assert read(period).day == dt.date(2024, 3, 11)
    for coarse in ("2024-03", "2024", "", "2024-02-30"):
        assert read(procedure(performedDateTime=coarse)).problem == "its day is missing or not exact"


def test_the_side_is_that_of_the_body_sites_or_of_the_code() -> None:
    assert read(procedure(bodySite=[LEFT, RIGHT])).side == "B"
    assert "its side is missing" in (read(procedure(bodySite=[])).problem or "")
    coded = {"5-044": "R"}
    assert read_procedure(procedure(bodySite=[]), coded).side == "R"  # type: ignore[union-attr]
    assert read_procedure(procedure(), coded).side == "L"  # type: ignore[union-attr]


def test_other_codes_and_what_is_not_done_yet_are_left() -> None:
    assert read_procedure(procedure(), {"5-470": ""}) is None
    assert read_procedure(procedure(status="preparation"), {}) is None
    assert read_procedure(procedure(status=None), {}) is None
    assert read(procedure(status="entered-in-error")).undone


@pytest.mark.parametrize(
    "odd",
    [
        {"code": "x"},
        {"code": None},
        {"bodySite": "left"},
        {"performedPeriod": None, "performedDateTime": None},
    ],
)
def test_what_is_no_proper_resource_is_a_problem_and_no_crash(odd: dict[str, Any]) -> None:
    assert read(procedure(**odd)).problem is not None
