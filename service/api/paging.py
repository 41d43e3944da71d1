"""Long lists in pages: a cursor says after which row the next page begins, so that no row is told twice.

Lists run by row number, the newest first, which never changes. A cursor holds that number and the list's
name, nothing of a patient.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field
from sqlalchemy import Select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from service.api.problems import CursorError

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


def page(
    session: Session,
    request: Request,
    response: Response,
    query: Select[Any],
    number: Any,
    shape: Callable[[Any], T],
    *,
    limit: int,
    cursor: str | None,
) -> Page[T]:
    """The page of ``query`` that ``cursor`` begins; ``number`` is the column of its rows' numbers.

    Raises:
        CursorError: another list gave out the cursor, or none did.
    """
    name = request.url.path.rstrip("/").rpartition("/")[2]
    if cursor is not None:
        query = query.where(number < _number(cursor, name))
    rows: Sequence[Any] = session.scalars(query.order_by(number.desc()).limit(limit + 1)).all()
    found = Page[Any](items=[shape(row) for row in rows[:limit]])
    if len(rows) > limit:
        url = request.url.include_query_params(cursor=_cursor(rows[limit - 1].id, name))
        found.next = f"{url.path}?{url.query}"
        response.headers["Link"] = f'<{found.next}>; rel="next"'
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
