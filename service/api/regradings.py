"""Grading the archive by another bundle: how far it is, letting it rest and go on.

It is begun where the bundle lies, by `facialis regrade`.
"""

from collections.abc import Callable

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from service.api.context import Held, Number
from service.api.gate import Admin, Caller, Reader
from service.api.problems import described
from service.database import transaction
from service.records import audit, regrading
from service.records.audit_events import AuditEventKind
from service.records.models.regrading import Regrading

router = APIRouter(prefix="/regradings", tags=["regradings"])


class RegradingShown(BaseModel):
    """How far a regrading is, in recordings."""

    regrading: int = Field(examples=[2])
    bundle: str = Field(examples=["department 3"])
    bundle_hash: str
    state: str = Field(description="`running`, `paused` or `finished`.", examples=["running"])
    waiting: int
    done: int
    failed: int
    note: str | None = Field(description="Why it rests, where no person paused it.")


@router.get("", responses=described())
def list_regradings(held: Held, caller: Reader) -> list[RegradingShown]:
    """How far every regrading is, the newest first."""
    with transaction(held.engine) as session:
        return [
            RegradingShown.model_validate(one, from_attributes=True) for one in regrading.progress(session)
        ]


@router.post("/{number}/pause", responses=described(404))
def pause(number: Number, held: Held, caller: Admin) -> RegradingShown:
    """Let a regrading rest; nothing of it is lost."""
    return _act(held, caller, number, regrading.pause)


@router.post("/{number}/resume", responses=described(404))
def resume(number: Number, held: Held, caller: Admin) -> RegradingShown:
    """Let a paused regrading go on."""
    return _act(held, caller, number, regrading.resume)


def _act(held: Held, caller: Caller, number: int, act: Callable[[Session, int], Regrading]) -> RegradingShown:
    with transaction(held.engine) as session:
        run = act(session, number)
        session.flush()
        kind = AuditEventKind.RECORDING_REGRADED
        audit.record(session, caller.actor, kind, regrading=number, state=run.state.value)
        (shown,) = (one for one in regrading.progress(session) if one.regrading == number)
        return RegradingShown.model_validate(shown, from_attributes=True)
