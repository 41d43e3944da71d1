"""The stand-in PACS as its own process."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dicom.sending import Peer, echo, send_objects
from dicom.uids import derived_uid
from tests.dicom.samples import STUDY_UID, photo, save


@pytest.mark.journey
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_command_says_its_port_stores_and_stops_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "pacs"
    process = subprocess.Popen(
        [sys.executable, "-m", "dicom.standin", "--folder", str(folder), "--ae-title", "PACS", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        peer = Peer("PACS", "127.0.0.1", int(process.stdout.readline()))
        echo(peer, "FACIALIS")
        (outcome,) = send_objects([save(photo(), tmp_path / "a.dcm")], peer, calling_ae="FACIALIS")
        assert outcome.ok
        process.send_signal(number)
        rest, errors = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (process.returncode, rest, errors) == (0, "", "")
    assert [path.name for path in folder.rglob("*.*")][-1] == f"{derived_uid('test', 'photo', 'REST')}.dcm"
    assert (folder / STUDY_UID).is_dir()
