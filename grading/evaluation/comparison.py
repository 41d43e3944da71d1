"""Tables over several models: layers, backbones, items by model, and other deals of persons to folds."""

from collections.abc import Mapping, Sequence

import numpy as np

from grading.crossvalidation import CrossValidation
from grading.evaluation.measures import Estimate, average, sample_sd
from grading.evaluation.outcomes import item_outcomes
from grading.evaluation.running import Evaluation
from grading.evaluation.tables import INTERVALS, Cell, Table
from grading.paper_results import ITEM_ERRORS, MEAN_ERROR_SD, MEAN_ERRORS

_PAPER_NOTE = "The paper's figures come from its own patients, by its own recipe."
_FIGURES = ("MAE of all", "Patients' share of range %", "Patients below the median %", "Healthy people's MAE")


def layer_table(evaluation: Evaluation, *, draws: int) -> Table:
    """Every model that was run, layer by layer: the paper's Table 2."""
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (one.backbone, one.layer, one.recipe.name, *_figures(one, draws)) for one in evaluation.validations
    )
    return Table(
        "layers",
        "Layers (the paper's Table 2)",
        ("Backbone", "Layer", "Recipe", *_FIGURES),
        rows,
        (
            f"{INTERVALS} The paper found conv5_3 and pool5 about equal and better than earlier layers; "
            "its single figures are not known to us.",
        ),
    )


def backbone_table(evaluation: Evaluation, *, draws: int) -> Table:
    """Every backbone that Facialis knows, run or not: the paper's Table 4."""
    from grading.backbones import ARCHITECTURES

    rows: list[tuple[Cell, ...]] = []
    first = {model.backbone: model.layer for model in reversed(evaluation.models)}
    of_paper = set(evaluation.main[0].items) == set(ITEM_ERRORS)
    for name in ARCHITECTURES:
        paper = MEAN_ERRORS.get(name) if of_paper else None
        run = [one for one in evaluation.validations if (one.backbone, one.layer) == (name, first.get(name))]
        rows += [(name, f"run at {one.layer}", one.recipe.name, *_figures(one, draws), paper) for one in run]
        if not run:
            why = evaluation.absent.get(name, f"not asked for: --backbone {name}")
            rows.append((name, why, None, None, None, None, None, paper))
    return Table(
        "backbones",
        "Backbones (the paper's Table 4)",
        ("Backbone", "State", "Recipe", *_FIGURES, "Paper's MAE of all"),
        tuple(rows),
        (f"{INTERVALS}{' ' + _PAPER_NOTE if of_paper else ''}",),
    )


def item_model_table(evaluation: Evaluation) -> Table:
    """Items by model, the error of all recordings in points: the paper's Table 3."""
    runs = evaluation.validations
    errors = [[float(item.errors.mean()) for item in item_outcomes(run)] for run in runs]
    items = item_outcomes(runs[0])
    errors.insert(0, [float(np.abs(item.median_all - item.labels).mean()) for item in items])
    rows: list[tuple[Cell, ...]] = []
    for number, item in enumerate(items):
        paper = ITEM_ERRORS.get(item.id)
        rows.append((item.name, *(column[number] for column in errors), paper.mean if paper else None))
    means = [float(np.mean(column)) for column in errors]
    of_paper = {item.id for item in items} == set(ITEM_ERRORS)
    published, published_sd = (MEAN_ERRORS["vgg-face"], MEAN_ERROR_SD) if of_paper else (None, None)
    if len(items) > 1:
        rows.append(("Mean", *means, published))
        rows.append(("SD across items", *(sample_sd(np.array(column)) for column in errors), published_sd))
    return Table(
        "items-by-model",
        "Items by model (the paper's Table 3)",
        (
            "Item",
            "Constant median",
            *(f"{run.recipe.name}, {run.backbone} {run.layer}" for run in runs),
            "Paper, VGG-Face",
        ),
        tuple(rows),
        (
            "Mean absolute errors in points, patients and healthy people pooled as in the paper. Their SD "
            "over recordings stands in the table of each recipe's items.",
        ),
    )


def deal_table(deals: Mapping[str, Sequence[CrossValidation]]) -> Table:
    """How much the figures owe to which persons came into which fold."""
    rows: list[tuple[Cell, ...]] = []
    for recipe, validations in deals.items():
        figures = [_plain_figures(validation) for validation in validations]
        for name in figures[0] if figures else ():
            values = np.array([of_deal[name] for of_deal in figures])
            known = values[~np.isnan(values)]
            if len(known):
                spread = (float(known.mean()), sample_sd(known), float(known.min()), float(known.max()))
                rows.append((recipe, name, len(known), *spread))
    return Table(
        "deals",
        "Other deals of persons to folds",
        ("Recipe", "Figure", "Deals", "Mean", "SD across deals", "Least", "Most"),
        tuple(rows),
        ("The same cross-validation with persons dealt to folds at random, by the seeds 0, 1, …",),
    )


def _figures(validation: CrossValidation, draws: int) -> tuple[Estimate, ...]:
    items = item_outcomes(validation)
    everybody, patients, healthy = (
        average(items, group, draws=draws) for group in ("all", "patients", "healthy")
    )
    return everybody.mae, patients.share, patients.below, healthy.mae


def _plain_figures(validation: CrossValidation) -> dict[str, float]:
    """`_figures` without intervals, and how often the side is right."""
    figures = {name: cell.value for name, cell in zip(_FIGURES, _figures(validation, 0), strict=True)}
    side = validation.side
    return figures | {"Affected side right %": 100 * side.right_share if side else float("nan")}
