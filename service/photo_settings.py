"""Settings of what photos show: how their poses are found, and what they must be to be graded."""

import re
from typing import Literal

from pydantic import Field, field_validator

from grading.gates import LIMITS, SENTENCES, Severity
from service.peer_settings import Section


class PoseSettings(Section):
    """How the pose that a photo shows is found: rules in order, the first that decides wins."""

    order: tuple[Literal["code", "text", "instance_number"], ...] = ("code", "text", "instance_number")
    codes: dict[str, str] = Field(default_factory=dict)
    """More codes, as ``"SCHEME:VALUE" = "POSE"``, beside the built-in ones."""
    patterns: tuple[tuple[str, str], ...] | None = None
    """``[[regular expression, POSE], …]`` in place of the built-in English and German ones."""

    @field_validator("patterns")
    @classmethod
    def _compile(cls, patterns: tuple[tuple[str, str], ...] | None) -> tuple[tuple[str, str], ...] | None:
        for pattern, _ in patterns or ():
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
        return patterns


class QualitySettings(Section):
    """What a photo must be to be graded: from where on it is warned of, and rejected; see docs/quality.md."""

    severities: dict[str, Severity] = Field(default_factory=dict)
    """What follows from a flag, by its code, in place of what its limits say."""
    eye_distance: tuple[float, float] = LIMITS.eye_distance
    sharpness: tuple[float, float] = LIMITS.sharpness
    burnt: tuple[float, float] = LIMITS.burnt
    black: tuple[float, float] = LIMITS.black
    contrast: tuple[float, float] = LIMITS.contrast
    roll: tuple[float, float] = LIMITS.roll
    yaw: tuple[float, float] = LIMITS.yaw
    mirrored: float = Field(default=LIMITS.mirrored, ge=0, le=1)

    @field_validator("severities")
    @classmethod
    def _known_codes(cls, severities: dict[str, Severity]) -> dict[str, Severity]:
        unknown = sorted(severities.keys() - SENTENCES.keys())
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no flag of a photo: use {', '.join(SENTENCES)}")
        return severities
