"""Light on a relief: one soft lamp, fill from all around, a little light that wanders under the skin."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from grading.phantom.canvas import RESOLUTION, spread
from grading.phantom.types import Field, Rgb


@dataclass(frozen=True)
class Light:
    """``towards`` points from the face to the lamp (x right, y down, z to the camera; unit length).

    ``key`` and ``fill`` are the strengths of the lamp and of the light from all around, ``colour`` the
    lamp's.
    """

    towards: tuple[float, float, float]
    key: float
    fill: float
    colour: Rgb


def random_light(rng: np.random.Generator) -> Light:
    """A lamp above the camera, somewhat to one side, as in a clinic's photo corner."""
    x, y = rng.uniform(-0.55, 0.55), rng.uniform(-0.75, -0.38)
    length = float(np.sqrt(x * x + y * y + 1.0))
    warmth = float(rng.uniform(-1.0, 1.0))
    share = float(rng.uniform(0.62, 0.78))
    return Light(
        towards=(x / length, y / length, 1.0 / length),
        key=share * 1.12,
        fill=0.96 - share,
        colour=(1.0 + 0.05 * warmth, 1.0, 1.0 - 0.07 * warmth),
    )


def slopes(relief: Field) -> tuple[Field, Field, Field]:
    """Unit normals (x, y, z) of a relief in mm sampled at the board's resolution."""
    down, across = np.gradient(relief)
    steep = np.float32(RESOLUTION)
    length = 1.0 / np.sqrt((down * steep) ** 2 + (across * steep) ** 2 + 1.0)
    return -across * steep * length, -down * steep * length, length


def hollows(relief: Field) -> Field:
    """How much of the surrounding light reaches each place (0 to 1): less in hollows, from blurred relief."""
    coarse = 4
    small = relief[::coarse, ::coarse]
    sunk = np.zeros_like(small)
    for reach, weight in ((1.6, 0.16), (5.0, 0.05)):
        sunk += weight * (gaussian_filter(small, reach, mode="nearest") - small)
    return spread(np.exp(-1.6 * np.maximum(sunk, 0.0)), (relief.shape[0], relief.shape[1]), coarse)


def lit(
    relief: Field,
    albedo: NDArray[np.float32],
    gloss: Field | float,
    light: Light,
    scatter: Rgb = (0.24, 0.12, 0.08),
) -> NDArray[np.float32]:
    """The light (h, w, 3) that a relief sends to the camera.

    ``scatter`` says per colour how far light creeps past the edge of the shadow: red the furthest, in skin.
    """
    nx, ny, nz = slopes(relief)
    lx, ly, lz = light.towards
    facing = nx * lx + ny * ly + nz * lz
    sky = hollows(relief)
    above = light.fill * (0.72 - 0.28 * ny) * sky
    out = np.empty_like(albedo)
    for channel in range(3):
        wrap = scatter[channel]
        direct = np.maximum((facing + wrap) / (1 + wrap), 0.0)
        out[..., channel] = albedo[..., channel] * (
            light.key * light.colour[channel] * direct * (0.55 + 0.45 * sky) + above
        )
    hx, hy, hz = lx, ly, lz + 1.0
    size = float(np.sqrt(hx * hx + hy * hy + hz * hz))
    glance = np.maximum((nx * hx + ny * hy + nz * hz) / size, 0.0)
    shine = glance**2
    shine = shine**8
    shine = 0.035 * gloss * (shine + 1.6 * shine**4) * light.key
    out += shine[..., None] * np.asarray(light.colour, dtype=np.float32)
    return out
