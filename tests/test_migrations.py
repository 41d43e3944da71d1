"""The revisions and the models describe the same database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from grading.bundle import COMMISSIONING_BUNDLE, load_bundle
from migrations.upgrade import alembic_config, upgrade
from service.database import connect
from service.embedded.postgres import EmbeddedPostgres
from service.records import activations, regrading
from service.records.annotations import save_annotation
from service.records.audit import system
from service.records.events import add_event
from service.records.merging import merge_patients
from service.records.models import EventKind, Patient, RecordingState, Timepoint
from service.storage import FolderStorage
from tests.service.clinic import SURGERY_DAY, Clinic

pytestmark = pytest.mark.journey

A_GRADING = (
    "INSERT INTO bundle (hash, name, version, manifest) VALUES ('h', 'b', '1', '{}')",
    "INSERT INTO recording (series_uid, study_uid, protocol, state, first_received_at, last_received_at, "
    "state_changed_at) VALUES ('1', '1', 'jena9', 'graded', now(), now(), now())",
    "INSERT INTO grading (uid, recording_key, bundle_key, active, flags, created_at) "
    "SELECT 'u', recording.id, bundle.id, true, '[]', now() FROM recording, bundle",
    "INSERT INTO item_score (grading_key, item, value) SELECT id, 'R1', 71 FROM grading",
    "INSERT INTO sub_score (grading_key, name, formula, value) "
    "SELECT id, 'static', 'folded', 64 FROM grading",
)
"""A grading as the first revision stored it."""


@pytest.fixture
def empty_database(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    admin = create_engine(postgres_server.url("postgres").replace("postgresql", "postgresql+psycopg", 1))
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE migrating"))
        yield postgres_server.url("migrating")
        connection.execute(text("DROP DATABASE migrating WITH (FORCE)"))
    admin.dispose()


def test_the_newest_revision_is_what_the_models_say(empty_database: str) -> None:
    upgrade(empty_database)
    command.check(alembic_config(empty_database))


def test_gradings_outlive_the_way_down_and_up(empty_database: str) -> None:
    config = alembic_config(empty_database)
    command.upgrade(config, "0001")
    engine = create_engine(empty_database.replace("postgresql", "postgresql+psycopg", 1))
    with engine.begin() as connection:
        for statement in A_GRADING:
            connection.execute(text(statement))

    def stored() -> list[tuple[float, ...]]:
        with engine.connect() as connection:
            return [
                tuple(row)
                for table in ("item_score", "sub_score")
                for row in connection.execute(text(f"SELECT value, low, high FROM {table}"))  # noqa: S608
            ]

    upgrade(empty_database)
    assert stored() == [(71.0, None, None), (64.0, None, None)]
    with engine.begin() as connection:
        connection.execute(text("UPDATE item_score SET low = 50, high = 90"))
        connection.execute(text("UPDATE grading SET side = 'L', novelty = 0.5"))
    for wrong in ("item_score SET low = 80", "item_score SET high = NULL", "grading SET side = 'B'"):
        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.execute(text(f"UPDATE {wrong}"))
    command.downgrade(config, "0001")
    upgrade(empty_database)
    assert stored() == [(71.0, None, None), (64.0, None, None)]
    engine.dispose()


def test_recordings_on_record_are_placed_around_every_surgery(empty_database: str) -> None:
    config = alembic_config(empty_database)
    command.upgrade(config, "0006")
    engine = create_engine(empty_database.replace("postgresql", "postgresql+psycopg", 1))
    with engine.begin() as connection:
        for statement in (
            "INSERT INTO patient (patient_id) VALUES ('1')",
            "INSERT INTO surgery (patient_key, performed_on, procedure, side) "
            "VALUES (1, '2024-01-01', 'graft', 'L'), (1, '2024-03-01', 'lid weight', 'L')",
            "INSERT INTO recording (series_uid, study_uid, protocol, state, first_received_at, "
            "last_received_at, state_changed_at, patient_key, surgery_key, days_from_surgery) "
            "VALUES ('1', '1', 'jena9', 'graded', now(), now(), now(), 1, 2, 10), "
            "('2', '2', 'jena9', 'graded', now(), now(), now(), 1, NULL, NULL)",
        ):
            connection.execute(text(statement))
    upgrade(empty_database)
    with engine.connect() as connection:
        placed = connection.execute(text("SELECT recording_key, surgery_key, days FROM timepoint ORDER BY 2"))
        assert [tuple(row) for row in placed] == [(1, 1, 70), (1, 2, 10)]
    command.downgrade(config, "0006")
    engine.dispose()


def test_drafts_outlive_the_way_down_from_signed_reports(empty_database: str) -> None:
    config = alembic_config(empty_database)
    upgrade(empty_database)
    engine = create_engine(empty_database.replace("postgresql", "postgresql+psycopg", 1))
    with engine.begin() as connection:
        for statement in (
            *A_GRADING,
            "INSERT INTO sign_off (grading_key, signed_by, signed_at) SELECT id, 'Dr B', now() FROM grading",
            "INSERT INTO report (grading_key, kind, version, sop_instance_uid, document_key, object_key, "
            "created_at) SELECT id, 'pdf', version, version, 'k', 'k', now() "
            "FROM grading, (VALUES ('draft'), ('final')) AS versions(version)",
            "INSERT INTO delivery (report_key, destination, created_at) SELECT id, 'PACS', now() FROM report",
        ):
            connection.execute(text(statement))
    command.downgrade(config, "0011")
    with engine.connect() as connection:
        kept = connection.execute(
            text("SELECT sop_instance_uid FROM report JOIN delivery ON report.id = report_key")
        )
        assert [tuple(row) for row in kept] == [("draft",)]
    upgrade(empty_database)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version FROM report")).scalar_one() == "draft"
    engine.dispose()


def test_deliveries_of_objects_outlive_the_way_down_from_messages(empty_database: str) -> None:
    config = alembic_config(empty_database)
    command.upgrade(config, "0011")
    engine = create_engine(empty_database.replace("postgresql", "postgresql+psycopg", 1))
    with engine.begin() as connection:
        for statement in (
            *A_GRADING,
            "INSERT INTO report (grading_key, kind, sop_instance_uid, document_key, object_key, created_at) "
            "SELECT id, kind, kind, 'k', 'k', now() FROM grading, (VALUES ('pdf'), ('oru')) AS kinds(kind)",
            "INSERT INTO delivery (report_key, destination, state, order_key, created_at) "
            "SELECT id, 'PACS', 'waiting', 7, now() FROM report",
            "INSERT INTO circuit (destination, changed_at) VALUES ('PACS', now())",
            "INSERT INTO message (sender, control_id, digest, trigger, address, state) "
            "VALUES ('KIS', '1', 'd', 'ADT^A08', '', 'waiting')",
        ):
            connection.execute(text(statement))
    command.downgrade(config, "0008")
    with engine.connect() as connection:
        kept = connection.execute(
            text("SELECT kind, state, answer FROM report JOIN delivery ON report.id = report_key")
        )
        # What waits for a signature would go out at once under the program of before.
        assert [tuple(row) for row in kept] == [("pdf", "failed", "waited for sign-off")]
    upgrade(empty_database)
    command.check(config)
    engine.dispose()


def test_filled_records_go_down_to_before_them_and_up_again(empty_database: str, tmp_path: Path) -> None:
    upgrade(empty_database)
    config = alembic_config(empty_database)
    engine = connect(empty_database)
    with Session(engine) as session, session.begin():
        clinic = Clinic(session, FolderStorage(tmp_path))
        patient, other = clinic.patient("", "A"), clinic.patient("", "B")
        recording = clinic.recording(patient, SURGERY_DAY, RecordingState.GRADED)
        bundle = clinic.bundle("old")
        clinic.grade(recording, bundle, 50)
        activations.activate(session, system("test"), bundle, None)
        clinic.surgery(patient)
        add_event(session, "A", "", SURGERY_DAY, EventKind.TRAINING)
        merge_patients(session, ("A", ""), (other.patient_id, ""))
        save_annotation(session, recording.id, "Ada", {"R1": 80})
        regrading.start(session, load_bundle(COMMISSIONING_BUNDLE), tmp_path)
    command.downgrade(config, "0006")
    upgrade(empty_database)
    command.check(config)
    with Session(engine) as session:
        patient = session.query(Patient).one()
        (placed,) = session.query(Timepoint)
        assert (placed.recording_key, placed.days) == (patient.recordings[0].id, 0)
        assert patient.last_arrival_at == patient.recordings[0].last_received_at
        assert patient.surgeries[0].surgeon == ""
    engine.dispose()


def test_every_revision_goes_down_and_up_again(empty_database: str) -> None:
    config = alembic_config(empty_database)
    upgrade(empty_database)
    command.downgrade(config, "base")
    engine = create_engine(empty_database.replace("postgresql", "postgresql+psycopg", 1))
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()
    upgrade(empty_database)
    command.check(config)
