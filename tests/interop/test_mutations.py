"""Ten thousand mutated objects and PDUs against the receiver with its intake and a real database.

A seeded mutator changes bytes, lengths and order. Whatever comes, the receiver neither crashes nor hangs, has
no fault of its own, and every good object in between is stored whole.
"""

import random
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from dicom.building import to_bytes
from dicom.receiver import Receiver, ReceiverConfig
from dicom.uids import derived_uid
from grading.protocols import JENA9
from service.intake import ServiceIntake
from service.records.models import Photo
from service.settings import Settings
from service.storage import FolderStorage
from tests.dicom.samples import photo
from tests.dicom.test_receiver import wait_until
from tests.interop.raw import (
    associated,
    connected,
    read_pdu,
    request_of_association,
    store,
    store_message,
)

# pydicom warns of what it finds odd; that stays out of the log (service.logs).
pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore:::pydicom")]

SEEDS = range(5)
OBJECTS, PDUS = 1400, 600
ANSWERS = {0x0000, 0xA900, 0xC000}
"""Stored, mismatch, not understood. Out of resources would mean a fault of ours."""


@dataclass(frozen=True)
class Listening:
    """The receiver, what it logs and where it stores."""

    receiver: Receiver
    logs: list[Any]
    storage: FolderStorage
    engine: Engine

    def check(self, uids: list[str]) -> None:
        """Good objects are whole, nothing is left half, and no fault was logged."""
        wait_until(lambda: not self.receiver._entity.active_associations, 30)
        wait_until(lambda: not list(self.receiver.config.spool.iterdir()), 30)
        assert [entry for entry in self.logs if entry["event"] == "receiver.fault"] == []
        with Session(self.engine) as session:
            rows = {row.sop_instance_uid: row for row in session.scalars(select(Photo))}
        for uid in uids:
            content = self.storage.read(rows[uid].storage_key)
            assert content.endswith(dataset_bytes(uid))
            assert rows[uid].size == len(dataset_bytes(uid))


def dataset_bytes(uid: str) -> bytes:
    """A photo's data set without preamble and file meta."""
    whole = to_bytes(photo(JENA9.poses[0], sop_instance_uid=uid, series_uid=derived_uid(uid)))
    return whole[whole.index(b"\x08\x00\x05\x00") :]


@pytest.fixture
def listening(engine: Engine, tmp_path: Path) -> Iterator[Listening]:
    storage = FolderStorage(tmp_path)
    config = ReceiverConfig(
        spool=tmp_path / "spool", host="127.0.0.1", port=0, min_free_bytes=0, pdu_timeout=2, acse_timeout=2
    )
    with structlog.testing.capture_logs() as logs:
        receiver = Receiver(config, ServiceIntake(engine, storage, Settings(), lambda _: None))
        receiver.start()
        yield Listening(receiver, logs, storage, engine)
        receiver.stop()


def mutate(rng: random.Random, whole: bytes) -> bytes:
    """``whole`` with one to four changes."""
    content = bytearray(whole)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(content)) if content else 0
        size = min(rng.choice([1, 2, 4, 16, 200]), len(content) - at)
        match rng.randrange(7):
            case 0:
                content[at : at + size] = rng.randbytes(size)
            case 1:
                del content[at : at + size]
            case 2:
                content[at:at] = rng.randbytes(size)
            case 3:
                content[at : at + size] = content[at : at + size] * 2
            case 4:
                content[at : at + 4] = struct.pack(
                    rng.choice(["<L", ">L"]), rng.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF])
                )
            case 5:
                other = rng.randrange(len(content)) if content else 0
                content[at : at + size], content[other : other + size] = (
                    content[other : other + size],
                    content[at : at + size],
                )
            case _:
                del content[at:]
    return bytes(content)


@pytest.mark.parametrize("seed", SEEDS)
def test_mutated_objects_are_answered_and_good_ones_between_them_are_kept(
    listening: Listening, seed: int
) -> None:
    rng = random.Random(seed)
    request = request_of_association(listening.receiver)
    good = []
    with associated(listening.receiver, request) as connection:
        for number in range(OBJECTS):
            uid = derived_uid("mutated", str(seed), str(number))
            # Most of the object is its picture: the header is what there is to get wrong.
            whole = dataset_bytes(uid)
            cut = rng.randint(600, 1200)
            changed = mutate(rng, whole[:cut]) + whole[cut:] if rng.random() < 0.8 else mutate(rng, whole)
            assert store(connection, changed, uid) in ANSWERS, listening.logs[-2:]
            if number % 50 == 0:
                good.append(derived_uid("good", str(seed), str(number)))
                assert store(connection, dataset_bytes(good[-1]), good[-1]) == 0x0000
    listening.check(good)


@pytest.mark.parametrize("seed", SEEDS)
def test_mutated_pdus_end_at_most_their_own_association(listening: Listening, seed: int) -> None:
    rng = random.Random(1000 + seed)
    request = request_of_association(listening.receiver)
    good = []
    for number in range(PDUS):
        uid = derived_uid("pdu", str(seed), str(number))
        pdus = [request, *store_message(dataset_bytes(uid), uid, chunk=2000)]
        chosen = rng.randrange(len(pdus)) if rng.random() < 0.7 else 0
        pdus[chosen] = mutate(rng, pdus[chosen])
        with connected(listening.receiver) as connection:
            try:
                for pdu in pdus:
                    connection.sendall(pdu)
                    if pdu is pdus[0]:
                        connection.settimeout(0.05 if chosen == 0 else 5)
                        read_pdu(connection)
            except OSError:
                pass
        if number % 50 == 0:
            good.append(derived_uid("good pdu", str(seed), str(number)))
            with associated(listening.receiver, request) as connection:
                assert store(connection, dataset_bytes(good[-1]), good[-1]) == 0x0000
    listening.check(good)
    wait_until(lambda: not any(each.name.startswith("UpperLayer") for each in threading.enumerate()))
