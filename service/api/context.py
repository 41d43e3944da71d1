"""What the functions behind the addresses work with, and the forms of their parameters."""

import hashlib
import json
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Path
from pydantic import AfterValidator, BaseModel, StringConstraints
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import Response

from service.api.problems import ChangedError, UnconditionalError
from service.settings import Settings
from service.storage import Storage

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@dataclass(frozen=True)
class Context:
    """The records, the storage and the settings that the interface is over."""

    engine: Engine
    storage: Storage
    settings: Settings


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Held = Annotated[Context, Depends(_context)]


def _text(text: str) -> str:
    # PostgreSQL's text holds neither NUL nor halves of surrogate pairs, which JSON can write.
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("NUL and halves of surrogate pairs are not allowed")
    return text.strip()


def _line(text: str) -> str:
    if any(character < " " for character in text):
        raise ValueError("control characters are not allowed")
    return _text(text)


Line = Annotated[str, AfterValidator(_line)]
"""Text in one line, blanks around it taken away."""
Text = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_text)]
"""Text of any lines, blanks around it taken away."""
SameRecord = Annotated[
    str | None, Header(alias="If-Match", description="The ETag of the record as it was read.")
]


def tag(shown: BaseModel) -> str:
    """The ETag of what is shown of a record: another whenever anything of it is."""
    content = json.dumps(shown.model_dump(mode="json"), sort_keys=True)
    return f'"{hashlib.sha256(content.encode()).hexdigest()[:32]}"'


def tagged(response: Response, shown: BaseModel) -> None:
    """Let the answer carry the ETag of what it shows."""
    response.headers["ETag"] = tag(shown)


def check_unchanged(shown: BaseModel, if_match: str | None) -> None:
    """See to it that a change was decided on what the record still says; its row is locked.

    Raises:
        UnconditionalError: there is no If-Match.
        ChangedError: the record is not as it was then.
    """
    if if_match is None:
        raise UnconditionalError("name in If-Match the ETag of the record that you read")
    # A proxy that compresses makes an ETag weak; what it stands for is the same.
    known = {one.strip().removeprefix("W/") for one in if_match.split(",")}
    if not known & {tag(shown), "*"}:
        raise ChangedError("the record changed since you read it: read it again")
