"""Commands about photo series: send one, draw one, grade one."""

import datetime as dt
import json
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from grading.errors import PermanentError
from service.settings import load_settings


class SendError(PermanentError):
    """Objects were not taken by the peer."""

    code = "send.refused"


class Side(StrEnum):
    """The patient's own right or left."""

    RIGHT = "R"
    LEFT = "L"


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(send)
    app.command()(phantom)
    app.command()(grade)


def send(
    paths: Annotated[
        list[Path], typer.Argument(help="DICOM files, folders of them, or a folder of 1.jpg … 9.jpg.")
    ],
    to: Annotated[str, typer.Option(help="The receiver, as AE@host:port.")],
    calling_ae: Annotated[str, typer.Option(help="Our AE title.")] = "FACIALIS-SEND",
    patient: Annotated[str, typer.Option(help="For plain photos: the patient's ID.")] = "",
    name: Annotated[str, typer.Option(help="For plain photos: the patient's name, as Family^Given.")] = "",
    taken: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="For plain photos: when."),
    ] = None,
) -> None:
    """Send DICOM files, or a folder of photos as a series, by C-STORE."""
    from dicom.sending import Peer, send_objects
    from service.outgoing import collect_objects

    peer = Peer.parse(to)
    with tempfile.TemporaryDirectory() as work, Progress(console=Console(stderr=True)) as progress:
        files = collect_objects(paths, Path(work), patient, name, taken)
        task = progress.add_task(f"Sending to {peer}", total=len(files))
        outcomes = send_objects(files, peer, calling_ae=calling_ae, on_sent=lambda *_: progress.advance(task))
    refused = [outcome for outcome in outcomes if not outcome.ok]
    for outcome in refused:
        typer.echo(f"{outcome.path.name}: {outcome.words}", err=True)
    typer.echo(f"{len(outcomes) - len(refused)} of {len(outcomes)} objects were taken by {peer}")
    if refused:
        raise SendError(f"{len(refused)} objects were not taken; the lines above say why")


def phantom(
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    dicom: Annotated[
        bool, typer.Option("--dicom", help="DICOM files of patients with a history, not JPEG.")
    ] = False,
    patients: Annotated[int, typer.Option(min=1, help="How many.")] = 2,
    seed: Annotated[int, typer.Option(help="The same seed draws the same phantoms.")] = 0,
) -> None:
    """Draw phantom series with known scores: a cohort folder of JPEG files, or DICOM files."""
    from grading.phantom import PhantomError, phantom_patient, write_cohort
    from service.phantoms import write_dicom

    if out.exists() and any(out.iterdir()):
        raise PhantomError(f"{out} is not empty: give a new folder")
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("Drawing phantoms", total=None)
        if not dicom:
            write_cohort(
                out,
                patients,
                seed,
                progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
        else:
            progress.update(task, total=patients)
            for number in range(patients):
                # Every fourth is healthy, as in the cohort folder.
                write_dicom(out, phantom_patient(seed + number, healthy=number % 4 == 3))
                progress.advance(task)
    typer.echo(f"{patients} phantom patients in {out}")


def grade(
    path: Annotated[
        Path, typer.Argument(help="Folder with 1.jpg … 9.jpg or with DICOM files of one series.")
    ],
    bundle: Annotated[Path | None, typer.Option(help="The bundle that grades.")] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Its backbone's weights, if not the network's own.")
    ] = None,
    side: Annotated[
        Side | None,
        typer.Option(help="The affected side; without it, it is estimated.", case_sensitive=False),
    ] = None,
    maps: Annotated[
        Path | None,
        typer.Option(help="Folder to write a picture per item to: what each place of the face adds to it."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for scripts.")] = False,
) -> None:
    """Grade one series from files, with no database."""
    from service.offline import grade_folder, interval_words

    settings = load_settings()
    chosen = {"bundle": bundle or settings.bundle, "weights": weights or settings.weights}
    result = grade_folder(path, settings.model_copy(update=chosen), side.value if side else None, maps=maps)
    if as_json:
        typer.echo(json.dumps(result.to_json()))
        return
    console = Console()
    table = Table("Item", "Score", "90 % interval", "MDC", "Range", "Reading", "Photo")
    for line in result.lines:
        score = f"{line.score:.0f}"
        table.add_row(line.name, score, line.interval, line.mdc, line.range, line.reading, line.photo)
    console.print(table)
    for sub_score in result.grading.sub_scores:
        if sub_score.formula != "raj":
            bounds = f"{sub_score.low:.0f}-{sub_score.high:.0f}"
            known = result.grading.sub_intervals.get(sub_score.id) if sub_score.formula == "folded" else None
            within = f", 90 % interval {interval_words(known)}" if known else ""
            console.print(f"{sub_score.name} ({sub_score.formula}, {bounds}): {sub_score.value:.0f}{within}")
    if result.grading.side:
        console.print(f"Affected side: {'left' if result.grading.side == 'L' else 'right'}")
    console.print(f"Distance to the training data: {result.grading.novelty:.2f} (above 1: unlike it)")
    console.print("MDC: the minimal detectable change between two recordings, in points")
    for flag in result.flags:
        console.print(f"Note: {flag}")
    if result.maps:
        console.print(f"{len(result.maps)} pictures of what made the scores are in {maps}")
    console.print(f"Model {result.grading.bundle_name} {result.grading.bundle_version}")
    if result.bundle.commissioning:
        console.print("[bold red]commissioning model: not for clinical use[/]")
