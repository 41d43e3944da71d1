"""Phantom patients and their recordings: everything follows from a seed, nothing from the clock."""

import datetime
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grading.phantom.anatomy import Anatomy, random_anatomy
from grading.phantom.palsy import HEALTHY, Palsy, PhantomError, flaccid_palsy, recovered, true_scores
from grading.phantom.photo import draw_photo
from grading.phantom.types import Side
from grading.protocols import JENA9

FAMILY_NAMES = (
    "Ahorn",
    "Birke",
    "Eibe",
    "Erle",
    "Esche",
    "Fichte",
    "Ginkgo",
    "Hasel",
    "Kiefer",
    "Linde",
    "Ulme",
)
WOMEN = ("Ada", "Berta", "Carla", "Dora", "Emmy", "Frieda", "Gerda", "Hanna")
MEN = ("Anton", "Bruno", "Conrad", "David", "Emil", "Felix", "Georg", "Hugo")
PROCEDURES = (
    "Hypoglossal-facial nerve jump anastomosis",
    "Facial-facial interposition graft",
    "Masseteric-facial nerve transfer",
    "Gracilis free muscle transfer",
)
VISITS = (-21, 91, 183, 365)
"""Days from surgery of the recordings, in order; more recordings follow yearly."""
RECOVERIES = (0.0, 0.22, 0.50, 0.72)
"""How far the face has recovered at each visit."""


@dataclass(frozen=True)
class PhantomRecording:
    """One photo series of a phantom. ``scores`` are the true item scores; ``number`` counts from 1."""

    number: int
    recorded_at: datetime.datetime
    palsy: Palsy
    scores: dict[str, float]
    days_from_surgery: int | None


@dataclass(frozen=True)
class PhantomPatient:
    """A person who does not exist. ``side`` is the affected one, None when healthy: no surgery then."""

    id: str
    family_name: str
    given_name: str
    birth_date: datetime.date
    sex: str
    anatomy: Anatomy
    side: Side | None
    surgery_date: datetime.date | None
    procedure: str | None
    recordings: tuple[PhantomRecording, ...]


def phantom_patient(seed: int, *, healthy: bool = False, recordings: int = 4) -> PhantomPatient:
    """The phantom patient of ``seed`` (0 or more).

    With palsy: one surgery, the first recording before it, then after 3, 6, 12 months and yearly, recovering.
    Healthy: one recording, whatever ``recordings`` says.

    Raises `PhantomError` for a negative seed or fewer than one recording.
    """
    if seed < 0 or recordings < 1:
        raise PhantomError("a phantom patient needs a seed of 0 or more and at least one recording")
    rng = np.random.default_rng([seed, 0])
    anatomy = random_anatomy(rng)
    man = anatomy.masculinity > 0.5
    first_day = datetime.date(2023, 1, 9) + datetime.timedelta(days=int(rng.integers(0, 500)))
    birth = first_day - datetime.timedelta(days=int(anatomy.age * 365.25) + int(rng.integers(0, 200)))
    names = MEN if man else WOMEN
    family, given = (str(rng.choice(FAMILY_NAMES)), str(rng.choice(names)))
    side: Side | None = None
    surgery: datetime.date | None = None
    procedure: str | None = None
    courses: list[tuple[int | None, Palsy]] = [(None, HEALTHY)]
    if not healthy:
        side = "L" if rng.random() < 0.5 else "R"
        surgery = first_day + datetime.timedelta(days=21)
        procedure = str(rng.choice(PROCEDURES))
        before = flaccid_palsy(rng, side)
        courses = [(days, recovered(before, part)) for days, part in _course(recordings)]
    return PhantomPatient(
        id=f"PH-{seed:06d}",
        family_name=f"Phantom-{family}",
        given_name=given,
        birth_date=birth,
        sex="M" if man else "F",
        anatomy=anatomy,
        side=side,
        surgery_date=surgery,
        procedure=procedure,
        recordings=tuple(
            PhantomRecording(
                number, _moment(rng, surgery or first_day, days or 0), palsy, true_scores(palsy), days
            )
            for number, (days, palsy) in enumerate(courses, start=1)
        ),
    )


def draw_series(patient: PhantomPatient, recording: PhantomRecording) -> dict[str, NDArray[np.uint8]]:
    """The photos of one recording, (900, 720, 3) uint8 RGB, by pose code in the protocol's order."""
    number = int(patient.id.removeprefix("PH-"))
    rng = np.random.default_rng([number, recording.number])
    return {pose.code: draw_photo(patient.anatomy, recording.palsy, pose.code, rng) for pose in JENA9.poses}


def _course(recordings: int) -> list[tuple[int, float]]:
    """Days from surgery and recovered fraction of each recording."""
    course = list(zip(VISITS, RECOVERIES, strict=True))[:recordings]
    for year in range(2, 2 + recordings - len(course)):
        course.append((365 * year, 1 - 0.28 * 0.8 ** (year - 1)))
    return course


def _moment(rng: np.random.Generator, day: datetime.date, offset: int) -> datetime.datetime:
    """A time in consulting hours, ``offset`` days after ``day``; wall-clock time, as cameras keep it."""
    minutes = int(rng.integers(8 * 60, 16 * 60))
    start = datetime.datetime.combine(day + datetime.timedelta(days=offset), datetime.time())
    return start + datetime.timedelta(minutes=minutes)
