"""Settings of what times around a surgery are called."""

from itertools import pairwise
from typing import Self

from pydantic import Field, field_validator, model_validator

from service.peer_settings import Section


class TimepointWindow(Section):
    """A span of days from a surgery that a site has its own name for; both ends belong to it."""

    name: str = Field(min_length=1)
    from_days: int
    to_days: int

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.to_days < self.from_days:
            raise ValueError("to_days lies before from_days")
        return self


class TimepointSettings(Section):
    """What times around a surgery are called."""

    months: tuple[int, ...] = (3, 6, 9, 12, 18, 24)
    """Follow-ups that are usual after facial nerve surgery; then yearly (clinical.md 7.2)."""
    windows: tuple[TimepointWindow, ...] = ()
    """Names that come before those of the months; the first that fits wins."""

    @field_validator("months")
    @classmethod
    def _rising(cls, months: tuple[int, ...]) -> tuple[int, ...]:
        if not months or months[0] < 1 or any(b <= a for a, b in pairwise(months)):
            raise ValueError("must be whole months from 1 on, in rising order")
        return months
