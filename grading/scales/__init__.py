"""Grading scales as data: items, their ranges and answers, and the scores derived from them.

`docs/scales.md` shows them as tables. Item ids are unique over all scales, so that a table of labels can hold
one column per item id.
"""

from collections.abc import Mapping

from grading.scales import eface
from grading.scales.eface import (
    BALANCED,
    DYNAMIC_ITEMS,
    EFACE,
    PREDICTED_ITEMS,
    STATIC_ITEMS,
    SYNKINESIS_ITEMS,
    fold,
)
from grading.scales.house_brackmann import GRADES, HOUSE_BRACKMANN, Grade
from grading.scales.items import Item, Option
from grading.scales.scale import Formula, Rule, Scale, ScoreError, SubScore, derived
from grading.scales.stennert import STENNERT
from grading.scales.sunnybrook import SUNNYBROOK

SCALES: dict[str, Scale] = {scale.id: scale for scale in (EFACE, HOUSE_BRACKMANN, SUNNYBROOK, STENNERT)}
_SCALE_OF: dict[str, Scale] = {item.id: scale for scale in SCALES.values() for item in scale.items}


def scale_of(item_id: str) -> Scale:
    """The scale that an item belongs to. Raises `ScoreError` where no scale has it."""
    try:
        return _SCALE_OF[item_id]
    except KeyError:
        raise ScoreError(f"{item_id} is not an item of {', '.join(SCALES)}") from None


def find_item(item_id: str) -> Item:
    """The item with this id, whichever scale it belongs to. Raises `ScoreError` where no scale has it."""
    return scale_of(item_id).by_id[item_id]


def sub_scores(scores: Mapping[str, float]) -> tuple[SubScore, ...]:
    """The derived scores that are shown beside predicted items, scale by scale.

    Of eFACE those of `grading.scales.eface.sub_scores`. Of any other scale all whose items have a score, each
    item counted as the answer nearest to it, as a clinician would.

    Raises `ScoreError` for an unknown item and an eFACE score outside its range.
    """
    of_scale: dict[str, dict[str, float]] = {}
    for item_id, score in scores.items():
        of_scale.setdefault(scale_of(item_id).id, {})[item_id] = find_item(item_id).answer(score)
    return tuple(
        sub_score
        for scale in SCALES.values()
        if scale.id in of_scale
        for sub_score in (
            eface.sub_scores(of_scale[scale.id]) if scale is EFACE else derived(scale, of_scale[scale.id])
        )
    )


__all__ = [
    "BALANCED",
    "DYNAMIC_ITEMS",
    "EFACE",
    "GRADES",
    "HOUSE_BRACKMANN",
    "PREDICTED_ITEMS",
    "SCALES",
    "STATIC_ITEMS",
    "STENNERT",
    "SUNNYBROOK",
    "SYNKINESIS_ITEMS",
    "Formula",
    "Grade",
    "Item",
    "Option",
    "Rule",
    "Scale",
    "ScoreError",
    "SubScore",
    "derived",
    "find_item",
    "fold",
    "scale_of",
    "sub_scores",
]
