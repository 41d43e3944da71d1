"""Where the places of a phantom's face come to lie in its photo, and in the level view of it."""

import numpy as np
from numpy.typing import NDArray

from grading.eyes import Eyes
from grading.framing import VIEW
from grading.phantom.anatomy import Anatomy
from grading.phantom.camera import CENTRE_Y, FRAME, random_camera
from grading.phantom.light import random_light

WIDTH, HEIGHT = 720, 900
Vector = NDArray[np.float64]


def in_photo(places: Vector, anatomy: Anatomy, seed: list[int]) -> Vector:
    """Pixels (N, 2) of a photo of `WIDTH` by `HEIGHT` drawn with the seed, of ``places`` (N, 2) in mm."""
    rng = np.random.default_rng(seed)
    random_light(rng)
    camera = random_camera(rng, anatomy.melanin)
    zoom = max(WIDTH / FRAME[0], HEIGHT / FRAME[1]) * camera.zoom
    cos, sin = np.cos(camera.roll), np.sin(camera.roll)
    centre = np.array([camera.shift[0], CENTRE_Y + camera.shift[1]])
    turned: Vector = np.array([WIDTH / 2, HEIGHT / 2]) + zoom * (places - centre) @ np.array(
        [[cos, sin], [-sin, cos]]
    )
    return turned


def in_view(places: Vector, eyes: Eyes) -> Vector:
    """Pixels of the level view by the eyes, of ``places`` (N, 2) in pixels of the photo."""
    across = (np.array(eyes.left) - np.array(eyes.right)) / eyes.distance
    away = (places - np.array(eyes.middle)) * (VIEW.distance / eyes.distance)
    level: Vector = np.array([VIEW.midline, VIEW.eye_line]) + np.stack(
        [away @ across, away @ np.array([-across[1], across[0]])], axis=1
    )
    return level
