"""What each place of the face adds to each score, exactly.

A score is a weighted sum over the places of the maps (see `grading.recipes`), so its parts can be told apart
without any approximation: by photo, by map, by half of the face and by place. They are told apart by asking
`block_features` for one photo and one half at a time, all others being empty, so that they follow whatever a
block is made of.

A sum has parts only against something. Counted from empty maps, the parts of a smile would be those of a face
without skin or light, large and cancelling. They are counted from the mean of the training recordings that
raters found balanced in the item (within 5 % of its range): what that mean adds at the same place is taken
off, the affected side's from the affected side's. So a place tells how much further from a balanced face it
moves the score, and the parts and the mean's own score (`Contributions.start`, near the normal score) still
add up to the score. A bundle without that reference counts from empty maps; for features that compare the
sides, that is a face whose halves are equal.

Two limits. A cell of the network's map answers to its surroundings too, so a place is to be taken with a
margin of about a cell. And the halves of a difference share what they have in common (light, skin) with
opposite signs: it cancels in the sum over both halves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from grading.bundle import Bundle, Head
from grading.maps import Cases, Maps, block_features, block_rows
from grading.recipes import Block, Source
from grading.regression import Floats
from grading.scales import find_item

BALANCED_SHARE = 0.05
"""How far from normal, as a share of the item's range, a label counts as balanced."""


@dataclass(frozen=True, eq=False)
class Part:
    """What one map of one photo adds to a score.

    ``places`` (tiles, H, W) are points, in the grid of the map; the first tile is the person's right side.
    """

    source: Source
    pose: str
    places: Floats


@dataclass(frozen=True, eq=False)
class Contributions:
    """The parts of one item's score before clipping, in points.

    ``start`` is the score that they are counted from: with ``balanced`` that of balanced faces, else that of
    empty maps.
    """

    item: str
    start: float
    balanced: bool
    parts: tuple[Part, ...]

    @property
    def score(self) -> float:
        """The start and all parts: the score, not clipped."""
        return self.start + sum(float(part.places.sum()) for part in self.parts)


def contributions(bundle: Bundle, maps: Maps, side: str | None) -> tuple[Contributions, ...]:
    """The parts of every score of the one recording in ``maps``, with its affected side, `R` or `L`.

    ``side`` is None where the model does not ask for it. Raises ValueError for maps of several recordings.
    """
    left = side == "L"
    return tuple(_of_item(head, bundle.recipe.blocks[head.item], maps, left) for head in bundle.heads)


def balanced_reference(
    head: Head, blocks: Sequence[Block], maps: Maps, cases: Cases, weights: Floats, labels: Floats
) -> Mapping[str, NDArray[np.float32]]:
    """A head's reference: what the mean of the balanced among ``cases`` (m,) adds, as `Head.reference`.

    ``weights`` and ``labels`` (m,) are those of the cases. Empty where none is balanced.
    """
    item = find_item(head.item)
    balanced = np.abs(labels - item.normal) <= BALANCED_SHARE * item.span
    if not balanced.any():
        return {}
    mean = _mean_maps(maps, Cases(cases.rows[balanced], cases.left[balanced]), weights[balanced])
    added = _added(head, blocks, mean, left=False)
    return {f"{source}.{pose}": places.astype(np.float32) for (source, pose), places in added.items()}


def _of_item(head: Head, blocks: Sequence[Block], maps: Maps, left: bool) -> Contributions:
    start = head.bias
    parts = []
    for (source, pose), places in _added(head, blocks, maps, left).items():
        typical = np.asarray(head.reference.get(f"{source}.{pose}", np.zeros(places.shape)), dtype=np.float64)
        start += float(typical.sum())
        parts.append(Part(source, pose, places - (typical[::-1] if left else typical)))
    return Contributions(head.item, start, bool(head.reference), tuple(parts))


def _added(head: Head, blocks: Sequence[Block], maps: Maps, left: bool) -> dict[tuple[Source, str], Floats]:
    """What each map of each photo adds to the score of the only recording, (tiles, H, W) points."""
    if len(maps) != 1:
        raise ValueError(f"the parts of {len(maps)} recordings were asked for: give one")
    case = Cases(np.zeros(1, dtype=np.int_), np.array([left]))
    tiles = maps.network.shape[2]
    halves = [_only(maps, tile) for tile in range(tiles)]
    added: dict[tuple[Source, str], Floats] = {}
    for block, weights in zip(blocks, head.weights, strict=True):
        grid = maps.of(block).shape[4:]
        for pose, factor in block.photos.items():
            alone = replace(block, photos={pose: factor})
            places = added.setdefault((block.source, pose), np.zeros((tiles, *grid)))
            for tile, half in enumerate(halves):
                features = block_features(alone, half, case)[0].astype(np.float64)
                places[tile, block_rows(block, maps)] += (features * weights).sum(axis=0)
    return added


def _only(maps: Maps, tile: int) -> Maps:
    """The maps with every other tile empty."""

    def keep(source: NDArray[np.float32]) -> NDArray[np.float32]:
        kept = np.zeros_like(source)
        kept[:, :, tile] = source[:, :, tile]
        return kept

    return maps.each(keep)


def _mean_maps(maps: Maps, cases: Cases, weights: Floats) -> Maps:
    """The weighted mean of cases as one recording, the affected side's tile first."""
    shares = weights / weights.sum()

    def mean(source: NDArray[np.float32]) -> NDArray[np.float32]:
        total = np.zeros(source.shape[1:])
        for row, left, share in zip(cases.rows, cases.left, shares, strict=True):
            total += share * (source[row, :, ::-1] if left else source[row])
        return total[None].astype(np.float32)

    return maps.each(mean)
