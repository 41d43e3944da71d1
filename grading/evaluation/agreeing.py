"""Tables about several raters: how far they agree, what each weighs, and what they say together."""

from collections.abc import Mapping, Sequence

from grading.agreement import Agreement
from grading.annotations import Annotation
from grading.evaluation.measures import Estimate
from grading.evaluation.tables import INTERVALS, Cell, Table
from grading.raters import Weighting, agreement, combine, derived_agreement, estimated_weights
from grading.scales import SCALES, find_item


def rater_line(name: str, annotations: Sequence[Annotation]) -> str:
    """What stands on every table: whose annotations, and how many."""
    recordings = {(one.subject, one.session) for one in annotations}
    raters = {one.rater for one in annotations}
    return (
        f"Data: {name}. {len(annotations)} annotations of {len(recordings)} recordings by "
        f"{len(raters)} raters"
    )


def agreement_table(
    annotations: Sequence[Annotation], *, persons: Mapping[str, str] | None = None, draws: int = 1000
) -> Table:
    """How far the raters agree on each item and on the scores derived from items."""
    rows = [
        _row(f"{item_id} {find_item(item_id).name}", found)
        for item_id, found in agreement(annotations, persons=persons, draws=draws).items()
    ]
    names = {(rule.formula.id, rule.id): rule.name for scale in SCALES.values() for rule in scale.rules}
    rows += [
        _row(f"{names[key]} ({key[0]})", found)
        for key, found in derived_agreement(annotations, persons=persons, draws=draws).items()
    ]
    return Table(
        "raters",
        "How far the raters agree",
        (
            "Score",
            "Raters",
            "Recordings",
            "ICC(2,1)",
            "Mean difference",
            "Weighted kappa",
            "Fleiss kappa",
            "Same answer %",
        ),
        tuple(rows),
        (
            "On the recordings that every rater of the score scored; the mean absolute difference of two "
            "raters is in points. Kappas are of items answered by choice: the quadratic one, mean over all "
            f"pairs of raters, and the one that takes the answers as unordered. {INTERVALS}",
        ),
    )


def _row(name: str, found: Agreement) -> tuple[Cell, ...]:
    kappa = found.weighted_kappa
    return (
        name,
        found.raters,
        found.recordings,
        Estimate(found.icc, found.interval),
        found.difference,
        Estimate(kappa, found.kappa_interval) if kappa is not None and found.kappa_interval else None,
        found.fleiss_kappa,
        None if found.exact is None else 100 * found.exact,
    )


def weight_table(annotations: Sequence[Annotation]) -> Table:
    """What each rater weighs, item by item, where weights are estimated."""
    shares = estimated_weights(annotations)
    raters = sorted({one.rater for one in annotations})
    return Table(
        "rater-weights",
        "Estimated weights of the raters",
        ("Rater", *(f"{item} %" for item in shares)),
        tuple(
            (rater, *(100 * of_item[rater] if rater in of_item else None for of_item in shares.values()))
            for rater in raters
        ),
        (
            "Shares by the inverse of each rater's error variance, drawn towards equal ones; two raters "
            "always weigh the same. docs/raters.md says when to use them.",
        ),
    )


def consensus_table(annotations: Sequence[Annotation], weights: Weighting) -> Table:
    """The combined label of every recording and item; those on which the raters differ most come first."""
    found = [
        (100 * one.spread[item] / find_item(item).span, one, item)
        for one in combine(annotations, weights)
        for item in one.labels
    ]
    rows: list[tuple[Cell, ...]] = [
        (one.subject, one.session, item, one.labels[item], one.spread[item], share)
        for share, one, item in sorted(found, key=lambda row: -row[0])
    ]
    return Table(
        "consensus",
        "What the raters say together",
        ("Subject", "Session", "Item", "Label", "Spread", "Spread % of range"),
        tuple(rows),
        ("Spread is the difference of the highest and the lowest score, in points.",),
    )
