"""Pictures that are made when somebody looks at a recording: maps of scores, photos not yet prepared."""

import io

import numpy as np
import pytest
from PIL import Image

from dicom.building import to_bytes
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
    browser: Browser, clinic: Clinic, ada: Recording
) -> None:
    page = f"/recordings/{ada.id}"
    (grading,) = ada.gradings
    assert "data-map" not in browser.get(page).text
    assert browser.get(f"{page}/maps/M4.jpg?grading={grading.id}").status_code == 404
    clinic.map_of_the_smile(grading, -5.0)
    clinic.session.commit()
    place = f"{page}/maps/M4.jpg?grading={grading.id}"
    assert f'data-map="{place}" data-pose="6"' in browser.get(page).text
    answer = browser.get(place)
    assert answer.headers["cache-control"] == "no-store"
    painted = np.asarray(image(answer.content)).astype(int)
    assert painted.shape == (512, 512, 3)
    assert (painted[..., 2] - painted[..., 0]).max() > 50
    assert browser.get(f"{page}/maps/R1.jpg?grading={grading.id}").status_code == 404
    assert browser.get(f"{page}/maps/nonsense.jpg?grading={grading.id}").status_code == 404


def test_a_page_of_an_earlier_grading_is_not_given_the_map_of_another(
    browser: Browser, clinic: Clinic, ada: Recording
) -> None:
    (grading,) = ada.gradings
    clinic.map_of_the_smile(grading, -5.0)
    clinic.session.commit()
    place = f"/recordings/{ada.id}/maps/M4.jpg"
    assert browser.get(f"{place}?grading={grading.id}").status_code == 200
    assert browser.get(f"{place}?grading={grading.id + 1}").status_code == 404
    assert browser.get(place).status_code == 404


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
