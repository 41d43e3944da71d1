"""The Sunnybrook facial grading system (Ross et al. 1996): rest, voluntary movement and synkinesis.

The points were read in a public scorer (JingleiCui/facial_palsy), the weights in two (also
SunnybrookScoringService). The wording of the movement and synkinesis steps is from general knowledge, hence
provisional. Healthy people score 65-100, median 95-96 (n = 111, coa.14217): below 100 is not by itself a
finding.

The open-mouth smile is read from the photo of showing teeth: the closed-mouth smile is another movement. The
snarl is read from the wrinkled nose, since the nine photos have no snarl; one that is there stands beside it.
Synkinesis is judged during movement; stills show only what is there at its end.
"""

from grading.scales.items import Item, Option, choice
from grading.scales.scale import Formula, Rule, Scale, combined, total

_REST = (
    choice(
        "SBR1",
        "Eye at rest",
        ("REST",),
        (
            Option("normal", 0, "normal"),
            Option("narrow", 1, "narrow"),
            Option("wide", 1, "wide"),
            Option("surgery", 1, "eyelid surgery"),
        ),
        normal=0,
    ),
    choice(
        "SBR2",
        "Cheek (nasolabial fold) at rest",
        ("REST",),
        (
            Option("normal", 0, "normal"),
            Option("absent", 2, "absent"),
            Option("less", 1, "less pronounced"),
            Option("more", 1, "more pronounced"),
        ),
        normal=0,
    ),
    choice(
        "SBR3",
        "Mouth at rest",
        ("REST",),
        (
            Option("normal", 0, "normal"),
            Option("drooped", 1, "corner drooped"),
            Option("pulled", 1, "corner pulled up or out"),
        ),
        normal=0,
    ),
)

_EXPRESSIONS = (
    ("forehead wrinkle", ("BROW", "REST")),
    ("gentle eye closure", ("EYESOFT", "REST")),
    ("open-mouth smile", ("TEETH", "SMILE_LARGE", "REST")),
    ("snarl", ("NOSE", "SNARL", "REST")),
    ("lip pucker", ("PUCKER", "REST")),
)
_MOVEMENT = (
    Option("none", 1, "no movement", "cannot be begun; gross asymmetry", provisional=True),
    Option("slight", 2, "slight movement", "begun with slight movement; severe asymmetry", provisional=True),
    Option("mild", 3, "mild excursion", "begun with mild excursion; moderate asymmetry", provisional=True),
    Option("almost", 4, "almost complete", "movement almost complete; mild asymmetry", provisional=True),
    Option("complete", 5, "complete", "movement complete; normal symmetry", provisional=True),
)
_INVOLUNTARY = (
    Option("none", 0, "none", "no synkinesis or mass movement", provisional=True),
    Option("mild", 1, "mild", "slight synkinesis", provisional=True),
    Option("moderate", 2, "moderate", "obvious but not disfiguring synkinesis", provisional=True),
    Option(
        "severe", 3, "severe", "disfiguring synkinesis, mass movement of several muscles", provisional=True
    ),
)


def _each(prefix: str, title: str, options: tuple[Option, ...], normal: float) -> tuple[Item, ...]:
    """One item per expression, with the same options."""
    return tuple(
        choice(f"{prefix}{number}", f"{title}, {expression}", poses, options, normal=normal)
        for number, (expression, poses) in enumerate(_EXPRESSIONS, start=1)
    )


_VOLUNTARY = _each("SBV", "Movement", _MOVEMENT, normal=5)
_SYNKINESIS = _each("SBS", "Synkinesis", _INVOLUNTARY, normal=0)

_ROSS1996 = Formula(
    "ross1996",
    "rest = 5 × sum, voluntary = 4 × sum, synkinesis = sum; "
    "composite = voluntary − rest − synkinesis, not clipped",
    "Ross et al. 1996, as two public scorers weigh it",
)
_PARTS = (
    ("rest", "Resting symmetry", 5, total(*_REST)),
    ("voluntary", "Voluntary movement", 4, total(*_VOLUNTARY)),
    ("synkinesis", "Synkinesis", 1, total(*_SYNKINESIS)),
)

SUNNYBROOK = Scale(
    id="sunnybrook",
    name="Sunnybrook",
    items=_REST + _VOLUNTARY + _SYNKINESIS,
    rules=(
        *(Rule(part, name, _ROSS1996, combined((factor, items))) for part, name, factor, items in _PARTS),
        Rule(
            "composite",
            "Composite",
            _ROSS1996,
            combined((4, total(*_VOLUNTARY)), (-5, total(*_REST)), (-1, total(*_SYNKINESIS))),
        ),
    ),
)
