"""The option that has a cohort's photos worked through by Celery workers, wherever they run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.settings import load_settings

if TYPE_CHECKING:
    from grading.backbones import Backbone
    from grading.cohort import Cohort
    from grading.features import Progress
    from grading.recipes import Recipe

Workers = Annotated[
    bool,
    typer.Option(
        "--workers",
        help="Have the photos worked through by 'facialis worker --queue features', on this and other "
        "machines. They must reach the photos, the weights and the folder of --cache under the same paths.",
    ),
]


def fill_by_workers(
    cohort: "Cohort",
    backbone: "Backbone",
    recipe: "Recipe",
    cache: Path | None,
    *,
    weights: Path | None,
    folder: Path | None = None,
    progress: "Progress",
) -> None:
    """Have workers fill the cache; what is there already is not sent. Raises what `spread` raises."""
    from service.queues import FEATURES
    from service.spreading import SpreadError, spread

    if cache is None:
        raise SpreadError("--workers needs --cache with a folder that the workers reach as well")
    typer.echo(f"photos go to the workers of the queue {FEATURES}; Ctrl-C ends the wait", err=True)
    spread(
        load_settings(), cohort, backbone, recipe, cache, weights=weights, folder=folder, progress=progress
    )
