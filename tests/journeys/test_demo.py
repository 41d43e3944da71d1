"""The demonstration as a new user runs it: one command, a folder with a space, nothing left behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from grading.phantom import phantom_patient
from grading.scales import EFACE, PREDICTED_ITEMS

pytestmark = pytest.mark.journey


def ours(folder: Path) -> list[str]:
    """Processes that still work in the folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        words = " ".join(process.info["cmdline"] or []) + str(process.info["environ"] or "")
        if str(folder) in words and process.pid != os.getpid():
            found.append(str(process.info["cmdline"]))
    return found


def test_the_demo_delivers_every_recording_and_leaves_no_process(tmp_path: Path) -> None:
    folder, summary = tmp_path / "the demo", tmp_path / "out" / "summary.json"
    command = [
        sys.executable,
        "-m",
        "service",
        "demo",
        "--exit",
        "--data",
        str(folder),
        "--summary",
        str(summary),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    content = json.loads(summary.read_text())
    assert [recording["timepoint"] for recording in content["recordings"]] == [
        "pre-op", "3 months", "6 months", "12 months", "no surgery",
    ]  # fmt: skip
    for recording in content["recordings"]:
        assert recording["state"] == "delivered"
        assert recording["photos"] == 9
        assert Path(recording["pdf"]).read_bytes().startswith(b"%PDF")
        assert set(recording["seconds"]) == {"receive", "prepare", "grade", "report", "deliver"}
        assert set(recording["scores"]) == {item.id for item in PREDICTED_ITEMS}
        EFACE.check(recording["scores"])
    assert "R1 Resting brow height" in run.stdout
    assert not ours(folder)
    family_name = phantom_patient(7).family_name
    for log in folder.rglob("*.log"):
        assert family_name not in log.read_text(errors="replace"), log.name


def test_the_demo_stays_up_until_ctrl_c_and_then_stops_everything(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "demo", "--data", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if re.search(r"Web page: http://127\.0\.0\.1:\d+/", line):
            break
    second = subprocess.run(
        [sys.executable, "-m", "service", "demo", "--exit", "--data", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert "already runs" in second.stderr
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    process.stdout.close()
    deadline = time.monotonic() + 10
    while ours(folder):
        assert time.monotonic() < deadline, ours(folder)
        time.sleep(0.1)


def test_the_demo_refuses_a_folder_with_other_files(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    run = subprocess.run(
        [sys.executable, "-m", "service", "demo", "--exit", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "holds other files" in run.stderr
    assert (tmp_path / "precious.txt").read_text() == "mine"
