"""The questions of clinicians through the interface. What the answers are is for the tests of questions."""

import csv
import io

import pyarrow.parquet
from sqlalchemy import Engine, select

from service.database import transaction
from service.records.models import AuditEvent, Recording
from tests.service.programs import API, Program, problem

COHORT = f"{API}/queries/cohort?procedure=jump+anastomosis&months=6&within=2"


def test_questions_are_answered(program: Program, ada: Recording) -> None:
    (member,) = program.json(f"{COHORT}&below=80")
    assert (member["patient_id"], member["days"], member["value"]) == ("PH-1", 184, 70)
    assert program.json(f"{COHORT}&below=60") == []
    (point,) = program.json(f"{API}/queries/trajectory?procedure=Jump+anastomosis&score=M4")[-1:]
    assert (point["timepoint"], point["n"], point["mean"]) == ("6 months", 1, 70)
    assert program.json(f"{API}/queries/procedures") == [{"procedure": "Jump anastomosis", "surgeries": 1}]
    assert program.json(f"{API}/queries/waiting") == []
    assert program.json(f"{API}/queries/disagreement") == program.json(f"{API}/queries/differences") == []
    assert {row["bias"] for row in program.json(f"{API}/queries/bundles")} == {0}
    line = program.json(f"{API}/surgeries/{ada.surgery_key}/timeline")
    assert {row["what"] for row in line} == {"recording", "surgery"}
    changes = program.json(f"{API}/surgeries/{ada.surgery_key}/changes")
    (dynamic,) = (change for change in changes if change["score"] == "dynamic")
    assert (dynamic["before"], dynamic["after"], dynamic["verdict"]) == (40, 70, "improved")


def test_answers_come_as_tables_where_they_are_asked_for(
    program: Program, ada: Recording, engine: Engine
) -> None:
    table = program.get(COHORT, headers={"Accept": "text/csv"})
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    (row,) = csv.DictReader(io.StringIO(table.text))
    assert (row["patient_id"], float(row["value"])) == ("PH-1", 70)
    parquet = program.get(COHORT, headers={"Accept": "application/vnd.apache.parquet"})
    (read,) = pyarrow.parquet.read_table(io.BytesIO(parquet.content)).to_pylist()
    assert read["recording"] == ada.id
    program.json(f"{API}/surgeries/{ada.surgery_key}/timeline")
    with transaction(engine) as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
    assert [(one.kind, one.patient_key) for one in events] == [
        ("data.exported", None),
        ("data.exported", None),
        ("records.queried", 1),
    ]


def test_question_that_has_no_answer_is_refused(program: Program, ada: Recording) -> None:
    for query, code in (
        ("cohort?procedure=nothing", "query.invalid"),
        ("cohort", "api.unfit"),
        ("cohort?procedure=Jump+anastomosis&months=nan", "api.unfit"),
        ("cohort?procedure=Jump+anastomosis&months=1e9", "api.unfit"),
        ("cohort?procedure=Jump+anastomosis&within=-1", "api.unfit"),
        ("cohort?procedure=Jump+anastomosis&below=inf", "api.unfit"),
        ("cohort?procedure=a%00b", "api.unfit"),
        ("trajectory?procedure=Jump+anastomosis&score=S9", "query.invalid"),
        ("disagreement?bundle=ffff", "query.invalid"),
        ("disagreement?bundle=x", "api.unfit"),
    ):
        problem(program.get(f"{API}/queries/{query}"), 422, code)
    problem(program.get(f"{API}/surgeries/99/timeline"), 404, "surgery.unknown")
    problem(program.get(f"{API}/surgeries/99/changes"), 404, "surgery.unknown")
