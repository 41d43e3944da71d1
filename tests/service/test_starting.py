"""Processes that do not grade start without the libraries that do: each would cost seconds and memory."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.journey


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("service.receive", {"torch", "scipy", "dlib", "sklearn", "fastapi", "reportlab"}),
        ("service.cli", {"torch", "scipy", "sklearn", "fastapi"}),
        ("workers.app", {"torch", "scipy", "sklearn", "fastapi"}),
        ("service.web.serve", {"torch", "sklearn"}),
    ],
)
def test_a_part_brings_in_no_library_that_only_others_need(module: str, unwanted: set[str]) -> None:
    program = f"import sys; import {module}; print(*({unwanted!r} & sys.modules.keys()))"
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert found.stdout.split() == []
