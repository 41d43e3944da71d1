"""What stands beside the records: how many recordings are where, and what the codes of problems mean."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from service.api.context import Held, Line
from service.api.gate import Reader
from service.api.problems import NotFoundError, described
from service.database import transaction
from service.errors import meanings
from service.records.models import RecordingState
from service.records.worklist import recordings_by_state

router = APIRouter(tags=["overview"])


class Worklist(BaseModel):
    """How much there is to do."""

    recordings: dict[RecordingState, int] = Field(
        description="By state, zeros included.", examples=[{"receiving": 1, "needs_attention": 2}]
    )


class Meaning(BaseModel):
    """What a code of a problem means."""

    code: str = Field(examples=["api.cursor"])
    meaning: str


@router.get("/worklist", responses=described())
def worklist(held: Held, caller: Reader) -> Worklist:
    """How many recordings are in which state."""
    with transaction(held.engine) as session:
        return Worklist(recordings=recordings_by_state(session))


@router.get("/problems/{code}", responses=described(404))
def problem(code: Line, caller: Reader) -> Meaning:
    """What the type of a problem means: `type` of every problem leads here."""
    known = meanings()
    if code not in known:
        raise NotFoundError("there is no such code")
    return Meaning(code=code, meaning=known[code])
