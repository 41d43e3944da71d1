"""Commands that train models and predict with them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from service.cli.output import check_file, check_folder
from service.cli.raters import Experience, Raters, RaterWeights, rater_weights
from service.cli.spread import Workers, fill_by_workers
from service.settings import load_settings

if TYPE_CHECKING:
    from grading.bundle import Bundle
    from grading.crossvalidation import CrossValidation
    from grading.features import UnusablePhoto

Weights = Annotated[
    Path | None, typer.Option(help="The backbone's weights, .pth or .safetensors; else its own.")
]
Cache = Annotated[Path | None, typer.Option(help="Folder that keeps crops and activations for the next run.")]


class RecipeName(StrEnum):
    """Recipes of `grading.recipes`."""

    HALVES = "halves"
    PAPER = "paper"


class ScaleName(StrEnum):
    """Scales of `grading.scales`."""

    EFACE = "eface"
    HOUSE_BRACKMANN = "house-brackmann"
    SUNNYBROOK = "sunnybrook"
    STENNERT = "stennert"


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(train)
    app.command()(predict)


def train(
    cohorts: Annotated[
        list[Path],
        typer.Argument(help="Cohort folders: labels.csv and photos, perhaps annotations.csv of raters."),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the bundle; one that is there is replaced.")],
    name: Annotated[str, typer.Option(help="The model's name.")] = "facialis",
    version: Annotated[str, typer.Option(help="The model's version.")] = "1",
    backbone: Annotated[
        str, typer.Option(help="One that `facialis weights list` names.")
    ] = "efficientnet-lite0",
    layer: Annotated[str | None, typer.Option(help="The layer to cut at; else the backbone's own.")] = None,
    weights: Weights = None,
    recipe: Annotated[
        RecipeName, typer.Option(help="What is read of a face: the paper's way, or its halves compared.")
    ] = RecipeName.HALVES,
    scale: Annotated[
        ScaleName, typer.Option(help="The scale whose items are learned; the cohort has a column per item.")
    ] = ScaleName.EFACE,
    raters: Raters = RaterWeights.EQUAL,
    experience: Experience = None,
    c: Annotated[
        float | None,
        typer.Option("--c", min=1e-6, help="Cost of an error outside the tube; else the recipe's."),
    ] = None,
    epsilon: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Half-width of the tube, share of range; else the recipe's."),
    ] = None,
    graded_patients: Annotated[
        bool,
        typer.Option(
            "--graded-patients",
            help="The labels were given by raters to patients. Without it the bundle is marked as a "
            "commissioning model, not for clinical use.",
        ),
    ] = False,
    cache: Cache = None,
    workers: Workers = False,
) -> None:
    """Train one regressor per item and measure it by cross-validation split by person."""
    from grading.backbones import load_backbone
    from grading.bundle import save_bundle
    from grading.crossvalidation import pool
    from grading.rated_cohort import read_rated_cohort
    from grading.recipes import RECIPES
    from grading.training import Settings, labelled_items
    from grading.training import train as train_bundle

    check_folder(out)
    by = rater_weights(raters, experience)
    read = [read_rated_cohort(folder, by) for folder in cohorts]
    chosen = RECIPES[recipe.value](labelled_items(read, scale.value))
    settings = Settings(
        name=name,
        version=version,
        commissioning=not graded_patients,
        recipe=replace(
            chosen,
            regression=replace(
                chosen.regression,
                c=chosen.regression.c if c is None else c,
                epsilon=chosen.regression.epsilon if epsilon is None else epsilon,
            ),
        ),
    )
    folder = load_settings().weights_folder
    network = load_backbone(backbone, layer, weights=weights, folder=folder)
    with _progress("Photos") as tell:
        if workers:
            everybody = pool(read)[0]
            fill_by_workers(
                everybody, network, settings.recipe, cache, weights=weights, folder=folder, progress=tell
            )
        trained = train_bundle(read, network, settings, cache=cache, progress=tell)
    save_bundle(trained.bundle, out)
    _tell_unusable(trained.unusable)
    _tell_errors(trained.bundle)
    _tell_pose_check(trained.bundle)
    _tell_answers(trained.results)
    typer.echo(f"{name} {version} ({trained.bundle.hash[:12]}) is in {out}")


def predict(
    bundle: Annotated[Path, typer.Argument(help="The bundle that predicts.")],
    cohort: Annotated[Path, typer.Argument(help="A cohort folder; its labels are not looked at.")],
    out: Annotated[Path, typer.Option(help="The table to write.")] = Path("predictions.csv"),
    weights: Weights = None,
    cache: Cache = None,
    workers: Workers = False,
) -> None:
    """Predict every recording of a cohort: one row each, empty where a photo cannot be used."""
    from grading.backbones import load_backbone
    from grading.bundle import load_bundle
    from grading.cohort import read_cohort
    from grading.grader import check_backbone
    from grading.prediction import predict_cohort, write_predictions

    check_file(out)
    model = load_bundle(bundle)
    recordings = read_cohort(cohort, labelled=False)
    needed, folder = model.backbone, load_settings().weights_folder
    backbone = load_backbone(needed.name, needed.layer, weights=weights, folder=folder)
    with _progress("Photos") as tell:
        if workers:
            check_backbone(model, backbone)
            fill_by_workers(
                recordings, backbone, model.recipe, cache, weights=weights, folder=folder, progress=tell
            )
        predictions, unusable = predict_cohort(model, recordings, backbone, cache=cache, progress=tell)
    write_predictions(predictions, [head.item for head in model.heads], out)
    _tell_unusable(unusable)
    typer.echo(f"{len(predictions)} recordings in {out}")


@contextmanager
def _progress(title: str) -> Iterator[Callable[[int, int], None]]:
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _tell_unusable(photos: "Sequence[UnusablePhoto]") -> None:
    for photo in photos:
        typer.echo(f"left out {photo.subject}/{photo.session} {photo.pose}: {photo.reason}", err=True)


def _tell_errors(bundle: "Bundle") -> None:
    table = Table("Item", "Cohort", "Group", "Recordings", "MAE", "Median's MAE", "Share of range")
    for error in bundle.errors:
        table.add_row(
            error.item,
            error.cohort,
            error.group,
            str(error.recordings),
            f"{error.mae:.1f}",
            f"{error.median_mae:.1f}",
            f"{error.share_of_range:.0%}",
        )
    Console().print(table)


def _tell_answers(results: "CrossValidation") -> None:
    """How often items answered by choice are met; nothing where there are none."""
    from grading.evaluation import answer_table

    answers = answer_table([results], draws=0)
    for row in answers.shown():
        found = dict(zip(answers.columns, row, strict=True))
        if found["Group"] == "healthy people":
            continue
        typer.echo(
            f"{found['Item']}, {found['Group']}: {found['Exact %']} % of answers met (the constant median: "
            f"{found['By the median %']} %), {found['Exact or next to it %']} % met or next to it, weighted "
            f"kappa {found['Weighted kappa'] or '–'}"
        )


def _tell_pose_check(bundle: "Bundle") -> None:
    for rates in bundle.pose_check.rates if bundle.pose_check else ():
        unperformed = "" if rates.unperformed is None else f", {rates.unperformed:.1%} of those not performed"
        typer.echo(
            f"Pose check on {rates.cohort}: flags {rates.false_alarms:.1%} of {rates.photos} good photos, "
            f"{rates.exchanged:.1%} of exchanged ones{unperformed}"
        )
