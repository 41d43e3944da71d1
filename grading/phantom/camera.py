"""From the board to a photo: framing, exposure, sensor noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from grading.phantom.canvas import RESOLUTION, WHOLE

FRAME = (272.0, 340.0)
"""Width and height in mm that a photo of the usual framing shows."""
CENTRE_Y = 13.0
"""Height in mm of the photo's centre below the pupils."""


@dataclass(frozen=True)
class Camera:
    """Framing and sensor: ``roll`` in radians, ``shift`` in mm, ``zoom`` and ``exposure`` as factors.

    ``grain`` is the sensor's noise in grey levels of 255, ``seed`` its pattern.
    """

    roll: float
    shift: tuple[float, float]
    zoom: float
    exposure: float
    grain: float
    seed: int


def random_camera(rng: np.random.Generator, melanin: float) -> Camera:
    """A tripod's small play, and an exposure that varies around what suits skin of ``melanin`` (0 to 1)."""
    return Camera(
        roll=float(np.radians(np.clip(rng.normal(0, 1.3), -3.5, 3.5))),
        shift=(float(rng.uniform(-5, 5)), float(rng.uniform(-5, 5))),
        zoom=float(rng.uniform(0.97, 1.04)),
        exposure=float(np.exp(rng.normal(0, 0.10))) * (1 + 0.32 * melanin),
        grain=float(rng.uniform(1.0, 2.4)),
        seed=int(rng.integers(2**31)),
    )


def photograph(image: NDArray[np.float32], camera: Camera, width: int, height: int) -> NDArray[np.uint8]:
    """``image`` (the whole board, linear light) as a photo (height, width, 3), sRGB."""
    steps = image * np.float32(camera.exposure * 1023.0)
    print_ = Image.fromarray(np.take(_TONES, np.clip(steps, 0, 2047, out=steps).astype(np.uint16)))
    zoom = max(width / FRAME[0], height / FRAME[1]) * camera.zoom
    cos, sin = np.cos(camera.roll) * RESOLUTION / zoom, np.sin(camera.roll) * RESOLUTION / zoom
    centre_x = (camera.shift[0] - WHOLE.x0) * RESOLUTION
    centre_y = (CENTRE_Y + camera.shift[1] - WHOLE.y0) * RESOLUTION
    right, down = width / 2, height / 2
    matrix = (cos, sin, centre_x - cos * right - sin * down, -sin, cos, centre_y + sin * right - cos * down)
    framed = print_.transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    rng = np.random.default_rng(camera.seed)
    grain = rng.standard_normal((height, width, 1), dtype=np.float32) * camera.grain
    noisy = np.asarray(framed, dtype=np.float32) + (grain + 0.5)
    return np.clip(noisy, 0, 255, out=noisy).astype(np.uint8)


def _tone_curve() -> NDArray[np.uint8]:
    """sRGB grey level for linear light in steps of 1/1023 up to 2, with a soft shoulder above 0.7."""
    light = np.arange(2048) / 1023.0
    soft = np.where(light > 0.7, 0.7 + 0.3 * (1 - np.exp(-(light - 0.7) / 0.3)), light)
    return np.asarray(np.round(255.0 * soft ** (1 / 2.2)), dtype=np.uint8)


_TONES = _tone_curve()
