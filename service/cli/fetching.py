"""The command that takes series from an archive which were never sent to us."""

import datetime as dt
import json
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from grading.errors import PermanentError
from service.settings import load_settings


class FetchError(PermanentError):
    """Series of an archive could not be fetched whole; fetch again to get the rest."""

    code = "fetch.incomplete"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(fetch)


def fetch(
    source: Annotated[str, typer.Option("--from", help="The archive, by its name under [[sources]].")],
    since: Annotated[dt.datetime, typer.Option(formats=["%Y-%m-%d"], help="First day of the studies.")],
    until: Annotated[
        dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day of the studies; none: today.")
    ] = None,
    modality: Annotated[str, typer.Option(help="Modality of the series.")] = "XC",
    per_second: Annotated[float, typer.Option(min=0.01, help="At most so many objects a second.")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON, for scripts.")] = False,
) -> None:
    """Fetch the series that an archive has and we do not; broken off, it goes on where it was.

    They are graded as if they had been sent, by the running service.
    """
    from service.database import connect
    from service.fetching import Fetcher, find_series, open_archive
    from service.intake import ServiceIntake
    from service.running import database_url
    from service.storage import FolderStorage

    settings = load_settings()
    archive = open_archive(settings, source)
    engine = connect(database_url(settings))
    files = settings.data_dir / "files"
    # The workers find what became complete by themselves, within seconds.
    intake = ServiceIntake(engine, FolderStorage(files), settings, lambda _: None)
    fetcher = Fetcher(archive, engine, intake, files / "fetching", source, per_second)
    last = (until or dt.datetime.now()).date()
    results = []
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(f"Searching {source}", total=None)
        found = list(find_series(archive, since.date(), last, modality))
        progress.update(task, description=f"Fetching from {source}", total=len(found))
        for series in found:
            results.append(fetcher.fetch(series))
            progress.advance(task)
    failed = [result for result in results if result.error is not None]
    for result in failed:
        typer.echo(f"series {result.series.series_uid}: {result.error}", err=True)
    counts = {
        "series": len(results),
        "objects": sum(result.objects for result in results),
        "known": sum(result.known for result in results),
        "failed_series": len(failed),
    }
    if as_json:
        typer.echo(json.dumps(counts))
    else:
        typer.echo("{series} series, {objects} objects, {known} of them known before".format(**counts))
    if failed:
        raise FetchError(f"{len(failed)} series are not complete; the lines above say why, fetch again later")
