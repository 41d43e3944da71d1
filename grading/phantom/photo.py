"""One photo of a phantom: the layers in their order, from the wall to the hair."""

import numpy as np
from numpy.typing import NDArray

from grading.phantom.anatomy import Anatomy
from grading.phantom.body import backdrop, paint_body
from grading.phantom.brows import paint_brow
from grading.phantom.camera import photograph, random_camera
from grading.phantom.canvas import FACE, paint
from grading.phantom.expression import Half, halves
from grading.phantom.eyes import paint_eye, shape_lids
from grading.phantom.hair import paint_back_hair, paint_front_hair
from grading.phantom.head import head
from grading.phantom.light import Light, lit, random_light
from grading.phantom.lines import shape_half
from grading.phantom.mouth import lips, paint_mouth, shape_lips
from grading.phantom.palsy import Palsy


def draw_photo(
    anatomy: Anatomy,
    palsy: Palsy,
    pose: str,
    rng: np.random.Generator,
    *,
    width: int = 720,
    height: int = 900,
) -> NDArray[np.uint8]:
    """A frontal photo of a phantom, (height, width, 3) uint8 RGB.

    ``pose`` is a code of `JENA9`. Framing, light and sensor noise come from ``rng``, which every photo
    advances alike: the same state draws the same photo, whatever the palsy changes in the face.

    Raises `PhantomError` for an unknown pose.
    """
    sides = halves(anatomy, palsy, pose)
    light, camera = random_light(rng), random_camera(rng, anatomy.melanin)
    image = backdrop(anatomy, light)
    paint_back_hair(image, anatomy, light)
    paint_body(image, anatomy, light)
    paint(image[FACE.slices], _face(anatomy, sides, light), head(anatomy).alpha)
    paint_front_hair(image, anatomy, light)
    return photograph(image, camera, width, height)


def _face(anatomy: Anatomy, sides: tuple[Half, Half], light: Light) -> NDArray[np.float32]:
    """The lit face over `FACE`."""
    base = head(anatomy)
    relief, albedo, gloss = base.relief.copy(), base.albedo.copy(), base.gloss.copy()
    for sign, half in zip((-1, 1), sides, strict=True):
        shape_lids(relief, albedo, anatomy, half, sign)
        shape_half(relief, albedo, anatomy, half, sign)
    mouth = lips(anatomy, sides)
    shape_lips(relief, albedo, gloss, anatomy, mouth)
    image = lit(relief, albedo, gloss, light)
    for sign, half in zip((-1, 1), sides, strict=True):
        paint_eye(image, anatomy, half, sign, light)
        paint_brow(image, anatomy, half, sign)
    paint_mouth(image, anatomy, mouth, light)
    return image
