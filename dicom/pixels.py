"""A photo object to an array of pixels, by decoders that are named here: another decoder is another input.

pydicom's choice of plugin depends on what is installed, and two JPEG decoders differ by up to 8 of 255 in a
pixel, so each transfer syntax has one decoder. JPEG of 8 bits goes to Pillow as a whole, so that a photo
gives the same pixels from a DICOM object as from a JPEG file; deeper lossless JPEG and JPEG 2000 go to GDCM,
lossy JPEG of 12 bits goes to libjpeg-turbo through imagecodecs.
"""

import io
import struct
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.processing import apply_color_lut, apply_voi_lut, convert_color_space
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from dicom.deflated import open_inflated
from dicom.header_reading import TruncatedObjectError, read_header
from grading.errors import PermanentError

MAX_PIXELS = 80_000_000
"""More than any camera's sensor; a decoded photo takes three bytes a pixel."""

# Pillow decodes the 8 bit forms of all these processes.
_JPEG = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLosslessSV1, JPEGLossless)
_LOSSLESS_JPEG = (JPEGLosslessSV1, JPEGLossless)
_JPEG_2000 = (JPEG2000Lossless, JPEG2000)
_PLUGINS: dict[UID, str] = {
    **dict.fromkeys((*_JPEG, *_JPEG_2000), "pillow"),
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    RLELossless: "pydicom",
    ExplicitVRLittleEndian: "",
    DeflatedExplicitVRLittleEndian: "",
    ImplicitVRLittleEndian: "",
}
_LOSSY_DEEP = "imagecodecs"
"""pydicom refuses lossy JPEG of 12 bits, and GDCM leaves its colours as they are stored."""
_DEEP_PLUGINS: dict[UID, str] = {
    **{syntax: plugin for syntax, plugin in _PLUGINS.items() if syntax != JPEGBaseline8Bit},
    **dict.fromkeys((*_LOSSLESS_JPEG, *_JPEG_2000), "gdcm"),
    JPEGExtended12Bit: _LOSSY_DEEP,
}
_START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
"""Second bytes of the markers that begin a frame header (ITU T.81 Table B.1, ISO 14495-1 C.2.2)."""
_END_OF_IMAGE = b"\xff\xd9"
_HEAD_BYTES = 64
"""Where markers that tell of colours stand: JFIF and Adobe's come first in an image."""

# What pydicom, Pillow and pyjpegls are seen to raise on pixel data that do not fit their header.
_ODD = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)


class NoPixelsError(PermanentError):
    """The object holds no image."""

    code = "photo.no_pixels"


class TruncatedPhotoError(PermanentError):
    """The image ends before its last line."""

    code = "photo.truncated"


class UndecodablePhotoError(PermanentError):
    """The image cannot be decoded: an unknown encoding, or data that contradict their header."""

    code = "photo.undecodable"


class OversizePhotoError(PermanentError):
    """The image has more pixels than the limit."""

    code = "photo.too_large"


def decode_photo(path: Path, *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """The first frame of a photo object as RGB, shape (H, W, 3), 0-255.

    Grey images are repeated over the channels (after their window, if they name one), palettes looked up,
    deeper images scaled to 8 bits by their stored range. EXIF orientation has no meaning in DICOM and is not
    applied. Raises `NoPixelsError`, `TruncatedPhotoError`, `OversizePhotoError`, `UndecodablePhotoError`,
    `UnreadableObjectError` when the file is no DICOM object, and `OSError` when it cannot be opened.
    """
    try:
        header = read_header(path)
    except TruncatedObjectError:
        raise TruncatedPhotoError("The photo is cut short: send it again.") from None
    if not header.has_pixel_data:
        raise NoPixelsError("The object holds no image: send the photo itself.")
    syntax = UID(header.transfer_syntax_uid)
    bits = header.bits_stored or 8
    plugin = decoder(syntax, bits)
    if plugin is None:
        raise UndecodablePhotoError(
            f"Photos in {syntax.name} of {bits} bits cannot be decoded: send JPEG of 8 bits or a lossless "
            "form."
        )
    size = (header.columns or 0, header.rows or 0)
    _check_size(size, max_pixels)
    with open_inflated(path) as file:
        dataset = dcmread(file)
    frame = b""
    pixels: NDArray[np.generic]
    try:
        if syntax.is_encapsulated:
            frame = next(generate_frames(dataset.PixelData, number_of_frames=header.number_of_frames or 1))
            _check_frame(frame, syntax, size, max_pixels)
        if syntax in _JPEG and plugin == "pillow":
            pixels = _decode_jpeg(frame, syntax, dataset.PhotometricInterpretation)
        elif plugin == _LOSSY_DEEP:
            pixels = _decode_deep_jpeg(frame, dataset.PhotometricInterpretation)
        else:
            pixels = pixel_array(dataset, index=0, decoding_plugin=plugin)
        return _to_rgb(pixels, dataset)
    except _ODD:
        is_jpeg = syntax.is_encapsulated and syntax != RLELossless
        if is_jpeg and not frame.rstrip(b"\0").endswith(_END_OF_IMAGE):
            raise TruncatedPhotoError("The photo's image data are cut short: send it again.") from None
        raise UndecodablePhotoError("The photo's image data cannot be decoded: export it again.") from None


def decoder(syntax: UID, bits: int) -> str | None:
    """The decoder for ``bits`` per sample in ``syntax``: "" where none is needed, None if there is none."""
    return (_PLUGINS if bits <= 8 else _DEEP_PLUGINS).get(syntax)


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    columns, rows = size
    if columns * rows > max_pixels:
        raise OversizePhotoError(
            f"The photo has {columns} by {rows} pixels, over the limit of {max_pixels}: send a smaller one."
        )


def _check_frame(frame: bytes, syntax: UID, size: tuple[int, int], max_pixels: int) -> None:
    """Hold the size that a compressed image states itself against its header, before memory is taken."""
    if syntax == RLELossless:
        return
    try:
        inside = Image.open(io.BytesIO(frame)).size if syntax in _JPEG_2000 else _jpeg_size(frame)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise OversizePhotoError("The photo unpacks to too many pixels: send a smaller one.") from None
    _check_size(inside, max_pixels)
    if inside != size:
        raise ValueError("header and image data name different sizes")


def _jpeg_size(frame: bytes) -> tuple[int, int]:
    """Columns and rows from the frame header of a JPEG or JPEG-LS image."""
    at = 2
    while at + 9 <= len(frame) and frame[at] == 0xFF:
        if frame[at + 1] in _START_OF_FRAME:
            rows, columns = struct.unpack_from(">HH", frame, at + 5)
            return columns, rows
        at += 1 if frame[at + 1] == 0xFF else 2 + struct.unpack_from(">H", frame, at + 2)[0]
    raise ValueError("no frame header")


def _decode_deep_jpeg(frame: bytes, interpretation: str) -> NDArray[np.uint16]:
    """The frame of 12 bits as RGB or grey, markers before the header's word as with 8 bits."""
    if not frame.rstrip(b"\0").endswith(_END_OF_IMAGE):
        raise EOFError("the image ends early")  # libjpeg would fill it up
    unmarked = not any(marker in frame[:_HEAD_BYTES] for marker in (b"JFIF\0", b"Adobe"))
    stored = "rgb" if interpretation == "RGB" and unmarked else None
    pixels = imagecodecs.jpeg8_decode(frame, colorspace=stored, outcolorspace=stored)
    if pixels.dtype != np.uint16:
        raise ValueError("header and image data name different depths")
    return pixels


def _decode_jpeg(frame: bytes, syntax: UID, interpretation: str) -> NDArray[np.uint8]:
    """The frame as RGB or grey. Markers in the stream come before the header's word on its colours."""
    image = Image.open(io.BytesIO(frame))
    if image.mode not in ("RGB", "L"):
        raise ValueError("not an image of one or three channels")
    if image.mode == "L":
        return np.asarray(image)
    if syntax in _LOSSLESS_JPEG:
        # A lossless process stores the components as they are; nothing has turned them into RGB yet.
        pixels = np.asarray(image)
        return convert_color_space(pixels, "YBR_FULL", "RGB") if interpretation == "YBR_FULL" else pixels
    if interpretation == "RGB" and not {"jfif", "adobe_transform"} & image.info.keys():
        # Without a marker Pillow takes the components for YCbCr; asking for YCbCr hands them out unchanged.
        image.draft("YCbCr", image.size)
    return np.asarray(image)


def _to_rgb(pixels: NDArray[np.generic], dataset: Dataset) -> NDArray[np.uint8]:
    interpretation = dataset.PhotometricInterpretation
    bits = int(dataset.BitsStored)
    if interpretation == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, dataset)
        bits = 8 * pixels.dtype.itemsize
    elif interpretation.startswith("MONOCHROME"):
        pixels = apply_voi_lut(pixels, dataset)
    if pixels.dtype == np.uint8 and bits == 8:
        scaled = np.array(pixels, np.uint8)
    else:
        lowest = -(2 ** (bits - 1)) if dataset.PixelRepresentation == 1 else 0
        shares = (pixels.astype(np.float32) - lowest) / (2**bits - 1)
        scaled = np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)
    if interpretation == "MONOCHROME1":
        scaled = 255 - scaled
    if scaled.ndim == 2:
        return np.repeat(scaled[:, :, np.newaxis], 3, axis=2)
    if scaled.ndim != 3 or scaled.shape[2] != 3:
        raise ValueError("not an image of three channels")
    return scaled
