"""Tables of patients, surgeries and events: what is taken, and what is said of what is not."""

import datetime as dt
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from service import cli
from service.database import DatabaseUnavailableError, transaction
from service.records import importing, patients
from service.records.importing import EVENTS, PATIENTS, SURGERIES, Outcome, Table, import_rows
from service.records.merging import merge_patients
from service.records.models import AuditEvent, Change, Event, IdentityNote, Patient, Surgery
from service.records.patients import PatientError, add_identifier, find_patient, patient_for
from service.settings import load_settings
from service.tables import CellError, TableError, read_date, read_table
from tests.service.people import person

SURGERY_ROWS = [
    "patient_id,date,procedure,side,surgeon",
    "P,2024-03-01,Graft,L,Dr A",
    "P,1.12.2024,Lid weight,links,",
    "Q,01.03.2024,Graft,B,",
]


@pytest.fixture
def taken(engine: Engine, tmp_path: Path) -> Callable[..., Outcome]:
    """Import lines as the commands do: stored only without problems."""

    def take(table: Table, lines: list[str], encoding: str = "utf-8") -> Outcome:
        file = tmp_path / "table.csv"
        file.write_text("\n".join(lines), encoding=encoding)
        with Session(engine) as session:
            outcome = import_rows(session, table, read_table(file, table.columns))
            if not outcome.problems:
                session.commit()
        return outcome

    return take


def surgeries(engine: Engine) -> list[tuple[str, dt.date, str, str, str]]:
    with Session(engine) as session:
        return [
            (one.patient.patient_id, one.performed_on, one.procedure, one.side, one.surgeon)
            for one in session.scalars(select(Surgery).order_by(Surgery.id))
        ]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_surgeries_are_taken_and_the_same_table_again_changes_nothing(
    engine: Engine, taken: Callable[..., Outcome], separator: str, encoding: str
) -> None:
    lines = [line.replace(",", separator) for line in SURGERY_ROWS]
    first = taken(SURGERIES, lines, encoding)
    assert (first.added, first.known, first.new_patients, first.problems) == (3, 0, 2, ())
    stored = surgeries(engine)
    assert stored == [
        ("P", dt.date(2024, 3, 1), "Graft", "L", "Dr A"),
        ("P", dt.date(2024, 12, 1), "Lid weight", "L", ""),
        ("Q", dt.date(2024, 3, 1), "Graft", "B", ""),
    ]
    again = taken(SURGERIES, lines, encoding)
    assert (again.added, again.known, again.new_patients, again.remarks) == (0, 3, 0, ())
    assert surgeries(engine) == stored


def test_every_problem_is_told_by_row_and_nothing_is_stored(
    engine: Engine, taken: Callable[..., Outcome]
) -> None:
    with Session(engine) as session, session.begin():
        person(session, "P")
    outcome = taken(
        SURGERIES,
        [
            SURGERY_ROWS[0],
            SURGERY_ROWS[1],
            "P,03/01/2024,Graft,L,",
            "P,31.2.2024,Graft,L,",
            "P,2024-03-01,,L,",
            "P,2024-03-01,Graft,,",
            "",
            "P,2024-03-01,Graft,both sides,",
            "P,1969-03-01,Graft,L,",
            "P,2999-03-01,Graft,L,",
            "P" * 65 + ",2024-03-01,Graft,L,",
            ",2024-03-01,Graft,L,",
        ],
    )
    assert [(one.row, one.column, one.message.split(":")[0]) for one in outcome.problems] == [
        (3, "date", "is no date"),
        (4, "date", "is a day that the calendar does not have"),
        (5, "procedure", "is empty"),
        (6, "side", "is empty"),
        (8, "side", "is unknown"),
        (9, "", "the surgery lies before the patient's birth; check its date"),
        (10, "", "the surgery lies in the future; record it once it was done"),
        (11, "patient_id", "has more than 64 characters"),
        (12, "patient_id", "is empty"),
    ]
    assert surgeries(engine) == []


def test_what_is_odd_but_possible_is_noted_and_taken(engine: Engine, taken: Callable[..., Outcome]) -> None:
    taken(SURGERIES, SURGERY_ROWS)
    outcome = taken(
        SURGERIES,
        [SURGERY_ROWS[0], "P,2024-03-01,Graft,L,Dr B", "P,2024-03-01,Sling,L,", "N,2024-01-01,Sling,L,"],
    )
    assert [(one.row, one.column) for one in outcome.remarks] == [
        (2, "surgeon"), (3, "date"), (4, "patient_id"),
    ]  # fmt: skip
    assert outcome.problems == ()
    assert surgeries(engine)[0][-1] == "Dr A"
    assert len(surgeries(engine)) == 5


def test_events_and_patients_are_taken_with_german_headers(
    engine: Engine, taken: Callable[..., Outcome]
) -> None:
    for _ in range(2):
        people = taken(
            PATIENTS,
            [
                "Patientennummer;Name;Geburtsdatum;Todesdatum;Geschlecht;weitere Nummer",
                "P;Müller, Jörg;2.1.1960;1.5.2025;m;OLD-1",
            ],
        )
        happened = taken(EVENTS, ["pid;Datum;Art;Seite;Bemerkung", "OLD-1;1.4.2024;Botox;R;5 units"])
        assert people.remarks == happened.remarks == ()
    with Session(engine) as session:
        patient = session.scalars(select(Patient)).one()
        assert (patient.name, patient.sex, patient.death_date) == ("Müller^Jörg", "M", dt.date(2025, 5, 1))
        assert find_patient(session, "OLD-1", "") is patient
        event = session.scalars(select(Event)).one()
        assert (event.kind.value, event.side, event.note) == ("botulinum toxin", "R", "5 units")
        assert len(session.scalars(select(Change)).all()) == 1


def test_a_patient_who_differs_from_the_record_is_noted_not_overwritten(
    engine: Engine, taken: Callable[..., Outcome]
) -> None:
    with Session(engine) as session, session.begin():
        person(session, "P")
        person(session, "Q")
    outcome = taken(
        PATIENTS, ["patient_id,birth_date,death_date,other_id", "P,1971-01-01,,", "P,,1950-01-01,", "P,,,Q"]
    )
    assert [(one.row, one.column, one.problem) for one in outcome.remarks] == [
        (2, "birth_date", False), (3, "", True), (4, "", True),
    ]  # fmt: skip
    taken(PATIENTS, ["patient_id,birth_date", "P,1971-01-01"])
    with Session(engine) as session:
        assert session.scalars(select(IdentityNote.sent)).all() == ["1971-01-01"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"patient_id|date|procedure|side\nP|2024-01-01|G|L\n", "none of the columns"),
        (b"patient_id,date,procedure\nP,2024-01-01,G\n", "lacks the column side"),
        (b"patient_id,date,procedure,side,surgoen\nP,2024-01-01,G,L,A\n", "surgoen is unknown"),
        (b"patient_id,date,datum,procedure,side\nP,2024-01-01,,G,L\n", "date twice"),
        (b"patient_id,date,procedure,side\nP,2024-01-01,G, free,L\n", "row 2 has 5 cells"),
        (b'patient_id,date,procedure,side\nP,2024-01-01,"G,L\n', "does not close"),
        (b"patient_id,date,procedure,side\n", "no rows"),
        (
            "patient_id,date,procedure,side\nP,2024-01-01,Zügelplastik,L\n".encode("cp1252"),
            "--encoding cp1252",
        ),
        ("patient_id,date,procedure,side\nP,2024-01-01,G,L\n".encode("utf-16"), "is UTF-16"),
        ("patient_id,date,procedure,side\nP,2024-01-01,G,L\n".encode("utf-16-le"), "no text"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_with_what_to_do(
    tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "table.csv"
    file.write_bytes(content)
    with pytest.raises(TableError, match=said):
        read_table(file, SURGERIES.columns)


def test_an_encoding_that_is_named_is_used(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_bytes("patient_id;date;procedure;side\nP;1.1.2024;Zügelplastik;L\n".encode("cp1252"))
    assert read_table(file, SURGERIES.columns, "cp1252")[0].cells["procedure"] == "Zügelplastik"


@pytest.mark.parametrize("cell", ["2024-3-1", "2024-03-01", "1.3.2024", "01.03.2024", "1. 3. 2024"])
def test_dates_are_iso_or_german(cell: str) -> None:
    assert read_date(cell) == dt.date(2024, 3, 1)


@pytest.mark.parametrize("cell", ["1.3.24", "3/1/2024", "March 2024", "20240301"])
def test_dates_that_leave_a_doubt_are_refused(cell: str) -> None:
    with pytest.raises(CellError, match="write it as"):
        read_date(cell)


@pytest.fixture
def facialis(
    engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Run a command over the test's database; its status and what it printed."""
    monkeypatch.setenv("FACIALIS_DATABASE_URL", database_url)
    load_settings.cache_clear()

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["facialis", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0), capsys.readouterr().out

    return run


def test_the_command_stores_nothing_on_a_dry_run_or_with_problems(
    engine: Engine, tmp_path: Path, facialis: Callable[..., tuple[int, str]]
) -> None:
    file = tmp_path / "surgeries.csv"
    file.write_text("\n".join(SURGERY_ROWS))
    status, told = facialis("surgery", "import", file, "--dry-run", "--json")
    assert (status, json.loads(told)["added"], json.loads(told)["stored"]) == (0, 3, False)
    assert surgeries(engine) == []
    file.write_text("\n".join([*SURGERY_ROWS, "P,yesterday,Graft,L,"]))
    status, told = facialis("surgery", "import", file)
    assert status == 1
    assert "problem  row 5, date" in told
    assert surgeries(engine) == []
    file.write_text("\n".join(SURGERY_ROWS))
    assert facialis("surgery", "import", file)[0] == 0
    assert len(surgeries(engine)) == 3


def test_surgeries_are_listed_corrected_and_deleted_and_patients_merged_by_command(
    engine: Engine, facialis: Callable[..., tuple[int, str]]
) -> None:
    for patient in ("P", "Q"):
        given = ("--patient", patient, "--date", "2024-03-01", "--procedure", "Graft", "--side", "L")
        assert facialis("surgery", "add", *given)[0] == 0
    number = json.loads(facialis("surgery", "list", "--patient", "P", "--json")[1])[0]["surgery"]
    assert facialis("surgery", "correct", number, "--side", "R")[0] == 0
    assert facialis("patient", "merge", "Q", "P")[0] == 0
    listed = json.loads(facialis("surgery", "list", "--patient", "P", "--json")[1])
    assert [one["side"] for one in listed] == ["R", "L"]
    assert facialis("surgery", "delete", number)[0] == 0
    assert facialis("surgery", "delete", number)[0] == 1
    assert len(surgeries(engine)) == 1
    with Session(engine) as session:
        kinds = session.scalars(select(AuditEvent.kind).order_by(AuditEvent.id)).all()
        assert session.scalars(select(Change.made_by)).first()
    assert kinds == [
        "surgery.added", "surgery.added", "surgery.changed", "patient.merged", "surgery.deleted",
    ]  # fmt: skip


def test_lines_and_control_characters_are_for_notes_only(taken: Callable[..., Outcome]) -> None:
    head = "patient_id,date,procedure,side,surgeon,note"
    outcome = taken(SURGERIES, [head, 'P\a,2024-03-01,"Gr\naft",L,Dr \x1bA,"one\nother"'])
    assert [problem.column for problem in outcome.problems] == ["patient_id", "procedure", "surgeon"]
    assert taken(SURGERIES, [head, 'P,2024-03-01,Graft,L,,"one\nother"']).added == 1


def test_a_birth_that_contradicts_a_surgery_is_refused(taken: Callable[..., Outcome]) -> None:
    taken(SURGERIES, SURGERY_ROWS)
    (problem,) = taken(PATIENTS, ["patient_id,birth_date", "P,2025-01-01"]).problems
    assert "before this birth" in problem.message


def test_a_table_of_many_new_patients_does_not_use_up_the_databases_locks(
    engine: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "table.csv"
    file.write_text("patient_id\n" + "\n".join(f"P{number}" for number in range(20)))
    with Session(engine) as session:
        assert import_rows(session, PATIENTS, read_table(file, PATIENTS.columns)).new_patients == 20
        held = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert session.scalar(held) == 1


def test_a_number_that_a_table_makes_a_patient_of_names_nobody_else_meanwhile(
    engine: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "table.csv"
    file.write_text("patient_id\nNEW")
    waits = text("SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)")

    def give() -> None:
        with Session(engine) as session, session.begin():
            add_identifier(session, patient_for(session, "OLD", ""), "NEW", "")

    with Session(engine) as session, ThreadPoolExecutor(1) as pool:
        import_rows(session, PATIENTS, read_table(file, PATIENTS.columns))
        given = pool.submit(give)
        with engine.connect() as watching:
            while not watching.scalar(waits):
                assert not given.done()
        session.commit()
        with pytest.raises(PatientError, match="names another patient"):
            given.result()


def test_what_waits_too_long_for_a_table_is_put_off(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "table.csv"
    file.write_text("patient_id\nNEW")
    monkeypatch.setattr(patients, "LONGEST_WAIT", "20ms")
    with Session(engine) as session:
        import_rows(session, PATIENTS, read_table(file, PATIENTS.columns))
        with pytest.raises(DatabaseUnavailableError, match="table of patients"), transaction(engine) as other:
            merge_patients(other, ("A", ""), ("B", ""))


def test_a_table_with_too_many_further_identifiers_is_to_be_split(
    taken: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "MOST_FURTHER", 1)
    outcome = taken(PATIENTS, ["patient_id,other_id", "P,P2", "Q,Q2"])
    (problem,) = outcome.problems
    assert (problem.row, problem.column, problem.message) == (
        3,
        "other_id",
        "is one of more than 1: split the table",
    )
