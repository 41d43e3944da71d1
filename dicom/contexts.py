"""What is spoken: SOP classes and transfer syntaxes; negotiation, conformance statement and tests read these.

The acceptor's order decides (PS3.8 Annex D, and pynetdicom's negotiation): a peer that offers several
syntaxes in one context gets the first of ours, so compressed photos come before uncompressed ones.
"""

import enum

from pydicom.uid import (
    HEVCM10P51,
    HEVCMP51,
    JPEG2000,
    MPEG2MPHL,
    MPEG2MPML,
    MPEG4HP41,
    MPEG4HP41BD,
    MPEG4HP42STEREO,
    MPEG4HP422D,
    MPEG4HP423D,
    UID,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    EnhancedSRStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
    VideoPhotographicImageStorage,
    VLPhotographicImageStorage,
)
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]


class Kind(enum.StrEnum):
    """What a received object is to the service."""

    PHOTO = "photo"
    """Graded."""
    VIDEO = "video"
    """Kept with the patient, not graded."""
    DOCUMENT = "document"
    """An earlier report, kept with the patient."""


KINDS: dict[UID, Kind] = {
    VLPhotographicImageStorage: Kind.PHOTO,
    SecondaryCaptureImageStorage: Kind.PHOTO,
    MultiFrameTrueColorSecondaryCaptureImageStorage: Kind.PHOTO,
    VideoPhotographicImageStorage: Kind.VIDEO,
    EncapsulatedPDFStorage: Kind.DOCUMENT,
}
"""What is received, by SOP class."""

PHOTO_CLASSES: tuple[UID, ...] = tuple(uid for uid, kind in KINDS.items() if kind is Kind.PHOTO)

PHOTO_SYNTAXES: tuple[UID, ...] = (
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLossless,
    JPEGLSLossless,
    JPEGLSNearLossless,
    JPEG2000Lossless,
    JPEG2000,
    RLELossless,
    ExplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

SYNTAXES: dict[Kind, tuple[UID, ...]] = {
    Kind.PHOTO: PHOTO_SYNTAXES,
    Kind.VIDEO: (
        MPEG4HP41,
        MPEG4HP41BD,
        MPEG4HP422D,
        MPEG4HP423D,
        MPEG4HP42STEREO,
        HEVCMP51,
        HEVCM10P51,
        MPEG2MPML,
        MPEG2MPHL,
    ),
    Kind.DOCUMENT: (ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian),
}

ACCEPTED: dict[UID, tuple[UID, ...]] = {
    Verification: (ImplicitVRLittleEndian, ExplicitVRLittleEndian),
    **{sop_class: SYNTAXES[kind] for sop_class, kind in KINDS.items()},
}
"""SOP class to transfer syntaxes in order of preference, as the receiver accepts them."""

CREATED: dict[UID, tuple[UID, ...]] = {
    VLPhotographicImageStorage: (JPEGBaseline8Bit,),
    EncapsulatedPDFStorage: (ExplicitVRLittleEndian,),
    EnhancedSRStorage: (ExplicitVRLittleEndian,),
    MultiFrameTrueColorSecondaryCaptureImageStorage: (JPEGBaseline8Bit,),
}
"""SOP class to transfer syntaxes of the objects that Facialis makes and sends."""

DOCUMENT_CLASSES = frozenset(CREATED) - {VLPhotographicImageStorage}
"""Of these are the documents of gradings."""
