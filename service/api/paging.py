"""Long lists in pages: a cursor says after which row the next page begins, so that no row is told twice.

Lists run by row number, the newest first, which never changes. A cursor holds that number and the list's
name, nothing of a patient.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy import Select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from service.api.gate import Caller, Reader
from service.api.problems import CursorError
from service.records import audit
from service.records.audit_events import AuditEventKind
from service.records.models import Patient

MOST = 200

Limit = Annotated[int, Query(ge=1, le=MOST, description="How many at most.")]
Cursor = Annotated[
    str | None,
    Query(max_length=100, description="From `next` of the page before; none for the first page."),
]
T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """A part of a list, the newest first."""

    items: list[T]
    next: str | None = Field(
        default=None,
        description="Address of the next page, also in the header Link; none on the last.",
        examples=["/api/v1/recordings?limit=50&cursor=cmVjb3JkaW5nczo3"],
    )


@dataclass(frozen=True)
class PageAsked:
    """Which page of the list under an address somebody asks for."""

    caller: Caller
    request: Request
    response: Response
    limit: int
    cursor: str | None


def _asked(
    caller: Reader, request: Request, response: Response, limit: Limit = 50, cursor: Cursor = None
) -> PageAsked:
    return PageAsked(caller, request, response, limit, cursor)


Asked = Annotated[PageAsked, Depends(_asked)]


def page(
    session: Session, asked: PageAsked, query: Select[Any], number: Any, shape: Callable[[Any], T]
) -> Page[T]:
    """The page of ``query`` that was asked for, each row as ``shape`` makes it.

    ``number`` is the column of the rows' numbers. That the list was asked for goes into the audit trail.

    Raises:
        CursorError: another list gave out the cursor, or none did.
    """
    name = asked.request.url.path.rstrip("/").rpartition("/")[2]
    if asked.cursor is not None:
        query = query.where(number < _number(asked.cursor, name))
    rows: Sequence[Any] = session.scalars(query.order_by(number.desc()).limit(asked.limit + 1)).all()
    kind = AuditEventKind.PATIENTS_LISTED if number is Patient.id else AuditEventKind.RECORDS_QUERIED
    audit.record(session, asked.caller.actor, kind, list=name, rows=min(len(rows), asked.limit))
    found = Page[Any](items=[shape(row) for row in rows[: asked.limit]])
    if len(rows) > asked.limit:
        url = asked.request.url.include_query_params(cursor=_cursor(rows[asked.limit - 1].id, name))
        found.next = f"{url.path}?{url.query}"
        asked.response.headers["Link"] = f'<{found.next}>; rel="next"'
    return found


def _cursor(number: int, name: str) -> str:
    return base64.urlsafe_b64encode(f"{name}:{number}".encode()).decode().rstrip("=")


def _number(cursor: str, name: str) -> int:
    try:
        told, _, number = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(":")
        if told == name and number.isdecimal() and len(number) < 19:
            return int(number)
    except (binascii.Error, ValueError):
        pass
    raise CursorError("this list gave out no such cursor: begin without one")
