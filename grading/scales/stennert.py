"""The Stennert index (1977): four signs at rest and six in motion, a point each, more is worse.

Only the total, 0 normal to 10 complete palsy, is confirmed (PMC5655551). The wording of the items and the
split into 4 and 6 are from general knowledge and provisional until a clinic confirms them; that the items
fall on the Jena photos 1-4, 7 and 8 speaks for them.
"""

from grading.scales.items import Item, Option, choice
from grading.scales.scale import Formula, Rule, Scale, total


def _sign(item_id: str, name: str, pose: str, absent: str, present: str, words: str = "") -> Item:
    """A sign of palsy: no point when absent, which ``words`` define, one when present."""
    return choice(
        item_id,
        name,
        (pose,),
        (
            Option("0", 0, absent, words, provisional=True),
            Option("1", 1, present, provisional=True),
        ),
        normal=0,
        provisional=True,
    )


_REST = (
    _sign("T1", "Difference of the palpebral fissures", "REST", "under 3 mm", "3 mm or more"),
    _sign("T2", "Ectropion", "REST", "no", "yes"),
    _sign("T3", "Nasolabial fold effaced", "REST", "no", "yes"),
    _sign("T4", "Drooping mouth corner", "REST", "under 3 mm", "3 mm or more"),
)
_HALF = "at least half as much as on the healthy side"
_MOTION = (
    _sign("B1", "Forehead can be wrinkled", "BROW", "yes", "no", _HALF),
    _sign("B2", "Lid gap remains in relaxed closure", "EYESOFT", "no", "yes"),
    _sign("B3", "Lid gap remains in forced closure", "EYETIGHT", "no", "yes"),
    _sign("B4", "Showing teeth: upper and lower canine visible", "TEETH", "yes", "no"),
    _sign("B5", "Showing teeth: full width of the second upper incisor visible", "TEETH", "yes", "no"),
    _sign("B6", "Whistling: mouth corner comes nearer to the philtrum", "PUCKER", "yes", "no", _HALF),
)

_STENNERT1977 = Formula(
    "stennert1977",
    "rest = sum of T1-T4, motion = sum of B1-B6, total = rest + motion",
    "PMC5655551 (total 0-10); the split and the items are not confirmed",
    provisional=True,
)

STENNERT = Scale(
    id="stennert",
    name="Stennert",
    items=_REST + _MOTION,
    rules=(
        Rule("rest", "Rest", _STENNERT1977, total(*_REST)),
        Rule("motion", "Motion", _STENNERT1977, total(*_MOTION)),
        Rule("total", "Total", _STENNERT1977, total(*_REST, *_MOTION)),
    ),
)
