"""Maps with a known linear signal, drawn in place of a network's, and a cohort whose labels follow it."""

import numpy as np
from numpy.typing import NDArray

from grading.cohort import Cohort, LabelledRecording
from grading.features import CohortMaps
from grading.maps import Maps
from grading.recipes import Recipe
from grading.scales import find_item

CHANNELS, HEIGHT, WIDTH = 6, 11, 5


def drawn_cohort(
    recipe: Recipe, recordings: int = 36, seed: int = 7, usable: NDArray[np.bool_] | None = None
) -> tuple[Cohort, CohortMaps]:
    """Two recordings of each person, every sixth person healthy, the others affected on the right or left.

    A recording's palsy dims one channel on its affected side, and what moves there moves less.
    """
    rng = np.random.default_rng(seed)
    poses, tiles = recipe.poses, recipe.preprocessing.tiles
    network = rng.normal(size=(recordings, len(poses), tiles, CHANNELS, HEIGHT, WIDTH)).astype(np.float32)
    shape = (recordings, len(poses), tiles, 2, 2 * HEIGHT, 2 * WIDTH)
    moves, unlike = (rng.normal(size=shape).astype(np.float32) for _ in range(2))
    severity = rng.uniform(0, 1, recordings)
    rows = []
    for row in range(recordings):
        person = row // 2
        healthy = person % 6 == 0
        severity[row] *= not healthy
        side = None if healthy else "RL"[person % 2]
        affected = 1 if side == "L" and tiles == 2 else 0
        network[row, :, affected, 0] -= 4 * severity[row]
        moves[row, :, affected, 0] -= 4 * severity[row]
        unlike[row, :, affected, 1] += 2 * severity[row]
        labels = {}
        for item_id in recipe.blocks:
            item = find_item(item_id)
            labels[item_id] = round(item.normal + (item.low - item.normal) * severity[row], 1)
        rows.append(LabelledRecording(f"S{row}", "1", f"p{person}", healthy, side, labels, {}))
    if usable is None:
        usable = np.ones((recordings, len(poses)), dtype=np.bool_)
    maps = Maps(
        poses,
        network,
        moves if recipe.reads("movement") else None,
        unlike if recipe.reads("asymmetry") else None,
    )
    return Cohort("drawn", "drawn maps", tuple(rows)), CohortMaps(maps, usable, ())
