"""Which received objects are photographs that can be graded, and what is told where they are not."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from dicom.headers import PhotoHeader
from grading.errors import PermanentError
from grading.gates import Flag, Limits, Rules, UnfitPhotoError
from grading.protocols import Pose, Protocol
from service.photo_settings import QualitySettings

PHOTO_MODALITIES = frozenset({"", "XC", "OT", "DER", "GM"})
"""Modalities that photos come with; a CT slice sent as Secondary Capture has none of them."""


class NotAPhotoError(PermanentError):
    """An object holds an image that is no photograph."""

    code = "photo.modality"


class SeriesFaultError(PermanentError):
    """What is wrong with a series or one of its files, under the code of the fault that it tells of."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]  # known when raised


def check_modality(header: PhotoHeader) -> None:
    """Raise `NotAPhotoError` if the object says that it is no photograph."""
    if header.modality not in PHOTO_MODALITIES:
        raise NotAPhotoError(
            f"this is no photograph but an image of modality {header.modality[:16]}: send the photo"
        )


def photo_faults(faults: Sequence[tuple[Pose, PermanentError]]) -> str:
    """What is wrong with which photos of a series, in the order of the protocol."""
    return " ".join(
        f"Photo {pose.number} ({pose.name}): {_sentence(error)}"
        for pose, error in sorted(faults, key=lambda fault: fault[0].number)
    )


def quality_rules(settings: QualitySettings) -> Rules:
    """The rules for photos that the settings describe."""
    limits = {name: getattr(settings, name) for name in asdict(Limits())}
    return Rules(Limits(**limits), settings.severities)


def judge(found: Mapping[str, Sequence[Flag]], rules: Rules, protocol: Protocol) -> dict[str, list[str]]:
    """The flags by pose code that are told of the photos of a series, of those that were found.

    Raises:
        SeriesFaultError: the rules reject photos; the message names them all.
    """
    faults: list[tuple[Pose, PermanentError]] = []
    told = {}
    for pose, flags in found.items():
        try:
            told[pose] = [str(flag) for flag in rules.apply(flags)]
        except UnfitPhotoError as error:
            faults.append((protocol.by_code[pose], error))
    if faults:
        raise SeriesFaultError(faults[0][1].code, photo_faults(faults))
    return told


def listed(flags: Mapping[str, Sequence[str]]) -> list[str]:
    """Flags by pose code as a grading carries them: `face.small (REST)`."""
    return [f"{flag} ({pose})" for pose, of_photo in flags.items() for flag in of_photo]


def _sentence(error: PermanentError) -> str:
    text = str(error).rstrip(".")
    return f"{text[:1].lower()}{text[1:]}."
