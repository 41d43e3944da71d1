"""What the pictures show beside the demo's phantoms: work that waits, events, raters, a clock that stands."""

import datetime as dt
import random
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import DateTime, Engine, select, text
from sqlalchemy.orm import Session

from dicom.sending import Peer, send_objects
from grading.phantom import PhantomPatient, PhantomRecording
from grading.scales import SCALES
from service.access.accounts import add_account
from service.access.roles import Role
from service.database import transaction
from service.demo.place import CAMERA_AE
from service.phantoms import ISSUER, photo_objects, series_uid
from service.records import annotating, assignments
from service.records.audit import system
from service.records.events import add_event
from service.records.models import Base, EventKind, Recording, RecordingState, SignedIn, StageRun

LOOKS_ON = "berta"
"""Signs in for the pictures, may everything, and scores too."""
NAME = "Dr Berta Beispiel"
DEVIATIONS = {LOOKS_ON: 4.0, "ida": 7.0, "jan": 12.0}
"""How far each rater's scores scatter around the phantom's true ones, in points."""
OPENED = ("R1", "R2", "R3", "R4", "M1", "M2")
"""Items that are scored where work still goes on."""
LEFT_OUT = 8
"""Place of the photo that one series lacks: showing teeth."""
PATIENCE_SECONDS = 120.0
KEPT = (SignedIn.__tablename__, StageRun.__tablename__)
NOON = "timestamptz '2026-03-02 11:00+00'"


def send_incomplete(patient: PhantomPatient, port: int) -> str:
    """Send a series that lacks a photo, to wait for a person later; its Series Instance UID."""
    with tempfile.TemporaryDirectory(prefix="facialis-camera-") as folder:
        files = []
        for number, dataset in enumerate(photo_objects(patient, patient.recordings[0]), start=1):
            if number != LEFT_OUT:
                file = Path(folder) / f"{number}.dcm"
                dataset.save_as(file, enforce_file_format=True)
                files.append(file)
        send_objects(files, Peer("FACIALIS", "127.0.0.1", port), calling_ae=CAMERA_AE)
    return series_uid(patient, patient.recordings[0])


def wait_for_attention(engine: Engine, series: str) -> None:
    """Wait until a series has been looked at and found wanting."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with transaction(engine) as session:
            state = session.scalar(select(Recording.state).where(Recording.series_uid == series))
        if state is RecordingState.NEEDS_ATTENTION:
            return
        time.sleep(0.5)
    raise SystemExit("the incomplete series was not looked at in time: see the service's logs")


def number_of(session: Session, patient: PhantomPatient, recording: PhantomRecording) -> int:
    """The number of a phantom's recording in the records."""
    series = series_uid(patient, recording)
    return session.scalars(select(Recording.id).where(Recording.series_uid == series)).one()


def fill(engine: Engine, patients: Sequence[PhantomPatient], password: str) -> int:
    """Add users, events, and three raters' scores; the assignment of `LOOKS_ON` that is not finished."""
    by = system("screenshots")
    with transaction(engine) as session:
        add_account(session, by, LOOKS_ON, list(Role), password=password, display_name=NAME)
        for name in DEVIATIONS.keys() - {LOOKS_ON}:
            add_account(session, by, name, [Role.RATER], password=password)
        _add_events(session, patients[0])
        truth = {
            number_of(session, patient, recording): _all_scores(recording)
            for patient in patients
            for recording in patient.recordings
        }
        open_one = number_of(session, patients[0], patients[0].recordings[-1])
        scales = ["eface", "house-brackmann"]
        assignments.give(session, by, list(DEVIATIONS), list(truth), scales, blind=False)
        for rater, deviation in DEVIATIONS.items():
            chance = random.Random(rater)  # noqa: S311 - the pictures are to stay the same
            for task in assignments.tasks_of(session, rater):
                assignment = task.assignment
                open_now = rater == LOOKS_ON and assignment.recording_key == open_one
                for item, score in truth[assignment.recording_key].items():
                    given = _given(item, score, chance.gauss(0, deviation))
                    if not open_now or item in OPENED:
                        annotating.save_score(session, by, assignment, item, given, None)
                if open_now:
                    still_open = assignment.id
                else:
                    assignments.finish(session, by, assignment, finished=True)
    return still_open


def stop_the_clock(superuser: Engine) -> None:
    """Give every moment in the records a fixed one, by the order of the rows, so that pictures stay the same.

    Sessions keep theirs, or they would be over, and so does the work of the last day.
    """
    with superuser.begin() as connection:
        # The audit trail refuses to be changed otherwise.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for table in Base.metadata.sorted_tables:
            moments = [
                column.name
                for column in table.columns
                if isinstance(column.type, DateTime) and column.type.timezone
            ]
            if "id" not in table.columns or table.name in KEPT or not moments:
                continue
            changes = ", ".join(
                f"{name} = CASE WHEN {name} IS NOT NULL THEN {NOON} + id * interval '1 minute' "
                f"+ interval '{2 * place} seconds' END"
                for place, name in enumerate(moments)
            )
            connection.execute(text(f'UPDATE "{table.name}" SET {changes}'))  # noqa: S608 - our own names


def _all_scores(recording: PhantomRecording) -> Mapping[str, float]:
    """A phantom's true scores, with no synkinesis and the grade that its mean comes to."""
    missing = 100 - statistics.fmean(min(score, 200 - score) for score in recording.scores.values())
    synkinesis = {item.id: item.normal for item in SCALES["eface"].items if item.id.startswith("S")}
    return {**recording.scores, **synkinesis, "HB": min(1 + missing // 10, 6)}


def _given(item: str, score: float, deviation: float) -> int:
    found = next(one for scale in SCALES.values() for one in scale.items if one.id == item)
    if item == "HB":
        deviation = round(deviation / 10)
    return round(min(max(score + deviation, found.low), found.high))


def _add_events(session: Session, patient: PhantomPatient) -> None:
    assert patient.surgery_date is not None  # noqa: S101 - the first phantom of the demo has one
    for kind, days, note in (
        (EventKind.TRAINING, 120, "Mirror training, weekly"),
        (EventKind.BOTULINUM_TOXIN, 270, "Eye, 2.5 units"),
    ):
        day = patient.surgery_date + dt.timedelta(days=days)
        add_event(session, patient.id, ISSUER, day, kind, patient.side or "", note)
