"""Maps of recordings, and the blocks of features that are cut from them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from grading.recipes import Block

_CHUNK = 2**22
"""Numbers of a block that are read at a time,"""
_LEAST = 2**12
"""or so many of each case: with fewer a matrix product waits for memory rather than for arithmetic."""


@dataclass(frozen=True, eq=False)
class Maps:
    """Maps of n recordings; ``poses`` names the second axis.

    ``network`` is (n, poses, tiles, C, H, W) float32, the network's activations. ``movement`` and
    ``asymmetry`` are (n, poses, tiles, 2, h, w) float32, displacements in crop pixels to the right and down:
    since the rest photo, and against the other tile of the same photo. They are zero for poses of which no
    block reads them, None where no block does. The first tile is the person's right side.
    """

    poses: tuple[str, ...]
    network: NDArray[np.float32]
    movement: NDArray[np.float32] | None = None
    asymmetry: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.network)

    def of(self, block: Block) -> NDArray[np.float32]:
        """The map that a block reads."""
        source: NDArray[np.float32] | None = getattr(self, block.source)
        if source is None:
            raise ValueError(f"no {block.source} was computed for a block that reads it")
        return source

    def each(self, change: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> "Maps":
        """The maps with every source changed."""
        derived = (None if one is None else change(one) for one in (self.movement, self.asymmetry))
        return Maps(self.poses, change(self.network), *derived)


@dataclass(frozen=True, eq=False)
class Cases:
    """Which recordings to read, each with its affected side: ``left`` says where it is the person's left.

    ``rows`` and ``left`` are (m,); the same recording may stand there several times.
    """

    rows: NDArray[np.int_]
    left: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.rows)


def block_shape(block: Block, maps: Maps) -> tuple[int, int, int]:
    """The (C, rows, W) of a block's features."""
    channels, _, width = maps.of(block).shape[3:]
    rows = block_rows(block, maps)
    return channels, rows.stop - rows.start, width


def block_rows(block: Block, maps: Maps) -> slice:
    """The rows of its map that a block reads."""
    height = maps.of(block).shape[4]
    start, stop = block.rows
    return slice(round(start * height), round(stop * height))


def block_chunks(block: Block, maps: Maps, cases: Cases) -> list[slice]:
    """The channels of a block, some at a time, so that features of all ``cases`` need not be held at once."""
    channels, height, width = block_shape(block, maps)
    step = max(1, max(_CHUNK // max(1, len(cases)), _LEAST) // max(1, height * width))
    return [slice(start, min(start + step, channels)) for start in range(0, channels, step)]


def block_features(
    block: Block, maps: Maps, cases: Cases, channels: slice = slice(None)
) -> NDArray[np.float32]:
    """A block's features, (m, C, rows, W) float32, of some of its channels or all."""
    source = maps.of(block)
    rows = block_rows(block, maps)
    recordings, where = np.unique(cases.rows, return_inverse=True)
    # A recording is read once, however often it stands among the cases, and contiguous rows without a copy.
    chosen = _as_slice(recordings)
    tiles: list[NDArray[np.float32]] = []
    for tile in range(source.shape[2] if block.part != "whole" else 1):
        photos = (
            _times(factor, source[chosen, maps.poses.index(pose), tile, channels, rows])
            for pose, factor in block.photos.items()
        )
        tiles.append(reduce(np.add, photos))
    if not np.array_equal(where, np.arange(len(recordings))):
        tiles = [tile[where] for tile in tiles]
    if block.part == "whole":
        return tiles[0]
    right, left = tiles
    if block.part == "mean":
        return (right + left) / np.float32(2)
    swap = cases.left[:, None, None, None]
    affected = np.where(swap, left, right)
    return affected if block.part == "affected" else affected - np.where(swap, right, left)


def _times(factor: float, values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values if factor == 1 else np.float32(factor) * values


def _as_slice(rows: NDArray[np.int_]) -> slice | NDArray[np.int_]:
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows
