"""What docs/api.md tells programs to send is sent, by curl to a running site, and answered."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.service.programs import RunningSite

pytestmark = pytest.mark.journey

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
REQUESTS = re.findall(r"^curl .*$", PAGE.read_text(), re.MULTILINE)
TABLE = "patient_id;date;procedure;side\nFP-0002;2024-03-12;Jump anastomosis;L\n"


def test_every_request_of_the_page_is_answered(site: RunningSite, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: the requests of docs/api.md are not tried")
    (tmp_path / "surgeries.csv").write_text(TABLE)
    token = site.headers["Authorization"].removeprefix("Bearer ")
    assert len(REQUESTS) > 5
    for request in REQUESTS:
        command = request.replace("http://127.0.0.1:8080", site.url)
        command = command.replace("curl", "curl -sS --fail-with-body", 1)
        told = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env=os.environ | {"TOKEN": token, "no_proxy": "*"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == 0, (request, told.stdout, told.stderr)
        if "text/csv" in request and "Accept" in request:
            assert told.stdout.startswith("patient_id,")
        else:
            json.loads(told.stdout)
