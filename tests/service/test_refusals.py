"""Who was not let in stands in the audit trail, once a minute however often it tried."""

import datetime as dt
import ipaddress
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from pynetdicom.ae import ApplicationEntity
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]
from sqlalchemy import Engine

from dicom.receiver import Receiver, ReceiverConfig, Refusal
from service.atna import audit_message
from service.database import connect, transaction
from service.records.audit import AuditSearch, find, system
from service.records.audit_events import AuditEventKind
from service.records.models import AuditEvent
from service.refusals import MINUTE, MOST, Refusals
from tests.dicom.samples import FolderIntake
from tests.service.programs import Program

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


def refused(engine: Engine, kind: AuditEventKind = AuditEventKind.ASSOCIATION_REFUSED) -> list[AuditEvent]:
    with transaction(engine) as session:
        return list(find(session, AuditSearch(kinds=(kind,)), 1000, oldest_first=True))


def counted(events: list[AuditEvent]) -> dict[tuple[str | None, str, str | None], int]:
    """How often who was refused why, whatever minute it was in."""
    counts: Counter[tuple[str | None, str, str | None]] = Counter()
    for event in events:
        key = (event.address, event.detail["reason"], event.detail.get("called_itself"))
        counts[key] += event.detail["times"]
    return dict(counts)


def counting(engine: Engine) -> Refusals:
    kind = AuditEventKind.ASSOCIATION_REFUSED
    return Refusals(engine, kind, lambda address, _: system("receiver", address))


Start = Callable[..., Receiver]


@pytest.fixture
def receiver(tmp_path: Path, engine: Engine) -> Iterator[tuple[Start, Callable[[int], Refusals]]]:
    """Starts a receiver of these settings; its refusals, once there are so many: a peer may know before."""
    refusals, started, told = counting(engine), [], threading.Semaphore(0)

    def on_refused(peer: Refusal) -> None:
        refusals.note(peer.reason, peer.address, peer.calling_ae)
        told.release()

    def after(times: int) -> Refusals:
        for _ in range(times):
            assert told.acquire(timeout=20)
        return refusals

    def start(**settings: Any) -> Receiver:
        config = ReceiverConfig(spool=tmp_path, host="127.0.0.1", port=0, min_free_bytes=0, **settings)
        one = Receiver(config, FolderIntake(tmp_path / "store"), on_refused=on_refused)
        one.start()
        started.append(one)
        return one

    yield start, after
    for one in started:
        one.stop()


def associate(receiver: Receiver, calling: str, called: str = "FACIALIS") -> None:
    entity = ApplicationEntity(calling)
    entity.add_requested_context(Verification)
    opened = entity.associate("127.0.0.1", receiver.port, ae_title=called)
    assert not opened.is_established


def test_unknown_titles_make_one_entry_for_each_reason(
    engine: Engine, receiver: tuple[Start, Callable[[int], Refusals]]
) -> None:
    start, refusals_after = receiver
    running = start(known_callers=("CAMERA",))
    for _ in range(3):
        associate(running, "STRANGER")
    associate(running, "CAMERA", called="SOMEBODY")
    refusals_after(4).write(everything=True)
    assert counted(refused(engine)) == {
        ("127.0.0.1", "calling_ae", "STRANGER"): 3,
        ("127.0.0.1", "called_ae", "CAMERA"): 1,
    }
    message = fromstring(audit_message(refused(engine)[0], "test"))  # noqa: S314 - our own
    terms = [message.find(f"EventIdentification/{name}") for name in ("EventID", "EventTypeCode")]
    assert [term.get("csd-code") for term in terms if term is not None] == ["110113", "110126"]
    assert message.find("EventIdentification").get("EventOutcomeIndicator") == "4"  # type: ignore[union-attr]


def test_unknown_addresses_are_told(
    engine: Engine, receiver: tuple[Start, Callable[[int], Refusals]]
) -> None:
    start, refusals_after = receiver
    running = start(known_addresses=(ipaddress.ip_network("10.1.2.0/24"),))
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as connection:
        assert connection.recv(1) == b""
    refusals_after(1).write(everything=True)
    assert counted(refused(engine)) == {("127.0.0.1", "address", None): 1}


def test_an_entry_is_written_when_its_minute_is_over(engine: Engine) -> None:
    refusals = counting(engine)
    refusals.note("tls", "10.0.0.1")
    refusals.write()
    assert refused(engine) == []
    (key,) = refusals._counts
    refusals._counts[replace(key, minute=key.minute - MINUTE)] = refusals._counts.pop(key)
    refusals.write()
    assert counted(refused(engine)) == {("10.0.0.1", "tls", None): 1}


@pytest.mark.journey
def test_a_flood_from_everywhere_makes_few_entries_and_loses_no_count(engine: Engine) -> None:
    refusals = counting(engine)
    threads = [
        threading.Thread(
            target=lambda: [refusals.note("calling_ae", f"10.0.{n // 250}.{n % 250}") for n in range(1000)]
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refusals.write(everything=True)
    events = refused(engine)
    # Should the minute end meanwhile, those of the next are counted together.
    assert MOST < len(events) <= MOST + 2
    assert sum(event.detail["times"] for event in events) == 4000
    assert {event.address for event in events if event.detail["times"] > 8} == {None}


def test_what_cannot_be_written_now_is_written_later(engine: Engine) -> None:
    refusals = counting(connect(NOWHERE))
    refusals.note("tls", "10.0.0.1")
    refusals.write(everything=True)
    refusals.note("tls", "10.0.0.1")
    refusals._engine = engine
    refusals.write(everything=True)
    assert sum(event.detail["times"] for event in refused(engine)) == 2


def test_refusals_that_cannot_be_written_end_no_work(without_tables: Engine) -> None:
    refusals = counting(without_tables)
    refusals.note("tls", "10.0.0.1")
    refusals.write(everything=True)


@pytest.mark.journey
def test_programs_without_a_good_token_are_told(engine: Engine, program: Program) -> None:
    for headers in ({}, {"Authorization": "Bearer facialis_guessed"}):
        answer = program.ask("GET", "/api/v1/worklist", scope=None, headers=headers)
        assert answer.status_code == 401
    assert program.ask("GET", "/fhir/Patient", scope=None).status_code == 401
    program.app.state.refusals.write(everything=True)
    events = refused(engine, AuditEventKind.SIGNED_IN)
    event = events[0]
    assert (event.actor, event.actor_kind, event.outcome) == ("unknown token", "token", 4)
    assert sum(one.detail["times"] for one in events) == 3
    assert dt.datetime.fromisoformat(event.detail["minute"]) <= dt.datetime.now(dt.UTC)
    assert "guessed" not in str(event.detail)
