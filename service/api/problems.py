"""What goes wrong, as RFC 9457 tells it: `application/problem+json` with a stable type.

The type is a path of this interface which says in words what the code means. No problem holds anything of
what was sent or of a patient's record: only where in the request the fault is.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from grading.errors import FacialisError, PermanentError, TransientError

MEDIA_TYPE = "application/problem+json"
TYPES = "/api/v1/problems/"
RETRY_SECONDS = 10
"""What a caller is told to wait after a fault that may pass."""


class ApiError(PermanentError):
    """A request cannot be answered as it was made."""

    code = "api.refused"
    status: ClassVar[int] = 400
    headers: Mapping[str, str] = {}
    faults: Sequence["Fault"] = ()


class NotFoundError(ApiError):
    """Nothing lies under the address, or what lay there is gone."""

    code = "api.not_found"
    status = 404


class NotPossibleError(ApiError):
    """The address does not take this method."""

    code = "api.method"
    status = 405


class UnfitRequestError(ApiError):
    """A part of the request is missing or not of the form that the interface's description gives it."""

    code = "api.unfit"
    status = 422


class CursorError(ApiError):
    """The cursor is not one that this list gave out; begin again without one."""

    code = "api.cursor"


class ConflictError(ApiError):
    """What was asked for is not possible in the state that the record is in."""

    code = "api.conflict"
    status = 409


class ChangedError(ApiError):
    """The record changed since it was read: read it again, and decide anew."""

    code = "api.changed"
    status = 412


class UnconditionalError(ApiError):
    """A change has to name, in If-Match, the ETag of the record that it was decided on."""

    code = "api.unconditional"
    status = 428


class FaultError(ApiError):
    """The service failed; it has noted where in its log, and nothing that was received or graded is lost."""

    code = "api.failed"
    status = 500


class Fault(BaseModel):
    """One part of a request that is not as it must be."""

    at: str = Field(description="Where in the request, such as `body.side`.", examples=["body.side"])
    detail: str = Field(description="What it must be.", examples=["Input should be 'L', 'R' or 'B'"])


class Problem(BaseModel):
    """Why a request was not answered (RFC 9457)."""

    type: str = Field(examples=[f"{TYPES}recording.unknown"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(description="What to do.", examples=["there is no recording 7"])
    code: str = Field(description="Stable; docs/errors.md lists them.", examples=["recording.unknown"])
    errors: list[Fault] | None = Field(
        default=None, description="The parts of the request that are at fault."
    )


_, _definitions = models_json_schema(
    [(Problem, "serialization")], ref_template="#/components/schemas/{model}"
)
SCHEMAS: dict[str, Any] = _definitions["$defs"]
"""The forms above, for the description of an interface."""


_STATUSES = {"unknown": 404, "state": 409}
"""By the last word of a code, for what is nobody's mistake in the request."""


def status_of(error: FacialisError) -> int:
    """The HTTP status that tells of an error, wherever it was raised."""
    if isinstance(error, ApiError):
        return error.status
    if isinstance(error, TransientError):
        return 503
    return _STATUSES.get(error.code.rpartition(".")[2], 422)


def headers_of(error: FacialisError) -> dict[str, str]:
    """The headers of the answer that tells of an error."""
    headers = dict(error.headers) if isinstance(error, ApiError) else {}
    if status_of(error) == 503:
        headers["Retry-After"] = str(RETRY_SECONDS)
    return headers


def answer(error: FacialisError) -> Response:
    """An error as the answer to a request."""
    status = status_of(error)
    content: dict[str, Any] = {
        "type": f"{TYPES}{error.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": str(error),
        "code": error.code,
    }
    if isinstance(error, ApiError) and error.faults:
        content["errors"] = [fault.model_dump() for fault in error.faults]
    return JSONResponse(content, status, headers_of(error), MEDIA_TYPE)


def refused(request: Request, error: Exception) -> Response:
    """The handler for errors that Facialis raises on purpose."""
    assert isinstance(error, FacialisError)  # noqa: S101 - the only kind that it is registered for
    return answer(error)


def not_served(request: Request, error: Exception) -> Response:
    """The handler for what the router refuses: unknown addresses and methods."""
    assert isinstance(error, HTTPException)  # noqa: S101 - the only kind that it is registered for
    if error.status_code == 405:
        told: ApiError = NotPossibleError("this address does not take the method: see the description")
        told.headers = error.headers or {}
        return answer(told)
    if error.status_code == 404:
        return answer(NotFoundError("there is nothing at this address"))
    return answer(UnfitRequestError("the request cannot be read: send what the description says"))


def unfit(request: Request, error: Exception) -> Response:
    """The handler for requests that are not as described: where, and what is wanted there instead."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - the only kind that it is registered for
    wanted = _wanted_type(request, error)
    if wanted is not None:
        return answer(UnfitRequestError(f"send the body as Content-Type: {wanted}"))
    told = UnfitRequestError("the request is not as the interface's description has it")
    told.faults = [
        Fault(at=".".join(map(str, fault["loc"]))[:100], detail=fault["msg"]) for fault in error.errors()
    ]
    return answer(told)


def _wanted_type(request: Request, error: RequestValidationError) -> str | None:
    """The type of body that is wanted, where one came that was not said to be JSON, and so was not read."""
    whole = any(fault["loc"] == ("body",) and fault["type"] != "missing" for fault in error.errors())
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return "application/json" if whole and not said.endswith("json") else None


def described(*statuses: int, content: Sequence[str] = ()) -> dict[int | str, dict[str, Any]]:
    """For a description: which statuses are told as problems, beside those that any request can end in.

    ``content`` are the media types of an answer that is not JSON.
    """
    told: dict[int | str, dict[str, Any]] = {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({401, 403, 413, 422, 429, 503, *statuses})
    }
    if content:
        binary = {"schema": {"type": "string", "format": "binary"}}
        told[200] = {"description": HTTPStatus.OK.phrase, "content": dict.fromkeys(content, binary)}
    return told
