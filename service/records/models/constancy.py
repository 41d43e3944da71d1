"""Checks whether grading is still the same: a phantom's scores, night after night. No patient is in them."""

import datetime as dt
import enum
from typing import Any

from sqlalchemy import CheckConstraint, Identity, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from service.records.models.base import Base, Leased, worded


class ConstancyState(enum.StrEnum):
    """What a check found, once it was made."""

    WAITING = "waiting"
    AGREES = "agrees"
    DIFFERS = "differs"
    FAILED = "failed"


class ConstancyRun(Leased, Base):
    """One check: asked for by the clock for a night, or by a person; made by a worker that grades."""

    __tablename__ = "constancy_run"
    __table_args__ = (
        CheckConstraint("(state IN ('agrees', 'differs')) = (scores IS NOT NULL)", "scores"),
        CheckConstraint("(state = 'failed') = (code IS NOT NULL)", "code"),
        CheckConstraint("(state = 'waiting') = (finished_at IS NULL)", "finished"),
        CheckConstraint("accepted_at IS NULL OR scores IS NOT NULL", "accepted"),
        Index("ix_constancy_run_waiting", "id", postgresql_where=text("state = 'waiting'")),
        Index("ix_constancy_run_bundle_hash_id", "bundle_hash", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    night: Mapped[dt.date | None] = mapped_column(unique=True)
    """The day on which it was due, in the pages' zone; None where a person asked."""
    asked_by: Mapped[str] = mapped_column(String(128))
    asked_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    started_at: Mapped[dt.datetime | None]
    finished_at: Mapped[dt.datetime | None]
    state: Mapped[ConstancyState] = mapped_column(
        worded(ConstancyState),
        server_default=ConstancyState.WAITING.value,
    )
    bundle_hash: Mapped[str | None] = mapped_column(String(64))
    scores: Mapped[dict[str, Any] | None]
    """Points by item."""
    environment: Mapped[dict[str, Any] | None]
    """What it was made with, by name: bundle, libraries, machine, the phantom's photos."""
    compared: Mapped[dict[str, Any] | None]
    """By `last` and `first`: `run` (the number), `limit` and `differences` by item, in points."""
    code: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str | None]
    """Why it failed, in words."""
    accepted_at: Mapped[dt.datetime | None]
    accepted_by: Mapped[str | None] = mapped_column(String(128))
    """Who took its scores as the ones to compare with from then on, in place of the first."""
