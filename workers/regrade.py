"""Grading the archive by another bundle, a slice at a time, whenever no live recording waits."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import structlog
from PIL import UnidentifiedImageError

from dicom.headers import PhotoHeader
from dicom.pixels import decode_photo
from grading.bundle import describe_bundle
from grading.contributions import contributions
from grading.errors import PermanentError, TransientError
from grading.face import Photo as Pixels
from grading.framing import Preprocessing
from grading.grader import Grader
from grading.preparing import prepare_photo
from service.bundles import eface_bundle
from service.database import transaction
from service.kept_maps import keep_maps
from service.photographs import check_modality, listed, quality_rules
from service.records import audit, leases, regrading
from service.records.audit_events import AuditEventKind
from service.records.gradings import register_bundle, save_grading
from service.records.leases import Lease, LeaseLostError
from service.records.models import Recording, Regrading, RegradingTask
from workers.context import Context
from workers.stages import crop_keys, decode_image, encode_image, grading_uid, known_side

log = structlog.get_logger()

SLICE_SECONDS = 30.0
"""How long one message keeps a worker; then others have a turn."""
GONE = "storage.missing"


class ChangedBundleError(PermanentError):
    """The folder of the bundle holds another bundle than when the regrading began."""

    code = "regrading.bundle"


@dataclass(frozen=True)
class _Photo:
    sha256: str
    storage_key: str
    header: PhotoHeader


def regrade(context: Context, run_id: int, seconds: float = SLICE_SECONDS) -> bool:
    """Grade recordings of a running regrading for so long; whether there is more to do at once.

    Between any two recordings it looks for live work, and leaves off where there is some.
    """
    with transaction(context.engine) as session:
        run = session.get(Regrading, run_id)
        if run is None or regrading.live_work_waits(session):
            return False
    try:
        grader = _grader(run.bundle_path, run.bundle_hash, context.settings.weights_folder)
    except PermanentError as error:
        log.warning("regrading.paused", code=error.code)
        with transaction(context.engine) as session:
            regrading.pause(session, run_id, str(error))
        return False
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with transaction(context.engine) as session:
            if regrading.live_work_waits(session):
                return False
            taken = regrading.take_next(session, run_id, context.settings.workers.lease_seconds)
            if taken is None:
                if regrading.finish_if_done(session, run_id):
                    log.info("regrading.finished", regrading=run_id)
                return False
        _regrade_one(context, grader, *taken)
    return True


@lru_cache(maxsize=1)
def _grader(path: str, digest: str, weights_folder: Path) -> Grader:
    bundle = eface_bundle(Path(path))
    if bundle.hash != digest:
        raise ChangedBundleError(
            f"{path} holds another bundle than when this began: put it back, or begin anew"
        )
    return Grader(bundle, folder=weights_folder)


def _regrade_one(context: Context, grader: Grader, lease: Lease, recording_id: int) -> None:
    most = context.settings.workers.max_attempts
    with structlog.contextvars.bound_contextvars(recording=recording_id, task=lease.row_id):
        try:
            if lease.crashes >= most or lease.attempts >= most:
                _fail(context, lease, "work.gave_up")
            else:
                _grade(context, grader, lease, recording_id)
        except LeaseLostError:
            log.info("regrading.lease_lost")
        except PermanentError as error:
            _fail(context, lease, error.code)
        except FileNotFoundError:
            _fail(context, lease, GONE)
        except (TransientError, OSError) as error:
            _wait(context, lease, type(error).__name__)
        except Exception as error:
            # Its text may quote a header, so only its kind is written down.
            _wait(context, lease, type(error).__name__, crashed=True)


def _grade(context: Context, grader: Grader, lease: Lease, recording_id: int) -> None:
    bundle = grader.bundle
    with transaction(context.engine) as session:
        recording = session.get_one(Recording, recording_id)
        placed = {photo.pose: photo for photo in recording.photos if photo.pose is not None}
        photos = {
            pose: _Photo(photo.sha256, photo.storage_key, PhotoHeader.from_json(photo.header))
            for pose, photo in placed.items()
        }
        flags = listed({pose: photo.flags for pose, photo in placed.items()})
        side = known_side(recording)
        uid = grading_uid(recording, bundle, side)
    maps = grader.maps([_crops(context, photos, bundle.preprocessing)])
    (grading,) = grader.grade_maps(maps, [side])
    maps_key = keep_maps(context.storage, uid, contributions(bundle, maps, grading.side))
    with transaction(context.engine) as session:
        regrading.end(session, lease)
        bundle_id = register_bundle(
            session, bundle.hash, bundle.name, bundle.version, describe_bundle(bundle)
        )
        save_grading(
            session, uid, recording_id, bundle_id, grading, [*grading.flags, *flags], maps_key=maps_key,
            beside=True,
        )  # fmt: skip
        audit.record(
            session,
            audit.system("regrading"),
            AuditEventKind.RECORDING_REGRADED,
            recording=recording_id,
            bundle=bundle.hash,
        )


def _crops(context: Context, photos: Mapping[str, _Photo], preprocessing: Preprocessing) -> dict[str, Pixels]:
    """What the bundle reads of each photo: kept from before, else cut anew and kept."""
    crops = {}
    for pose, photo in photos.items():
        key = crop_keys(photo.sha256, preprocessing)[0]
        try:
            crops[pose] = decode_image(context.storage.read(key))
        except (FileNotFoundError, UnidentifiedImageError):
            check_modality(photo.header)
            pixels = decode_photo(context.storage.path(photo.storage_key))
            rules = quality_rules(context.settings.quality)
            crops[pose] = prepare_photo(pixels, pose, preprocessing, rules).crop
            context.storage.write(key, encode_image(crops[pose], "PNG"))
    return crops


def _fail(context: Context, lease: Lease, code: str) -> None:
    log.warning("regrading.failed", code=code)
    with transaction(context.engine) as session:
        regrading.end(session, lease, code)


def _wait(context: Context, lease: Lease, outcome: str, *, crashed: bool = False) -> None:
    log.warning("regrading.postponed", outcome=outcome)
    with transaction(context.engine) as session:
        leases.postpone(
            session, RegradingTask, lease, context.settings.workers.retry_seconds, crashed=crashed
        )
