"""What a model made of a recording."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grading.scales import EFACE
from service.records.models.base import Base
from service.records.models.recordings import Recording

if TYPE_CHECKING:
    from service.records.models.documents import Report, SignOff


class Bundle(Base):
    """A trained model that is known here: it has graded something, or was installed or named for grading."""

    __tablename__ = "bundle"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    version: Mapped[str] = mapped_column(String(32))
    manifest: Mapped[dict[str, Any]]
    registered_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class Grading(Base):
    """One bundle's result for one recording, identified by what it was made of."""

    __tablename__ = "grading"
    __table_args__ = (
        Index(
            "uq_grading_active", "recording_key", "bundle_key", unique=True, postgresql_where=text("active")
        ),
        CheckConstraint("side IN ('L', 'R')", "side"),
        CheckConstraint("novelty >= 0", "novelty"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    uid: Mapped[str] = mapped_column(String(64), unique=True)
    """Derived from photo contents, poses, bundle hash and configuration: the same input, the same UID."""
    recording_key: Mapped[int] = mapped_column(ForeignKey("recording.id"), index=True)
    bundle_key: Mapped[int] = mapped_column(ForeignKey("bundle.id"))
    active: Mapped[bool]
    flags: Mapped[list[str]]
    side: Mapped[str | None] = mapped_column(String(1))
    """The affected side that was assumed, None where the bundle does not ask; the flags say if estimated."""
    novelty: Mapped[float | None]
    """Distance to the bundle's training data, above 1 unlike it; None in gradings of before it was stored."""
    maps_key: Mapped[str | None] = mapped_column(String(200))
    """The exact parts of the scores, in the storage; None in gradings of before they were kept."""
    created_at: Mapped[dt.datetime]

    recording: Mapped[Recording] = relationship(back_populates="gradings")
    bundle: Mapped[Bundle] = relationship()
    items: Mapped[list["ItemScore"]] = relationship(order_by="ItemScore.id", cascade="all, delete-orphan")
    sub_scores: Mapped[list["SubScoreRow"]] = relationship(
        order_by="SubScoreRow.id", cascade="all, delete-orphan"
    )
    reports: Mapped[list["Report"]] = relationship(back_populates="grading", order_by="Report.id")
    sign_off: Mapped["SignOff | None"] = relationship(back_populates="grading")


_RANGES = " OR ".join(
    f"(item = '{item.id}' AND value BETWEEN {item.low:g} AND {item.high:g})" for item in EFACE.items
)


class WithInterval:
    """Columns of a score: its value and its 90 % prediction interval, None where the bundle knows none."""

    value: Mapped[float]
    low: Mapped[float | None]
    high: Mapped[float | None]

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval's ends in points."""
        return None if self.low is None or self.high is None else (self.low, self.high)


_AROUND = "(low IS NULL) = (high IS NULL) AND low <= value AND value <= high"


class ItemScore(WithInterval, Base):
    """A grading's score of one eFACE item, within that item's range."""

    __tablename__ = "item_score"
    __table_args__ = (
        UniqueConstraint("grading_key", "item"),
        CheckConstraint(_RANGES, "in_range"),
        CheckConstraint(_AROUND, "interval"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    grading_key: Mapped[int] = mapped_column(ForeignKey("grading.id", ondelete="CASCADE"))
    item: Mapped[str] = mapped_column(String(8))


class SubScoreRow(WithInterval, Base):
    """A sub-score of a grading, with the formula that made it; only the folded ones have an interval."""

    __tablename__ = "sub_score"
    __table_args__ = (
        UniqueConstraint("grading_key", "name", "formula"),
        CheckConstraint(_AROUND, "interval"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    grading_key: Mapped[int] = mapped_column(ForeignKey("grading.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(32))
    formula: Mapped[str] = mapped_column(String(32))
