"""The embedded PostgreSQL where its account may not go: below folders that only root may enter."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.embedded import postgres
from service.embedded.account import service_account
from service.embedded.postgres import EmbeddedPostgres


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose sockets have short enough names."""
    folder = Path(tempfile.mkdtemp(prefix="facialis-test-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.journey
@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the servers under another account")
@pytest.mark.parametrize("capability", ["dac_read_search", "dac_override"])
def test_it_runs_from_and_in_folders_of_root_alone(
    tmp_path: Path, short_folder: Path, monkeypatch: pytest.MonkeyPatch, capability: str
) -> None:
    private = tmp_path / "root's own"
    private.mkdir(mode=0o700)
    programs = postgres.copy_programs(postgres._programs(private), private / "install")
    monkeypatch.setattr(postgres, "_programs", lambda _: programs)
    monkeypatch.setattr("service.embedded.account._capability_to_pass_folders", lambda: capability)
    server = EmbeddedPostgres(private / "data", short_folder / "sockets", service_account())
    server.prepare()
    process = subprocess.Popen(server.command(), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not server.ready():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert private.stat().st_mode & 0o777 == 0o700
