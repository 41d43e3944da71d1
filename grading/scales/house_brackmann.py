"""The House-Brackmann grading system: one grade from I to VI, stored as 1 to 6.

Sources: House and Brackmann 1985 and the table of emedicine 2172449 (criteria). The estimated function is
from general knowledge, hence provisional. The hinge between III and IV is complete eye closure. Obvious
synkinesis, contracture or spasm makes the grade III, one that impairs function IV, whatever the movement.

A single grade hides differences between regions, so the same grade can be given to each of four regions
beside it; rater agreement per region is lower (kappa 0.30-0.50 against 0.54). The original describes no
midface, so its options carry no words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from grading.scales.items import Item, Option, choice
from grading.scales.scale import Formula, Rule, Scale, total


@dataclass(frozen=True)
class Grade:
    """One grade with the findings that make it; ``function`` is the estimated range in percent."""

    value: int
    numeral: str
    label: str
    gross: str
    rest: str
    forehead: str
    eye: str
    mouth: str
    function: tuple[int, int]

    @property
    def words(self) -> str:
        """All findings in one line."""
        return (
            f"{self.gross}; at rest {self.rest}; forehead movement {self.forehead}; "
            f"eye closure {self.eye}; mouth {self.mouth}"
        )


GRADES = (
    Grade(
        1,
        "I",
        "normal",
        gross="normal in all areas",
        rest="normal",
        forehead="normal",
        eye="normal",
        mouth="normal",
        function=(100, 100),
    ),
    Grade(
        2,
        "II",
        "mild",
        gross="slight weakness on close inspection, perhaps very slight synkinesis",
        rest="normal symmetry and tone",
        forehead="moderate to good",
        eye="complete with minimal effort",
        mouth="slightly asymmetric",
        function=(76, 99),
    ),
    Grade(
        3,
        "III",
        "moderate",
        gross="obvious but not disfiguring difference, noticeable but not severe synkinesis or spasm",
        rest="normal symmetry and tone",
        forehead="slight to moderate",
        eye="complete with effort",
        mouth="slightly weak at maximum effort",
        function=(51, 75),
    ),
    Grade(
        4,
        "IV",
        "moderately severe",
        gross="obvious weakness or disfiguring asymmetry",
        rest="normal symmetry and tone",
        forehead="none",
        eye="incomplete",
        mouth="asymmetric at maximum effort",
        function=(26, 50),
    ),
    Grade(
        5,
        "V",
        "severe",
        gross="barely perceptible motion",
        rest="asymmetric",
        forehead="none",
        eye="incomplete",
        mouth="slight movement",
        function=(1, 25),
    ),
    Grade(
        6,
        "VI",
        "total",
        gross="no movement",
        rest="asymmetric or without tone",
        forehead="none",
        eye="none",
        mouth="no movement",
        function=(0, 0),
    ),
)

_LOWEST = {float(grade.value): float(grade.function[0]) for grade in GRADES}
_HIGHEST = {float(grade.value): float(grade.function[1]) for grade in GRADES}


def _graded(item_id: str, name: str, poses: tuple[str, ...], words: Sequence[str], *, regional: bool) -> Item:
    """An item answered by one of `GRADES`, each described by its place in ``words``."""
    options = (
        Option(grade.numeral, grade.value, f"{grade.numeral} {grade.label}", described)
        for grade, described in zip(GRADES, words, strict=True)
    )
    return choice(item_id, name, poses, options, normal=1, provisional=regional, optional=regional)


_GRADE = _graded(
    "HB",
    "House-Brackmann grade",
    ("REST", "BROW", "EYESOFT", "EYETIGHT", "SMILE", "TEETH", "PUCKER"),
    [grade.words for grade in GRADES],
    regional=False,
)
_REGIONS = (
    ("HBF", "Forehead grade", ("BROW", "REST"), [grade.forehead for grade in GRADES]),
    ("HBE", "Eye grade", ("EYESOFT", "EYETIGHT", "REST"), [grade.eye for grade in GRADES]),
    ("HBC", "Midface grade", ("NOSE", "SMILE", "REST"), [""] * len(GRADES)),
    ("HBM", "Mouth grade", ("TEETH", "SMILE", "PUCKER", "REST"), [grade.mouth for grade in GRADES]),
)
_FUNCTION = Formula(
    "hb-function",
    "the range of facial function, in percent of normal, that the grade stands for",
    "general knowledge, not confirmed",
    provisional=True,
)

HOUSE_BRACKMANN = Scale(
    id="house-brackmann",
    name="House-Brackmann",
    items=(_GRADE, *(_graded(*region, regional=True) for region in _REGIONS)),
    rules=(
        Rule("function_from", "Estimated function, at least", _FUNCTION, total(_GRADE), _LOWEST.__getitem__),
        Rule("function_to", "Estimated function, at most", _FUNCTION, total(_GRADE), _HIGHEST.__getitem__),
    ),
)
