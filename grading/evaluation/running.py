"""Running the cross-validations that the tables are made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grading.brows import BrowDistances, measure_brows
from grading.cohort import Cohort
from grading.crossvalidation import CrossValidation, Trials, check_trainable, cross_validate
from grading.errors import PermanentError
from grading.features import Progress, UnusablePhoto, cohort_maps
from grading.recipes import RECIPES, Recipe
from grading.scales import EFACE
from grading.training import labelled_items
from grading.weights import SOURCES, WeightsError, find

if TYPE_CHECKING:
    from grading.backbones import Backbone

PAPER = "paper"


class EvaluationError(PermanentError):
    """The evaluation that was asked for cannot be made."""

    code = "evaluation.invalid"


@dataclass(frozen=True)
class Model:
    """A backbone cut at a layer."""

    backbone: str
    layer: str


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Everything that was computed.

    ``validations``: every recipe on every model, the main model (the first) first and in it the paper's
    recipe. ``deals``: the recipes on the main model with persons dealt to folds anew, by recipe. ``absent``:
    what to do about backbones whose weights are not here, by name. ``weight_hashes`` are SHA-256 by
    backbone. ``brows``: of healthy people's rest photos, None where they could not be measured.
    """

    cohort: Cohort
    models: tuple[Model, ...]
    validations: tuple[CrossValidation, ...]
    deals: Mapping[str, tuple[CrossValidation, ...]]
    absent: Mapping[str, str]
    weight_hashes: Mapping[str, str]
    unusable: tuple[UnusablePhoto, ...]
    brows: tuple[BrowDistances | None, ...]

    @property
    def main(self) -> tuple[CrossValidation, ...]:
        """The cross-validations of the main model, one per recipe."""
        return tuple(one for one in self.validations if Model(one.backbone, one.layer) == self.models[0])


def choose_models(
    backbones: Sequence[str], layers: Sequence[str], weights: Path, files: Mapping[str, Path] | None = None
) -> tuple[tuple[Model, ...], dict[str, str]]:
    """The models to run, and of every backbone without weights what to do about it.

    Weights are looked for in the folder ``weights``; ``files`` gives some by the backbone's name instead.

    Each backbone is cut at those of ``layers`` that it has; with none given, at its default layer.

    Raises `UnknownBackboneError` for a backbone that does not exist or a layer that none of them has, and
    `WeightsError` where no chosen backbone has weights.
    """
    from grading.backbones import ARCHITECTURES, UnknownBackboneError

    for name in (*backbones, *(files or {})):
        if name not in ARCHITECTURES:
            raise UnknownBackboneError(
                f"there is no backbone {name}: choose one of {', '.join(ARCHITECTURES)}"
            )
    chosen = [ARCHITECTURES[name] for name in dict.fromkeys(backbones)]
    known = list(dict.fromkeys(layer for architecture in chosen for layer in architecture.layers))
    for layer in layers:
        if layer not in known:
            raise UnknownBackboneError(
                f"no chosen backbone has a layer {layer}: choose of {', '.join(known)}"
            )
    absent = {
        name: _how_to_get(name)
        for name, source in SOURCES.items()
        if name not in (files or {}) and find(source, weights) is None
    }
    models = tuple(
        Model(architecture.name, layer)
        for architecture in chosen
        if architecture.name not in absent
        for layer in dict.fromkeys(layers or (architecture.default_layer,))
        if layer in architecture.layers
    )
    if not models:
        raise WeightsError("; ".join(f"{name}: {absent[name]}" for name in backbones if name in absent))
    return models, absent


def evaluate(
    cohort: Cohort,
    recipes: Sequence[str],
    models: Sequence[Model],
    *,
    weights: Path,
    absent: Mapping[str, str] | None = None,
    files: Mapping[str, Path] | None = None,
    scale: str = EFACE.id,
    cache: Path | None = None,
    fill: Callable[["Backbone", Recipe], None] | None = None,
    folds: int = 11,
    repeats: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Cross-validate recipes on models; the paper's recipe is always among them.

    ``models`` and ``absent`` are those of `choose_models`, ``weights`` and ``cache`` folders; ``files`` are
    weights to use in place of a backbone's own, by its name. ``scale`` names whose items are learned.
    ``fill`` is called before the photos are gone over, for others to fill the cache. ``repeats`` further
    deals of persons to folds are made on the main model with seeds 0, 1, … ``progress`` counts photos, anew
    for each model and recipe.

    Raises `EvaluationError` for an unknown recipe, `TrainingError` for a cohort that labels no item of the
    scale which photos show, and as `cross_validate` and `load_backbone` do.
    """
    from grading.backbones import load_backbone

    items = labelled_items([cohort], scale)
    names = list(dict.fromkeys([PAPER, *recipes]))
    for name in names:
        if name not in RECIPES:
            raise EvaluationError(f"there is no recipe {name}: choose one of {', '.join(RECIPES)}")
    made = [RECIPES[name](items) for name in names]
    for recipe in made:
        check_trainable([cohort], recipe)
    validations: list[CrossValidation] = []
    deals: dict[str, tuple[CrossValidation, ...]] = {}
    hashes: dict[str, str] = {}
    unusable: dict[UnusablePhoto, None] = {}
    for number, model in enumerate(models):
        own = (files or {}).get(model.backbone)
        backbone = load_backbone(model.backbone, model.layer, weights=own, folder=weights)
        hashes[model.backbone] = backbone.weight_hash
        for recipe in made:
            if fill:
                fill(backbone, recipe)
            maps = cohort_maps(cohort, backbone, recipe, cache=cache, progress=progress)
            unusable |= dict.fromkeys(maps.unusable)
            trials = Trials([cohort], maps, recipe)
            cut = (model.backbone, model.layer)
            validations.append(cross_validate(trials, cut, folds))
            if number == 0:
                deals[recipe.name] = tuple(
                    cross_validate(trials, cut, folds, seed) for seed in range(repeats)
                )
    brows = measure_brows([recording for recording in cohort.recordings if recording.healthy])
    return Evaluation(
        cohort, tuple(models), tuple(validations), deals, absent or {}, hashes, tuple(unusable), brows
    )


def _how_to_get(name: str) -> str:
    source = SOURCES[name]
    command = f"facialis weights fetch {name}" if source.url else f"facialis weights import {name} FILE"
    return f"weights not here: {command}"
