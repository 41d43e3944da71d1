"""Tables of one model: its items, its sub-scores, the average over items, the recipes side by side."""

from collections.abc import Sequence

from grading.crossvalidation import CrossValidation
from grading.evaluation.measures import average, measure
from grading.evaluation.outcomes import GROUPS, Group, Outcomes, item_outcomes, sub_score_outcomes
from grading.evaluation.tables import INTERVALS, WORDS, Cell, Table
from grading.paper_results import HEALTHY_ERROR, ITEM_ERRORS, MEAN_ERROR_SD, MEAN_ERRORS, Published
from grading.paper_results import share_of_range as paper_share
from grading.scales import EFACE, scale_of

_PAPER_ROW = "paper as published (VGG-Face, its own patients)"


def item_tables(validation: CrossValidation, *, draws: int) -> tuple[Table, ...]:
    """Per item and on average, one table per group that has recordings."""
    items = item_outcomes(validation)
    groups = [group for group in GROUPS if any(len(item.of(group)) for item in items)]
    return tuple(_item_table(validation.recipe.name, items, group, draws) for group in groups)


def _item_table(recipe: str, items: Sequence[Outcomes], group: Group, draws: int) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for item in items:
        found = measure(item.of(group), draws=draws)
        paper = ITEM_ERRORS.get(item.id) if group == "all" else None
        rows.append(
            (
                item.name,
                found.recordings,
                found.persons,
                found.mae,
                found.sd,
                found.median_mae,
                found.share,
                found.below,
                found.icc,
                paper.mean if paper else None,
                paper.sd if paper else None,
            )
        )
    if len(items) > 1:
        rows.append(_mean_row(items, group, draws))
    columns = (
        "Item",
        "Recordings",
        "Persons",
        "MAE",
        "SD",
        "Median's MAE",
        "Share of range %",
        "Below the median %",
        "ICC(2,1)",
        "Paper's MAE",
        "Paper's SD",
    )
    notes = [f"SD is that of the absolute errors over recordings. {INTERVALS} {_MEDIAN[group]}"]
    if scale_of(items[0].id) is EFACE:
        notes.append(_PAPER_NOTE[group])
    return Table(
        f"items-{recipe}-{group}",
        f"Items by the recipe {recipe}: {WORDS[group]}",
        columns,
        tuple(rows),
        tuple(notes),
    )


def _mean_row(items: Sequence[Outcomes], group: Group, draws: int) -> tuple[Cell, ...]:
    mean = average(items, group, draws=draws)
    published = _paper_average(group, items)
    return (
        f"Mean of the {len(items)} items",
        mean.recordings,
        mean.persons,
        mean.mae,
        None,
        None,
        mean.share,
        mean.below,
        None,
        published.mean if published else None,
        None,
    )


_MEDIAN: dict[Group, str] = {
    "patients": "The constant median is that of the training folds' patients.",
    "healthy": "Where all healthy people are labelled normal, their constant median makes no error and there "
    "is nothing for an ICC to tell apart.",
    "all": "The constant median is that of all recordings in the training folds.",
}
_PAPER_NOTE: dict[Group, str] = {
    "patients": "The paper gives no figure for patients alone.",
    "healthy": "The paper gives the average only.",
    "all": "The paper pools patients and healthy people as this table does, but other ones: the difference "
    "is not one of methods alone. Its SD beside an item is taken to be over recordings too.",
}


def average_table(validations: Sequence[CrossValidation], *, draws: int) -> Table:
    """The mean over items per recipe and group, in points as the paper gives it and in shares of range."""
    rows: list[tuple[Cell, ...]] = []
    of_paper = set(validations[0].items) == set(ITEM_ERRORS)
    for validation in validations:
        items = item_outcomes(validation)
        for group in GROUPS:
            if not any(len(item.of(group)) for item in items):
                continue
            found = average(items, group, draws=draws)
            rows.append(
                (
                    validation.recipe.name,
                    WORDS[group],
                    found.mae,
                    found.sd_items,
                    found.sd_folds,
                    found.share,
                    _share([item for item in items if item.id.startswith("R")], group),
                    _share([item for item in items if item.id.startswith("M")], group),
                    found.below,
                    found.least_below,
                )
            )
    if of_paper:
        static, dynamic = (tuple(item for item in ITEM_ERRORS if item[0] == kind) for kind in "RM")
        shares = (paper_share(), paper_share(static), paper_share(dynamic))
        pooled = (MEAN_ERRORS["vgg-face"], MEAN_ERROR_SD, None, *shares, None, None)
        healthy = (HEALTHY_ERROR, None, None, None, None, None, None, None)
        rows += [(_PAPER_ROW, WORDS["all"], *pooled), (_PAPER_ROW, WORDS["healthy"], *healthy)]
    columns = (
        "Recipe",
        "Group",
        "MAE",
        "SD across items",
        "SD across folds",
        "Share of range %",
        "Static items' share %",
        "Dynamic items' share %",
        "Below the median %",
        "Least of an item %",
    )
    notes = (
        "MAE is the plain mean over the items in points, though their ranges differ; the share of range "
        "divides each by its own range first. The two SDs (sample) are of the items' errors, which is what "
        f"the paper prints beside its mean, and of the folds' mean errors. {INTERVALS}"
    )
    return Table("average", "Average over the items", columns, tuple(rows), (notes,))


def sub_score_table(validations: Sequence[CrossValidation], *, draws: int) -> Table:
    """The scores derived from the items, per recipe and group; of eFACE the folded sub-scores."""
    rows: list[tuple[Cell, ...]] = []
    for validation in validations:
        for outcomes in sub_score_outcomes(validation):
            for group in GROUPS:
                if not len(outcomes.of(group)):
                    continue
                found = measure(outcomes.of(group), draws=draws)
                rows.append(
                    (
                        validation.recipe.name,
                        outcomes.name,
                        WORDS[group],
                        found.recordings,
                        found.mae,
                        found.sd,
                        found.median_mae,
                        found.share,
                        found.below,
                        found.icc,
                    )
                )
    columns = (
        "Recipe",
        "Score",
        "Group",
        "Recordings",
        "MAE",
        "SD",
        "Median's MAE",
        "Share of range %",
        "Below the median %",
        "ICC(2,1)",
    )
    notes = [f"Derived from the items' scores, each in points of its own range. {INTERVALS}"]
    if scale_of(next(iter(validations[0].items))) is EFACE:
        notes = [
            "0-100 points, 100 normal: the mean of the items, each folded at 100. The paper gives no figure. "
            f"Our goal for patients: MAE at most 8, ICC at least 0.80. {INTERVALS}"
        ]
    return Table("sub-scores", "Scores derived from the items", columns, tuple(rows), tuple(notes))


def recipe_table(validations: Sequence[CrossValidation], *, draws: int) -> Table:
    """One row per recipe: what it costs and gains on patients, on average and per item."""
    items = item_outcomes(validations[0])
    rows: list[tuple[Cell, ...]] = []
    for validation in validations:
        outcomes = item_outcomes(validation)
        found = average(outcomes, "patients", draws=draws)
        each = [_share([item], "patients") for item in outcomes]
        rows.append((validation.recipe.name, found.share, found.below, found.least_below, *each))
    columns = (
        "Recipe",
        "Mean share of range %",
        "Below the median %",
        "Least of an item %",
        *(f"{item.id} %" for item in items),
    )
    return Table(
        "recipes",
        "Recipes side by side: patients",
        columns,
        tuple(rows),
        (f"Errors as shares of each item's own range. The paper's recipe comes first. {INTERVALS}",),
    )


def _share(items: Sequence[Outcomes], group: Group) -> float | None:
    """Mean share of range in %, without an interval."""
    return average(items, group, draws=0).share.value if items else None


def _paper_average(group: Group, items: Sequence[Outcomes]) -> Published | None:
    if {item.id for item in items} != set(ITEM_ERRORS) or group == "patients":
        return None
    return Published(MEAN_ERRORS["vgg-face"] if group == "all" else HEALTHY_ERROR)
