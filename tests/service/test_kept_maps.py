"""Maps of scores are painted from what was kept when the recording was graded."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from grading.bundle import COMMISSIONING_BUNDLE, describe_bundle, load_bundle
from grading.contributions import Contributions, Part
from service.kept_maps import deviating_items, keep_maps, kept_maps
from service.records.models import Bundle, Grading, Photo, Recording
from service.storage import FolderStorage

RAISED, LOWERED = (0, 8, 3), (1, 8, 3)


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path)


@pytest.fixture
def grading(storage: FolderStorage) -> Grading:
    """A grading whose smile was raised on the right half of the face and lowered on the left."""
    places = np.zeros((2, 22, 10))
    places[RAISED], places[LOWERED] = 10.0, -50.0
    buffer = io.BytesIO()
    Image.new("RGB", (512, 512), (90, 120, 150)).save(buffer, "JPEG")
    storage.write("views/1.jpg", buffer.getvalue())
    photo = Photo(
        pose="SMILE",
        view_key="views/1.jpg",
        face={"left": 10, "top": 10, "right": 90, "bottom": 90},
        eyes={"right": [30.0, 40.0], "left": [70.0, 40.0]},
    )
    return Grading(
        uid="1.2.3",
        side="L",
        bundle=Bundle(manifest=describe_bundle(load_bundle(COMMISSIONING_BUNDLE))),
        recording=Recording(photos=[photo]),
        maps_key=keep_maps(
            storage, "1.2.3", [Contributions("M4", 100.0, True, (Part("movement", "SMILE", places),))]
        ),
    )


def test_a_kept_map_is_painted_where_the_score_was_raised_and_lowered(
    storage: FolderStorage, grading: Grading
) -> None:
    (shown,) = kept_maps(storage, grading, ["R1", "M4"])
    assert shown.pose == "SMILE"
    assert shown.found.score == pytest.approx(60.0)
    painted, end = shown.painted()
    assert painted.shape == (512, 512, 3)
    assert end > 0
    red, blue = painted[..., 0].astype(int), painted[..., 2].astype(int)
    halves = (red - blue)[:, :256], (red - blue)[:, 256:]
    assert halves[0].max() > 0
    assert halves[1].min() < -50
    assert shown.explained("A notice").shape == (512, 848, 3)


@pytest.mark.parametrize("gone", ["maps", "view", "eyes", "never kept"])
def test_what_cannot_be_shown_any_more_is_left_out(
    storage: FolderStorage, grading: Grading, gone: str
) -> None:
    assert grading.maps_key is not None
    if gone == "maps":
        storage.path(grading.maps_key).unlink()
    elif gone == "view":
        storage.path("views/1.jpg").unlink()
    elif gone == "eyes":
        grading.recording.photos[0].eyes = None
    else:
        grading.maps_key = None
    assert kept_maps(storage, grading, ["M4"]) == []


def test_the_items_furthest_from_balanced_come_first_and_balanced_ones_never() -> None:
    scores = {"R1": 140.0, "R2": 97.0, "M1": 20.0, "M4": 70.0, "R5": 88.0}
    assert deviating_items(scores, 3) == ["M1", "R1", "M4"]
    assert deviating_items({"R2": 97.0}, 3) == []
