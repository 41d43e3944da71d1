"""The demo's readable account: tables and a JSON summary."""

import json
import statistics
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from grading.scales import PREDICTED_ITEMS
from service.demo.outcome import Outcome
from service.records.models import RecordingState

STAGES = ("receive", "prepare", "grade", "report", "deliver")


def tell(console: Console, outcomes: Sequence[Outcome], whole_seconds: dict[str, float]) -> None:
    """Print what happened to each recording, its scores beside the true ones, and how long things took."""
    for patient_id, group in groupby(outcomes, key=lambda outcome: outcome.patient.id):
        of_patient = list(group)
        patient = of_patient[0].patient
        side = {"L": "left", "R": "right"}.get(patient.side or "", "")
        what = f"palsy {side}, {patient.procedure} on {patient.surgery_date}" if side else "healthy"
        console.print(_scores(f"{patient_id}: {what}", of_patient))
    console.print(_stages(outcomes))
    errors = [
        abs(outcome.scores[item.id] - outcome.recording.scores[item.id]) / item.span
        for outcome in outcomes
        for item in PREDICTED_ITEMS
        if item.id in outcome.scores
    ]
    if errors:
        console.print(
            f"Mean difference from the true scores: {100 * statistics.fmean(errors):.1f} % of range. "
            "The renderer that drew these phantoms also drew part of the training data: "
            "this says nothing about people."
        )
    for outcome in outcomes:
        if outcome.state is not RecordingState.DELIVERED:
            state = outcome.state.value if outcome.state else "not received"
            console.print(f"[red]{outcome.patient.id} {outcome.timepoint}: {state}[/] {outcome.reason or ''}")
    console.print(
        "  ".join(f"{name} {seconds:.1f} s" for name, seconds in whole_seconds.items()), highlight=False
    )


def write_summary(
    file: Path, outcomes: Sequence[Outcome], whole_seconds: dict[str, float], page: str
) -> None:
    """Write the summary as JSON."""
    content = {
        "recordings": [outcome.to_json() for outcome in outcomes],
        "seconds": {name: round(seconds, 2) for name, seconds in whole_seconds.items()},
        "page": page,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=1) + "\n")


def _scores(title: str, outcomes: Sequence[Outcome]) -> Table:
    table = Table(
        title=title, title_justify="left", caption="graded (true)", caption_justify="left", box=SIMPLE_HEAD
    )
    table.add_column("Item")
    for outcome in outcomes:
        table.add_column(outcome.timepoint, justify="right", no_wrap=True)
    for item in PREDICTED_ITEMS:
        cells = [
            f"{outcome.scores[item.id]:.0f} ({outcome.recording.scores[item.id]:.0f})"
            if item.id in outcome.scores
            else "-"
            for outcome in outcomes
        ]
        table.add_row(f"{item.id} {item.name}", *cells)
    return table


def _stages(outcomes: Sequence[Outcome]) -> Table:
    table = Table(
        title="What happened (seconds)", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for name in ("Recording (photos)", "State"):
        table.add_column(name, no_wrap=True)
    for stage in STAGES:
        table.add_column(stage, justify="right", no_wrap=True)
    for outcome in outcomes:
        seconds = [f"{outcome.seconds[stage]:.1f}" if stage in outcome.seconds else "-" for stage in STAGES]
        state = outcome.state.value if outcome.state else "not received"
        table.add_row(f"{outcome.patient.id} {outcome.timepoint} ({outcome.photos})", state, *seconds)
    return table
