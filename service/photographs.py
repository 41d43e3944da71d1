"""Which received objects are photographs that can be graded."""

from collections.abc import Sequence

from dicom.headers import PhotoHeader
from grading.errors import PermanentError
from grading.protocols import Pose

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


def _sentence(error: PermanentError) -> str:
    text = str(error).rstrip(".")
    return f"{text[:1].lower()}{text[1:]}."
