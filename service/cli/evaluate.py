"""The command that measures recipes by cross-validation."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from service.cli.models import ScaleName
from service.cli.output import check_folder
from service.cli.raters import Experience, Raters, RaterWeights, rater_weights, write_tables
from service.cli.spread import Workers, fill_by_workers
from service.settings import load_settings

if TYPE_CHECKING:
    from grading.backbones import Backbone
    from grading.evaluation import Evaluation, Group, Table
    from grading.features import Progress as Tell
    from grading.recipes import Recipe
    from reports.evaluation_figures import SubScorePoints

PAGE = "evaluation.md"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(evaluate)


def evaluate(
    cohort: Annotated[
        Path,
        typer.Argument(help="The cohort folder: labels.csv and photos, perhaps annotations.csv of raters."),
    ],
    out: Annotated[
        Path, typer.Option(help="Folder for tables and figures; files of these names are replaced.")
    ],
    description: Annotated[
        str | None,
        typer.Option(help="The data in a few words, printed on every table; say when palsy is simulated."),
    ] = None,
    recipe: Annotated[
        list[str], typer.Option(help="May be given several times; the paper's recipe is always run.")
    ] = ["halves"],  # noqa: B006 - Typer's way of a list's default
    backbone: Annotated[
        list[str], typer.Option(help="May be given several times; the first is the main one.")
    ] = ["efficientnet-lite0"],  # noqa: B006
    layer: Annotated[
        list[str] | None, typer.Option(help="Where to cut; may be given several times. Else each one's own.")
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BACKBONE=FILE",
            help="Weights to use in place of the backbone's own, .pth or .safetensors; once for each.",
        ),
    ] = None,
    scale: Annotated[ScaleName, typer.Option(help="The scale whose items are learned.")] = ScaleName.EFACE,
    raters: Raters = RaterWeights.EQUAL,
    experience: Experience = None,
    folds: Annotated[int, typer.Option(min=2, help="Folds; the paper takes 11.")] = 11,
    repeats: Annotated[
        int, typer.Option(min=0, help="Further deals of persons to folds, to see the luck of the folds.")
    ] = 5,
    bootstrap: Annotated[
        int, typer.Option(min=0, help="Resamplings of persons for each interval; 0 for no intervals.")
    ] = 1000,
    cache: Annotated[
        Path | None, typer.Option(help="Folder that keeps crops and activations for the next run.")
    ] = None,
    workers: Workers = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all tables as JSON, for scripts.")] = False,
) -> None:
    """Cross-validate by person: the paper's tables and figure beside honest baselines.

    Writes evaluation.md, each table as CSV and Markdown, and figures as PNG.
    """
    from grading.evaluation import all_tables, choose_models, data_line, tables_as_json
    from grading.evaluation import evaluate as run
    from grading.rated_cohort import read_rated_cohort

    check_folder(out)
    read = read_rated_cohort(cohort, rater_weights(raters, experience), description=description)
    folder, files = load_settings().weights_folder, _files(weights or ())
    models, absent = choose_models(backbone, layer or (), folder, files)
    for name in absent:
        typer.echo(f"{name}: {absent[name]}", err=True)
    with _progress() as tell:

        def fill(network: "Backbone", made: "Recipe") -> None:
            own = files.get(network.name)
            fill_by_workers(read, network, made, cache, weights=own, folder=folder, progress=tell)

        evaluation = run(
            read, recipe, models, weights=folder, absent=absent, files=files, scale=scale.value, cache=cache,
            fill=fill if workers else None, folds=folds, repeats=repeats, progress=tell,
        )  # fmt: skip
    for photo in evaluation.unusable:
        typer.echo(f"left out {photo.subject}/{photo.session} {photo.pose}: {photo.reason}", err=True)
    tables = [*all_tables(evaluation, draws=bootstrap), *_agreement(cohort, raters, bootstrap)]
    _write(evaluation, tables, out)
    if as_json:
        typer.echo(tables_as_json(data_line(evaluation), tables))
        return
    _tell(tables[0])
    typer.echo(f"{len(tables)} tables and the page {PAGE} are in {out}")


def _agreement(cohort: Path, raters: RaterWeights, draws: int) -> "list[Table]":
    """How far the raters agree whose labels were learned; nothing where there are none."""
    from grading.annotations import ANNOTATIONS, read_annotations
    from grading.cohort import read_persons
    from grading.evaluation import agreement_table

    if raters is RaterWeights.NONE or not (cohort / ANNOTATIONS).exists():
        return []
    annotations = read_annotations(cohort / ANNOTATIONS)
    return [agreement_table(annotations, persons=read_persons(cohort), draws=max(draws, 1)).filled()]


def _files(given: Sequence[str]) -> dict[str, Path]:
    """The files of ``BACKBONE=FILE``, by backbone."""
    from grading.weights import WeightsError

    files = {}
    for one in given:
        name, found, file = one.partition("=")
        if not found:
            raise WeightsError(f"--weights takes BACKBONE=FILE, such as vgg16={one}")
        files[name] = Path(file)
    return files


def _write(evaluation: "Evaluation", tables: "Sequence[Table]", out: Path) -> None:
    from grading.evaluation import data_line, markdown_page
    from grading.held_out import held_out, write_held_out

    write_tables(tables, data_line(evaluation), out)
    for one in evaluation.main:
        path = out / f"held-out-{one.recipe.name}.csv"
        write_held_out(held_out(one), one.cohorts, data_line(evaluation), path)
    page = markdown_page(evaluation, tables, _draw(evaluation, out))
    (out / PAGE).write_text(page, encoding="utf-8")


def _draw(evaluation: "Evaluation", out: Path) -> dict[str, str]:
    """Draw the figures; their file names by caption."""
    import numpy as np

    from grading.evaluation import data_line, item_outcomes
    from grading.paper_results import ITEM_ERRORS
    from reports.evaluation_figures import draw_agreement, draw_bland_altman, draw_errors

    data = data_line(evaluation)
    main = evaluation.main
    figures: dict[str, str] = {}
    groups: tuple[Group, ...] = ("patients", "all")
    for group in groups:
        errors = {
            one.recipe.name: {item.id: item.of(group).errors for item in item_outcomes(one)} for one in main
        }
        if not any(len(of_item) for by_item in errors.values() for of_item in by_item.values()):
            continue
        levels = {
            "constant median's mean error": {
                item.id: float(np.abs(item.of(group).median - item.of(group).labels).mean())
                for item in item_outcomes(main[-1])
                if len(item.of(group))
            }
        }
        if group == "all" and set(main[-1].items) == set(ITEM_ERRORS):
            levels["paper's mean error (other people)"] = {
                item: one.mean for item, one in ITEM_ERRORS.items()
            }
        caption = f"Absolute errors of {'patients' if group == 'patients' else 'everybody, as in the paper'}"
        figures[caption] = f"errors-{group}.png"
        draw_errors(out / figures[caption], errors, levels, caption, data)
    panels = _panels(evaluation)
    if panels:
        caption = f"Derived scores by the recipe {main[-1].recipe.name}, predicted against label"
        figures[caption] = "sub-scores.png"
        draw_agreement(out / figures[caption], panels, data)
        caption = f"Derived scores by the recipe {main[-1].recipe.name}, after Bland and Altman"
        figures[caption] = "bland-altman.png"
        draw_bland_altman(out / figures[caption], panels, data)
    return figures


def _panels(evaluation: "Evaluation") -> "list[SubScorePoints]":
    """The scores derived from the items by the last recipe, the one that was asked for."""
    from grading.agreement import bland_altman
    from grading.evaluation import sub_score_outcomes
    from reports.evaluation_figures import SubScorePoints

    panels = []
    for outcomes in sub_score_outcomes(evaluation.main[-1]):
        patients = outcomes.of("patients")
        limits = None
        if len(patients) > 1:
            found = bland_altman(patients.predicted, patients.labels)
            limits = (found.bias, found.low, found.high)
        panels.append(
            SubScorePoints(
                outcomes.name,
                (outcomes.low, outcomes.high),
                outcomes.labels,
                outcomes.predicted,
                outcomes.healthy,
                limits,
            )
        )
    return panels


def _tell(recipes: "Table") -> None:
    header, rows = recipes.flat()
    for row in rows:
        found = dict(zip(header, row, strict=True))
        typer.echo(
            f"{found['Recipe']}: patients' error {found['Mean share of range %']} % of the range, "
            f"{found['Below the median %']} % below the constant median"
        )


@contextmanager
def _progress() -> "Iterator[Tell]":
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("Photos", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
