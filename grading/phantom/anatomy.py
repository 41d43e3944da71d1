"""Who a phantom is: proportions, skin, hair and clothes.

Lengths are millimetres in the face's own frame: the origin lies between the pupils at rest, x runs to the
right of the picture (the person's left), y runs down. Means and spreads are ordinary adult anthropometry
(Farkas-like proportions), rounded; nothing here describes a person.
"""

from dataclasses import dataclass

import numpy as np

from grading.phantom.types import Rgb

HAIR_STYLES = ("short", "parted", "tied", "bob", "long", "curly", "balding")

SKIN_ANCHORS: tuple[tuple[float, Rgb], ...] = (
    (0.0, (0.965, 0.860, 0.805)),
    (0.2, (0.915, 0.765, 0.675)),
    (0.4, (0.820, 0.630, 0.505)),
    (0.6, (0.665, 0.460, 0.335)),
    (0.8, (0.450, 0.295, 0.215)),
    (1.0, (0.265, 0.175, 0.140)),
)
"""Skin colours (sRGB 0-1) from the lightest to the darkest, by melanin."""

IRISES: tuple[Rgb, ...] = (
    (0.22, 0.12, 0.06),
    (0.32, 0.19, 0.09),
    (0.42, 0.33, 0.16),
    (0.36, 0.43, 0.30),
    (0.32, 0.45, 0.58),
    (0.46, 0.52, 0.56),
)
"""Iris colours (sRGB 0-1) from dark brown to grey."""

HAIRS: tuple[Rgb, ...] = (
    (0.085, 0.070, 0.065),
    (0.150, 0.105, 0.080),
    (0.260, 0.170, 0.110),
    (0.420, 0.270, 0.150),
    (0.640, 0.480, 0.290),
    (0.480, 0.210, 0.090),
)
"""Hair colours (sRGB 0-1): black to blond, then red."""

CLOTHES: tuple[Rgb, ...] = (
    (0.20, 0.25, 0.34),
    (0.32, 0.36, 0.36),
    (0.50, 0.58, 0.62),
    (0.36, 0.20, 0.22),
    (0.22, 0.32, 0.28),
    (0.78, 0.77, 0.74),
    (0.55, 0.66, 0.68),
)

BACKDROPS: tuple[Rgb, ...] = ((0.56, 0.62, 0.66), (0.62, 0.62, 0.60), (0.42, 0.52, 0.60), (0.70, 0.70, 0.69))


@dataclass(frozen=True)
class Anatomy:
    """A phantom's face at rest, without palsy. Lengths in mm, angles in degrees, colours in linear light."""

    texture_seed: int
    masculinity: float
    age: float
    head_width: float
    jaw: float
    chin_width: float
    chin_y: float
    skin: Rgb
    lip_colour: Rgb
    melanin: float
    stubble: float
    blush: float
    freckles: float
    eye_x: float
    eye_width: float
    fissure: float
    eye_tilt: float
    lid_crease: float
    iris: Rgb
    brow_y: float
    brow_thickness: float
    brow_arch: float
    brow_colour: Rgb
    nose_length: float
    nose_width: float
    bridge_width: float
    nose_height: float
    mouth_y: float
    mouth_width: float
    upper_lip: float
    lower_lip: float
    fold_depth: float
    hair_style: str
    hair_colour: Rgb
    hairline: float
    hair_volume: float
    clothes: Rgb
    neckline: str
    backdrop: Rgb
    asymmetry: tuple[float, float, float]
    """The person's left side higher by so much, mm: brow, eye, mouth corner. Natural, not palsy."""


def linear(colour: Rgb) -> Rgb:
    """A colour from sRGB (0-1) to linear light, by the 2.2 power approximation."""
    red, green, blue = (max(channel, 0.0) ** 2.2 for channel in colour)
    return red, green, blue


def skin_tone(melanin: float, undertone: float) -> Rgb:
    """Skin colour (sRGB 0-1) for ``melanin`` 0 (lightest) to 1 (darkest); ``undertone`` -1 cool to 1 warm."""
    at = [anchor for anchor, _ in SKIN_ANCHORS]
    red, green, blue = (
        float(np.interp(melanin, at, [colour[i] for _, colour in SKIN_ANCHORS])) for i in range(3)
    )
    return red * (1 + 0.015 * undertone), green * (1 + 0.012 * undertone), blue * (1 - 0.07 * undertone)


def mix(first: Rgb, second: Rgb, share: float) -> Rgb:
    """``first`` blended towards ``second`` by ``share`` (0 to 1)."""
    red, green, blue = (a + share * (b - a) for a, b in zip(first, second, strict=True))
    return red, green, blue


def random_anatomy(rng: np.random.Generator) -> Anatomy:
    """A plausible adult, drawn from the whole range of skin tones, ages and proportions."""

    def about(mean: float, spread: float) -> float:
        return mean + spread * float(np.clip(rng.standard_normal(), -2.0, 2.0))

    masculinity = float(rng.beta(0.5, 0.5))
    man = masculinity > 0.5
    age = float(rng.uniform(20, 80))
    melanin = float(rng.uniform(0, 1))
    skin = skin_tone(melanin, float(rng.uniform(-1, 1)))
    grey = float(np.clip((age - 45) / 30 + rng.normal(0, 0.25), 0, 1))
    light_hair = melanin < 0.35
    hair = HAIRS[int(rng.integers(len(HAIRS)))] if light_hair else HAIRS[int(rng.integers(2))]
    iris = IRISES[int(rng.integers(len(IRISES)))] if light_hair else IRISES[int(rng.integers(2))]
    styles = (
        ("short", "parted", "short", "curly", "balding")
        if man
        else ("tied", "bob", "long", "parted", "curly")
    )
    rosy = float(rng.uniform(0.35, 0.75))
    nose_width = about(34 + 2 * masculinity + 5 * melanin, 2.0)
    lips = about(1.0 + 0.25 * melanin - 0.12 * masculinity - 0.003 * (age - 40), 0.11)
    return Anatomy(
        texture_seed=int(rng.integers(2**31)),
        masculinity=masculinity,
        age=age,
        head_width=about(140 + 6 * masculinity, 4),
        jaw=about(0.75 + 0.05 * masculinity, 0.025),
        chin_width=about(22 + 5 * masculinity, 2.0),
        chin_y=about(107 + 6 * masculinity, 3.5),
        skin=linear(skin),
        lip_colour=linear(
            mix(skin, (0.70 - 0.32 * melanin, 0.29 - 0.12 * melanin, 0.30 - 0.11 * melanin), rosy)
        ),
        melanin=melanin,
        stubble=float(rng.uniform(0, 1)) if man else 0.0,
        blush=float(rng.uniform(0.3, 1.0)),
        freckles=float(rng.random() ** 3) * (1 - melanin),
        eye_x=about(31.5, 1.0),
        eye_width=about(30.0, 1.0),
        fissure=about(10.8 - 0.02 * (age - 40), 0.6),
        eye_tilt=about(3.5, 1.5),
        lid_crease=about(4.2, 1.0),
        iris=linear(iris),
        brow_y=about(22.5 - 2.0 * masculinity, 1.2),
        brow_thickness=about(5.0 + 2.8 * masculinity, 0.9),
        brow_arch=about(3.0 - 1.4 * masculinity, 0.8),
        brow_colour=linear(mix(mix(hair, (0.10, 0.075, 0.06), 0.45), (0.62, 0.60, 0.58), 0.55 * grey)),
        nose_length=about(43.5, 2.0),
        nose_width=nose_width,
        bridge_width=about(7.0 + 1.5 * melanin, 0.6),
        nose_height=about(18 - 2.5 * melanin + 1.5 * masculinity, 1.3),
        mouth_y=about(64.5, 1.5),
        mouth_width=about(50 + 2 * masculinity, 2.2),
        upper_lip=6.6 * lips,
        lower_lip=9.0 * lips,
        fold_depth=about(1.0 + 0.010 * (age - 45), 0.1),
        hair_style=str(rng.choice(styles)),
        hair_colour=linear(mix(hair, (0.70, 0.69, 0.68), grey)),
        hairline=about(62 + (8 * masculinity * age / 80), 3),
        hair_volume=float(rng.uniform(0.6, 1.3)),
        clothes=linear(CLOTHES[int(rng.integers(len(CLOTHES)))]),
        neckline=str(rng.choice(("crew", "vee", "gown"))),
        backdrop=linear(BACKDROPS[int(rng.integers(len(BACKDROPS)))]),
        asymmetry=(float(rng.normal(0, 0.35)), float(rng.normal(0, 0.3)), float(rng.normal(0, 0.35))),
    )
