"""Recipes: what a model reads of a recording, item by item.

Three maps are computed of a photo: the network's activations, the movement since the rest photo, and the
asymmetry, by which each half of the face differs in shape from the other. The features of an item are blocks
cut from them. Everything is a weighted sum of maps, so a linear model on top
stays linear in every activation and every displacement, and what each place of the face contributes to a
score is exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from grading.framing import PAPER_PREPROCESSING, PREPROCESSING, Preprocessing
from grading.regression import Regression
from grading.scales import PREDICTED_ITEMS, Item

Source = Literal["network", "movement", "asymmetry"]
Part = Literal["whole", "affected", "difference", "mean"]


@dataclass(frozen=True)
class Block:
    """One stretch of features.

    ``source``: which map. ``part``: of which tile - the first (`whole`), the one of the affected side, the
    affected less the other side (`difference`), or the mean of both. ``photos``: pose codes and the factors
    by which their maps are added up. ``rows``: the part of the map's height that is read, as shares from the
    top. ``weight``: the block's share in the sum of the kernels.
    """

    source: Source
    part: Part
    photos: Mapping[str, float]
    rows: tuple[float, float] = (0.0, 1.0)
    weight: float = 1.0


@dataclass(frozen=True)
class Recipe:
    """How photos become crops, what each item reads of them (by item id), and how its regressor is fitted.

    ``side``: the blocks by which the affected side is estimated; empty where the recipe does not ask for it.
    """

    name: str
    preprocessing: Preprocessing
    blocks: Mapping[str, tuple[Block, ...]]
    regression: Regression
    side: tuple[Block, ...] = ()

    def __post_init__(self) -> None:
        sided = any(block.part != "whole" for block in self._all)
        sided |= bool(self.reads("asymmetry"))
        if sided and not (self.side and self.preprocessing.twin):
            raise ValueError("a recipe that compares sides needs twin crops and blocks to tell the side by")

    @property
    def poses(self) -> tuple[str, ...]:
        """Codes of the poses that are read, each once; the rest photo comes first where movement is read."""
        rest = [REST] if self.reads("movement") else []
        return tuple(dict.fromkeys([*rest, *(pose for block in self._all for pose in block.photos)]))

    def reads(self, source: Source) -> frozenset[str]:
        """Codes of the poses of which this map is read."""
        return frozenset(pose for block in self._all if block.source == source for pose in block.photos)

    def needs(self, item_id: str) -> tuple[str, ...]:
        """Codes of the poses that an item is read from, each once."""
        blocks = self.blocks[item_id]
        rest = [REST] if any(block.source == "movement" for block in blocks) else []
        return tuple(dict.fromkeys([*(pose for block in blocks for pose in block.photos), *rest]))

    @property
    def _all(self) -> list[Block]:
        return [block for blocks in (*self.blocks.values(), self.side) for block in blocks]


REST = "REST"
UPPER = (0.0, 0.55)
"""Rows from the hairline to below the eyes."""
LOWER = (0.45, 1.0)
"""Rows from below the eyes to the chin."""
_UPPER_ITEMS = frozenset({"R1", "R2", "M1", "M2", "M3"})
# Photos in which that part of the face keeps still: their mean shows it at rest with less noise than one.
_STILL = {
    UPPER: (REST, "NOSE", "SMILE", "TEETH", "PUCKER", "CORNERS"),
    LOWER: (REST, "BROW", "EYESOFT", "EYETIGHT"),
}
# Items that are a change from rest, and the photo whose movement tells most of each. The lower lip's is best
# seen where the corners of the mouth are lowered: showing teeth changes the look of the mouth too much.
_MOVEMENTS = {"M1": "BROW", "M2": "EYESOFT", "M3": "EYETIGHT", "M4": "SMILE", "M7": "CORNERS"}
# What blocks weigh beside the one of weight 1, chosen by cross-validation (docs/method.md).
_DIFFERENCE_SHARE = 0.5
_CHANGE_SHARE = 0.05


def paper(items: tuple[Item, ...] = PREDICTED_ITEMS, regression: Regression | None = None) -> Recipe:
    """The paper's way: the whole map of one photo (Raj et al., Sections 4.3, 4.4), epsilon 0.1."""
    blocks = {item.id: (Block("network", "whole", dict.fromkeys(item.poses[:1], 1.0)),) for item in items}
    return Recipe("paper", PAPER_PREPROCESSING, blocks, regression or Regression())


def halves(items: tuple[Item, ...] = PREDICTED_ITEMS, regression: Regression | None = None) -> Recipe:
    """The affected half of the face against the other, at rest and in movement."""
    blocks = {item.id: _halves(item) for item in items}
    fitted = regression or Regression(epsilon=0.0, c=3.0, calibrated=True)
    return Recipe("halves", PREPROCESSING, blocks, fitted, _SIDE)


def _halves(item: Item) -> tuple[Block, ...]:
    rows = UPPER if item.id in _UPPER_ITEMS else LOWER
    if item.id in _MOVEMENTS:
        pose = item.poses[0]
        change = _mean(_STILL[rows], sign=-1) | {pose: 1.0}
        moved = {_MOVEMENTS[item.id]: 1.0}
        return (
            Block("movement", "affected", moved, rows),
            Block("movement", "difference", moved, rows, _DIFFERENCE_SHARE),
            Block("network", "affected", change, rows, _CHANGE_SHARE),
            Block("network", "difference", change, rows, _CHANGE_SHARE),
        )
    if item in PREDICTED_ITEMS:
        photos = _mean(_STILL[rows]) if item.poses[0] == REST else {item.poses[0]: 1.0}
        look = (Block("network", "difference", photos, rows),)
        # An eye's aperture is too small a thing for displacements.
        return (*look, Block("asymmetry", "difference", photos, rows)) if rows == LOWER else look
    # another scale's item: each of its photos whole, and what moved in it
    network = tuple(Block("network", "difference", {pose: 1.0}) for pose in item.poses)
    moves = tuple(pose for pose in item.poses if pose != REST)
    return network + tuple(
        Block("movement", part, {pose: 1.0}) for pose in moves for part in ("affected", "difference")
    )


def _mean(poses: tuple[str, ...], sign: int = 1) -> dict[str, float]:
    return {pose: sign / len(poses) for pose in poses}


_SIDE = (
    *(Block("network", "difference", _mean(_STILL[rows]), rows) for rows in (UPPER, LOWER)),
    *(
        Block("movement", "difference", {pose: 1.0}, UPPER if item in _UPPER_ITEMS else LOWER)
        for item, pose in _MOVEMENTS.items()
    ),
)

RECIPES = {"paper": paper, "halves": halves}
"""Recipes by name, each a function of the items and the regression."""
