"""Whether each part of an installation is as it should be: in words what was found, or an error."""

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
from service.records.circuits import open_circuits
from service.records.models import DeliveryState
from service.records.outbox import deliveries_by_state
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
            f"grading was not checked since {found.since:%Y-%m-%d %H:%M}: see that 'facialis schedule' and a "
            "worker with --queue constancy run"
        )
    if run is None:
        return (
            "no check was made yet" if settings.constancy.daily else "no check was made; the daily one is off"
        )
    when = f"check {run.id} of {run.finished_at:%Y-%m-%d %H:%M}"
    since = ", ".join(
        f"{change.name} {change.before or '–'} → {change.after or '–'}" for change in found.changes
    )
    changed = f"; changed since the one before: {since}" if since else ""
    if found.verdict is Verdict.FAILED:
        raise CheckError(f"{when} failed: {run.reason}{changed}")
    if found.verdict is Verdict.DIFFERS:
        items = ", ".join(f"{one.item} {one.points:+.2f} ({one.against})" for one in found.beyond)
        raise CheckError(
            f"grading has changed: by {when} a phantom's scores differ in points from the last or first by "
            f"the same bundle: {items}{changed}; see docs/constancy.md"
        )
    most = max(found.largest.values(), default=None) if found.largest else None
    said = "first by its bundle" if most is None else f"at most {most:.3f} points from earlier ones"
    return f"{when}: {said}{changed}"


def outbox(session: Session) -> str:
    """How many deliveries are under way, if none failed."""
    counts, shut = deliveries_by_state(session), open_circuits(session)
    faults = [
        f"{name} is left alone until {row.open_until:%H:%M:%S} after {row.failures} failures: {row.answer}"
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
