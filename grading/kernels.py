"""Gram matrices of blocks, each computed once and shared by all items that read it."""

from collections.abc import Sequence

import numpy as np

from grading.maps import Cases, Maps, block_chunks, block_shape
from grading.recipes import Block
from grading.regression import DualFit, Floats, size


class Kernels:
    """Inner products between the features of ``cases``, block by block."""

    def __init__(self, maps: Maps, cases: Cases) -> None:
        self.maps = maps
        self.cases = cases
        self._known: dict[str, Floats] = {}

    def block(self, block: Block) -> Floats:
        """The Gram matrix (m, m) of one block, streamed over its channels."""
        # the weight is no part of the features
        key = repr((block.source, block.part, sorted(block.photos.items()), block.rows))
        if key not in self._known:
            total = np.zeros((len(self.cases), len(self.cases)))
            for _, chunk in block_chunks(block, self.maps, self.cases):
                flat = chunk.reshape(len(chunk), -1)
                total += flat @ flat.T
            self._known[key] = total
        return self._known[key]

    def scales(self, blocks: Sequence[Block], rows: np.ndarray[tuple[int], np.dtype[np.int_]]) -> list[float]:
        """The factor of each block's kernel: its weight, over the size of its features in ``rows``."""
        square = np.ix_(rows, rows)
        return [block.weight / size(self.block(block)[square]) for block in blocks]

    def mixed(self, blocks: Sequence[Block], scales: Sequence[float]) -> Floats:
        """The sum of the blocks' kernels by their factors: the kernel of their scaled, joined features."""
        total = np.zeros((len(self.cases), len(self.cases)))
        for block, scale in zip(blocks, scales, strict=True):
            total += scale * self.block(block)
        return total


def primal(
    fitted: DualFit, maps: Maps, cases: Cases, blocks: Sequence[Block], scales: Sequence[float]
) -> list[Floats]:
    """The weights (C, rows, W) of each block, in points per unit of its features, of a fit on ``cases``.

    ``scales`` are the factors by which the blocks' kernels were mixed.
    """
    support = np.flatnonzero(fitted.coefficients)
    chosen = Cases(cases.rows[support], cases.left[support])
    coefficients = fitted.coefficients[support]
    weights = []
    for block, scale in zip(blocks, scales, strict=True):
        total = np.zeros(block_shape(block, maps))
        for place, chunk in block_chunks(block, maps, chosen):
            total[place] = scale * np.tensordot(coefficients, chunk.astype(np.float64), axes=1)
        weights.append(total)
    return weights
