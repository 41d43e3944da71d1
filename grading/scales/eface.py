"""The eFACE scale, and the scores that several groups derive from its items.

Sources: Raj et al., Table 1 and Section 2 (items, ranges, 100 = balanced, sub-scores as plain averages) and
Table 3 (item to photo). The anchor words at 0 and 200 are from general knowledge and marked provisional
unless the direction is corroborated by a second source (R1, R2, R5).

Brow elevation, eye closure and smile (M1-M4) are judged as change from rest, hence their second photo. The
synkinesis items have no photo, as Raj et al. (Section 5.1) read them from video only; Auto-eFACE computes
S1 from the smile and the pursed lips.
"""

from collections.abc import Mapping
from fractions import Fraction

from grading.scales.items import Item
from grading.scales.scale import Formula, Rule, Scale, SubScore, combined, derived, mean

BALANCED = 100.0

STATIC_ITEMS = (
    Item("R1", "Resting brow height", 200, ("REST",), "brow low", "brow high", provisional=False),
    Item("R2", "Resting palpebral fissure width", 200, ("REST",), "wide", "narrow", provisional=False),
    Item("R3", "Nasolabial fold depth at rest", 200, ("REST",), "effaced", "too deep"),
    Item("R4", "Nasolabial fold orientation at rest", 200, ("REST",), "too vertical", "too horizontal"),
    Item("R5", "Oral commissure position at rest", 200, ("REST",), "too low", "too high", provisional=False),
)
DYNAMIC_ITEMS = (
    Item("M1", "Brow elevation", 100, ("BROW", "REST"), "reduced"),
    Item("M2", "Fissure narrowing, gentle closure", 100, ("EYESOFT", "REST"), "incomplete"),
    Item("M3", "Fissure narrowing, full closure", 100, ("EYETIGHT", "REST"), "incomplete"),
    Item("M4", "Oral commissure movement with smile", 100, ("SMILE", "REST"), "reduced"),
    Item("M5", "Nasolabial fold depth with smile", 200, ("SMILE",), "effaced", "too deep"),
    Item("M6", "Nasolabial fold orientation with smile", 200, ("SMILE",), "too vertical", "too horizontal"),
    Item("M7", "Lower lip movement, showing teeth", 100, ("TEETH",), "reduced"),
)
SYNKINESIS_ITEMS = (
    Item("S1", "Ocular synkinesis", 100, (), "present"),
    Item("S2", "Midfacial synkinesis", 100, (), "present"),
    Item("S3", "Mentalis synkinesis", 100, (), "present"),
    Item("S4", "Platysmal synkinesis", 100, (), "present"),
)
PREDICTED_ITEMS = STATIC_ITEMS + DYNAMIC_ITEMS
"""The twelve items that the paper predicts from stills (Table 3)."""


def fold(score: float) -> float:
    """Distance from balanced as 0-100 points, 100 best: ``100 - |100 - clip(score, 0, 200)|``."""
    return BALANCED - abs(BALANCED - min(max(score, 0.0), 2 * BALANCED))


_FOLDED = Formula(
    "folded",
    "mean of the items, each folded at 100: deviations in opposite directions do not cancel",
    "Facialis; the folding as in Auto-eFACE, Compute_eFace.py",
)
_RAJ = Formula("raj", "plain mean of the items, not folded", "Raj et al., Section 2")
_BANKS2015 = Formula(
    "banks2015",
    "(static + 2 × dynamic + synkinesis) / 4 of the folded sub-scores",
    "Banks et al. 2015, PubMed 26218397: dynamic counts twice; neither equation nor folding confirmed",
    provisional=True,
)
_AUTOEFACE2020 = Formula(
    "autoeface2020",
    "folded means of R1 R2 R5, of M1 M2 M3 M4 M7, and S1; total: the mean of these three",
    "Auto-eFACE, Compute_eFace.py and compute_scores.py",
)
_EMOTRICSPLUS2022 = Formula(
    "emotricsplus2022",
    "folded means of R1 R2 R4 R5, of M1 M2 M3 M4 M7, and S1; total: the mean of these ten items",
    "Emotrics+, Compute_eFace.py; its one nasolabial fold item is an angle, taken here to be R4",
    provisional=True,
)


def _picked(*ids: str) -> tuple[Item, ...]:
    return tuple(item for item in PREDICTED_ITEMS + SYNKINESIS_ITEMS if item.id in ids)


_GROUPS = (
    ("static", "Static", STATIC_ITEMS),
    ("dynamic", "Dynamic", DYNAMIC_ITEMS),
    ("synkinesis", "Synkinesis", SYNKINESIS_ITEMS),
)
_LANDMARK_MOTION = _picked("M1", "M2", "M3", "M4", "M7")
_AUTO = (_picked("R1", "R2", "R5"), _LANDMARK_MOTION, _picked("S1"))
_PLUS = (_picked("R1", "R2", "R4", "R5"), _LANDMARK_MOTION, _picked("S1"))


def _three(formula: Formula, groups: tuple[tuple[Item, ...], ...]) -> tuple[Rule, ...]:
    """The static, dynamic and synkinesis rule of ``formula``: folded means of three groups of items."""
    return tuple(
        Rule(group, name, formula, mean(*items), fold)
        for (group, name, _), items in zip(_GROUPS, groups, strict=True)
    )


_RULES = (
    *(
        rule
        for group, name, items in _GROUPS
        for rule in (
            Rule(group, name, _FOLDED, mean(*items), fold),
            Rule(group, name, _RAJ, mean(*items)),
        )
    ),
    Rule(
        "total",
        "Total",
        _BANKS2015,
        combined(
            (Fraction(1, 4), mean(*STATIC_ITEMS)),
            (Fraction(2, 4), mean(*DYNAMIC_ITEMS)),
            (Fraction(1, 4), mean(*SYNKINESIS_ITEMS)),
        ),
        fold,
    ),
    *_three(_AUTOEFACE2020, _AUTO),
    Rule(
        "total",
        "Total",
        _AUTOEFACE2020,
        combined(*((Fraction(1, 3), mean(*items)) for items in _AUTO)),
        fold,
    ),
    *_three(_EMOTRICSPLUS2022, _PLUS),
    Rule("total", "Total", _EMOTRICSPLUS2022, mean(*(item for items in _PLUS for item in items)), fold),
)

EFACE = Scale("eface", "eFACE", PREDICTED_ITEMS + SYNKINESIS_ITEMS, _RULES)


def sub_scores(scores: Mapping[str, float]) -> tuple[SubScore, ...]:
    """Static and dynamic sub-scores of the predicted items, each by the formulas ``folded`` and ``raj``.

    ``folded`` is the mean of the folded items (0-100), what clinicians are shown: deviations in opposite
    directions do not cancel. ``raj`` is the plain mean of the raw items (paper, Section 2), kept for
    comparison with the paper. A sub-score appears only when all its items are there; no total is formed,
    since the synkinesis items cannot be read from stills. `derived` gives all that can be formed.

    Raises `ScoreError` as `Scale.check` does.
    """
    return tuple(
        score
        for score in derived(EFACE, scores)
        if score.formula in (_FOLDED.id, _RAJ.id) and score.id != "synkinesis"
    )
