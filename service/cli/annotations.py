"""Commands about raters' scores of recordings."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from service.cli.importing import AsJson, DryRun, Encoding, File, import_table
from service.cli.operating import operator
from service.cli.session import records
from service.records import audit
from service.records.annotations import (
    ANNOTATIONS,
    AnnotationError,
    annotations_of,
    save_annotation,
    scores_given,
)
from service.records.audit_events import AuditEventKind
from service.settings import load_settings
from service.storage import FolderStorage

Recording = Annotated[int, typer.Option(help="Its number, from 'facialis recordings list'.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    annotation = typer.Typer(help="What raters say of recordings.", no_args_is_help=True)
    annotation.command("add")(add)
    annotation.command("list")(list_annotations)
    annotation.command("import")(import_annotations)
    annotation.command("import-folder")(import_photos)
    annotation.command("export")(export)
    app.add_typer(annotation, name="annotation")


def add(
    scores: Annotated[list[str], typer.Argument(metavar="ITEM=SCORE…", help="Such as R1=80 M4=35.")],
    recording: Recording,
    rater: Annotated[str, typer.Option(help="Who scored it.")],
    note: Annotated[str, typer.Option(help="What else is to be known.")] = "",
) -> None:
    """Keep a rater's scores of a recording on one scale; earlier ones of the same rater are replaced."""
    given = dict(map(_score, scores))
    with records() as session:
        saved = save_annotation(session, recording, rater, given, note, operator().name)
        audit.record(
            session,
            operator(),
            AuditEventKind.ANNOTATION_SAVED,
            recording=recording,
            annotation=saved.id,
        )


def list_annotations(recording: Recording, as_json: AsJson = False) -> None:
    """List what raters gave a recording."""
    with records() as session:
        found = [
            (one.rater.name, one.scale, one.note, scores_given(one))
            for one in annotations_of(session, recording)
        ]
    if as_json:
        typer.echo(
            json.dumps([dict(zip(("rater", "scale", "note", "scores"), one, strict=True)) for one in found])
        )
        return
    for rater, scale, _, given in found:
        typer.echo(f"{rater}  {scale}  {', '.join(f'{item} {value:g}' for item, value in given.items())}")


def import_annotations(
    file: File, dry_run: DryRun = False, encoding: Encoding = "utf-8", as_json: AsJson = False
) -> None:
    """Take raters' scores out of a CSV file: all rows or none, and the same file again changes nothing."""
    import_table(ANNOTATIONS, file, dry_run, encoding, as_json)


def import_photos(
    folder: Annotated[
        Path, typer.Argument(help="A folder with labels.csv and photos <subject>/<session>/<n>.jpg.")
    ],
    rater: Annotated[
        str | None, typer.Option(help="Who gave the scores in labels.csv; else only annotations.csv counts.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(help="The receiver of this installation, as AE@host:port, if not as set."),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take in an existing folder of photos with its tables; the same folder again changes nothing."""
    from dicom.sending import Peer
    from service.cohort_import import import_folder, own_receiver, read_folder

    peer = Peer.parse(to) if to else own_receiver(load_settings())
    found = read_folder(folder, rater)
    with records() as session, Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(folder.name, total=len(found))
        taken = import_folder(
            session,
            found,
            peer,
            dry_run=dry_run,
            progress=lambda done, _: progress.update(task, completed=done),
        )
        if not dry_run:
            audit.record(session, operator(), AuditEventKind.DATA_IMPORTED, table="folder", rows=len(found))
    if as_json:
        typer.echo(json.dumps({"stored": not dry_run} | asdict(taken)))
        return
    for note in taken.notes:
        typer.echo(f"note  {note}")
    typer.echo(
        f"{taken.recordings} new recordings with {taken.photos} photos, {taken.known} on record already, "
        f"{taken.annotations} new annotations" + ("; nothing was stored" if dry_run else "")
    )


def export(
    folder: Annotated[Path, typer.Argument(help="A new folder, for 'facialis train'.")],
    healthy: Annotated[
        list[int] | None,
        typer.Option(help="Number of a patient without palsy, as in the address of the patient's page."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write what raters finished as a cohort folder: photos and tables, no names and no dates."""
    from service.cohort_export import write_cohort

    settings = load_settings()
    with records() as session, Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("Writing", total=None)
        written = write_cohort(
            session,
            FolderStorage(settings.data_dir / "files"),
            folder,
            healthy=healthy or (),
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
        audit.record(
            session, operator(), AuditEventKind.DATA_EXPORTED, what="cohort", recordings=written.recordings
        )
    if as_json:
        typer.echo(json.dumps(asdict(written)))
        return
    for recording, reason in written.left_out:
        typer.echo(f"left out  recording {recording}: {reason}")
    typer.echo(f"{written.recordings} recordings with {written.photos} photos in {folder}")


def _score(given: str) -> tuple[str, float]:
    item, _, number = given.partition("=")
    try:
        return item.strip(), float(number)
    except ValueError:
        raise AnnotationError(f"{given} is no score: write ITEM=SCORE, such as R1=80") from None
