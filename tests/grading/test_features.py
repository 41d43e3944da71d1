"""A cohort's features survive a killed run, a damaged disk, two processes at once and little memory."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import grading.features
from grading.backbones import Backbone, load_backbone
from grading.cache import Cache, CacheError
from grading.cohort import Cohort, LabelledRecording, read_cohort
from grading.features import cohort_maps, lacking
from grading.recipes import Recipe, halves, paper
from grading.scales import PREDICTED_ITEMS

R1 = PREDICTED_ITEMS[:1]
PAPER = paper(R1)
"""Reads one photo of a recording."""
MOVING = halves(tuple(item for item in PREDICTED_ITEMS if item.id == "M1"))


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone("efficientnet-lite0", "block14", device="cpu")


@pytest.fixture(scope="module")
def folder(photos: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort folder of 16 recordings: one drawn face in different light."""
    folder = tmp_path_factory.mktemp("cohort")
    rows = ["subject,session,group,R1"]
    small = {pose: Image.fromarray(photo).reduce(2) for pose, photo in photos.items()}
    for number in range(16):
        place = folder / f"P{number}" / "1"
        place.mkdir(parents=True)
        for file, image in enumerate(small.values(), start=1):
            light = np.asarray(image) * (0.6 + 0.02 * number)
            Image.fromarray(light.astype(np.uint8)).save(place / f"{file}.png", compress_level=1)
        rows.append(f"P{number},1,palsy,{100 + number}")
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture(scope="module")
def cohort(folder: Path) -> Cohort:
    return read_cohort(folder)


FILL = """
import sys
from pathlib import Path
from grading.backbones import load_backbone
from grading.cohort import read_cohort
from grading.features import cohort_maps
from grading.recipes import paper
from grading.scales import PREDICTED_ITEMS

cohort_maps(
    read_cohort(Path(sys.argv[1])), load_backbone("efficientnet-lite0", "block14", device="cpu"),
    paper(PREDICTED_ITEMS[:1]), cache=Path(sys.argv[2]),
)
"""


def fill(folder: Path, cache: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", FILL, str(folder), str(cache)])


def kept(cache: Path) -> dict[Path, int]:
    """The files of a cache and when each was written."""
    return {path: path.stat().st_mtime_ns for path in cache.rglob("*.npy")}


@pytest.mark.journey
def test_after_a_kill_only_the_rest_is_computed(
    folder: Path, cohort: Cohort, backbone: Backbone, tmp_path: Path
) -> None:
    killed = fill(folder, tmp_path)
    deadline = time.monotonic() + 120
    while len(kept(tmp_path)) < 9:
        assert killed.poll() is None, "it ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    before = kept(tmp_path)
    assert 9 <= len(before) < 32
    unfinished = lacking(cohort, backbone, PAPER, tmp_path)
    assert unfinished

    found = cohort_maps(cohort, backbone, PAPER, cache=tmp_path)

    after = kept(tmp_path)
    assert len(after) == 32  # a crop and the activations of each
    assert {path: after[path] for path in before} == before
    assert lacking(cohort, backbone, PAPER, tmp_path) == ()
    # the sums of a convolution depend on how many crops went through it together
    fresh = cohort_maps(cohort, backbone, PAPER)
    np.testing.assert_allclose(found.maps.network, fresh.maps.network, atol=1e-3)


@pytest.mark.journey
def test_two_processes_fill_one_cache(
    folder: Path, cohort: Cohort, backbone: Backbone, tmp_path: Path
) -> None:
    both = [fill(folder, tmp_path) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    before = kept(tmp_path)
    assert len(before) == 32
    assert not list(tmp_path.rglob("*.part"))
    found = cohort_maps(cohort, backbone, PAPER, cache=tmp_path)
    assert kept(tmp_path) == before
    np.testing.assert_allclose(
        found.maps.network, cohort_maps(cohort, backbone, PAPER).maps.network, atol=1e-3
    )


def test_a_damaged_file_is_made_anew(cohort: Cohort, backbone: Backbone, tmp_path: Path) -> None:
    one = replace(cohort, recordings=cohort.recordings[:1])
    first = cohort_maps(one, backbone, MOVING, cache=tmp_path)
    files = sorted(kept(tmp_path))
    whole = [path.read_bytes() for path in files]
    for number, path in enumerate(files):
        stored = bytearray(whole[number])
        middle = len(stored) // 2
        if number % 4 == 0:
            stored[middle] ^= 1
        path.write_bytes((stored, stored[:middle], b"", b"something else altogether")[number % 4])
    again = cohort_maps(one, backbone, MOVING, cache=tmp_path)
    np.testing.assert_allclose(again.maps.network, first.maps.network, atol=1e-3)
    assert np.array_equal(first.maps.movement, again.maps.movement)
    assert sorted(kept(tmp_path)) == files
    # a crop is not looked at where its activations are kept
    mended = [path.read_bytes() == was for path, was in zip(files, whole, strict=True)]
    assert sum(mended) > len(files) / 2
    third = cohort_maps(one, backbone, MOVING, cache=tmp_path)
    assert np.array_equal(third.maps.network, again.maps.network)


def test_what_lacks_is_told_without_computing_it(cohort: Cohort, backbone: Backbone, tmp_path: Path) -> None:
    few = replace(cohort, recordings=cohort.recordings[:3])
    assert lacking(few, backbone, MOVING, tmp_path) == few.recordings
    cohort_maps(replace(few, recordings=few.recordings[:2]), backbone, MOVING, cache=tmp_path)
    assert lacking(few, backbone, MOVING, tmp_path) == few.recordings[2:]
    # another recipe reads other crops
    assert lacking(few, backbone, PAPER, tmp_path) == few.recordings


def test_the_same_photo_under_another_name_is_not_computed_again(
    cohort: Cohort, backbone: Backbone, tmp_path: Path
) -> None:
    one = replace(cohort, recordings=cohort.recordings[:1])
    cohort_maps(one, backbone, PAPER, cache=tmp_path)
    copy = tmp_path / "copy.png"
    copy.write_bytes(one.recordings[0].photos["REST"].read_bytes())
    renamed = replace(one.recordings[0], subject="Q", photos={"REST": copy})
    assert lacking(replace(one, recordings=(renamed,)), backbone, PAPER, tmp_path) == ()


def test_a_cohort_larger_than_memory_is_worked_through(
    cohort: Cohort, backbone: Backbone, tmp_path: Path
) -> None:
    """The maps lie in a file: 2,000 recordings' are many times what the process's own memory grows by."""
    one = replace(cohort, recordings=cohort.recordings[:1])
    cohort_maps(one, backbone, PAPER, cache=tmp_path)
    many = replace(one, recordings=one.recordings * 2000)
    before = own_memory()
    found = cohort_maps(many, backbone, PAPER, cache=tmp_path)
    assert found.maps.network.nbytes > 60e6
    assert own_memory() - before < found.maps.network.nbytes / 4
    assert found.maps.network[0].any()
    assert np.array_equal(found.maps.network[0], found.maps.network[-1])
    # its file has no name, so that nothing is left behind
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".npy"}


def own_memory() -> int:
    """Bytes of this process that no file stands behind."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (held,) = (int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
    return held * 1024


def test_photos_wait_in_batches_of_bounded_size(
    cohort: Cohort, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grading.features, "_BATCH", 4)
    sizes = []
    compute = backbone.features

    def features(crops: np.ndarray) -> np.ndarray:
        sizes.append(len(crops))
        return compute(crops)

    monkeypatch.setattr(backbone, "features", features)
    cohort_maps(replace(cohort, recordings=cohort.recordings[:10]), backbone, PAPER)
    assert sizes == [4, 4, 2]


def test_a_photo_that_is_gone_is_named_and_costs_no_other(
    cohort: Cohort, backbone: Backbone, tmp_path: Path
) -> None:
    first, second = cohort.recordings[:2]
    gone = replace(first, photos={**first.photos, "REST": tmp_path / "gone.png"})
    found = cohort_maps(replace(cohort, recordings=(gone, second)), backbone, PAPER, cache=tmp_path)
    (photo,) = found.unusable
    assert (photo.subject, photo.pose, photo.code) == ("P0", "REST", "photo.unreadable")
    assert "gone.png" in photo.reason
    assert found.usable[:, 0].tolist() == [False, True]
    assert not found.maps.network[0].any()
    assert found.maps.network[1].any()


def test_without_the_rest_photo_there_is_no_movement(
    cohort: Cohort, backbone: Backbone, tmp_path: Path
) -> None:
    first = cohort.recordings[0]
    black = tmp_path / "black.png"
    Image.new("RGB", (300, 300)).save(black)
    no_rest = replace(first, photos={**first.photos, "REST": black})
    found = cohort_maps(replace(cohort, recordings=(no_rest, first)), backbone, MOVING)
    brow = MOVING.poses.index("BROW")
    assert found.maps.movement is not None
    assert not found.maps.movement[0].any()
    assert found.maps.movement[1, brow].any()
    assert not found.maps.movement[1, MOVING.poses.index("REST")].any()


@pytest.mark.parametrize("recipe", [PAPER, MOVING], ids=["paper", "halves"])
def test_the_shapes_are_those_of_poses_tiles_and_maps(
    recipe: Recipe, cohort: Cohort, backbone: Backbone
) -> None:
    none: tuple[LabelledRecording, ...] = ()
    found = cohort_maps(replace(cohort, recordings=none), backbone, recipe)
    shape = recipe.preprocessing.frame.shape
    expected = (0, len(recipe.poses), recipe.preprocessing.tiles, *backbone.map_shape(*shape))
    assert found.maps.network.shape == expected
    assert (found.maps.movement is not None) == bool(recipe.reads("movement"))


def test_a_cache_that_cannot_be_written_is_named(cohort: Cohort, backbone: Backbone, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    with pytest.raises(CacheError, match="name another folder with --cache"):
        cohort_maps(cohort, backbone, PAPER, cache=file / "cache")
    # a disk that fills up later on is no fault of the photo
    for number in range(256):
        (tmp_path / f"{number:02x}").touch()
    with pytest.raises(CacheError, match="make room there"):
        cohort_maps(cohort, backbone, PAPER, cache=tmp_path)


def test_arrays_are_kept_by_contents_and_maker(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    cache.write(values, "maker", "one", "other")
    kept = cache.read("maker", "one", "other")
    assert kept is not None
    assert np.array_equal(kept, values)
    assert kept.dtype == values.dtype
    assert cache.holds("maker", "one", "other")
    for contents in (("other", "one"), ("one",)):
        assert cache.read("maker", *contents) is None
    assert cache.read("another maker", "one", "other") is None
    assert not cache.holds("another maker", "one", "other")
    umask = os.umask(0)
    os.umask(umask)
    # workers of another account read it too
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*.npy")} == {0o666 & ~umask}


def test_without_a_folder_nothing_is_kept() -> None:
    cache = Cache(None)
    cache.write(np.zeros(3), "maker", "one")
    assert not cache.holds("maker", "one")
    assert cache.read("maker", "one") is None
