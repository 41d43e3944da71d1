"""Gram matrices of blocks, each computed once and shared by all items and folds that read it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grading.maps import Cases, Maps, block_chunks, block_features, block_shape
from grading.recipes import Block
from grading.regression import DualFit, Floats

Rows = NDArray[np.int_]

_SUMS = 2**27
"""Numbers in all the sums that are made side by side."""


@dataclass(frozen=True, eq=False)
class Gram:
    """Inner products between the features of m cases.

    Cases often have the same features, or features of the opposite sign: ``values`` (k, k) stand between the
    different ones only, ``index`` (m,) numbers those of each case and ``sign`` (m,) is 1 or -1. float32 is
    what libsvm computes with; the sums behind it were made in float64.
    """

    values: NDArray[np.float32]
    index: Rows
    sign: NDArray[np.float32]

    def between(self, rows: Rows, columns: Rows) -> NDArray[np.float32]:
        """The inner products (a, b) of cases ``rows`` (a,) with cases ``columns`` (b,)."""
        values = self.values[np.ix_(self.index[rows], self.index[columns])]
        if (self.sign < 0).any():
            values *= self.sign[rows, None]
            values *= self.sign[columns]
        return values

    def size(self, rows: Rows) -> float:
        """The mean square norm of the features of ``rows``; 1 where all of them are zero."""
        squares = self.values.diagonal()[self.index[rows]]
        return float(squares.mean(dtype=np.float64)) or 1.0


class Kernels:
    """Inner products between the features of ``cases``, block by block.

    Memory grows with the square of the number of cases, not with that of their features: 4 bytes for each
    pair and block, and a few blocks' worth while a model is fitted.
    """

    def __init__(self, maps: Maps, cases: Cases) -> None:
        self.maps = maps
        self.cases = cases
        self._known: dict[str, Gram] = {}

    def block(self, block: Block) -> Gram:
        """The inner products of one block's features, streamed over its channels."""
        # the weight is no part of the features
        key = repr((block.source, block.part, sorted(block.photos.items()), block.rows))
        if key not in self._known:
            different, index, sign = _different(block, self.cases)
            products = _products(block, self.maps, different)
            self._known[key] = Gram(products.astype(np.float32), index, sign)
        return self._known[key]

    def scales(self, blocks: Sequence[Block], rows: Rows) -> list[float]:
        """The factor of each block's kernel: its weight, over the size of its features in ``rows``."""
        return [block.weight / self.block(block).size(rows) for block in blocks]

    def mixed(self, blocks: Sequence[Block], scales: Sequence[float], rows: Rows, columns: Rows) -> Floats:
        """The sum of the blocks' kernels by their factors, between cases ``rows`` and cases ``columns``.

        It is the kernel of their scaled, joined features.
        """
        total = np.zeros((len(rows), len(columns)))
        for block, scale in zip(blocks, scales, strict=True):
            total += np.multiply(self.block(block).between(rows, columns), scale, dtype=np.float64)
        return total


def _different(block: Block, cases: Cases) -> tuple[Cases, Rows, NDArray[np.float32]]:
    """The cases that differ by more than their features' sign; which of them and what sign each case has."""
    sign = np.ones(len(cases), dtype=np.float32)
    if block.part == "affected":
        return cases, np.arange(len(cases)), sign
    if block.part == "difference":
        sign[cases.left] = -1
    recordings, index = np.unique(cases.rows, return_inverse=True)
    return Cases(recordings, np.zeros(len(recordings), dtype=np.bool_)), index, sign


def _products(block: Block, maps: Maps, cases: Cases) -> Floats:
    """The inner products (m, m) between the features of ``cases``, streamed over channels.

    Threads take turns at the channels, one core each: a small product split among cores by BLAS spends its
    time waiting, many times over where other programs run too. The sums of very many cases would take too
    much memory side by side; there BLAS has the cores.
    """
    # Only training needs these; grading starts without them.
    from threadpoolctl import threadpool_info, threadpool_limits

    chunks = block_chunks(block, maps, cases)
    cores = max((one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"), default=1)
    threads = max(1, min(cores, _SUMS // len(cases) ** 2))

    def add_up(first: int) -> Floats:
        total = np.zeros((len(cases), len(cases)))
        for channels in chunks[first::threads]:
            features = block_features(block, maps, cases, channels).reshape(len(cases), -1)
            total += features @ features.T
        return total

    with threadpool_limits(cores // threads, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        first, *others = pool.map(add_up, range(threads))
    for other in others:
        first += other
    return first


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
        for channels in block_chunks(block, maps, chosen):
            features = block_features(block, maps, chosen, channels).astype(np.float64)
            total[channels] = scale * np.tensordot(coefficients, features, axes=1)
        weights.append(total)
    return weights
