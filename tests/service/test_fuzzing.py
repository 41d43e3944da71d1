"""Requests that nobody thought of, to a running site over filled records: no answer is a fault of ours.

Those for the REST interface are made by schemathesis from its own description, right and wrong ones, and each
answer has to be as described. Those for the FHIR server are made of its parameters.
"""

import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
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
from sqlalchemy import Engine

from service.database import transaction
from service.records.models import Recording
from service.records.tokens import Scope, create_token
from service.storage import FolderStorage

pytestmark = pytest.mark.journey

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 8
PROGRAM = """
from pathlib import Path
from service.database import connect
from service.settings import Settings
from service.storage import FolderStorage
from service.web.serve import serve
settings = Settings(web={{"port": {port}}}, api={{"requests_per_minute": 1000000}})
serve(connect({url!r}), FolderStorage(Path({root!r})), settings)
"""


@dataclass(frozen=True)
class RunningSite:
    """The site in a process of its own, and a token that may do everything."""

    url: str
    headers: dict[str, str]


@pytest.fixture
def site(engine: Engine, database_url: str, storage: FolderStorage, ada: Recording) -> Iterator[RunningSite]:
    with transaction(engine) as session:
        token = create_token(session, "fuzzer", Scope.ADMIN, 1)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = PROGRAM.format(port=port, url=database_url, root=str(storage.root))
    process = subprocess.Popen([sys.executable, "-c", program])
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    try:
        while True:
            try:
                httpx.get(f"{url}/health", trust_env=False)
                break
            except httpx.TransportError:
                assert process.poll() is None, "the site ended"
                assert time.monotonic() < deadline, "the site did not answer"
                time.sleep(0.1)
        yield RunningSite(url, {"Authorization": f"Bearer {token}"})
    finally:
        process.terminate()
        process.wait(20)


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
