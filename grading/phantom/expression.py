"""What each half of a phantom's face does in a pose: the anatomy's own movement, then what the palsy leaves.

Each `Half` holds the quantities that are drawn. On the affected half they are the healthy half's times or
plus the palsy's parameters, so a score read off the drawing is the one that `true_scores` states.
"""

from dataclasses import dataclass, replace

from grading.phantom.anatomy import Anatomy
from grading.phantom.palsy import Palsy, PhantomError
from grading.protocols import JENA9

BROW_EXCURSION = 8.5
"""Full brow elevation, mm."""
FOLD_REST_ANGLE = 37.0
"""Angle of a healthy nasolabial fold from the vertical, degrees, at rest; a smile adds `FOLD_SMILE_TURN`."""
FOLD_SMILE_TURN = 6.0
JAW_OPENING = 1.0
"""How far each lip is from the other's edge in showing teeth before any lip muscle pulls, mm."""
UPPER_SHARE = 0.45
"""Part of the open eye that lies above the pupil's level; the upper lid covers the iris's top."""


@dataclass(frozen=True)
class Half:
    """One half of the face as drawn. Lengths in mm (up is positive where a name says lift), shares 0 to 1."""

    brow_lift: float = 0.0
    brow_knit: float = 0.0
    """Inner brow drawn down and to the middle."""
    forehead: float = 0.0
    """Strength of the forehead lines."""
    upper_lid: float = 4.9
    """Lid edge above the level of the pupil, mm; below it when negative."""
    lower_lid: float = 5.9
    """Lid edge below the level of the pupil, mm."""
    rolled: float = 0.0
    """How far the eyeball turns up while the lids try to close (Bell's phenomenon)."""
    squeeze: float = 0.0
    """Crow's feet and bunched lids."""
    snarl: float = 0.0
    """Lines across the nose; the fold's upper end drawn up."""
    corner_out: float = 0.0
    corner_lift: float = 0.0
    upper_lip_lift: float = 0.0
    lower_lip_drop: float = 0.0
    pucker: float = 0.0
    depressed: float = 0.0
    """Marionette line and tense chin."""
    fold_depth: float = 1.0
    fold_angle: float = FOLD_REST_ANGLE
    cheek: float = 0.0
    """How far the cheek is bunched up, mm of relief."""

    @property
    def fissure(self) -> float:
        """Height of the open eye, mm."""
        return self.upper_lid + self.lower_lid


def halves(anatomy: Anatomy, palsy: Palsy, pose: str) -> tuple[Half, Half]:
    """The picture's left half (the person's right) and its right half in ``pose``, a code of `JENA9`.

    Raises `PhantomError` for a pose that the protocol does not know.
    """
    if pose not in JENA9.by_code:
        raise PhantomError(f"pose must be one of {', '.join(JENA9.by_code)}, not {pose!r}")
    healthy = _healthy(anatomy, pose)
    affected = _affected(anatomy, palsy, pose)
    sides = (affected if palsy.side == "R" else healthy, affected if palsy.side == "L" else healthy)
    brow, eye, corner = anatomy.asymmetry
    right, left = sides
    left = replace(
        left,
        brow_lift=left.brow_lift + brow,
        upper_lid=left.upper_lid + eye,
        lower_lid=left.lower_lid - eye,
        corner_lift=left.corner_lift + corner,
    )
    return right, left


def _lids(fissure: float) -> tuple[float, float]:
    """Edges above and below the pupil's level of an eye open by ``fissure`` mm."""
    return UPPER_SHARE * fissure, (1 - UPPER_SHARE) * fissure


def _healthy(anatomy: Anatomy, pose: str) -> Half:
    return _move(anatomy, pose, Palsy(), rest=Half())


def _affected(anatomy: Anatomy, palsy: Palsy, pose: str) -> Half:
    rest = Half(
        brow_lift=palsy.brow_offset,
        corner_lift=palsy.commissure_offset,
        corner_out=0.25 * palsy.commissure_offset,
        fold_depth=palsy.fold_depth,
        fold_angle=FOLD_REST_ANGLE + palsy.fold_angle,
    )
    return _move(anatomy, pose, palsy, rest)


def _move(anatomy: Anatomy, pose: str, palsy: Palsy, rest: Half) -> Half:
    """``rest`` moved into ``pose`` as far as ``palsy`` lets it."""
    open_by = anatomy.fissure * palsy.fissure
    upper, lower = _lids(open_by)
    half = replace(rest, upper_lid=upper, lower_lid=lower, fold_depth=rest.fold_depth * anatomy.fold_depth)

    def shut(share: float, floor: float) -> Half:
        """The lids closed by ``share`` of the fissure; the lower lid ends ``floor`` mm below the pupil."""
        bottom = lower + share * (min(floor, lower) - lower)
        return replace(
            half, lower_lid=bottom, upper_lid=open_by * (1 - share) - bottom, rolled=min(1.0, 2.5 * share)
        )

    if pose == "BROW":
        lift = palsy.brow_lift
        return replace(
            half,
            brow_lift=half.brow_lift + BROW_EXCURSION * lift,
            forehead=lift,
            upper_lid=upper + 0.7 * lift,
        )
    if pose == "EYESOFT":
        return shut(palsy.gentle_closure, 5.0)
    if pose == "EYETIGHT":
        effort = palsy.full_closure
        return replace(
            shut(effort, 3.0),
            squeeze=effort,
            brow_lift=half.brow_lift - 4.0 * effort,
            brow_knit=effort,
            cheek=2.2 * effort,
            corner_lift=half.corner_lift + 1.2 * effort,
            fold_depth=half.fold_depth * (1 + 0.3 * effort),
        )
    if pose == "NOSE":
        effort = palsy.smile
        return replace(
            half,
            snarl=effort,
            brow_lift=half.brow_lift - 3.0 * effort,
            brow_knit=0.9 * effort,
            upper_lid=upper - 0.16 * open_by * effort,
            lower_lid=lower - 0.12 * open_by * effort,
            upper_lip_lift=2.6 * effort,
            cheek=1.6 * effort,
            fold_depth=half.fold_depth * (1 + 0.5 * effort),
        )
    if pose == "SMILE":
        return replace(
            half,
            corner_out=half.corner_out + 6.5 * palsy.smile,
            corner_lift=half.corner_lift + 6.5 * palsy.smile,
            fold_depth=1.4 * anatomy.fold_depth * palsy.smile_fold_depth,
            fold_angle=FOLD_REST_ANGLE + FOLD_SMILE_TURN + palsy.smile_fold_angle,
            cheek=3.0 * palsy.smile,
            squeeze=0.3 * palsy.smile,
            lower_lid=lower - 0.07 * open_by * palsy.smile,
        )
    if pose == "TEETH":
        return replace(
            half,
            corner_out=half.corner_out + 5.5 * palsy.smile,
            corner_lift=half.corner_lift + 2.5 * palsy.smile,
            upper_lip_lift=JAW_OPENING + 4.2 * palsy.smile,
            lower_lip_drop=JAW_OPENING + 8.0 * palsy.lower_lip,
            cheek=2.0 * palsy.smile,
            fold_depth=half.fold_depth * (1 + 0.5 * palsy.smile),
        )
    if pose == "PUCKER":
        effort = 0.5 * (palsy.smile + palsy.lower_lip)
        return replace(
            half, pucker=effort, corner_out=half.corner_out - 12.0 * effort, fold_depth=half.fold_depth * 0.8
        )
    if pose == "CORNERS":
        effort = palsy.lower_lip
        return replace(
            half,
            depressed=effort,
            corner_lift=half.corner_lift - 6.0 * effort,
            corner_out=half.corner_out + effort,
        )
    return half
