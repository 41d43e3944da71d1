"""Neck, clothes, ears and the wall behind."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from grading.phantom.anatomy import Anatomy
from grading.phantom.canvas import WHOLE, add_blob, bell, curve, near, noise, paint, ramp, spread
from grading.phantom.head import half_width, inside
from grading.phantom.light import Light, lit
from grading.phantom.types import Field

NECK = WHOLE.part(-100, 100, 60, 203)
CLOTHES = WHOLE.part(-158, 158, 120, 203)


def backdrop(anatomy: Anatomy, light: Light) -> NDArray[np.float32]:
    """The wall over the whole board, brighter where the lamp looks, darker towards the corners."""
    step = 8
    x, y = WHOLE.x[:, ::step] - 120 * light.towards[0], WHOLE.y[::step] + 20
    glow = spread(1.06 - 0.42 * ramp(np.sqrt(x * x + 0.7 * y * y), 20.0, 230.0), WHOLE.shape, step)
    colour = np.asarray(anatomy.backdrop, dtype=np.float32) * np.asarray(light.colour, dtype=np.float32)
    return np.asarray(glow[..., None] * colour, dtype=np.float32)


def paint_body(image: NDArray[np.float32], anatomy: Anatomy, light: Light) -> None:
    """Ears, neck and clothes over ``image`` (the whole board)."""
    for sign in (-1, 1):
        _paint_ear(image, anatomy, light, sign)
    relief, alpha, albedo = _neck(anatomy)
    chin_shadow = _under_chin(anatomy)
    paint(image[NECK.slices], lit(relief, albedo, 0.15, light) * chin_shadow[..., None], alpha)
    relief, alpha, albedo = _clothes(anatomy)
    paint(image[CLOTHES.slices], lit(relief, albedo, 0.0, light, scatter=(0.1, 0.1, 0.1)), alpha)


@lru_cache(maxsize=4)
def _neck(anatomy: Anatomy) -> tuple[Field, Field, NDArray[np.float32]]:
    """Relief, alpha, albedo over `NECK`: a cylinder that widens to the shoulders, tendons and throat."""
    x, y = NECK.x, NECK.y
    base = anatomy.chin_y + 48
    wide = 42.0 + 10.0 * anatomy.masculinity + 55.0 * ramp(y, base - 26, base + 34) ** 1.4
    relief = 42.0 * np.sqrt(np.clip(1 - (np.abs(x) / (wide + 1)) ** 2.4, 0, 1)) - 0.35 * (y - 80) * ramp(
        y, 90, 150
    )
    relief = np.asarray(relief, dtype=np.float32)
    for sign in (-1, 1):
        tendon = curve([(sign * 46, anatomy.chin_y - 20), (sign * 27, base - 22), (sign * 8, base + 6)])
        part, distance, along = near(NECK, tendon, 14.0)
        relief[part.within(NECK)] += 2.6 * bell(distance, 0, 4.5) * along**0.7
        collar = curve([(sign * 9, base + 7), (sign * 40, base + 5), (sign * 85, base - 4)])
        part, distance, along = near(NECK, collar, 12.0)
        relief[part.within(NECK)] += 2.6 * bell(distance, 0, 3.2) * np.sin(np.pi * np.clip(along + 0.1, 0, 1))
    add_blob(relief, NECK, (0.0, base - 24, 6.0, 10.0), 1.0 + 2.6 * anatomy.masculinity)
    add_blob(relief, NECK, (0.0, base + 6, 6.0, 6.0), -3.0)
    albedo = np.broadcast_to(np.asarray(anatomy.skin, dtype=np.float32), (*NECK.shape, 3))
    blotch = noise(anatomy.texture_seed + 51, NECK.shape, (20.0, 20.0))
    albedo = albedo * (0.94 + 0.025 * blotch)[..., None] * np.array([1.0, 0.97, 0.96], dtype=np.float32)
    return relief, ramp(wide - np.abs(x), -0.4, 0.4) * np.ones_like(y), np.asarray(albedo, dtype=np.float32)


def _under_chin(anatomy: Anatomy) -> Field:
    """How much light reaches the neck: the jaw's soft shadow."""
    depth = inside(NECK, anatomy)
    below = np.maximum(-depth, 0.0)
    jaw = half_width(anatomy, np.minimum(NECK.y - 34.0, anatomy.chin_y - 1.0))
    hidden = ramp(np.abs(NECK.x) - jaw, 16.0, -14.0)
    return np.asarray(1 - 0.74 * hidden * np.exp(-((below / 22.0) ** 1.3)), dtype=np.float32)


@lru_cache(maxsize=4)
def _clothes(anatomy: Anatomy) -> tuple[Field, Field, NDArray[np.float32]]:
    """Relief, alpha and albedo over `CLOTHES`: shoulders, neckline with its hem, folds and weave."""
    x, y, seed = CLOTHES.x, CLOTHES.y, anatomy.texture_seed
    away = np.abs(x)
    base = anatomy.chin_y + 48
    reach = 118.0 + 16.0 * anatomy.masculinity
    shoulder = base - 17 + 0.32 * away + 70.0 * np.clip((away - 0.62 * reach) / reach, 0, None) ** 1.8
    openings = {
        "crew": base + 16 - 0.012 * away**2,
        "vee": base + 56 - 1.05 * away,
        "gown": base + 26 - 0.014 * away**2,
    }
    neckline = np.maximum(openings[anatomy.neckline], base - 30.0)
    edge = np.where(away < 66.0, np.maximum(shoulder, neckline), shoulder)
    below = y - edge
    relief = 30.0 * np.sqrt(np.clip(1 - (away / 190.0) ** 2, 0, 1)) + 9.0 * ramp(y - shoulder, 0.0, 30.0)
    relief = (
        relief
        + 1.3 * noise(seed + 61, CLOTHES.shape, (60.0, 34.0))
        + 0.9 * noise(seed + 62, CLOTHES.shape, (34.0, 60.0))
    )
    hem = ramp(below, 0.0, 0.8) * ramp(below, 6.2, 5.2)
    relief = relief + 0.9 * hem - 0.6 * bell(below, 6.0, 0.5)
    weave = noise(seed + 63, CLOTHES.shape, (1.5, 1.5))
    albedo = np.asarray(anatomy.clothes, dtype=np.float32) * (1 + 0.06 * weave + 0.05 * hem)[..., None]
    alpha = ramp(below, -0.4, 0.4)
    return np.asarray(relief, np.float32), alpha, np.asarray(albedo, dtype=np.float32)


def _paint_ear(image: NDArray[np.float32], anatomy: Anatomy, light: Light, sign: int) -> None:
    """One ear, behind the head's outline."""
    x0, y0, tall = sign * (anatomy.head_width / 2 - 1.0), 15.0, 29.0
    part = WHOLE.part(x0 - 16, x0 + 16, -20, 50)
    v = (part.y - y0) / tall
    out = sign * (part.x - x0)
    wide = 11.0 - 3.0 * v
    oval = np.sqrt((out / wide) ** 2 + v**2)
    rim = (1 - oval) * oval / np.maximum(np.sqrt((out / wide**2) ** 2 + (v / tall) ** 2), 1e-3)
    helix = ramp(v, 0.75, 0.2)
    relief = 4.0 * np.sqrt(np.clip(rim / 3.0, 0, 1)) - 2.4 * ramp(rim, 2.4, 4.2) * helix
    relief += 1.6 * bell(rim, 6.4, 1.2) * helix - 2.2 * ramp(rim, 7.0, 10.0) * bell(v, 0.05, 0.35)
    skin = np.asarray(anatomy.skin, dtype=np.float32) * (0.98, 0.84, 0.80)
    depth = 1 - 0.30 * ramp(rim, 2.0, 5.0) * helix - 0.35 * ramp(out, 5.0, 0.0)
    albedo = np.asarray(skin * depth[..., None], dtype=np.float32)
    shaded = lit(np.asarray(relief, np.float32), albedo, 0.2, light) * 0.86
    paint(image[part.slices], shaded, ramp(rim, -0.4, 0.4))
