"""The exact parts of a recording's scores as one small file, so that they can be painted without the network.

A safetensors file, ten to thirty kilobytes per item. `<item>/start` is the score that the parts are counted
from, `<item>/balanced` whether that is the one of balanced faces (0 or 1), and
`<item>/<number>/<source>/<pose>` the places of a part, (tiles, H, W) float32 in points.
"""

from collections.abc import Iterable
from typing import cast, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from grading.contributions import Contributions, Part
from grading.errors import PermanentError
from grading.recipes import Source


class DamagedContributionsError(PermanentError):
    """A file of contributions is not what was written."""

    code = "maps.damaged"


def contributions_to_bytes(found: Iterable[Contributions]) -> bytes:
    """The parts of all scores as a file; the same parts give the same bytes."""
    tensors = {}
    for one in found:
        tensors[f"{one.item}/start"] = np.asarray(one.start, dtype="<f8")
        tensors[f"{one.item}/balanced"] = np.asarray(one.balanced, dtype="u1")
        for number, part in enumerate(one.parts):
            name = f"{one.item}/{number:03d}/{part.source}/{part.pose}"
            tensors[name] = np.ascontiguousarray(part.places, dtype="<f4")
    return save(tensors)


def contributions_from_bytes(content: bytes) -> dict[str, Contributions]:
    """The parts by item id, places to the precision of float32. Raises `DamagedContributionsError`."""
    try:
        tensors = load(content)
        items = dict.fromkeys(name.split("/")[0] for name in sorted(tensors))
        return {
            item: Contributions(
                item,
                float(tensors[f"{item}/start"]),
                bool(tensors[f"{item}/balanced"]),
                tuple(
                    _part(name, tensors[name])
                    for name in sorted(tensors)
                    if name.startswith(f"{item}/") and name.count("/") == 3
                ),
            )
            for item in items
        }
    except (KeyError, ValueError, SafetensorError) as error:
        raise DamagedContributionsError(
            "the file of contributions cannot be read: have the recording graded again"
        ) from error


def _part(name: str, places: NDArray[np.float32]) -> Part:
    _, _, source, pose = name.split("/")
    if source not in get_args(Source) or places.ndim != 3:
        raise ValueError(name)
    return Part(cast(Source, source), pose, places.astype(np.float64))
