"""What goes wrong or is left out, as OperationOutcome."""

from collections.abc import Sequence
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from grading.errors import FacialisError
from service.api.problems import ApiError, FaultError, NotFoundError, headers_of, status_of
from service.fhir.coding import Resource

MEDIA_TYPE = "application/fhir+json; charset=utf-8"
_ISSUES = {
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    410: "deleted",
    413: "too-long",
    429: "throttled",
    500: "exception",
    503: "transient",
}
"""FHIR's issue type by HTTP status; whatever else is wrong with a request is `invalid`."""


class FhirError(ApiError):
    """A FHIR request cannot be answered as it was made."""

    code = "fhir.refused"
    issue: ClassVar[str | None] = None


class ParameterValueError(FhirError):
    """A search parameter has a value that it does not take."""

    code = "fhir.value"
    issue = "value"


class UnknownParameterError(FhirError):
    """A search parameter is not known here, and the request asked for strict handling."""

    code = "fhir.parameter"
    issue = "not-supported"


class UnknownKindError(FhirError):
    """There are no resources of this type here: `/fhir/metadata` says of which there are."""

    code = "fhir.type"
    status = 404
    issue = "not-supported"


class ReplacedError(FhirError):
    """The resource was of a grading that another one has replaced."""

    code = "fhir.replaced"
    status = 410


class FormatError(FhirError):
    """Resources are told in JSON only."""

    code = "fhir.format"
    status = 406
    issue = "not-supported"


def outcome(severity: str, issue: str, texts: Sequence[str], diagnostics: str | None = None) -> Resource:
    """An OperationOutcome with one issue for each text."""
    told: list[Resource] = [
        {"severity": severity, "code": issue, "details": {"text": text}} for text in texts
    ]
    if diagnostics is not None:
        for one in told:
            one["diagnostics"] = diagnostics
    return {"resourceType": "OperationOutcome", "issue": told}


def answer(error: FacialisError) -> Response:
    """An error as the answer to a request; its code stands as the diagnostics."""
    status = status_of(error)
    own = error.issue if isinstance(error, FhirError) else None
    content = outcome("error", own or _ISSUES.get(status, "invalid"), [str(error)], error.code)
    return JSONResponse(content, status, headers_of(error), MEDIA_TYPE)


def refused(request: Request, error: Exception) -> Response:
    """The handler for errors that Facialis raises on purpose."""
    assert isinstance(error, FacialisError)  # noqa: S101 - the only kind that it is registered for
    return answer(error)


def not_served(request: Request, error: Exception) -> Response:
    """The handler for what the router refuses."""
    if getattr(error, "status_code", 404) == 405:
        told = FhirError("resources are read and searched here, not changed")
        told.status = 405  # type: ignore[misc]  # known when raised
        told.headers = getattr(error, "headers", None) or {}
        return answer(told)
    return answer(NotFoundError("there is nothing at this address"))


def unfit(request: Request, error: Exception) -> Response:
    """The handler for bodies that are none of a search."""
    return answer(FhirError("post a search as application/x-www-form-urlencoded"))


FAILED = answer(FaultError("the service could not answer; its log says where"))
