"""What is spoken: SOP classes and transfer syntaxes; negotiation, conformance statement and tests read these.

The acceptor's order decides (PS3.8 Annex D, and pynetdicom's negotiation): a peer that offers several
syntaxes in one context gets the first of ours, so compressed photos come before uncompressed ones.
"""

from pydicom.uid import (
    JPEG2000,
    UID,
    EncapsulatedPDFStorage,
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
    VLPhotographicImageStorage,
)
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

PHOTO_CLASSES: tuple[UID, ...] = (
    VLPhotographicImageStorage,
    SecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
)

# Deflated is left out on purpose: a small object may unpack to a thousand times its size in memory.
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
    ImplicitVRLittleEndian,
)

ACCEPTED: dict[UID, tuple[UID, ...]] = {
    Verification: (ImplicitVRLittleEndian, ExplicitVRLittleEndian),
    **dict.fromkeys(PHOTO_CLASSES, PHOTO_SYNTAXES),
}
"""SOP class to transfer syntaxes in order of preference, as the receiver accepts them."""

CREATED: dict[UID, tuple[UID, ...]] = {
    VLPhotographicImageStorage: (JPEGBaseline8Bit,),
    EncapsulatedPDFStorage: (ExplicitVRLittleEndian,),
}
"""SOP class to transfer syntaxes of the objects that Facialis makes and sends."""
