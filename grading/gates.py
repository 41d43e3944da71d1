"""What is held against a photo: limits of what is measured, and what follows where they are passed.

What is measured is in `grading.quality` (one photo), `grading.mirroring` (a series) and `grading.pose_check`
(what a photo shows); how often each gate is wrong is in docs/quality.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from grading.errors import PermanentError


class Severity(StrEnum):
    """What a flag means for the photo that bears it."""

    OFF = "off"
    """Nothing; it is not told."""

    WARN = "warn"
    """It is graded, and the grading says so."""

    REJECT = "reject"
    """It cannot be graded: a score would tell of the photo, not of the face."""


@dataclass(frozen=True)
class Flag:
    """One thing that is wrong with a photo: a stable code and how bad it is.

    ``detail`` says more where a code leaves it open: for `pose.wrong` the code of the pose that is seen.
    """

    code: str
    severity: Severity = Severity.WARN
    detail: str = ""

    def __str__(self) -> str:
        """As it is stored: `face.tilted`, `pose.wrong.PUCKER`."""
        return f"{self.code}.{self.detail}" if self.detail else self.code

    @property
    def sentence(self) -> str:
        """What is wrong and what to do."""
        return SENTENCES[self.code]


@dataclass(frozen=True)
class Limits:
    """For each measure of `grading.quality.Measures`, in its unit: from where on it warns, and rejects.

    ``eye_distance``, ``sharpness`` and ``contrast`` must not be below their limits, the others not above.
    ``mirrored``: correlation (0-1) with the turned left-right pattern of the rest of its series from which a
    photo counts as mirrored, see `grading.mirroring`.
    """

    eye_distance: tuple[float, float] = (90.0, 60.0)
    sharpness: tuple[float, float] = (0.65, 0.2)
    burnt: tuple[float, float] = (0.2, 0.7)
    black: tuple[float, float] = (0.1, 0.5)
    contrast: tuple[float, float] = (40.0, 20.0)
    roll: tuple[float, float] = (5.0, 10.0)
    yaw: tuple[float, float] = (7.0, 15.0)
    mirrored: float = 0.3


LIMITS = Limits()


@dataclass(frozen=True)
class Gate:
    """A measure that is held against its limits. ``low``: whether too little of it is what is wrong."""

    code: str
    measure: str
    low: bool


GATES = (
    Gate("face.small", "eye_distance", low=True),
    Gate("photo.blurred", "sharpness", low=True),
    Gate("photo.overexposed", "burnt", low=False),
    Gate("photo.underexposed", "black", low=False),
    Gate("photo.flat", "contrast", low=True),
    Gate("face.tilted", "roll", low=False),
    Gate("face.turned", "yaw", low=False),
)
CUT_OFF = "face.cut_off"
MIRRORED = "photo.mirrored"
WRONG = "pose.wrong"
UNPERFORMED = "pose.unperformed"

SENTENCES = {
    "face.small": "The face has few pixels; take photos from nearer.",
    "photo.blurred": "The face is blurred; focus on the eyes and hold still.",
    "photo.overexposed": "Parts of the face are burnt out; use less light or exposure.",
    "photo.underexposed": "Parts of the face are black; light it evenly from the front.",
    "photo.flat": "The face shows few shades; use more light and clean the lens.",
    "face.tilted": "The head leans to one shoulder; keep it and the camera upright.",
    "face.turned": "The face looks to one side; let it look straight into the camera.",
    CUT_OFF: "The face touches the edge of the photo; part of it is missing.",
    MIRRORED: "The photo seems mirrored left to right against the rest of its series; turn mirroring off.",
    WRONG: "The photo seems to show another pose than it is filed under; check the order of the photos.",
    UNPERFORMED: "Both sides of the face seem to be at rest; check that the movement was tried.",
}
"""Every code that a photo may be flagged with, in words."""


class UnfitPhotoError(PermanentError):
    """A photo fails a quality gate, under whose code the error stands; docs/quality.md lists them."""

    code = "photo.unfit"

    def __init__(self, flags: Iterable[Flag]) -> None:
        self.flags = tuple(flags)
        super().__init__(" ".join(flag.sentence for flag in self.flags))
        self.code = self.flags[0].code  # type: ignore[misc]  # known when raised


@dataclass(frozen=True)
class Rules:
    """What a department holds against its photos.

    ``severities`` say by code what follows from a flag, whatever its limits say: `warn` lets a photo pass
    that would be rejected, `reject` rejects what is else only warned of, `off` keeps silent.
    """

    limits: Limits = LIMITS
    severities: Mapping[str, Severity] = field(default_factory=dict)

    def apply(self, flags: Iterable[Flag]) -> tuple[Flag, ...]:
        """What is told of a photo that bears ``flags``.

        Raises `UnfitPhotoError`, with every reason, where one of them rejects it.
        """
        judged = [Flag(f.code, self.severities.get(f.code, f.severity), f.detail) for f in flags]
        rejecting = [flag for flag in judged if flag.severity is Severity.REJECT]
        if rejecting:
            raise UnfitPhotoError(rejecting)
        return tuple(flag for flag in judged if flag.severity is Severity.WARN)


RULES = Rules()
