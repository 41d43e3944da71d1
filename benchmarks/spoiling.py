"""Photos spoilt on purpose, each in a way that one quality gate has to notice.

Ways are functions of the photo (H, W, 3) uint8 RGB, its eyes and a source of randomness. A turned head is
simulated: the photo is laid over a general relief of a head, an ellipsoid with a nose, and that is turned.
"""

import io
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from grading.eyes import Eyes
from grading.face import Photo

Spoil = Callable[[Photo, Eyes, np.random.Generator], Photo]


def blurred(share: float, *, along: int | None = None) -> Spoil:
    """Gaussian blur; ``share`` is its sigma in distances between the eyes, ``along`` one axis only."""

    def spoil(photo: Photo, eyes: Eyes, _: np.random.Generator) -> Photo:
        sigma = [share * eyes.distance] * 2
        if along is not None:
            sigma[1 - along] = 0.0
        return np.asarray(ndimage.gaussian_filter(photo, (*sigma, 0.0)))

    return spoil


def blurred_and_noisy(share: float, noise: float) -> Spoil:
    """Blur, then noise of ``noise`` grey levels (standard deviation), as a sensor adds it after the lens."""

    def spoil(photo: Photo, eyes: Eyes, rng: np.random.Generator) -> Photo:
        soft = blurred(share)(photo, eyes, rng).astype(float)
        return eight_bit(soft + rng.normal(0, noise, photo.shape))

    return spoil


def blurred_and_compressed(share: float, quality: int) -> Spoil:
    """Blur, then JPEG of ``quality``, whose block edges must not pass for detail."""

    def spoil(photo: Photo, eyes: Eyes, rng: np.random.Generator) -> Photo:
        file = io.BytesIO()
        Image.fromarray(blurred(share)(photo, eyes, rng)).save(file, "JPEG", quality=quality)
        return np.asarray(Image.open(file).convert("RGB"))

    return spoil


def shrunk(distance: float) -> Spoil:
    """Scaled so that the eyes are ``distance`` pixels apart."""

    def spoil(photo: Photo, eyes: Eyes, _: np.random.Generator) -> Photo:
        image, scale = Image.fromarray(photo), distance / eyes.distance
        size = round(image.width * scale), round(image.height * scale)
        return np.asarray(image.resize(size, Image.Resampling.LANCZOS))

    return spoil


def exposed(stops: float) -> Spoil:
    """``stops`` more light (twice per stop) in linear light, clipped and stored as 8-bit sRGB again."""

    def spoil(photo: Photo, _: Eyes, __: np.random.Generator) -> Photo:
        light = np.clip(linear(photo) * 2.0**stops, 0, 1)
        stored = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
        return eight_bit(stored * 255)

    return spoil


def half_black(photo: Photo, eyes: Eyes, _: np.random.Generator) -> Photo:
    """One side of the face lies in black shadow."""
    dark = photo.copy()
    dark[:, : round(eyes.middle[0])] //= 30
    return dark


def hazy(photo: Photo, _: Eyes, __: np.random.Generator) -> Photo:
    """A fingerprint on the lens: three quarters of the contrast are gone."""
    return eight_bit(128 + (photo.astype(float) - 128) / 4)


def rolled(degrees: float) -> Spoil:
    """The head leans by ``degrees`` in the picture."""

    def spoil(photo: Photo, eyes: Eyes, _: np.random.Generator) -> Photo:
        turned = Image.fromarray(photo).rotate(
            eyes.roll - degrees, Image.Resampling.BICUBIC, center=eyes.middle, fillcolor=(128, 128, 128)
        )
        return np.asarray(turned)

    return spoil


def turned(degrees: float) -> Spoil:
    """The head looks ``degrees`` to the right of the picture (simulated, see the module)."""

    def spoil(photo: Photo, eyes: Eyes, _: np.random.Generator) -> Photo:
        across = np.subtract(eyes.left, eyes.right) / eyes.distance
        rows, columns = np.mgrid[: photo.shape[0], : photo.shape[1]].astype(float)
        x, y = (columns - eyes.middle[0]) / eyes.distance, (rows - eyes.middle[1]) / eyes.distance
        u, v = x * across[0] + y * across[1], y * across[0] - x * across[1]
        angle, source = math.radians(degrees), u
        for _step in range(
            12
        ):  # where did the pixel that now lies at u come from? Damped, so that it settles
            source = (source + (u - relief(source, v) * math.sin(angle)) / math.cos(angle)) / 2
        shift = (source - u) * eyes.distance
        places = [rows + shift * across[1], columns + shift * across[0]]
        channels = [
            ndimage.map_coordinates(photo[..., channel], places, order=1, mode="nearest")
            for channel in range(3)
        ]
        return np.stack(channels, axis=-1)

    return spoil


def relief(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Depth of a general head towards the camera, all in distances between the eyes, from between them."""
    head = 1.5 * np.sqrt(np.clip(1 - (u / 1.25) ** 2 - ((v - 0.4) / 2.1) ** 2, 0, None))
    nose = 0.35 * np.exp(-0.5 * (u / 0.16) ** 2 - 0.5 * ((v - 0.55) / 0.22) ** 2)
    return np.asarray(head + nose - 1.0)


def linear(photo: Photo) -> NDArray[np.float64]:
    """sRGB levels as linear light, 0-1."""
    stored = photo / 255.0
    return np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)


def eight_bit(levels: NDArray[np.float64]) -> Photo:
    """Rounded and clipped to 0-255."""
    return np.clip(np.round(levels), 0, 255).astype(np.uint8)


def lit(photo: Photo, rng: np.random.Generator) -> Photo:
    """Up to a quarter more light on one side and less on the other."""
    slope = np.linspace(-1, 1, photo.shape[1])[None, :, None] * rng.uniform(-0.25, 0.25)
    return eight_bit(photo * (1 + slope))


SPOILT: dict[str, tuple[str, tuple[tuple[str, Spoil], ...]]] = {
    "photo.blurred": (
        "sigma in % of the eye distance",
        (
            *((f"{share:g} %", blurred(share / 100)) for share in (1, 1.5, 2, 3, 4, 6)),
            ("3 %, sideways only", blurred(0.03, along=1)),
            ("3 %, up and down only", blurred(0.03, along=0)),
            ("3 %, then noise of 5 levels", blurred_and_noisy(0.03, 5)),
            ("10 %, saved as JPEG of quality 75", blurred_and_compressed(0.1, 75)),
        ),
    ),
    "face.small": (
        "pixels between the eyes",
        tuple((f"{distance} px", shrunk(distance)) for distance in (110, 95, 85, 70, 55, 40)),
    ),
    "photo.overexposed": ("stops", tuple((f"+{stops:g}", exposed(stops)) for stops in (0.5, 1, 1.5, 2, 3))),
    "photo.underexposed": ("shadow", (("half the face black", half_black),)),
    "photo.flat": (
        "stops, or haze",
        (*((f"{stops:g}", exposed(stops)) for stops in (-1, -2, -3, -4, -5)), ("haze", hazy)),
    ),
    "face.tilted": (
        "degrees",
        tuple((f"{degrees}°", rolled(degrees)) for degrees in (3, -7, 9, -12, 15, -20)),
    ),
    "face.turned": (
        "degrees, simulated",
        tuple((f"{degrees}°", turned(degrees)) for degrees in (-3, 5, -8, 10, -12, 15, -20, 20)),
    ),
}
