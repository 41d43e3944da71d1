"""Every form in which a photo is tried: who encodes it, what it holds, how near the pixels must come.

`tools.received_formats` writes the page docs/receiving.md from this table and the receiver's own.
"""

import io
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
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

from tests.dicom.samples import jpeg_bytes, photo, save

Write = Callable[[Path, Path], None]
"""Encodes the first file, which is explicit little endian, into the second."""


@dataclass(frozen=True)
class Encoding:
    """One tried form. ``tolerance`` is how far a pixel may be off, of 255."""

    syntax: UID
    picture: str
    encoder: str
    write: Write
    tolerance: int = 0

    def __str__(self) -> str:
        return f"{self.syntax.name}, {self.picture}, {self.encoder}"


def dcmtk(*command: str) -> Write:
    """By one of DCMTK's programs."""

    def write(plain: Path, encoded: Path) -> None:
        subprocess.run([*command, str(plain), str(encoded)], check=True, capture_output=True, timeout=60)

    return write


def jpeg_2000(*, reversible: bool) -> Write:
    """By OpenJPEG, through Pillow."""

    def write(plain: Path, encoded: Path) -> None:
        dataset = dcmread(plain)
        stream = io.BytesIO()
        options: dict[str, Any] = {"mct": 1} if dataset.SamplesPerPixel == 3 else {}
        if not reversible:
            options["quality_layers"] = [20]
        picture = Image.fromarray(dataset.pixel_array)
        picture.save(stream, "JPEG2000", no_jp2=True, irreversible=not reversible, **options)
        if dataset.SamplesPerPixel == 3:
            dataset.PhotometricInterpretation = "YBR_RCT" if reversible else "YBR_ICT"
        dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless if reversible else JPEG2000
        dataset.add_new("PixelData", "OB", encapsulate([stream.getvalue()]))
        dataset["PixelData"].is_undefined_length = True
        save(dataset, encoded)

    return write


def colour() -> np.ndarray:
    """The sample photo, shape (128, 96, 3)."""
    return np.asarray(Image.open(io.BytesIO(jpeg_bytes(seed=1))))


def plain(picture: str) -> tuple[Dataset, np.ndarray]:
    """An uncompressed photo object holding ``picture``, and the RGB pixels that it stands for."""
    dataset = photo()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.PhotometricInterpretation = "RGB"
    pixels = colour()
    if picture == "colour by plane":
        dataset.PlanarConfiguration = 1
        pixels = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    elif picture.startswith("colour, "):
        bits = 12 if picture == "colour, 12 bits" else 16
        pixels = np.rint(pixels / 255 * (2**bits - 1)).astype(np.uint16)
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, bits, bits - 1
    elif picture.startswith("grey") or picture == "palette":
        del dataset.PlanarConfiguration
        dataset.SamplesPerPixel = 1
        bits = {"grey, 12 bits": 12, "grey, 16 bits": 16}.get(picture, 8)
        dataset.PhotometricInterpretation = "MONOCHROME2"
        pixels = np.asarray(Image.fromarray(pixels).convert("L"))
        if bits > 8:
            pixels = np.rint(pixels / 255 * (2**bits - 1)).astype(np.uint16)
            dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, bits, bits - 1
    if picture == "palette":
        return _palette(dataset, pixels)
    dataset.add_new("PixelData", "OW" if pixels.dtype == np.uint16 else "OB", pixels.tobytes())
    expected = colour()
    if dataset.SamplesPerPixel == 1:
        expected = np.repeat(np.asarray(Image.fromarray(expected).convert("L"))[..., None], 3, axis=2)
    return dataset, expected


def _palette(dataset: Dataset, indices: np.ndarray) -> tuple[Dataset, np.ndarray]:
    tables = np.random.default_rng(0).integers(0, 256, (3, 256), dtype=np.uint16)
    dataset.PhotometricInterpretation = "PALETTE COLOR"
    for name, table in zip(("Red", "Green", "Blue"), tables, strict=True):
        setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(dataset, f"{name}PaletteColorLookupTableData", (table * 257).tobytes())
    dataset.add_new("PixelData", "OB", indices.tobytes())
    return dataset, np.stack([table[indices] for table in tables], axis=2).astype(np.uint8)


COLOUR, BY_PLANE, COLOUR_12, DEEP_COLOUR = "colour", "colour by plane", "colour, 12 bits", "colour, 16 bits"
GREY, GREY_12, GREY_16, PALETTE = "grey", "grey, 12 bits", "grey, 16 bits", "palette"

_CONV = {
    ExplicitVRLittleEndian: "+te",
    ImplicitVRLittleEndian: "+ti",
    DeflatedExplicitVRLittleEndian: "+td",
}
_LOSSLESS = {
    JPEGLosslessSV1: ("dcmcjpeg", "+e1"),
    JPEGLossless: ("dcmcjpeg", "+el", "+sv", "4"),
    JPEGLSLossless: ("dcmcjpls", "+el"),
    RLELossless: ("dcmcrle",),
}

ENCODINGS: tuple[Encoding, ...] = (
    *(
        Encoding(syntax, picture, "dcmconv", dcmtk("dcmconv", option))
        for syntax, option in _CONV.items()
        for picture in (COLOUR, BY_PLANE, DEEP_COLOUR, GREY, GREY_12, GREY_16, PALETTE)
    ),
    Encoding(JPEGBaseline8Bit, COLOUR, "dcmcjpeg", dcmtk("dcmcjpeg", "+eb"), 8),
    Encoding(JPEGBaseline8Bit, COLOUR, "dcmcjpeg, RGB", dcmtk("dcmcjpeg", "+eb", "+cr"), 8),
    Encoding(JPEGExtended12Bit, COLOUR, "dcmcjpeg", dcmtk("dcmcjpeg", "+ee"), 8),
    # Without +sr DCMTK spreads grey values over the range that it finds.
    Encoding(JPEGExtended12Bit, GREY_12, "dcmcjpeg", dcmtk("dcmcjpeg", "+ee", "+sr"), 8),
    Encoding(JPEGExtended12Bit, COLOUR_12, "dcmcjpeg", dcmtk("dcmcjpeg", "+ee"), 8),
    Encoding(JPEGExtended12Bit, COLOUR_12, "dcmcjpeg, RGB", dcmtk("dcmcjpeg", "+ee", "+cr"), 8),
    *(
        Encoding(syntax, picture, command[0], dcmtk(*command))
        for syntax, command in _LOSSLESS.items()
        for picture in (COLOUR, BY_PLANE, GREY, GREY_12, GREY_16, PALETTE)
    ),
    Encoding(JPEGLSNearLossless, COLOUR, "dcmcjpls", dcmtk("dcmcjpls", "+en", "+md", "2"), 2),
    *(
        Encoding(JPEG2000Lossless, picture, "OpenJPEG", jpeg_2000(reversible=True))
        for picture in (COLOUR, GREY, GREY_16)
    ),
    Encoding(JPEG2000, COLOUR, "OpenJPEG", jpeg_2000(reversible=False), 12),
)
