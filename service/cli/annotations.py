"""Commands about raters' scores of recordings."""

import json
from typing import Annotated

import typer

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

Recording = Annotated[int, typer.Option(help="Its number, from 'facialis recordings list'.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    annotation = typer.Typer(help="What raters say of recordings.", no_args_is_help=True)
    annotation.command("add")(add)
    annotation.command("list")(list_annotations)
    annotation.command("import")(import_annotations)
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


def _score(given: str) -> tuple[str, float]:
    item, _, number = given.partition("=")
    try:
        return item.strip(), float(number)
    except ValueError:
        raise AnnotationError(f"{given} is no score: write ITEM=SCORE, such as R1=80") from None
