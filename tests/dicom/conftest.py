"""Fixtures for the DICOM room: a receiver on a free port, with an intake that keeps objects in a folder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dicom.receiver import Receiver, ReceiverConfig
from tests.dicom.samples import FolderIntake


@pytest.fixture
def intake(tmp_path: Path) -> FolderIntake:
    return FolderIntake(tmp_path / "store")


@pytest.fixture
def start_receiver(tmp_path: Path, intake: FolderIntake) -> Iterator[Callable[..., Receiver]]:
    started: list[Receiver] = []

    def start(**settings: Any) -> Receiver:
        arguments = {
            "spool": tmp_path / "spool",
            "host": "127.0.0.1",
            "port": 0,
            "min_free_bytes": 0,
        } | settings
        receiver = Receiver(ReceiverConfig(**arguments), intake)
        receiver.start()
        started.append(receiver)
        return receiver

    yield start
    for receiver in started:
        receiver.stop()
