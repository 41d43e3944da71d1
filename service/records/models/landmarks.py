"""Points that a person marked in a photo."""

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, String, func
from sqlalchemy.orm import Mapped, mapped_column

from service.records.models.base import Base


class Landmarks(Base):
    """The points of one photo as they were last saved."""

    __tablename__ = "landmarks"

    photo_key: Mapped[int] = mapped_column(ForeignKey("photo.id", ondelete="CASCADE"), primary_key=True)
    points: Mapped[dict[str, Any]]
    """By id of `grading.landmarks.POINTS`, each [x, y] in pixels of the view."""
    marked_by: Mapped[str] = mapped_column(String(128))
    marked_at: Mapped[dt.datetime] = mapped_column(server_default=func.clock_timestamp())
