"""The audit trail: what is recorded, who can alter it, and the messages it is exported as.

Whether each page and command records what it does is tested beside them.
"""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pydicom.sr.codedict import codes
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.orm import Session

from service.atna import audit_message
from service.database import transaction
from service.records import audit
from service.records.audit import Actor, AuditSearch, Outcome, record, system
from service.records.audit_events import TERMS, AuditEventKind
from service.records.models import ActorKind, AuditEvent
from service.settings import load_settings
from tests.service.cohorts import run

ANN = Actor(ActorKind.USER, "ann", "10.1.2.3")


def kinds(engine: Engine, search: AuditSearch | None = None) -> list[str]:
    with transaction(engine) as session:
        return [event.kind for event in audit.find(session, search or AuditSearch(), 100)]


@pytest.fixture
def command_line(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FACIALIS_DATABASE_URL", database_url)
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def test_what_is_rolled_back_leaves_no_trace(engine: Engine) -> None:
    with transaction(engine) as session:
        record(session, ANN, AuditEventKind.PATIENT_VIEWED, patient=3)
    with Session(engine) as session:
        record(session, ANN, AuditEventKind.PATIENT_CHANGED, patient=3)
        session.flush()
        session.rollback()
    assert kinds(engine) == ["patient.viewed"]


def test_long_and_unfit_words_are_cut(engine: Engine) -> None:
    with transaction(engine) as session:
        record(session, system("x" * 300), AuditEventKind.SIGNED_IN, reason="a\0b" + "c" * 300, left=None)
    with Session(engine) as session:
        (event,) = session.scalars(select(AuditEvent))
        assert len(event.actor) == 128
        assert event.detail == {"reason": "ab" + "c" * 198}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_event SET actor = 'nobody'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "ALTER TABLE audit_event DISABLE TRIGGER ALL",
        "DROP TABLE audit_event",
        "INSERT INTO audit_event (kind, actor_kind, actor, happened_at) VALUES ('', 'user', '', now())",
        "SET session_replication_role = replica",
        "CREATE TABLE other (id int)",
        "UPDATE alembic_version SET version_num = '0001'",
    ],
)
def test_the_services_own_role_cannot_alter_the_trail(engine: Engine, change: str) -> None:
    with transaction(engine) as session:
        record(session, ANN, AuditEventKind.SIGNED_IN)
    with (
        pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
        engine.begin() as connection,
    ):
        connection.execute(text(change))
    assert kinds(engine) == ["user.signed_in"]


@pytest.mark.parametrize(
    "change", ["UPDATE audit_event SET actor = 'nobody'", "DELETE FROM audit_event", "TRUNCATE audit_event"]
)
def test_even_a_superuser_has_to_pass_a_trigger(engine: Engine, superuser: Engine, change: str) -> None:
    with transaction(engine) as session:
        record(session, ANN, AuditEventKind.SIGNED_IN)
    with pytest.raises(DBAPIError, match="only added to"), superuser.begin() as connection:
        connection.execute(text(change))
    assert kinds(engine) == ["user.signed_in"]


def test_search_takes_actor_kind_object_and_time_and_gives_pages(engine: Engine) -> None:
    with transaction(engine) as session:
        for number in range(5):
            record(session, ANN, AuditEventKind.PATIENT_VIEWED, patient=number)
            record(session, system("receiver"), AuditEventKind.PHOTOS_RECEIVED, recording=number)
    with transaction(engine) as session:
        everything = audit.find(session, AuditSearch(), 100)
        assert [event.id for event in everything] == sorted((e.id for e in everything), reverse=True)
        assert len(audit.find(session, AuditSearch(actor="ann"), 100)) == 5
        assert len(audit.find(session, AuditSearch(kinds=(AuditEventKind.PHOTOS_RECEIVED,)), 100)) == 5
        assert [e.patient_key for e in audit.find(session, AuditSearch(patient=2), 100)] == [2]
        assert [e.recording_key for e in audit.find(session, AuditSearch(recording=2), 100)] == [2]
        middle = everything[4].happened_at
        assert len(audit.find(session, AuditSearch(since=middle), 100)) == 5
        assert len(audit.find(session, AuditSearch(until=middle), 100)) == 5
        newest, oldest = everything[:6], everything[:5:-1]
        assert audit.find(session, AuditSearch(beyond=newest[-1].id), 100) == everything[6:]
        later = AuditSearch(beyond=oldest[-1].id)
        assert audit.find(session, later, 100, oldest_first=True) == newest[::-1]


def test_every_event_has_terms_that_dicom_knows() -> None:
    assert set(TERMS) == set(AuditEventKind)
    known = {code.value: code.meaning for name in codes.DCM.dir() for code in [getattr(codes.DCM, name)]}
    for terms in TERMS.values():
        for code in (terms.event_id, terms.event_type):
            if code is not None:
                assert known[code.value].lower() == code.meaning.lower()
        assert terms.action in "CRUDE"


def test_a_message_has_the_elements_of_the_standards_schema_in_their_order(engine: Engine) -> None:
    with transaction(engine) as session:
        record(
            session,
            ANN,
            AuditEventKind.DOCUMENT_SENT,
            patient=17,
            recording=5,
            document=2,
            outcome=Outcome.REFUSED,
            destination="PACS <1>",
        )
    with Session(engine) as session:
        (event,) = session.scalars(select(AuditEvent))
    line = audit_message(event, "facialis@here")
    assert "\n" not in line
    message = ElementTree.fromstring(line)  # noqa: S314 - our own
    assert [child.tag for child in message] == [
        "EventIdentification",
        "ActiveParticipant",
        "AuditSourceIdentification",
        *["ParticipantObjectIdentification"] * 3,
    ]
    identification, person, source, *objects = message
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", identification.get("EventDateTime")
    )
    assert identification.get("EventActionCode") == "R"
    assert identification.get("EventOutcomeIndicator") == "4"
    assert [child.tag for child in identification] == ["EventID", "EventOutcomeDescription"]
    assert identification[0].attrib == {
        "csd-code": "110104",
        "codeSystemName": "DCM",
        "originalText": "DICOM Instances Transferred",
    }
    assert person.attrib == {
        "UserID": "ann",
        "UserIsRequestor": "true",
        "NetworkAccessPointID": "10.1.2.3",
        "NetworkAccessPointTypeCode": "2",
    }
    assert source.get("AuditSourceID") == "facialis@here"
    assert [element.get("ParticipantObjectID") for element in objects] == ["17", "5", "2"]
    assert [element.get("ParticipantObjectTypeCode") for element in objects] == ["1", "2", "2"]
    for element in objects:
        # The schema asks for a name or a query.
        assert [child.tag for child in element][:2] == [
            "ParticipantObjectIDTypeCode",
            "ParticipantObjectName",
        ]
    details = {child.get("type"): child.get("value") for child in objects[-1][2:]}
    assert base64.b64decode(details["destination"]) == b"PACS <1>"
    assert base64.b64decode(details["event"]) == b"document.sent"


def test_commands_list_and_export_the_trail_and_say_so_in_it(
    engine: Engine, command_line: None, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        record(session, ANN, AuditEventKind.PATIENT_VIEWED, patient=3)
        record(session, ANN, AuditEventKind.RECORDING_VIEWED, patient=3, recording=4)
    listed = run("audit", "list", "--actor", "ann", "--event", "patient.viewed", "--json")
    (row,) = json.loads(listed.output)
    assert (row["who"], row["from"], row["patient"]) == ("user: ann", "10.1.2.3", 3)
    out = tmp_path / "trail.xml"
    assert run("audit", "export", "--since", "2020-01-01", "--out", out).exit_code == 0
    lines = out.read_text().splitlines()
    events = [ElementTree.fromstring(line)[0][0].get("csd-code") for line in lines]  # noqa: S314 - our own
    assert events == ["110110", "110103", "110101"]
    assert kinds(engine) == ["audit.exported", "audit.read", "recording.viewed", "patient.viewed"]
    again = run("audit", "export", "--since", "2020-01-01", "--out", out)
    assert again.exit_code == 1
    assert getattr(again.exception, "code", None) == "audit.file"


def test_a_surgery_by_command_is_recorded_with_whoever_ran_it(engine: Engine, command_line: None) -> None:
    arguments = ("--patient", "PH-1", "--date", "2024-03-12", "--procedure", "Jump", "--side", "L")
    assert run("surgery", "add", *arguments).exit_code == 0
    with transaction(engine) as session:
        (event,) = audit.find(session, AuditSearch(), 10)
    assert (event.kind, event.actor_kind, event.patient_key) == ("surgery.added", "system", 1)
    assert event.actor.startswith("command line (")
    assert event.detail == {"surgery": 1}
