"""Writes docs/receiving.md: what the receiver takes, from its own table, and in which forms it was tried."""

from pathlib import Path

from pydicom.uid import UID

from dicom.contexts import KINDS, SYNTAXES, Kind
from dicom.pixels import decoder
from tests.interop.encodings import ENCODINGS

HEAD = """# What is received

The receiver negotiates what stands here and refuses other classes and syntaxes. Every object is kept to the
byte as it was sent. This page is written by `make docs` from the receiver's own table and from that of the
tests (`tests/interop/test_received_formats.py`): other toolkits encode the photos, DCMTK sends them, and
pixels are compared.
"""
BECOMES = {
    Kind.PHOTO: "a photo of a recording, graded; of several frames the first is looked at",
    Kind.VIDEO: "kept with the patient, not graded",
    Kind.DOCUMENT: "kept with the patient as an earlier report",
}
NOTES = """
Orientation tags inside a JPEG (EXIF) have no meaning in DICOM and are ignored.
"""


def page() -> str:
    """The whole page."""
    lines = [HEAD, "| SOP class | becomes |", "|---|---|"]
    lines += [f"| {sop_class.name} | {BECOMES[kind]} |" for sop_class, kind in KINDS.items()]
    lines += ["\n## Photos\n", "In order of preference, where a sender leaves the choice to us.\n"]
    lines += ["| transfer syntax | decoder: 8 bits, deeper | tried with |", "|---|---|---|"]
    lines += [
        f"| {syntax.name} | {_decoders(syntax)} | {_tried(syntax)} |" for syntax in SYNTAXES[Kind.PHOTO]
    ]
    lines.append(NOTES)
    for title, kind in (("Videos", Kind.VIDEO), ("Documents", Kind.DOCUMENT)):
        lines += [f"## {title}\n", *(f"- {syntax.name}" for syntax in SYNTAXES[kind]), ""]
    return "\n".join(lines)


def _decoders(syntax: UID) -> str:
    words = {"": "none needed", None: "none"}
    names = [words.get(name, name) or "" for name in (decoder(syntax, 8), decoder(syntax, 16))]
    return ", ".join(dict.fromkeys(names))


def _tried(syntax: UID) -> str:
    tried: dict[str, list[str]] = {}
    for encoding in ENCODINGS:
        if encoding.syntax == syntax:
            tried.setdefault(encoding.encoder, []).append(encoding.picture)
    return "; ".join(f"{encoder}: {' · '.join(pictures)}" for encoder, pictures in tried.items())


if __name__ == "__main__":
    (Path(__file__).parent.parent / "docs" / "receiving.md").write_text(page())
