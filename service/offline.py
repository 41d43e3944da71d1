"""One recording from files on disk, with no database: photos ``1.jpg`` to ``9.jpg``, or DICOM objects."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from dicom.header_reading import read_header
from dicom.headers import PhotoHeader
from dicom.pixels import decode_photo
from dicom.poses import PoseRules, assign_poses
from grading.bundle import COMMISSIONING_BUNDLE, Bundle, load_bundle
from grading.errors import PermanentError
from grading.face import Photo
from grading.grader import Grader, Grading
from grading.photos import SUFFIXES, load_series
from grading.preparing import prepare_series, series_flags
from grading.protocols import PROTOCOLS, Protocol
from grading.scales import Item, find_item
from service.item_maps import ItemMap, write_maps
from service.photographs import SeriesFaultError, check_modality, judge, listed, photo_faults, quality_rules
from service.reporting import SIDE_ESTIMATED, describe_flag
from service.series import pose_rules
from service.settings import Settings

T = TypeVar("T")
R = TypeVar("R")

DICOM_SUFFIXES = frozenset({"", ".dcm", ".dicom"})


class FolderError(PermanentError):
    """A folder does not hold one photo series."""

    code = "folder.invalid"


@dataclass(frozen=True)
class DicomPhoto:
    """A DICOM file with its header."""

    file: Path
    header: PhotoHeader


def load_recording(folder: Path, rules: PoseRules, protocol: Protocol) -> dict[str, Photo]:
    """The photos of a folder by pose code, each (H, W, 3) uint8 RGB.

    A folder of JPEG or PNG files is read by their numbers; one of DICOM files by the pose rules.

    Raises:
        FolderError: there is no such folder, or it holds neither kind of file.
        PermanentError: a file cannot be read or poses are missing or claimed twice; it names them.
    """
    if not folder.is_dir():
        raise FolderError(f"{folder} is not a folder: give the folder of one photo series")
    files = sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    if any(file.suffix.lower() in SUFFIXES for file in files):
        return load_series(folder, protocol)
    photos = find_dicom(files)
    if not photos:
        raise FolderError(
            f"{folder} holds no photos: expected 1.jpg to {len(protocol.poses)}.jpg, or DICOM files"
        )
    for photo in photos:
        _named(photo.file, check_modality, photo.header)
    assignment = assign_poses([photo.header for photo in photos], rules, protocol)
    problem = assignment.problem()
    if problem is not None:
        raise FolderError(problem)
    return {
        assignment.poses[photo.header.sop_instance_uid]: _named(photo.file, decode_photo, photo.file)
        for photo in photos
    }


def find_dicom(files: list[Path]) -> list[DicomPhoto]:
    """The files that should be DICOM objects, with their headers.

    Raises:
        SeriesFaultError: one of them is not; the message names it.
    """
    return [
        DicomPhoto(file, _named(file, read_header, file))
        for file in files
        if file.suffix.lower() in DICOM_SUFFIXES
    ]


def _named(file: Path, act: Callable[[T], R], argument: T) -> R:
    """Do it, and name the file in the message of what goes wrong."""
    try:
        return act(argument)
    except PermanentError as error:
        raise SeriesFaultError(error.code, f"{file.name}: {error}") from error


@dataclass(frozen=True)
class Line:
    """One item of an offline grading in words; ``score`` is the nearest answer where it is one of choice."""

    name: str
    score: float
    interval: str
    mdc: str
    range: str
    reading: str
    photo: str


@dataclass(frozen=True)
class OfflineResult:
    """A grading made from files by ``bundle``; ``flags`` are in words, ``maps`` the pictures of it."""

    grading: Grading
    flags: tuple[str, ...]
    bundle: Bundle
    maps: tuple[ItemMap, ...] = ()

    @property
    def lines(self) -> list[Line]:
        """One line per item, in the bundle's order."""
        mdcs = self.mdcs
        return [
            Line(
                f"{item.id} {item.name}",
                score,
                interval_words(self.grading.intervals.get(item.id), item),
                f"{mdcs[item.id]:.0f}" if item.id in mdcs else "–",
                f"{item.low:.0f}-{item.high:.0f}",
                item.direction(score),
                item.pose or "",
            )
            for item, score in self._answers()
        ]

    @property
    def mdcs(self) -> dict[str, float]:
        """Minimal detectable changes in points, by item id and by the id of the folded sub-scores."""
        return {one.score: one.mdc for one in self.bundle.uncertainties}

    def to_json(self) -> dict[str, Any]:
        """The grading as JSON types."""
        return {
            "scores": self.grading.scores,
            "answers": {item.id: answer for item, answer in self._answers() if item.ordinal},
            "intervals": self.grading.intervals,
            "sub_intervals": self.grading.sub_intervals,
            "minimal_detectable_changes": self.mdcs,
            "side": self.grading.side,
            "side_estimated": SIDE_ESTIMATED in self.grading.flags,
            "novelty": self.grading.novelty,
            "sub_scores": [asdict(sub_score) for sub_score in self.grading.sub_scores],
            "flags": list(self.flags),
            "maps": [one.to_json() for one in self.maps],
            "bundle": {
                "name": self.grading.bundle_name,
                "version": self.grading.bundle_version,
                "hash": self.grading.bundle_hash,
                "commissioning": self.bundle.commissioning,
            },
        }

    def _answers(self) -> list[tuple[Item, float]]:
        """Items with their scores, those answered by choice with the nearest answer."""
        items = [find_item(item_id) for item_id in self.grading.scores]
        return [(item, item.answer(self.grading.scores[item.id])) for item in items]


def grade_folder(
    folder: Path, settings: Settings, side: str | None = None, *, maps: Path | None = None
) -> OfflineResult:
    """Grade the series in a folder with the bundle of the settings.

    ``side`` is the affected side, `R` or `L`; None has it estimated. ``maps`` is a folder to write a picture
    per item to, which shows what each place of the face adds to its score.

    Raises:
        PermanentError: the folder, a photo or the bundle cannot be used; the message says what to do.
    """
    bundle = load_bundle(settings.bundle or COMMISSIONING_BUNDLE)
    protocol = PROTOCOLS[settings.protocol]
    photos = load_recording(folder, pose_rules(settings), protocol)
    rules = quality_rules(settings.quality)
    ordered = {pose.code: photos[pose.code] for pose in protocol.poses}
    prepared, refused = prepare_series(ordered, bundle.preprocessing, rules)
    faults = [(protocol.by_code[code], error) for code, error in refused.items()]
    if faults:
        raise SeriesFaultError(faults[0][1].code, photo_faults(faults))
    crops = {code: photo.crop for code, photo in prepared.items()}
    mirrored = judge(series_flags(crops, bundle.preprocessing, rules.limits), rules, protocol)
    grader = Grader(bundle, weights=settings.weights, folder=settings.weights_folder)
    grading = grader.grade(crops, side)
    doubts = judge({code: [flag] for code, flag in grading.doubts.items()}, rules, protocol)
    own = {code: [str(flag) for flag in photo.flags] for code, photo in prepared.items()}
    flags = [*grading.flags, *listed(own), *listed(mirrored), *listed(doubts)]
    drawn = write_maps(maps, grader, grading, photos, prepared) if maps else ()
    return OfflineResult(grading, tuple(describe_flag(flag) for flag in flags), bundle, drawn)


def interval_words(bounds: tuple[float, float] | None, item: Item | None = None) -> str:
    """An interval's ends in whole points (of an item answered by choice, its answers); a dash without any."""
    if not bounds:
        return "–"
    low, high = item.answers_within(*bounds) if item else bounds
    return f"{low:.0f}-{high:.0f}"
