"""Runs the demonstration from the first process to the last line of its account."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import pairwise
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from sqlalchemy import Engine

from dicom.sending import Peer, send_objects
from grading.errors import TransientError
from grading.phantom import PhantomPatient, phantom_patient
from service.access.roles import Role
from service.database import connect
from service.demo.account import tell, write_summary
from service.demo.outcome import Outcome, collect_pdf, follow
from service.demo.place import (
    CAMERA_AE,
    DemoPlace,
    pacs_child,
    prepare_place,
    service_child,
    wait_for_service,
)
from service.phantoms import ISSUER, photo_objects
from service.records.models import RecordingState
from service.supervisor import STOP_SIGNALS, Supervisor

PATIENCE_SECONDS = 240
USER = "demo"


class SendingError(TransientError):
    """The demo's own receiver did not take its photos."""

    code = "demo.sending"


def run_demo(folder: Path, seed: int, *, stay: bool, summary: Path | None) -> bool:
    """Run the whole demonstration; True if every recording was delivered.

    With ``stay`` the service and its pages stay up until Ctrl-C.

    Raises:
        DemoFolderError, SendingError: it could not be run; everything started is stopped.
    """
    console = Console()
    place = prepare_place(folder)
    patients = [phantom_patient(seed), phantom_patient(seed + 1, healthy=True)]
    outcomes = [Outcome(patient, recording) for patient in patients for recording in patient.recordings]
    supervisor = Supervisor()
    for number in STOP_SIGNALS:
        signal.signal(number, signal.default_int_handler)
    try:
        seconds = _play(console, place, patients, outcomes, supervisor)
        page = f"http://127.0.0.1:{place.web_port}/"
        tell(console, outcomes, seconds)
        if summary is not None:
            write_summary(summary, outcomes, seconds, page)
        console.print(f"PDF reports, as the stand-in PACS received them: {place.reports}", soft_wrap=True)
        if stay:
            password = _add_user(place)
            console.print(f"Web page: {page}   (Ctrl-C stops everything)")
            console.print(f"Sign in there as {USER} with the password {password}", highlight=False)
            supervisor.watch()
    except KeyboardInterrupt:
        console.print("Stopping.")
    finally:
        supervisor.stop()
    return all(outcome.state is RecordingState.DELIVERED for outcome in outcomes)


def _play(
    console: Console,
    place: DemoPlace,
    patients: list[PhantomPatient],
    outcomes: list[Outcome],
    supervisor: Supervisor,
) -> dict[str, float]:
    """From the first process to the last delivery; seconds by what was done."""
    clock = {"whole": time.monotonic()}
    columns = (TextColumn("{task.description:<34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        service = service_child(place)
        supervisor.start(pacs_child(place), service)
        series = _draw(outcomes, place, progress)
        clock["draw"] = time.monotonic()
        starting = progress.add_task("Waiting for the service", total=1)
        running = wait_for_service(place, service)
        progress.update(starting, completed=1)
        clock["start"] = time.monotonic()
        _record_surgeries(patients, place)
        clock["surgery"] = time.monotonic()
        _send(series, Peer("FACIALIS", "127.0.0.1", place.receiver_port), progress)
        clock["send"] = time.monotonic()
        engine = connect(running.database_url)
        _wait(engine, outcomes, progress)
        engine.dispose()
        clock["grade, report, deliver"] = time.monotonic()
    for outcome in outcomes:
        collect_pdf(outcome, place.pacs_folder, place.reports)
    return _spans(clock)


def _draw(outcomes: list[Outcome], place: DemoPlace, progress: Progress) -> list[list[Path]]:
    """Draw every recording's photos into DICOM files, on all cores; one list of files per recording."""
    task = progress.add_task("Drawing phantom photos", total=len(outcomes))
    series: dict[int, list[Path]] = {}
    with ProcessPoolExecutor(min(os.cpu_count() or 1, len(outcomes)), initializer=_leave_ctrl_c) as pool:
        jobs = {
            pool.submit(_draw_recording, outcome, place.folder / "camera" / str(number)): number
            for number, outcome in enumerate(outcomes)
        }
        for job in as_completed(jobs):
            series[jobs[job]] = job.result()
            progress.advance(task)
    return [series[number] for number in range(len(outcomes))]


def _leave_ctrl_c() -> None:
    """Ctrl-C goes to every process of the terminal; the demo alone acts on it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _draw_recording(outcome: Outcome, folder: Path) -> list[Path]:
    folder.mkdir(parents=True)
    files = []
    for number, dataset in enumerate(photo_objects(outcome.patient, outcome.recording), start=1):
        file = folder / f"{number}.dcm"
        dataset.save_as(file, enforce_file_format=True)
        files.append(file)
    return files


def _record_surgeries(patients: list[PhantomPatient], place: DemoPlace) -> None:
    """Tell the service of the surgeries by its own command, as a hospital would."""
    for patient in patients:
        if patient.surgery_date is None:
            continue
        command = [
            sys.executable, "-m", "service", "surgery", "add", "--patient", patient.id, "--issuer", ISSUER,
            "--date", patient.surgery_date.isoformat(), "--procedure", patient.procedure or "",
            "--side", patient.side or "",
        ]  # fmt: skip
        subprocess.run(command, env=place.environment, check=True)


def _add_user(place: DemoPlace) -> str:
    """A user of the pages who may see everything, by the service's own command; the generated password."""
    roles = [part for role in Role for part in ("--role", role.value)]
    command = [sys.executable, "-m", "service", "user", "add", USER, *roles, "--generate"]
    said = subprocess.run(command, env=place.environment, check=True, capture_output=True, text=True).stdout
    return said.removeprefix("Password: ").strip()


def _send(series: list[list[Path]], receiver: Peer, progress: Progress) -> None:
    """Send each recording in an association of its own, as a PACS does."""
    task = progress.add_task("Sending by C-STORE", total=sum(len(files) for files in series))
    for files in series:
        outcomes = send_objects(
            files, receiver, calling_ae=CAMERA_AE, on_sent=lambda _path, _status: progress.advance(task)
        )
        refused = [outcome for outcome in outcomes if not outcome.ok]
        if refused:
            raise SendingError(f"the receiver did not take {len(refused)} photos: {refused[0].words}")


def _wait(engine: Engine, outcomes: list[Outcome], progress: Progress) -> None:
    """Follow the recordings until each has ended, or patience has."""
    order = list(RecordingState)
    marks = {
        "Faces found": RecordingState.PREPARED,
        "Graded": RecordingState.GRADED,
        "Reports written": RecordingState.REPORTED,
        "Delivered to the stand-in PACS": RecordingState.DELIVERED,
    }
    tasks: dict[RecordingState, TaskID] = {
        state: progress.add_task(words, total=len(outcomes)) for words, state in marks.items()
    }
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        follow(engine, outcomes)
        for state, task in tasks.items():
            reached = [o for o in outcomes if o.state and _reached(order, o.state, state)]
            progress.update(task, completed=len(reached))
        if all(outcome.ended for outcome in outcomes):
            return
        time.sleep(0.25)


def _reached(order: list[RecordingState], state: RecordingState, mark: RecordingState) -> bool:
    return state is not RecordingState.NEEDS_ATTENTION and order.index(state) >= order.index(mark)


def _spans(clock: dict[str, float]) -> dict[str, float]:
    """Seconds between the marks, and of the whole."""
    names = list(clock)
    spans = {name: clock[name] - clock[before] for before, name in pairwise(names)}
    return {"whole": clock[names[-1]] - clock["whole"], **spans}
