"""Decoding: the same colours from every encoding that is accepted, and a reason where there are none."""

import io
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    JPEG2000,
    MPEG2MPML,
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from dicom.header_reading import UnreadableObjectError
from dicom.pixels import (
    NoPixelsError,
    OversizePhotoError,
    TruncatedPhotoError,
    UndecodablePhotoError,
    decode_photo,
)
from tests.dicom.samples import jpeg_bytes, photo, save


def expected() -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(jpeg_bytes(seed=1))))


def raw(**values: Any) -> Dataset:
    """The sample photo, uncompressed."""
    dataset = photo()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.PhotometricInterpretation = "RGB"
    dataset.add_new("PixelData", "OB", expected().tobytes())
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def grey(values: np.ndarray, interpretation: str, bits: int, **more: Any) -> Dataset:
    dataset = raw(
        SamplesPerPixel=1,
        PhotometricInterpretation=interpretation,
        Rows=values.shape[0],
        Columns=values.shape[1],
        BitsAllocated=8 * values.dtype.itemsize,
        BitsStored=bits,
        HighBit=bits - 1,
        **more,
    )
    del dataset.PlanarConfiguration
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    dataset.add_new("PixelData", "OB" if values.dtype.itemsize == 1 else "OW", values.tobytes())
    return dataset


def test_jpeg_is_decoded_as_pillow_does(tmp_path: Path) -> None:
    pixels = decode_photo(save(photo(), tmp_path / "photo.dcm"))
    assert pixels.shape == (128, 96, 3)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, expected())


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_uncompressed_photo_is_decoded(tmp_path: Path, syntax: UID) -> None:
    dataset = raw()
    dataset.file_meta.TransferSyntaxUID = syntax
    np.testing.assert_array_equal(decode_photo(save(dataset, tmp_path / "photo.dcm")), expected())


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_lossless_encodings_give_the_same_pixels(tmp_path: Path, syntax: UID) -> None:
    dataset = raw()
    dataset.compress(syntax, generate_instance_uid=False)
    np.testing.assert_array_equal(decode_photo(save(dataset, tmp_path / "photo.dcm")), expected())


def test_near_lossless_jpeg_ls_is_decoded(tmp_path: Path) -> None:
    dataset = raw()
    dataset.compress(JPEGLSNearLossless, jls_error=2, generate_instance_uid=False)
    pixels = decode_photo(save(dataset, tmp_path / "photo.dcm"))
    assert np.abs(pixels.astype(int) - expected()).max() <= 2


@pytest.mark.parametrize(("syntax", "tolerance"), [(JPEG2000Lossless, 0), (JPEG2000, 12)])
def test_jpeg_2000_is_decoded(tmp_path: Path, syntax: UID, tolerance: int) -> None:
    dataset = raw(PhotometricInterpretation="YBR_RCT" if tolerance == 0 else "YBR_ICT")
    stream = io.BytesIO()
    Image.fromarray(expected()).save(
        stream,
        "JPEG2000",
        no_jp2=True,
        irreversible=tolerance > 0,
        mct=1,
        quality_layers=[20 if tolerance else 0],
    )
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.add_new("PixelData", "OB", encapsulate([stream.getvalue()]))
    dataset["PixelData"].is_undefined_length = True
    pixels = decode_photo(save(dataset, tmp_path / "photo.dcm"))
    assert np.abs(pixels.astype(int) - expected()).max() <= tolerance


@pytest.mark.parametrize("bits", [12, 16])
def test_deep_jpeg_2000_is_decoded(tmp_path: Path, bits: int) -> None:
    values = np.linspace(0, 2**bits - 1, 4096).astype(np.uint16).reshape(64, 64)
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "JPEG2000", no_jp2=True, irreversible=False)
    dataset = grey(values, "MONOCHROME2", bits)
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    dataset.add_new("PixelData", "OB", encapsulate([stream.getvalue()]))
    dataset["PixelData"].is_undefined_length = True
    pixels = decode_photo(save(dataset, tmp_path / "photo.dcm"))
    np.testing.assert_array_equal(pixels[..., 0], np.rint(values / (2**bits - 1) * 255))


def test_first_of_several_frames_is_taken(tmp_path: Path) -> None:
    dataset = photo()
    first = next(generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.NumberOfFrames = 2
    dataset.PixelData = encapsulate([first, jpeg_bytes(seed=5)])
    np.testing.assert_array_equal(decode_photo(save(dataset, tmp_path / "photo.dcm")), expected())


def test_brightness_and_chroma_are_turned_into_rgb(tmp_path: Path) -> None:
    dataset = raw(PhotometricInterpretation="YBR_FULL")
    ycc = np.asarray(Image.fromarray(expected()).convert("YCbCr"))
    dataset.PixelData = ycc.tobytes()
    pixels = decode_photo(save(dataset, tmp_path / "photo.dcm"))
    assert np.abs(pixels.astype(int) - expected()).max() <= 3


def test_grey_photo_fills_three_channels(tmp_path: Path) -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    pixels = decode_photo(save(grey(ramp, "MONOCHROME2", 8), tmp_path / "a.dcm"))
    np.testing.assert_array_equal(pixels, np.stack([ramp] * 3, axis=2))
    inverted = decode_photo(save(grey(ramp, "MONOCHROME1", 8), tmp_path / "b.dcm"))
    np.testing.assert_array_equal(inverted, 255 - pixels)


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_deep_grey_is_scaled_by_its_stored_range(tmp_path: Path, bits: int) -> None:
    values = np.linspace(0, 2**bits - 1, 64).astype(np.uint16).reshape(8, 8)
    pixels = decode_photo(save(grey(values, "MONOCHROME2", bits), tmp_path / "photo.dcm"))
    np.testing.assert_array_equal(pixels[..., 0], np.rint(values / (2**bits - 1) * 255))


def test_signed_grey_starts_at_its_lowest_value(tmp_path: Path) -> None:
    values = np.array([[-32768, 0], [16384, 32767]], dtype=np.int16)
    pixels = decode_photo(save(grey(values, "MONOCHROME2", 16), tmp_path / "photo.dcm"))
    assert pixels[..., 0].tolist() == [[0, 128], [191, 255]]


def test_window_of_a_grey_photo_is_applied(tmp_path: Path) -> None:
    values = np.array([[0, 1000], [1500, 4000]], dtype=np.uint16)
    dataset = grey(values, "MONOCHROME2", 12, WindowCenter=1500, WindowWidth=1000)
    pixels = decode_photo(save(dataset, tmp_path / "photo.dcm"))
    assert pixels[0, 0, 0] == 0
    assert pixels[1, 1, 0] == 255
    assert 120 <= pixels[1, 0, 0] <= 135


def test_palette_is_looked_up(tmp_path: Path) -> None:
    indices = np.array([[0, 1], [2, 3]], dtype=np.uint8)
    dataset = grey(indices, "PALETTE COLOR", 8)
    for colour, table in (("Red", [0, 255, 10, 20]), ("Green", [0, 0, 30, 40]), ("Blue", [255, 0, 50, 60])):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [4, 0, 16])
        words = np.array(table, np.uint16) * 257
        setattr(dataset, f"{colour}PaletteColorLookupTableData", words.tobytes())
    pixels = decode_photo(save(dataset, tmp_path / "photo.dcm"))
    assert pixels.reshape(-1, 3).tolist() == [[0, 0, 255], [255, 0, 0], [10, 30, 50], [20, 40, 60]]


def test_object_without_an_image_has_no_pixels(tmp_path: Path) -> None:
    dataset = photo()
    del dataset.PixelData
    with pytest.raises(NoPixelsError):
        decode_photo(save(dataset, tmp_path / "photo.dcm"))


def test_photo_over_the_limit_is_refused_before_decoding(tmp_path: Path) -> None:
    path = save(photo(), tmp_path / "photo.dcm")
    assert decode_photo(path, max_pixels=96 * 128).shape == (128, 96, 3)
    with pytest.raises(OversizePhotoError):
        decode_photo(path, max_pixels=96 * 128 - 1)


@pytest.mark.parametrize("size", [(3000, 3000), (48, 64)])
def test_image_of_another_size_than_its_header_is_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    dataset = photo()
    dataset.PixelData = encapsulate([jpeg_bytes(*size)])
    path = save(dataset, tmp_path / "photo.dcm")
    with pytest.raises((OversizePhotoError, UndecodablePhotoError)):
        decode_photo(path, max_pixels=1_000_000)


def test_jpeg_that_ends_early_is_truncated(tmp_path: Path) -> None:
    dataset = photo()
    dataset.PixelData = encapsulate([jpeg_bytes(seed=1)[:-400]])
    with pytest.raises(TruncatedPhotoError):
        decode_photo(save(dataset, tmp_path / "photo.dcm"))


def test_file_that_ends_early_is_truncated(tmp_path: Path) -> None:
    path = save(photo(), tmp_path / "photo.dcm")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(TruncatedPhotoError):
        decode_photo(path)


def test_damaged_image_cannot_be_decoded(tmp_path: Path) -> None:
    dataset = photo()
    dataset.PixelData = encapsulate([b"\xff\xd8 nothing that any decoder knows \xff\xd9"])
    with pytest.raises(UndecodablePhotoError):
        decode_photo(save(dataset, tmp_path / "photo.dcm"))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"keep_rgb": True}])
def test_photo_gives_the_pixels_of_its_jpeg_file(tmp_path: Path, options: dict[str, Any]) -> None:
    dataset = photo()
    jpeg = jpeg_bytes(seed=3, **options)
    dataset.PixelData = encapsulate([jpeg])
    pixels = decode_photo(save(dataset, tmp_path / "photo.dcm"))
    np.testing.assert_array_equal(pixels, np.asarray(Image.open(io.BytesIO(jpeg))))


def test_jpeg_without_a_marker_is_taken_for_what_its_header_says(tmp_path: Path) -> None:
    jpeg = jpeg_bytes(seed=3)
    assert jpeg[2:4] == b"\xff\xe0"
    unmarked = jpeg[:2] + jpeg[4 + int.from_bytes(jpeg[4:6], "big") :]
    dataset = photo()
    dataset.PixelData = encapsulate([unmarked])
    converted = decode_photo(save(dataset, tmp_path / "a.dcm"))
    np.testing.assert_array_equal(converted, np.asarray(Image.open(io.BytesIO(jpeg))))
    dataset.PhotometricInterpretation = "RGB"
    as_stored = decode_photo(save(dataset, tmp_path / "b.dcm"))
    components = np.asarray(Image.open(io.BytesIO(jpeg)).convert("YCbCr"))
    assert np.abs(as_stored.astype(int) - components).max() <= 3


def deep_jpeg(pixels: np.ndarray, interpretation: str, **encoding: Any) -> Dataset:
    """A photo object holding ``pixels`` of 12 bits as JPEG Extended."""
    dataset = photo()
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
    dataset.PhotometricInterpretation = interpretation
    dataset.file_meta.TransferSyntaxUID = JPEGExtended12Bit
    stream = imagecodecs.jpeg8_encode(pixels, level=98, bitspersample=12, **encoding)
    dataset.PixelData = encapsulate([stream])
    return dataset


def ramps(channels: int) -> np.ndarray:
    """Smooth values of 12 bits, shape (64, 80) or (64, 80, channels)."""
    y, x = np.mgrid[:64, :80]
    planes = [x * 50 + y, y * 60, 4095 - x * 50]
    values = np.stack(planes[:channels], axis=2).astype(np.uint16)
    return values[..., 0] if channels == 1 else values


def test_jpeg_of_12_bits_is_decoded(tmp_path: Path) -> None:
    grey_values = ramps(1)
    pixels = decode_photo(save(deep_jpeg(grey_values, "MONOCHROME2"), tmp_path / "grey.dcm"))
    assert np.abs(pixels - grey_values[..., None] / 4095 * 255).max() < 1
    colours = ramps(3)
    pixels = decode_photo(save(deep_jpeg(colours, "YBR_FULL", subsampling="444"), tmp_path / "colour.dcm"))
    assert np.abs(pixels - colours / 4095 * 255).max() < 2


def test_jpeg_of_12_bits_without_a_marker_is_taken_for_what_its_header_says(tmp_path: Path) -> None:
    colours = ramps(3)
    dataset = deep_jpeg(colours, "RGB", colorspace="ycbcr", outcolorspace="ycbcr", subsampling="444")
    marked = next(generate_frames(dataset.PixelData, number_of_frames=1))
    unmarked = marked[:2] + marked[4 + int.from_bytes(marked[4:6], "big") :]
    dataset.PixelData = encapsulate([unmarked])
    pixels = decode_photo(save(dataset, tmp_path / "photo.dcm"))
    assert np.abs(pixels - colours / 4095 * 255).max() < 2


def test_jpeg_of_12_bits_that_ends_early_is_truncated(tmp_path: Path) -> None:
    dataset = deep_jpeg(ramps(1), "MONOCHROME2")
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = encapsulate([frame[: len(frame) // 2]])
    with pytest.raises(TruncatedPhotoError):
        decode_photo(save(dataset, tmp_path / "photo.dcm"))


def test_jpeg_of_another_depth_than_its_header_is_refused(tmp_path: Path) -> None:
    dataset = deep_jpeg(ramps(1), "MONOCHROME2")
    dataset.PixelData = encapsulate([imagecodecs.jpeg8_encode(ramps(1).astype(np.uint8))])
    with pytest.raises(UndecodablePhotoError):
        decode_photo(save(dataset, tmp_path / "photo.dcm"))
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    with pytest.raises(UndecodablePhotoError, match="12 bits cannot be decoded: send JPEG of 8 bits"):
        decode_photo(save(dataset, tmp_path / "photo.dcm"))


def test_video_cannot_be_decoded(tmp_path: Path) -> None:
    dataset = photo()
    dataset.file_meta.TransferSyntaxUID = MPEG2MPML
    with pytest.raises(UndecodablePhotoError):
        decode_photo(save(dataset, tmp_path / "photo.dcm"))


def test_file_that_is_not_dicom_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "photo.dcm"
    path.write_bytes(jpeg_bytes())
    with pytest.raises(UnreadableObjectError):
        decode_photo(path)
