"""Which rater is to score which recording and how, and the scores that were settled where raters differ."""

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, String, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from service.records.models.annotations import IN_RANGE, Rater
from service.records.models.base import Base
from service.records.models.recordings import Recording


class Assignment(Base):
    """One rater's task: to score one recording on some scales, the first time or once more."""

    __tablename__ = "assignment"
    __table_args__ = (
        UniqueConstraint("rater_key", "recording_key", "repeat"),
        CheckConstraint("repeat IN (0, 1)", "repeat"),
        Index("ix_assignment_place", "rater_key", "place", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    rater_key: Mapped[int] = mapped_column(ForeignKey("rater.id"))
    recording_key: Mapped[int] = mapped_column(ForeignKey("recording.id"), index=True)
    repeat: Mapped[int] = mapped_column(server_default="0")
    """1 where the rater scored the recording before, without being told so."""
    scales: Mapped[list[str]]
    """Ids of `grading.scales`, in the order in which they are to be filled in."""
    blind: Mapped[bool]
    """Whether the rater sees neither the model's scores nor anybody else's, nor whose recording it is."""
    place: Mapped[int]
    """In the order in which the rater is given them."""
    given_by: Mapped[str] = mapped_column(String(128))
    given_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
    finished_at: Mapped[dt.datetime | None]

    rater: Mapped[Rater] = relationship()
    recording: Mapped[Recording] = relationship()


class SettledScore(Base):
    """The score of one item that counts instead of what several raters gave."""

    __tablename__ = "settled_score"
    __table_args__ = (
        UniqueConstraint("recording_key", "item"),
        CheckConstraint(IN_RANGE, "in_range"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    recording_key: Mapped[int] = mapped_column(ForeignKey("recording.id"))
    scale: Mapped[str] = mapped_column(String(32))
    item: Mapped[str] = mapped_column(String(8))
    value: Mapped[float]
    settled_by: Mapped[str] = mapped_column(String(128))
    settled_at: Mapped[dt.datetime] = mapped_column(
        server_default=func.clock_timestamp(), onupdate=func.clock_timestamp()
    )
