"""What each stage does with one row: load, call one function of another room, store, commit.

Each function runs under a lease that `workers.running` took, and stores its results in the same transaction
that moves the row on, so that a stage has either happened or not.
"""

import hashlib
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError

from dicom.headers import PhotoHeader
from dicom.pixels import decode_photo
from dicom.uids import derived_uid
from grading.bundle import Bundle, describe_bundle
from grading.contributions import contributions
from grading.errors import PermanentError
from grading.face import Photo as Pixels
from grading.framing import Preprocessing, view
from grading.parallel import map_threads
from grading.preparing import PreparedPhoto, prepare_photo, series_flags
from grading.protocols import PROTOCOLS
from service.database import transaction
from service.kept_maps import keep_maps
from service.photographs import SeriesFaultError, check_modality, judge, listed, photo_faults, quality_rules
from service.records import flow
from service.records.flow import Stage
from service.records.gradings import register_bundle, save_grading
from service.records.leases import Lease
from service.records.models import Photo, Recording, RecordingState
from service.series import graded_photos, identity_problem, place_photos, pose_rules
from service.storage import Storage, content_key
from workers.context import Context


@dataclass(frozen=True)
class _Job:
    """What preparing one photo needs, read before the long work starts."""

    photo_id: int
    pose: str
    sha256: str
    storage_key: str
    header: PhotoHeader


def prepare(context: Context, lease: Lease) -> None:
    """Decode each photo, find and judge its face, and store the crops.

    Raises:
        SeriesFaultError: poses are not settled, or photos cannot be graded.
        LeaseLostError: the recording was reopened meanwhile.
    """
    with transaction(context.engine) as session:
        recording = session.get_one(Recording, lease.row_id)
        assignment = place_photos(session, recording, pose_rules(context.settings))
        problem = assignment.problem()
        identity = identity_problem(recording)
        if identity is not None:
            raise SeriesFaultError(*identity)
        if problem is not None:
            raise SeriesFaultError("series.poses", problem)
        protocol = PROTOCOLS[recording.protocol]
        jobs = [
            _Job(
                photo.id,
                assignment.poses[photo.sop_instance_uid],
                photo.sha256,
                photo.storage_key,
                PhotoHeader.from_json(photo.header),
            )
            for photo in graded_photos(recording)
        ]
    preprocessing = context.bundle().preprocessing
    rules = quality_rules(context.settings.quality)

    def work(job: _Job) -> PreparedPhoto | PermanentError:
        try:
            pixels = _pixels(context.storage, job)
            photo = prepare_photo(pixels, job.pose, preprocessing, rules)
        except PermanentError as error:
            return error
        crop_key, view_key = crop_keys(job.sha256, preprocessing)
        context.storage.write(crop_key, encode_image(photo.crop, "PNG"))
        context.storage.write(view_key, encode_image(view(pixels, photo.eyes), "JPEG"))
        return photo

    done = list(zip(jobs, map_threads(work, jobs), strict=True))
    faults = [(protocol.by_code[job.pose], one) for job, one in done if isinstance(one, PermanentError)]
    if faults:
        raise SeriesFaultError(faults[0][1].code, photo_faults(faults))
    prepared = [(job, one) for job, one in done if isinstance(one, PreparedPhoto)]
    crops = {photo.pose: photo.crop for _, photo in prepared}
    told = judge(series_flags(crops, preprocessing, rules.limits), rules, protocol)
    with transaction(context.engine) as session:
        flow.finish(session, Stage.PREPARE, lease)
        for job, result in prepared:
            row = session.get_one(Photo, job.photo_id)
            face = result.face
            row.face = {"left": face.left, "top": face.top, "right": face.right, "bottom": face.bottom}
            row.eyes = {"right": list(result.eyes.right), "left": list(result.eyes.left)}
            row.crop_key, row.view_key = crop_keys(job.sha256, preprocessing)
            row.flags = [*map(str, result.flags), *told.get(result.pose, [])]


def grade(context: Context, lease: Lease) -> None:
    """Grade a prepared recording and store its scores.

    A recording that was prepared for another bundle, or whose crops are damaged, goes back to be prepared.

    Raises:
        SeriesFaultError: the rules reject photos that seem to show another pose.
        LeaseLostError: the recording was reopened meanwhile.
    """
    bundle = context.bundle()
    with transaction(context.engine) as session:
        recording = session.get_one(Recording, lease.row_id)
        photos = {photo.pose: photo for photo in recording.photos if photo.pose is not None}
        flags = listed({pose: photo.flags for pose, photo in photos.items()})
        protocol = PROTOCOLS[recording.protocol]
        keys = {pose: crop_keys(photo.sha256, bundle.preprocessing)[0] for pose, photo in photos.items()}
        side = known_side(recording)
        uid = grading_uid(recording, bundle, side)
        current = all(photo.crop_key == keys[pose] for pose, photo in photos.items())
    try:
        crops = (
            {pose: decode_image(context.storage.read(key)) for pose, key in keys.items()} if current else None
        )
    except (FileNotFoundError, UnidentifiedImageError):
        crops = None
    if crops is None:
        with transaction(context.engine) as session:
            flow.finish(session, Stage.GRADE, lease, RecordingState.COMPLETE)
        return
    grader = context.grader(bundle)
    maps = grader.maps([crops])
    (grading,) = grader.grade_maps(maps, [side])
    rules = quality_rules(context.settings.quality)
    doubts = judge({pose: [flag] for pose, flag in grading.doubts.items()}, rules, protocol)
    flags += listed(doubts)
    maps_key = keep_maps(context.storage, uid, contributions(bundle, maps, grading.side))
    with transaction(context.engine) as session:
        flow.finish(session, Stage.GRADE, lease)
        bundle_id = register_bundle(
            session, bundle.hash, bundle.name, bundle.version, describe_bundle(bundle)
        )
        save_grading(
            session,
            uid,
            lease.row_id,
            bundle_id,
            grading,
            [*grading.flags, *flags],
            maps_key=maps_key,
        )


def crop_keys(photo_sha256: str, preprocessing: Preprocessing) -> tuple[str, str]:
    """Where the network's crop and the view of a photo lie: named after what they are made of."""
    made_of = hashlib.sha256(f"{photo_sha256} {preprocessing!r}".encode()).hexdigest()
    return content_key("crops", made_of, "png"), content_key("views", made_of, "jpg")


def known_side(recording: Recording) -> str | None:
    """The affected side, `R` or `L`, where a clinician or else the surgery tells it.

    Of a surgery of both sides the worse side has to be seen.
    """
    side = recording.affected_side or (recording.surgery.side if recording.surgery else None)
    return side if side in ("R", "L") else None


def grading_uid(recording: Recording, bundle: Bundle, side: str | None) -> str:
    """The UID of the grading of these photos, poses and known affected side by this bundle."""
    photos = sorted(f"{photo.pose} {photo.sha256}" for photo in graded_photos(recording))
    return derived_uid("grading", recording.series_uid, bundle.hash, side or "", *photos)


def _pixels(storage: Storage, job: _Job) -> Pixels:
    check_modality(job.header)
    return decode_photo(storage.path(job.storage_key))


def encode_image(pixels: Pixels, kind: str) -> bytes:
    """The pixels as a file of this kind, `PNG` (lossless) or `JPEG`."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **({"quality": 90} if kind == "JPEG" else {}))
    return buffer.getvalue()


def decode_image(content: bytes) -> Pixels:
    """The pixels (H, W, 3) of an image file. Raises what Pillow raises for bytes that are none."""
    with Image.open(io.BytesIO(content)) as image:
        pixels: Pixels = np.asarray(image.convert("RGB"))
        return pixels
