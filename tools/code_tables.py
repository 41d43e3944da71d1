"""Writes docs/codes.md from the code tables: what our documents say in codes, and what each code means."""

from collections.abc import Iterable
from pathlib import Path

from pydicom.sr.coding import Code

from dicom import codes
from dicom.uids import CODING_SCHEME, CODING_SCHEME_UID
from grading.protocols import PROTOCOLS
from grading.scales import PREDICTED_ITEMS, sub_scores

HEAD = f"""# Codes

The private coding scheme `{CODING_SCHEME}` (UID `{CODING_SCHEME_UID}`, declared in every object that
uses it) names what no published code was found for in SNOMED CT, LOINC or DICOM: poses, items, sub-scores,
flags. A code never changes its meaning. This page is written by `make docs` from `dicom/codes.py`.
"""


def page() -> str:
    """The whole page."""
    scores = sub_scores({item.id: item.normal for item in PREDICTED_ITEMS})
    sections = [
        HEAD,
        *_table("Poses", "In the acquisition context of a photo, concept (130324, DCM).", _poses()),
        *_table("Items of eFACE", "", map(codes.item_code, PREDICTED_ITEMS)),
        *_table(
            "Sub-scores", "How they are formed: [scales.md](scales.md).", map(codes.sub_score_code, scores)
        ),
        *_table("Concepts of the structured report", "", codes.CONCEPTS),
        *_table(
            "Quality flags",
            f"Values of the concept `{codes.FLAG.value}`.",
            [*codes.FLAGS.values(), codes.OTHER_FLAG],
        ),
        *_table("Published codes used beside them", "", codes.PUBLISHED),
    ]
    return "\n".join(sections)


def _poses() -> list[Code]:
    poses = {pose.code: pose for protocol in reversed(PROTOCOLS.values()) for pose in protocol.poses}
    return [codes.pose_code(codes.POSES[code]) for code in poses]


def _table(title: str, about: str, rows: Iterable[Code]) -> list[str]:
    lines = [
        f"## {title}\n",
        *([f"{about}\n"] if about else []),
        "| code | scheme | meaning |",
        "|---|---|---|",
    ]
    return [*lines, *(f"| `{row.value}` | {row.scheme_designator} | {row.meaning} |" for row in rows), ""]


if __name__ == "__main__":
    (Path(__file__).parent.parent / "docs" / "codes.md").write_text(page())
