"""Gradings of the archive by another bundle, made behind live work."""

import datetime as dt
import enum

from sqlalchemy import ForeignKey, Identity, Index, String, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from service.records.models.base import Base, Leased, worded


class RegradingState(enum.StrEnum):
    """Whether a regrading goes on."""

    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"


class RegradingTaskState(enum.StrEnum):
    """Whether one recording of a regrading was graded."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class Regrading(Base):
    """A bundle that is to grade the archive; one is open for a bundle at a time."""

    __tablename__ = "regrading"
    __table_args__ = (
        Index(
            "uq_regrading_open",
            "bundle_hash",
            unique=True,
            postgresql_where=text("state IN ('running', 'paused')"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    bundle_hash: Mapped[str] = mapped_column(String(64))
    bundle_name: Mapped[str] = mapped_column(String(140))
    """Name and version, for people."""
    bundle_path: Mapped[str]
    """Its folder, where every worker has to find it."""
    since: Mapped[dt.date | None]
    """Only recordings from this day on; None for all."""
    state: Mapped[RegradingState] = mapped_column(worded(RegradingState))
    note: Mapped[str | None]
    """Why it was paused, where it was not a person who did."""
    started_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[dt.datetime | None]


class RegradingTask(Leased, Base):
    """One recording that a regrading is to grade."""

    __tablename__ = "regrading_task"
    __table_args__ = (
        UniqueConstraint("regrading_key", "recording_key"),
        Index("ix_regrading_task_waiting", "regrading_key", "id", postgresql_where=text("state = 'waiting'")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    regrading_key: Mapped[int] = mapped_column(ForeignKey("regrading.id", ondelete="CASCADE"))
    recording_key: Mapped[int] = mapped_column(ForeignKey("recording.id", ondelete="CASCADE"), index=True)
    state: Mapped[RegradingTaskState] = mapped_column(
        worded(RegradingTaskState),
        server_default=RegradingTaskState.WAITING.value,
    )
    code: Mapped[str | None] = mapped_column(String(64))
    """Of the error for which it failed."""
