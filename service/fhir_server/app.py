"""The FHIR server, as an app that is mounted beside the pages."""

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Body, FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from grading.errors import FacialisError
from service.api import app as rest
from service.api.gate import Caller, Gate, Reader
from service.api.limits import RateLimit
from service.api.problems import NotFoundError
from service.database import transaction
from service.fhir.coding import Resource
from service.fhir_server import outcomes
from service.fhir_server.capability import capability_statement
from service.fhir_server.kinds import Kind, Site, served_kinds
from service.fhir_server.outcomes import FormatError, ParameterValueError, ReplacedError, UnknownKindError
from service.fhir_server.parameters import leading_number
from service.fhir_server.searching import PAGE, Pairs, address, bundle, find, understand
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.refusals import Refusals
from service.settings import Settings
from service.storage import Storage
from service.web.guard import Guard
from service.web.searches import Searches

PATH = "/fhir"
KEPT = "_kept"
"""Parameter of the address of a next page: the word under which a posted search is kept."""
LONGEST_KEPT = 2000


def make_fhir(
    engine: Engine, storage: Storage, settings: Settings, limit: RateLimit, refusals: Refusals
) -> FastAPI:
    """The server over one database and one storage; ``limit`` is kept for each token."""
    systems = settings.api.identifier_systems
    kinds = served_kinds(systems)
    searches = Searches(LONGEST_KEPT)
    fhir = FastAPI(title="Facialis FHIR", docs_url=None, redoc_url=None, openapi_url=None)
    fhir.state.engine = engine

    @fhir.get("/metadata")
    def metadata(request: Request, caller: Reader) -> Response:
        _check_format(request)
        return _told(capability_statement(kinds, _base(request)))

    @fhir.get("/{name}")
    def search(name: str, request: Request, caller: Reader) -> Response:
        _check_format(request)
        asked = list(request.query_params.multi_items())
        word = request.query_params.get(KEPT)
        if word is None:
            return answer(request, caller, name, asked, posted=False)
        kept = searches.text(word)
        if kept is None:
            raise ParameterValueError("this search is kept no more: post it again")
        page = [pair for pair in asked if pair[0] == PAGE]
        return answer(request, caller, name, [*parse_qsl(kept), *page], posted=True)

    @fhir.post("/{name}/_search")
    def posted_search(
        name: str,
        request: Request,
        caller: Reader,
        body: Annotated[bytes, Body(media_type="application/x-www-form-urlencoded")] = b"",
    ) -> Response:
        _check_format(request)
        asked = [*request.query_params.multi_items(), *parse_qsl(body.decode(errors="replace"))]
        return answer(request, caller, name, asked, posted=True)

    @fhir.get("/{name}/{resource_id}")
    def read(name: str, resource_id: str, request: Request, caller: Reader) -> Response:
        _check_format(request)
        kind = _kind(kinds, name)
        with transaction(engine) as session:
            number = leading_number(resource_id)
            row = number and session.scalars(kind.rows.where(kind.number == number)).unique().one_or_none()
            if row:
                patient, recording = kind.about(row)
                event = _READS.get(name, AuditEventKind.RECORDING_VIEWED)
                audit.record(session, caller.actor, event, patient=patient, recording=recording, fhir=name)
                if kind.replaced(row):
                    raise ReplacedError("a newer grading replaced what this was of: search for it")
                for resource in kind.make(row, _site(request, storage, systems), True):
                    if resource["id"] == resource_id:
                        return _told(resource, {"ETag": f'W/"{resource["meta"]["versionId"]}"'})
        raise NotFoundError(f"there is no such {name}")

    def answer(request: Request, caller: Caller, name: str, asked: Pairs, *, posted: bool) -> Response:
        """A page of what is searched for. A posted search stands in no address, nor its names and ids."""
        strict = "handling=strict" in request.headers.get("prefer", "")
        wanted = understand(_kind(kinds, name), asked, strict=strict)
        base = _base(request)
        with transaction(engine) as session:
            found = find(session, wanted, _site(request, storage, systems))
            event = AuditEventKind.PATIENTS_LISTED if name == "Patient" else AuditEventKind.RECORDS_QUERIED
            audit.record(session, caller.actor, event, list=f"fhir {name}", rows=len(found.resources))
        here, following = address(base, wanted), None
        if posted:
            here = f"{base}/{name}/_search"
        if found.next is not None and posted:
            query = address("", wanted).partition("?")[2]
            if len(query) > LONGEST_KEPT:
                raise ParameterValueError("the search is too long to be told in pages: split it")
            word = searches.keep(query)
            following = f"{base}/{name}?{KEPT}={word}&{PAGE}={found.next}"
        elif found.next is not None:
            following = address(base, wanted, found.next)
        return _told(bundle(wanted, found.resources, base, here, following))

    fhir.add_exception_handler(FacialisError, outcomes.refused)
    fhir.add_exception_handler(HTTPException, outcomes.not_served)
    fhir.add_exception_handler(RequestValidationError, outcomes.unfit)
    fhir.add_middleware(Gate, engine=engine, limit=limit, refuse=outcomes.answer, refusals=refusals)
    fhir.add_middleware(Guard, failed=outcomes.FAILED)
    return fhir


_READS = {
    "Patient": AuditEventKind.PATIENT_VIEWED,
    "Procedure": AuditEventKind.PATIENT_VIEWED,
    "DiagnosticReport": AuditEventKind.DOCUMENT_VIEWED,
}


def _kind(kinds: dict[str, Kind], name: str) -> Kind:
    if name not in kinds:
        raise UnknownKindError(f"there are resources of the types {', '.join(kinds)} here")
    return kinds[name]


def _base(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}{PATH}"


def _site(request: Request, storage: Storage, systems: dict[str, str]) -> Site:
    return Site(storage, systems, f"{str(request.base_url).rstrip('/')}{rest.PATH}")


def _check_format(request: Request) -> None:
    """Raise `FormatError` unless JSON is taken, by `_format` or else by the header Accept."""
    asked = request.query_params.get("_format") or request.headers.get("accept") or "*/*"
    if not any(known in asked for known in ("json", "*/*", "application/*")):
        raise FormatError("resources are told as application/fhir+json only")


def _told(resource: Resource, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(resource, headers=headers, media_type=outcomes.MEDIA_TYPE)
