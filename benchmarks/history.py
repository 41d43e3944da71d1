"""How quickly the records answer as the archive grows: one patient's history, a cohort, the worklist.

Patients are generated and copied into an embedded PostgreSQL of its own, once per size: ten recordings each,
around one surgery or two, graded with twelve items. Every answer is made as the service makes it, rows turned
into objects and all. The statements are explained too, so that a scan of a whole large table is seen.

The last line is one JSON object: per size the median and 95th percentile in milliseconds of each question and
the large tables that it scanned; ``growth`` is the largest size's median over the smallest's.
"""

import argparse
import gc
import json
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session

from benchmarks.history_rows import JUMP, RECORDINGS_EACH, fill, patient_id, patient_name
from migrations.upgrade import upgrade
from service.database import connect
from service.embedded.account import service_account
from service.embedded.postgres import EmbeddedPostgres
from service.records.cohorts import at_time_after, trajectory
from service.records.courses import changes_since_baseline
from service.records.history import patient_history
from service.records.waiting import recordings_waiting
from service.web.language import ENGLISH, load_words
from service.web.patient_page import make_patient_page
from service.web.worklist import make_worklist

Question = Callable[[Session, int], object]
"""Asks the records; the number chooses the patient."""

LARGE = ("patient", "surgery", "recording", "timepoint", "grading", "item_score", "sub_score")
HISTORY_GOAL_MS = 20.0


def questions() -> dict[str, tuple[Question, int]]:
    """What is asked, and how often beside ``--rounds``: one time in so many."""
    return {
        "history": (lambda session, number: patient_history(session, number), 1),
        "history_page": (_page, 1),
        "changes": (lambda session, number: changes_since_baseline(session, 2 * number), 1),
        "worklist": (lambda session, _: make_worklist(session, ""), 2),
        "search_name": (lambda session, number: make_worklist(session, patient_name(number)), 2),
        "search_id": (lambda session, number: make_worklist(session, patient_id(number)), 2),
        "waiting": (lambda session, _: recordings_waiting(session, 100), 2),
        "cohort": (lambda session, _: at_time_after(session, [JUMP], 12, 2, "dynamic", below=50), 20),
        "trajectory": (lambda session, _: trajectory(session, [JUMP]), 40),
    }


def _page(session: Session, number: int) -> object:
    patient = patient_history(session, number)
    assert patient is not None
    return make_patient_page(patient, load_words(ENGLISH))


@contextmanager
def server() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL in a temporary folder, as `facialis up` runs it."""
    with tempfile.TemporaryDirectory(prefix="facialis-history-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        postgres = EmbeddedPostgres(folder / "data", folder / "sockets", service_account())
        postgres.prepare()
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(postgres.command(), stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 60
            while not postgres.ready():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((folder / "log").read_text())
                time.sleep(0.1)
            yield postgres
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


@contextmanager
def database(postgres: EmbeddedPostgres, recordings: int) -> Iterator[Engine]:
    """A migrated database with so many recordings, dropped afterwards."""
    name = f"archive_{recordings}"
    admin = connect(postgres.url("postgres"))
    engine = connect(postgres.url(name), ask_first=False)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
        try:
            upgrade(postgres.url(name))
            fill(engine, recordings)
            yield engine
        finally:
            engine.dispose()
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
            admin.dispose()


def milliseconds(engine: Engine, ask: Question, numbers: list[int]) -> dict[str, float]:
    """Median and 95th percentile over the patients ``numbers``, each in a transaction of its own.

    ``cpu_ms`` is the median of the processor time of this process alone, which others on the machine do not
    lengthen as much.
    """
    spent, busy = [], []
    for number in numbers:
        started, worked = time.perf_counter(), time.process_time()
        with Session(engine) as session:
            ask(session, number)
        spent.append(1000 * (time.perf_counter() - started))
        busy.append(1000 * (time.process_time() - worked))
    return {
        "median_ms": round(statistics.median(spent), 2),
        "p95_ms": round(float(np.percentile(spent, 95)), 2),
        "cpu_ms": round(statistics.median(busy), 2),
    }


def scanned(engine: Engine, ask: Question, number: int, *, show: bool = False) -> list[str]:
    """The large tables that the question's statements read from end to end."""
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    with Session(engine) as session:
        ask(session, number)
    event.remove(engine, "before_cursor_execute", note)
    found = set()
    with engine.connect() as connection:
        for statement, parameters in statements:
            plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
            found |= set(_sequential(plan[0]["Plan"]))
            if show:
                lines = connection.exec_driver_sql(f"EXPLAIN ANALYZE {statement}", parameters)
                print(statement, *(row[0] for row in lines), "", sep="\n")
    return sorted(found)


def _sequential(plan: dict[str, Any]) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan" and plan["Relation Name"] in LARGE:
        yield plan["Relation Name"]
    for inner in plan.get("Plans", ()):
        yield from _sequential(inner)


def measure(engine: Engine, recordings: int, rounds: int, explain: str | None) -> dict[str, Any]:
    """Every question's times, and the large tables that it scans."""
    patients = max(1, recordings // RECORDINGS_EACH)
    rng = np.random.default_rng(2)
    figures: dict[str, Any] = {}
    for name, (ask, seldom) in questions().items():
        numbers = [int(number) for number in rng.integers(1, patients + 1, max(5, rounds // seldom))]
        milliseconds(engine, ask, numbers[:3])
        figures[name] = milliseconds(engine, ask, numbers)
        figures[name]["scans"] = scanned(engine, ask, numbers[0], show=name == explain)
        print(f"{recordings:>9} {name:<12}", *(f"{key} {value}" for key, value in figures[name].items()))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--recordings", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=200, help="how often a patient's history is asked for")
    parser.add_argument("--explain", choices=questions(), help="show the plans of this question")
    arguments = parser.parse_args()
    sizes = sorted(arguments.recordings)
    gc.freeze()  # as the web process does
    results, filling = {}, {}
    with server() as postgres:
        for recordings in sizes:
            started = time.perf_counter()
            with database(postgres, recordings) as engine:
                filling[str(recordings)] = round(time.perf_counter() - started, 1)
                results[str(recordings)] = measure(engine, recordings, arguments.rounds, arguments.explain)
    first, last = results[str(sizes[0])], results[str(sizes[-1])]
    figures = {
        "questions": results,
        "filling_seconds": filling,
        "growth": {
            name: round(last[name]["median_ms"] / first[name]["median_ms"], 2) for name in questions()
        },
        "history_p95_of_goal": round(last["history"]["p95_ms"] / HISTORY_GOAL_MS, 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
