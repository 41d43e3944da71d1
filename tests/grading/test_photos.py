"""Reading photos and series from files: upright RGB, or an error that names the file."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from grading.photos import (
    MissingPoseError,
    SeriesError,
    TruncatedPhotoError,
    UnreadablePhotoError,
    load_photo,
    load_series,
)
from grading.protocols import JENA9


def save(path: Path, mode: str = "RGB", size: tuple[int, int] = (6, 4), **options: object) -> Path:
    Image.new(mode, size).save(path, **options)
    return path


def series(folder: Path, numbers: range = range(1, 10)) -> Path:
    for number in numbers:
        save(folder / f"{number}.jpg")
    return folder


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA", "CMYK"])
def test_every_eight_bit_photo_becomes_rgb(tmp_path: Path, mode: str) -> None:
    photo = load_photo(save(tmp_path / ("1.jpg" if mode == "CMYK" else "1.png"), mode))
    assert (photo.shape, photo.dtype) == ((4, 6, 3), np.uint8)


def test_a_photo_is_turned_upright_as_the_camera_says(tmp_path: Path) -> None:
    pixels = np.zeros((4, 6, 3), dtype=np.uint8)
    pixels[:, :3] = 255
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = 6  # the camera was held so that the left edge is the top
    image.save(tmp_path / "1.png", exif=exif)
    photo = load_photo(tmp_path / "1.png")
    assert photo.shape == (6, 4, 3)
    assert photo[:3].min() == 255
    assert photo[3:].max() == 0


def test_a_truncated_photo_is_named(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "1.jpg")
    (tmp_path / "1.jpg").write_bytes((tmp_path / "1.jpg").read_bytes()[:2000])
    with pytest.raises(TruncatedPhotoError, match=r"1\.jpg is incomplete"):
        load_photo(tmp_path / "1.jpg")


def test_a_file_that_is_no_photo_is_named(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_text("no photo")
    with pytest.raises(UnreadablePhotoError, match=r"1\.jpg cannot be read"):
        load_photo(tmp_path / "1.jpg")


def test_a_photo_of_sixteen_bits_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "1.png", "I;16")
    with pytest.raises(UnreadablePhotoError, match="8 bits"):
        load_photo(tmp_path / "1.png")


def test_a_series_is_read_by_number(tmp_path: Path) -> None:
    series(tmp_path)
    (tmp_path / "9.jpg").rename(tmp_path / "09.JPG")
    (tmp_path / "notes.txt").write_text("passed over")
    assert list(load_series(tmp_path, JENA9)) == [pose.code for pose in JENA9.poses]


def test_a_missing_photo_is_named_by_number_and_pose(tmp_path: Path) -> None:
    series(tmp_path)
    (tmp_path / "4.jpg").unlink()
    with pytest.raises(MissingPoseError, match="4 EYETIGHT") as caught:
        load_series(tmp_path)
    assert [pose.code for pose in caught.value.poses] == ["EYETIGHT"]


def test_two_files_of_one_number_are_refused(tmp_path: Path) -> None:
    save(series(tmp_path) / "3.png")
    with pytest.raises(SeriesError, match=r"3\.jpg and 3\.png are both photo 3"):
        load_series(tmp_path)


@pytest.mark.parametrize("name", ["10.jpg", "0.jpg", "smile.png"])
def test_a_photo_that_is_no_pose_is_refused(tmp_path: Path, name: str) -> None:
    save(series(tmp_path) / name)
    with pytest.raises(SeriesError, match="not named after a photo"):
        load_series(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeriesError, match="not a folder"):
        load_series(tmp_path / "none")
