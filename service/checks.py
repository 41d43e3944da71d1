"""Whether each part of an installation is as it should be: in words what was found, or an error."""

import datetime as dt
import shutil

from sqlalchemy import text
from sqlalchemy.orm import Session

from grading.bundle import Bundle
from grading.errors import PermanentError
from service.constancy import Verdict, standing
from service.peer_settings import (
    AnyPeer,
    DicomAddress,
    FhirDestination,
    FhirSource,
    FolderDestination,
    Hl7Destination,
)
from service.queues import NEEDED
from service.receiver_settings import CommitmentPeer
from service.records.circuits import open_circuits
from service.records.models import DeliveryState, ProcessKind
from service.records.outbox import open_deliveries
from service.records.processes import signs, unserved
from service.settings import Settings


class CheckError(PermanentError):
    """A part of the installation is not as it should be."""

    code = "check.failed"


def database(session: Session) -> str:
    """The version of PostgreSQL."""
    return f"PostgreSQL {session.scalar(text('SHOW server_version'))}"


def broker(settings: Settings) -> str:
    """That Redis answers."""
    from kombu import Connection
    from kombu.exceptions import OperationalError

    from service.running import broker_url

    try:
        with Connection(broker_url(settings), connect_timeout=3) as connection:
            connection.ensure_connection(max_retries=1, timeout=3)
    except (OperationalError, OSError):
        raise CheckError("the broker cannot be reached; is Redis running?") from None
    return "Redis answers"


def disk(settings: Settings) -> str:
    """How much room is left."""
    folder = settings.data_dir
    if not folder.is_dir():
        raise CheckError(f"the data folder {folder} does not exist yet; 'facialis up' makes it")
    free = shutil.disk_usage(folder).free
    if free < settings.receiver.min_free_bytes:
        raise CheckError(f"{free / 1e9:.1f} GB free: the receiver refuses photos; make room")
    return f"{free / 1e9:.1f} GB free in {folder}"


def bundle(settings: Settings, activated: str | None) -> str:
    """Which bundle grades: with the hash ``activated``, else that of the settings; its network is loaded."""
    from grading.grader import Grader
    from service.bundles import grading_bundle, weights_for

    found = grading_bundle(settings, activated)
    Grader(found, weights=weights_for(found, settings), folder=settings.weights_folder)
    return _named(found)


def bundle_files(settings: Settings, activated: str | None) -> str:
    """As `bundle`, by its files alone."""
    from service.bundles import grading_bundle

    return _named(grading_bundle(settings, activated))


def device(_settings: Settings) -> str:
    """What the network runs on."""
    import torch

    return (
        torch.cuda.get_device_name()
        if torch.cuda.is_available()
        else f"CPU, {torch.get_num_threads()} threads"
    )


def constancy(session: Session, settings: Settings) -> str:
    """That a phantom's scores are what they were, and when that was last seen."""
    found = standing(session, settings)
    run = found.run
    if found.overdue:
        raise CheckError(
            f"grading was not checked since {_moment(found.since, settings)}: see that 'facialis schedule' "
            "and a worker with --queue constancy run"
        )
    if run is None:
        return (
            "no check was made yet" if settings.constancy.daily else "no check was made; the daily one is off"
        )
    number, time = run.id, _moment(run.finished_at, settings)
    if found.verdict is Verdict.FAILED:
        said = f"check {number} of {time} failed: {run.reason}"
    elif found.verdict is Verdict.DIFFERS:
        furthest = {one.item: one.points for one in reversed(found.beyond)}
        items = ", ".join(f"{item} {points:+.2f}" for item, points in reversed(furthest.items()))
        said = (
            f"grading has changed: a phantom's scores differ in check {number} of {time}, in points: {items}."
        )
    elif not found.largest:
        said = f"check {number} of {time} is the first by its bundle."
    else:
        most = f"{max(found.largest.values()):.3f}"
        said = f"check {number} of {time} is at most {most} points from earlier ones."
    if found.changes:
        since = ", ".join(f"{one.name} {one.before or '–'} → {one.after or '–'}" for one in found.changes)
        said = " ".join((said, f"Changed since the check before: {since}"))
    if not found.ok:
        raise CheckError(said)
    return said


def workers(session: Session) -> str:
    """How many processes give signs of life, if every queue is served and the clock goes."""
    found = signs(session)
    alive = [sign for sign in found if not sign.silent]
    lacking = unserved(found, NEEDED)
    if lacking:
        raise CheckError(
            f"nobody serves {', '.join(lacking)}: start 'facialis worker' with --queue for each of them"
        )
    if not any(sign.kind is ProcessKind.CLOCK for sign in alive):
        raise CheckError("nobody looks for work left behind: start 'facialis schedule'")
    return f"every queue is served; processes alive: {len(alive)}"


def outbox(session: Session) -> str:
    """How many deliveries are under way, if none failed."""
    counts, shut = open_deliveries(session), open_circuits(session)
    faults = [
        f"{name} is left alone until {row.open_until:%H:%M:%S %Z} after {row.failures} failures: {row.answer}"
        for name, row in sorted(shut.items())
    ]
    faults += [
        f"{count} deliveries to {name} failed; see 'facialis deliveries list --state failed'"
        for (name, state), count in sorted(counts.items())
        if state is DeliveryState.FAILED
    ]
    if faults:
        raise CheckError("; ".join(faults))
    waiting = sum(count for (_, state), count in counts.items() if state is DeliveryState.PENDING)
    unsigned = sum(count for (_, state), count in counts.items() if state is DeliveryState.WAITING)
    return f"{waiting} deliveries under way, {unsigned} wait for sign-off"


def _moment(time: dt.datetime | None, settings: Settings) -> str:
    return f"{time.astimezone(settings.web.zone):%Y-%m-%d %H:%M %Z}" if time else "ever"


def _named(bundle: Bundle) -> str:
    named = f"{bundle.name} {bundle.version} ({bundle.hash[:12]}) on {bundle.backbone.name}"
    return f"{named}, commissioning model: not for clinical use" if bundle.commissioning else named


def peer(address: AnyPeer, settings: Settings) -> str:
    """What a destination or source answers with. Raises the errors of its protocol."""
    from dicom.sending import echo
    from dicom.web import check as check_web
    from service.delivery.sending import check_destination
    from service.fhir.client import check as check_fhir
    from service.peers import dicom_peer, web_peer

    if isinstance(address, Hl7Destination | FhirDestination | FolderDestination):
        return check_destination(address)
    if isinstance(address, FhirSource):
        check_fhir(address)
        return "answers FHIR"
    if isinstance(address, DicomAddress):
        echo(dicom_peer(address), calling_ae=settings.receiver.ae_title)
        return "answers C-ECHO"
    check_web(web_peer(address))
    return "answers DICOMweb"


def commitment_peer(address: CommitmentPeer, settings: Settings) -> str:
    """That a sender which asks for storage commitment is where its answers go. Raises as `dicom.peers`."""
    from dicom.sending import echo
    from service.peers import asker

    echo(asker(address), calling_ae=settings.receiver.ae_title)
    return "answers C-ECHO"
