"""The rooms depend on each other in one direction only."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = {"grading", "dicom", "reports", "service", "workers", "migrations"}
MAY_IMPORT = {
    "grading": set(),
    "dicom": {"grading"},
    "reports": {"grading"},
    "migrations": {"service"},
    "service": {"grading", "dicom", "reports", "workers", "migrations"},
    "workers": {"grading", "dicom", "reports", "service"},
}
WORKERS_FROM = {"service/cli/processes.py"}
"""The one place of the service that starts the workers."""


def imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_room_imports_only_what_it_may(room: str) -> None:
    for file in (ROOT / room).rglob("*.py"):
        others = {name.split(".")[0] for name in imports(file)} & ROOMS - {room}
        assert others <= MAY_IMPORT[room], f"{file.relative_to(ROOT)} imports {others - MAY_IMPORT[room]}"


def test_the_protocol_side_and_the_reports_know_only_the_methods_names() -> None:
    allowed = {"grading.errors", "grading.scales", "grading.protocols"}
    for room in ("dicom", "reports"):
        for file in (ROOT / room).rglob("*.py"):
            used = {name for name in imports(file) if name.startswith("grading")}
            assert used <= allowed, f"{file.relative_to(ROOT)} imports {used - allowed}"


def test_only_the_process_commands_know_the_workers() -> None:
    for file in (ROOT / "service").rglob("*.py"):
        if any(name.startswith("workers") for name in imports(file)):
            assert str(file.relative_to(ROOT)) in WORKERS_FROM
