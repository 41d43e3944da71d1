"""Commands about the pretrained weights of the backbones."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from grading.weights import (
    SOURCES,
    Source,
    UnknownBackboneError,
    fetch,
    find,
    hash_fits,
    import_weights,
    recorded_origin,
    sha256_of,
)
from service.settings import load_settings

Folder = Annotated[
    Path | None,
    typer.Option(help="The weights folder; else `weights` in the data folder.", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    weights = typer.Typer(help="Pretrained weights of the backbones.", no_args_is_help=True)
    weights.command("list")(list_weights)
    weights.command("fetch")(fetch_weights)
    weights.command("import")(import_file)
    app.add_typer(weights, name="weights")


def list_weights(
    folder: Folder = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")] = False,
) -> None:
    """List every backbone: whether its weights are there, from where, under which licence, their SHA-256."""
    place = _folder(folder)
    rows = [_row(source, place) for source in SOURCES.values()]
    if as_json:
        typer.echo(json.dumps({"folder": str(place), "weights": rows}, indent=2))
        return
    for row in rows:
        typer.echo(f"{row['backbone']:18} {row['state']:8} {row['mebibytes']:6} MiB")
        typer.echo(f"  comes from  {row['comes_from']}")
        typer.echo(f"  licence     {row['licence']}")
        if row["imported_from"]:
            typer.echo(f"  imported    {row['imported_from']}, SHA-256 {row['imported_sha256']}")
        if row["sha256"]:
            typer.echo(f"  SHA-256     {row['sha256']}")
    typer.echo(f"The weights folder is {place}")


def fetch_weights(
    names: Annotated[list[str], typer.Argument(help="The backbones to download weights for.")],
    folder: Folder = None,
    mirror: Annotated[
        str | None, typer.Option(help="Address where the files lie under their published names.")
    ] = None,
) -> None:
    """Download weights, check them, and go on where an earlier download broke off."""
    place = _folder(folder)
    for source in [_source(name) for name in names]:
        with _progress(source) as tell:
            path = fetch(source, place, mirror=mirror, progress=tell)
        typer.echo(f"{source.backbone}: {path}")


def import_file(
    name: Annotated[str, typer.Argument(help="The backbone that the weights are for.")],
    file: Annotated[
        Path, typer.Argument(help="VGG_FACE.caffemodel, VGG_FACE.t7, vgg_face_dag.pth, or a download.")
    ],
    folder: Folder = None,
) -> None:
    """Take in a file: VGG-Face as it is published, or another backbone's file from another machine."""
    path = import_weights(_source(name), file, _folder(folder))
    typer.echo(f"{name}: {path}, SHA-256 {sha256_of(path)}")


def _folder(chosen: Path | None) -> Path:
    return chosen or load_settings().weights_folder


def _source(name: str) -> Source:
    if name not in SOURCES:
        raise UnknownBackboneError(f"there is no backbone {name}: choose one of {', '.join(SOURCES)}")
    return SOURCES[name]


def _row(source: Source, folder: Path) -> dict[str, str | float | None]:
    path = find(source, folder)
    sha256 = sha256_of(path) if path else None
    origin = recorded_origin(path) if path else {}
    return {
        "backbone": source.backbone,
        "state": "absent" if sha256 is None else "present" if hash_fits(source, sha256) else "damaged",
        "file": str(path or folder / source.file),
        "mebibytes": round(path.stat().st_size / 2**20, 1) if path else source.mebibytes,
        "sha256": sha256,
        "comes_from": source.url
        or (f"Python package {source.package}" if source.package else "the site's file"),
        "trained_on": source.trained_on,
        "licence": source.licence,
        "imported_from": origin.get("origin"),
        "imported_sha256": origin.get("origin_sha256"),
    }


@contextmanager
def _progress(source: Source) -> Iterator[Callable[[int, int | None], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(True), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(source.backbone, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
