"""Requests that nobody thought of, to a running site over filled records: no answer is a fault of ours.

Those for the REST interface are made by schemathesis from its own description, right and wrong ones, and each
answer has to be as described. Those for the FHIR server are made of its parameters.
"""

import itertools
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.service.programs import RunningSite

pytestmark = pytest.mark.journey

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 8


def searched(**options: Any) -> settings:
    """How examples are made: the same each time, none of them kept or made smaller."""
    return settings(
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        **options,
    )


def test_every_answer_is_as_described(site: RunningSite) -> None:
    schema = schemathesis.openapi.from_url(f"{site.url}/api/v1/openapi.json", headers=site.headers)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 30
    for operation, mode in itertools.product(operations, (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)):
        _ask_at_random(site, operation, mode)


def _ask_at_random(site: RunningSite, operation: schemathesis.APIOperation, mode: GenerationMode) -> None:
    @searched(max_examples=EXAMPLES)
    @given(case=operation.as_strategy(generation_mode=mode), known=st.integers(0, 3))
    def ask(case: schemathesis.Case, known: int) -> None:
        if known and mode is GenerationMode.POSITIVE:
            # Numbers out of the air hit no row: most cases are to be about one.
            numbered = case.path_parameters.keys() & {"number", "photo"}
            case.path_parameters |= dict.fromkeys(numbered, known)
            case.headers["If-Match"] = "*"
        case.call_and_validate(checks=CHECKS, headers=site.headers)

    ask()


NAMES = ("_id", "_lastUpdated", "patient", "identifier", "date", "code", "started", "_count", "_page")
KINDS = ("Patient", "Procedure", "ImagingStudy", "Observation", "DiagnosticReport", "Encounter")
VALUES = st.one_of(
    st.text(max_size=20),
    st.from_regex(r"\A(gt|le|sa|xx)?\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d)?Z?)?)?)?\Z"),
    st.from_regex(r"\A[a-zA-Z0-9:/,|\\.-]{0,20}\Z"),
)


PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=3)


def test_no_search_makes_the_fhir_server_fail(site: RunningSite) -> None:
    with httpx.Client(base_url=site.url, headers=site.headers, trust_env=False) as client:

        @searched(max_examples=200)
        @given(kind=st.sampled_from(KINDS), pairs=PAIRS)
        def ask(kind: str, pairs: list[tuple[str, str]]) -> None:
            query = "&".join(f"{name}={quote(value, safe='', errors='replace')}" for name, value in pairs)
            answer = client.get(f"/fhir/{kind}?{query}")
            assert answer.status_code in (200, 400, 404), (kind, pairs, answer.text)
            expected = "Bundle" if answer.status_code == 200 else "OperationOutcome"
            assert answer.json()["resourceType"] == expected

        ask()
