"""How a phantom's palsy is described, and the eFACE scores that follow from it.

A `Palsy` holds what the drawing realises on the affected side, relative to the healthy side of the same
face. The scores are arithmetic on those numbers (`true_scores`), so they are known, not judged. Ranges and
directions follow `grading.scales.EFACE`; closure (M2, M3), brow elevation (M1), smile (M4) and lower lip
(M7) are ratios of change as Auto-eFace defines them (Miller et al. 2021); the resting items and the fold
angle are linear in a stated full deflection.
"""

import math
from dataclasses import dataclass
from typing import get_args

import numpy as np

from grading.errors import PermanentError
from grading.phantom.types import Side

BROW_SPAN = 8.0
"""Resting brow offset in mm that is 100 points (R1)."""
FISSURE_SPAN = 0.6
"""Change of the fissure ratio that is 100 points (R2)."""
ANGLE_SPAN = 25.0
"""Change of the fold's angle in degrees that is 100 points (R4, M6)."""
COMMISSURE_SPAN = 9.0
"""Resting commissure offset in mm that is 100 points (R5)."""


class PhantomError(PermanentError):
    """A phantom was asked for with parameters that cannot be drawn."""

    code = "phantom.invalid"


@dataclass(frozen=True)
class Palsy:
    """What differs on the affected side; the defaults are a balanced face.

    ``side`` is the person's own side, None for a healthy person. Offsets are in mm, angles in degrees, the
    rest are ratios to the healthy side (movements: 0 none, 1 full).

    Raises `PhantomError` where a value leaves the range that the scale can express, or where a healthy
    phantom (no side) is not balanced.
    """

    side: Side | None = None
    brow_offset: float = 0.0
    """Resting brow above (+) or below (-) the healthy one, mm, ±8."""
    fissure: float = 1.0
    """Resting palpebral fissure height, ratio, 0.4 (narrow) to 1.6 (wide)."""
    fold_depth: float = 1.0
    """Nasolabial fold depth at rest, ratio, 0 (effaced) to 2."""
    fold_angle: float = 0.0
    """Fold at rest more horizontal (+) or more vertical (-), degrees, ±25."""
    commissure_offset: float = 0.0
    """Resting mouth corner above (+) or below (-) the healthy one, mm, ±9."""
    brow_lift: float = 1.0
    """Brow elevation, ratio of excursions, 0 to 1."""
    gentle_closure: float = 1.0
    """Part of the resting fissure that gentle closure closes, 0 to 1."""
    full_closure: float = 1.0
    """Part of the resting fissure that full closure closes, 0 to 1."""
    smile: float = 1.0
    """Commissure excursion with smile, ratio, 0 to 1."""
    smile_fold_depth: float = 1.0
    """Nasolabial fold depth with smile, ratio, 0 (effaced) to 2."""
    smile_fold_angle: float = 0.0
    """Fold with smile more horizontal (+) or more vertical (-), degrees, ±25."""
    lower_lip: float = 1.0
    """Lower lip depression when showing teeth, ratio, 0 to 1."""

    def __post_init__(self) -> None:
        if self.side is not None and self.side not in get_args(Side):
            raise PhantomError(f'side must be "L", "R" or None, not {self.side!r}')
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise PhantomError(f"{name} must be between {low:g} and {high:g}, not {value:g}")
            if self.side is None and value != BALANCED[name]:
                raise PhantomError(f"a healthy phantom (side None) needs {name} = {BALANCED[name]:g}")


RANGES: dict[str, tuple[float, float]] = {
    "brow_offset": (-BROW_SPAN, BROW_SPAN),
    "fissure": (1.0 - FISSURE_SPAN, 1.0 + FISSURE_SPAN),
    "fold_depth": (0.0, 2.0),
    "fold_angle": (-ANGLE_SPAN, ANGLE_SPAN),
    "commissure_offset": (-COMMISSURE_SPAN, COMMISSURE_SPAN),
    "brow_lift": (0.0, 1.0),
    "gentle_closure": (0.0, 1.0),
    "full_closure": (0.0, 1.0),
    "smile": (0.0, 1.0),
    "smile_fold_depth": (0.0, 2.0),
    "smile_fold_angle": (-ANGLE_SPAN, ANGLE_SPAN),
    "lower_lip": (0.0, 1.0),
}
"""Lowest and highest value of each parameter, in the unit given at `Palsy`."""

BALANCED: dict[str, float] = {name: float(getattr(Palsy, name)) for name in RANGES}
"""The value of each parameter on a balanced face."""

HEALTHY = Palsy()
"""No palsy: every item scores 100."""


def true_scores(palsy: Palsy) -> dict[str, float]:
    """The twelve item scores that ``palsy`` has by construction, keyed R1-R5 and M1-M7.

    Two-sided items lie in 0-200 with 100 balanced, movements in 0-100 with 100 full. R2 falls as the eye
    widens (0 = wide, 200 = narrow).
    """
    return {
        "R1": 100.0 * (1.0 + palsy.brow_offset / BROW_SPAN),
        "R2": 100.0 * (1.0 - (palsy.fissure - 1.0) / FISSURE_SPAN),
        "R3": 100.0 * palsy.fold_depth,
        "R4": 100.0 * (1.0 + palsy.fold_angle / ANGLE_SPAN),
        "R5": 100.0 * (1.0 + palsy.commissure_offset / COMMISSURE_SPAN),
        "M1": 100.0 * palsy.brow_lift,
        "M2": 100.0 * palsy.gentle_closure,
        "M3": 100.0 * palsy.full_closure,
        "M4": 100.0 * palsy.smile,
        "M5": 100.0 * palsy.smile_fold_depth,
        "M6": 100.0 * (1.0 + palsy.smile_fold_angle / ANGLE_SPAN),
        "M7": 100.0 * palsy.lower_lip,
    }


def recovered(palsy: Palsy, fraction: float) -> Palsy:
    """``palsy`` with every parameter moved ``fraction`` (0 to 1) of the way to balanced; the side stays.

    Raises `PhantomError` for a fraction outside 0 to 1.
    """
    if not 0.0 <= fraction <= 1.0:
        raise PhantomError(f"the recovered fraction must be between 0 and 1, not {fraction:g}")
    moved = {name: (1.0 - fraction) * getattr(palsy, name) + fraction * BALANCED[name] for name in RANGES}
    return Palsy(side=palsy.side, **moved)


def random_palsy(rng: np.random.Generator, side: Side | None = None) -> Palsy:
    """A palsy whose twelve items are independent and spread over their whole ranges.

    Two-sided items lie below balanced six times in ten. Without a ``side``, one is drawn. Meant for
    training, where items that move together would let a model read one item from another's region.
    """
    if side is None:
        side = "L" if rng.random() < 0.5 else "R"
    values = {}
    for name, (low, high) in RANGES.items():
        middle = BALANCED[name]
        if middle == high:
            values[name] = float(rng.uniform(low, high))
            continue
        # the wide eye is the flaccid one, so the fissure leans the other way
        flaccid_end, other_end = (high, low) if name == "fissure" else (low, high)
        end = flaccid_end if rng.random() < 0.6 else other_end
        values[name] = middle + float(rng.random()) * (end - middle)
    return Palsy(side=side, **values)


def flaccid_palsy(rng: np.random.Generator, side: Side) -> Palsy:
    """A complete or nearly complete flaccid palsy, as before reanimation surgery: items move together."""
    severity = float(rng.uniform(0.65, 0.95))

    def share(low: float, high: float) -> float:
        return severity * float(rng.uniform(low, high))

    return Palsy(
        side=side,
        brow_offset=-BROW_SPAN * share(0.5, 0.8),
        fissure=1.0 + FISSURE_SPAN * share(0.4, 0.8),
        fold_depth=1.0 - share(0.6, 1.0),
        fold_angle=-ANGLE_SPAN * share(0.3, 0.7),
        commissure_offset=-COMMISSURE_SPAN * share(0.45, 0.85),
        brow_lift=1.0 - share(0.85, 1.0),
        gentle_closure=1.0 - share(0.6, 0.95),
        full_closure=1.0 - share(0.4, 0.85),
        smile=1.0 - share(0.85, 1.0),
        smile_fold_depth=1.0 - share(0.7, 1.0),
        smile_fold_angle=-ANGLE_SPAN * share(0.3, 0.7),
        lower_lip=1.0 - share(0.75, 1.0),
    )
