"""Searching: from the parameters of a request to a Bundle with pages."""

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from service.fhir.coding import Resource
from service.fhir_server.kinds import Kind, Site
from service.fhir_server.outcomes import ParameterValueError, UnknownParameterError, outcome
from service.fhir_server.parameters import Condition

COUNT, PAGE = "_count", "_page"
FORMAT = "_format"
USUAL, MOST = 50, 200
Pairs = Sequence[tuple[str, str]]
"""Names and values, as they stand in a request."""


@dataclass(frozen=True)
class Search:
    """What is searched for: conditions on rows, and which of their resources are meant.

    ``used`` are the parameters that counted, ``unknown`` the names of the others. ``start`` is the row and
    the resource of it that came last on the page before.
    """

    kind: Kind
    conditions: tuple[Condition, ...]
    picks: tuple[Callable[[Resource], bool], ...]
    count: int
    start: tuple[int, int] | None
    used: Pairs
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """A page: the resources, and where the next one begins if there is one."""

    resources: tuple[Resource, ...]
    next: str | None


def understand(kind: Kind, asked: Pairs, *, strict: bool) -> Search:
    """What the parameters of a request say.

    Raises:
        ParameterValueError: a value is none that its parameter takes.
        UnknownParameterError: a parameter is not known, and ``strict`` handling was asked for.
    """
    conditions, picks, used, unknown = [], [], [], []
    count, start = USUAL, None
    for name, text in asked:
        if name == PAGE:
            start = _start(text)
        elif name == FORMAT:
            continue
        elif name == COUNT:
            count = _count(text)
            used.append((name, text))
        elif name in kind.parameters:
            if not text:
                continue
            if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
                raise ParameterValueError(f"{name} holds a character that no text has")
            parameter = kind.parameters[name]
            conditions.append(parameter.rows(text))
            if parameter.picks is not None:
                picks.append(parameter.picks(text))
            used.append((name, text))
        else:
            unknown.append(name)
    if unknown and strict:
        raise UnknownParameterError(
            f"not known here: {_listed(unknown)}; {kind.name} is searched by {', '.join(kind.parameters)}"
        )
    return Search(kind, tuple(conditions), tuple(picks), count, start, tuple(used), tuple(unknown))


def find(session: Session, search: Search, site: Site) -> Found:
    """The page that is asked for, and with what the next begins."""
    found: list[tuple[int, int, Resource]] = []
    for row, index, resource in _resources(session, search, site):
        if len(found) == search.count:
            last = found[-1]
            return Found(tuple(one for _, _, one in found), _page(last[0], last[1]))
        found.append((row, index, resource))
    return Found(tuple(one for _, _, one in found), None)


def bundle(
    search: Search, resources: Sequence[Resource], base: str, here: str, next_page: str | None
) -> Resource:
    """The answer to a search at ``here``; ``base`` is the address of the server."""
    entries: list[Resource] = [
        {
            "fullUrl": f"{base}/{search.kind.name}/{resource['id']}",
            "resource": resource,
            "search": {"mode": "match"},
        }
        for resource in resources
    ]
    if search.unknown:
        told = outcome("warning", "not-supported", [f"ignored: {_listed(search.unknown)}"])
        entries.append({"resource": told, "search": {"mode": "outcome"}})
    links = [{"relation": "self", "url": here}]
    if next_page is not None:
        links.append({"relation": "next", "url": next_page})
    answer: Resource = {"resourceType": "Bundle", "type": "searchset", "link": links}
    return answer | ({"entry": entries} if entries else {})


def address(base: str, search: Search, page: str | None = None) -> str:
    """The address of a search, of what counted in it, or of a page of it."""
    query = urlencode([*search.used, *([(PAGE, page)] if page else [])])
    return f"{base}/{search.kind.name}" + (f"?{query}" if query else "")


def _resources(session: Session, search: Search, site: Site) -> Iterator[tuple[int, int, Resource]]:
    """The resources from the start on, each with the number of its row and its place among that row's."""
    kind = search.kind
    query = kind.rows.where(*search.conditions).order_by(kind.number.desc()).limit(search.count + 1)
    if kind.current is not None:
        query = query.where(kind.current)
    below, after = search.start or (None, -1)
    first = below
    while True:
        part = query if below is None else query.where(kind.number <= below)
        rows: Sequence[Any] = session.scalars(part).unique().all()
        for row in rows:
            for index, resource in enumerate(kind.make(row, site, False)):
                seen = row.id == first and index <= after
                if not seen and all(picks(resource) for picks in search.picks):
                    yield row.id, index, resource
        if len(rows) <= search.count:
            return
        below = rows[-1].id - 1


def _page(row: int, index: int) -> str:
    return base64.urlsafe_b64encode(f"{row}.{index}".encode()).decode().rstrip("=")


def _start(text: str) -> tuple[int, int]:
    try:
        row, _, index = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").partition(".")
        if row.isdecimal() and index.isdecimal() and len(row) < 19 and len(index) < 4:
            return int(row), int(index)
    except (binascii.Error, ValueError):
        pass
    raise ParameterValueError("no page was told of so: search again")


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > 9 or int(text) == 0:
        raise ParameterValueError(f"{COUNT} is a number from 1 on; more than {MOST} are never told at once")
    return min(int(text), MOST)


def _listed(names: Sequence[str]) -> str:
    """Names of parameters as they can be told back: a name may be anything."""
    return ", ".join("".join(filter(str.isprintable, name))[:40] for name in names[:10])
