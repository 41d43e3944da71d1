"""Recipes as JSON, for bundles and for jobs of other processes, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from grading.framing import BoxFrame, EyeFrame, Frame, Preprocessing, SteadyFrame
from grading.recipes import Block, Recipe
from grading.regression import Regression

_FRAMES: Mapping[str, type[Frame]] = {"box": BoxFrame, "eyes": EyeFrame, "steady": SteadyFrame}


def describe_recipe(recipe: Recipe) -> dict[str, Any]:
    """A recipe ready for JSON."""
    frame = recipe.preprocessing.frame
    kind = next(kind for kind, frames in _FRAMES.items() if frames is type(frame))
    described = asdict(recipe)
    described["preprocessing"]["frame"] = {"kind": kind, **asdict(frame)}
    return described


def restore_recipe(described: Mapping[str, Any]) -> Recipe:
    """The recipe that `describe_recipe` described. Raises KeyError, TypeError or ValueError for another."""
    preprocessing = dict(described["preprocessing"])
    frame = dict(preprocessing.pop("frame"))
    kind = _FRAMES[frame.pop("kind")]
    sides = tuple(preprocessing.pop("detector_sides"))
    return Recipe(
        name=described["name"],
        preprocessing=Preprocessing(frame=kind(**frame), detector_sides=sides, **preprocessing),
        blocks={item: _restore_blocks(blocks) for item, blocks in described["blocks"].items()},
        regression=Regression(**described["regression"]),
        side=_restore_blocks(described["side"]),
    )


def _restore_blocks(described: Sequence[Mapping[str, Any]]) -> tuple[Block, ...]:
    return tuple(Block(**{**block, "rows": tuple(block["rows"])}) for block in described)
