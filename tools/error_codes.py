"""Writes docs/errors.md from the error classes: every stable code with what it means."""

import importlib
import pkgutil
from pathlib import Path

from grading.errors import PermanentError, TransientError
from service.errors import ROOMS, meanings

RECORDING_CODES = {
    "series.poses": "The photos leave a doubt which of them shows which pose, or poses are missing.",
    "identity.missing": "The photos of a series carry no patient ID.",
    "identity.mixed": "The photos of a series name different patients.",
    "storage.missing": "A stored file is gone; restore the data folder or send the photos again.",
    "work.gave_up": "A stage broke off again and again; its log says where.",
    "delivery.failed": "A destination refused the report for good; its words are in the reason.",
}
HEAD = """# Error codes

Every error has a stable code, which stands in the log, on the page and here, and a message that says what to
do. A permanent error waits for a person; a transient one is tried again by itself. This page is written by
`make docs` from the code.
"""


def page() -> str:
    """The whole page."""
    for room in ROOMS:
        for module in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
            if not module.name.endswith(("__main__", ".env")) and ".versions" not in module.name:
                importlib.import_module(module.name)
    lines = [
        HEAD,
        "## Why a recording needs attention\n",
        "Beside these, the code of the error that stopped it.\n",
    ]
    lines += ["| code | meaning |", "|---|---|"]
    lines += [f"| `{code}` | {meaning} |" for code, meaning in sorted(RECORDING_CODES.items())]
    for title, root in (("Permanent errors", PermanentError), ("Transient errors", TransientError)):
        lines += [f"\n## {title}\n", "| code | meaning |", "|---|---|"]
        lines += [f"| `{code}` | {meaning} |" for code, meaning in sorted(meanings(root).items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (Path(__file__).parent.parent / "docs" / "errors.md").write_text(page())
