"""Pictures that are made when somebody looks at a recording: maps of scores, photos not yet prepared."""

import io

import numpy as np
import pytest
from PIL import Image

from dicom.building import to_bytes
from grading.bundle import COMMISSIONING_BUNDLE, describe_bundle, load_bundle
from grading.contributions import Contributions, Part
from service.kept_maps import keep_maps
from service.records.models import Photo, Recording
from service.storage import FolderStorage
from tests.dicom.samples import photo
from tests.service.browsing import Browser
from tests.service.clinic import Clinic


def image(content: bytes) -> Image.Image:
    found = Image.open(io.BytesIO(content))
    found.load()
    return found


@pytest.fixture
def smile(ada: Recording, clinic: Clinic) -> Photo:
    clinic.session.refresh(ada, ["photos"])
    return next(one for one in ada.photos if one.pose == "SMILE")


def test_a_map_is_painted_over_the_photo_of_its_item_where_one_was_kept(
    browser: Browser, clinic: Clinic, storage: FolderStorage, ada: Recording, smile: Photo
) -> None:
    page = f"/recordings/{ada.id}"
    assert "data-map" not in browser.get(page).text
    assert browser.get(f"{page}/maps/M4.jpg").status_code == 404
    buffer = io.BytesIO()
    Image.new("RGB", (512, 512), (90, 120, 150)).save(buffer, "JPEG")
    storage.write("views/smile.jpg", buffer.getvalue())
    smile.view_key = "views/smile.jpg"
    smile.face = {"left": 10, "top": 10, "right": 90, "bottom": 90}
    smile.eyes = {"right": [30.0, 40.0], "left": [70.0, 40.0]}
    (grading,) = ada.gradings
    grading.bundle.manifest = describe_bundle(load_bundle(COMMISSIONING_BUNDLE))
    places = np.full((2, 22, 10), -5.0)
    found = Contributions("M4", 100.0, True, (Part("movement", "SMILE", places),))
    grading.maps_key = keep_maps(storage, grading.uid, [found])
    clinic.session.commit()
    assert f'data-map="{page}/maps/M4.jpg" data-pose="6"' in browser.get(page).text
    answer = browser.get(f"{page}/maps/M4.jpg")
    assert answer.headers["cache-control"] == "no-store"
    painted = np.asarray(image(answer.content)).astype(int)
    assert painted.shape == (512, 512, 3)
    assert (painted[..., 2] - painted[..., 0]).max() > 50
    assert browser.get(f"{page}/maps/R1.jpg").status_code == 404
    assert browser.get(f"{page}/maps/nonsense.jpg").status_code == 404


def test_a_photo_that_is_not_prepared_is_shown_as_it_was_sent(
    browser: Browser, clinic: Clinic, storage: FolderStorage, ada: Recording, smile: Photo
) -> None:
    storage.write("objects/smile.dcm", to_bytes(photo()))
    smile.view_key, smile.storage_key = None, "objects/smile.dcm"
    clinic.session.commit()
    answer = browser.get(f"/recordings/{ada.id}/photos/{smile.id}")
    assert answer.headers["content-type"] == "image/jpeg"
    assert max(image(answer.content).size) <= 512
    storage.write("objects/text.dcm", b"no DICOM object")
    smile.storage_key = "objects/text.dcm"
    clinic.session.commit()
    assert browser.get(f"/recordings/{ada.id}/photos/{smile.id}").status_code == 404
