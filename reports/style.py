"""How a report is set: its language, its paper, whom to ask, and fonts for names that DejaVu lacks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PaperName = Literal["a4", "letter"]


@dataclass(frozen=True)
class Style:
    """``language`` names a catalogue of `reports.language`.

    ``organization`` is who answers for the reports and ``contact`` where questions go to; both are printed
    unless they are empty. ``time_zone`` is the IANA name of the zone that moments are printed in. ``fonts``
    are TrueType files that print what the report's own fonts cannot, in this order.
    """

    language: str = "en"
    paper: PaperName = "a4"
    organization: str = ""
    contact: str = ""
    time_zone: str = "UTC"
    fonts: tuple[Path, ...] = ()


PLAIN = Style()
"""English on A4."""
