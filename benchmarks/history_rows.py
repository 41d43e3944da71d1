"""An archive of generated patients, copied into the tables in bulk."""

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np
import psycopg
from sqlalchemy import Engine

from grading.scales import PREDICTED_ITEMS, sub_scores

JUMP = "Hypoglossal-facial jump nerve suture"
PROCEDURES = (JUMP, "Cross-face nerve graft", "Gracilis transfer", "Temporalis transfer", "Direct suture")
SHARES = (0.1, 0.2, 0.2, 0.2, 0.3)
DAYS = (-200, -5, 30, 91, 183, 274, 365, 548, 730, 1096)
"""When a patient is recorded, from the first surgery, give or take two weeks."""
RECORDINGS_EACH = len(DAYS)
SECOND_SURGERY = 0.2
"""The share of patients who are operated on again a year later."""
ATTENTION = 0.001
"""The share of recordings that wait for a person."""
CHUNK = 2_000
FIRST_DAY = dt.date(2012, 1, 1)
NOW = "2026-01-01 12:00+00"


def patient_id(number: int) -> str:
    """Eight digits that tell nothing of the order."""
    return f"{number * 48_271_687 % 99_999_989:08d}"


def patient_name(number: int) -> str:
    """A name that some twenty others share, of syllables."""
    family = number % 5000 * 7
    return f"{_syllables(family, 3).capitalize()}^{_syllables(number * 31, 2).capitalize()}"


def _syllables(number: int, count: int) -> str:
    consonants, vowels = "bdfghklmnprstvwz", "aeiou"
    text = ""
    for _ in range(count):
        number, rest = divmod(number * 2_654_435 + 12_345, 80)
        text += consonants[rest // 5] + vowels[rest % 5]
    return text


def fill(engine: Engine, recordings: int, seed: int = 1) -> None:
    """Fill an empty, migrated database with so many recordings, then bring its statistics up to date."""
    rng = np.random.default_rng(seed)
    patients = max(1, recordings // RECORDINGS_EACH)
    with engine.connect() as pooled:
        connection = cast("psycopg.Connection[Any]", pooled.connection.driver_connection)
        # Rows are made whole here, so that the foreign keys need not be looked up one by one.
        connection.execute("SET session_replication_role = replica")
        manifest = {
            "commissioning": True,
            "errors": [{"item": item.id, "group": "patients", "mae": 15.0} for item in PREDICTED_ITEMS],
            "uncertainties": [{"score": item.id, "mdc": 20.0} for item in PREDICTED_ITEMS],
        }
        connection.execute(
            "INSERT INTO bundle (hash, name, version, manifest) VALUES (%s, 'generated', '1', %s)",
            ["0" * 64, json.dumps(manifest)],
        )
        for first in range(1, patients + 1, CHUNK):
            _copy_patients(connection, rng, range(first, min(first + CHUNK, patients + 1)))
        connection.execute(
            "INSERT INTO timepoint (recording_key, surgery_key, days) "
            "SELECT recording.id, surgery.id, recorded_at::date - performed_on "
            "FROM recording JOIN surgery USING (patient_key)"
        )
        for table in ("patient", "surgery", "recording", "grading", "item_score", "sub_score"):
            connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"  # noqa: S608
            )
        connection.execute("SET session_replication_role = origin")
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")
        connection.autocommit = False


def _copy_patients(connection: "psycopg.Connection[Any]", rng: np.random.Generator, numbers: range) -> None:
    people, surgeries, recordings, gradings = [], [], [], []
    for number in numbers:
        operated = FIRST_DAY + dt.timedelta(days=int(rng.integers(0, 4000)))
        procedure = PROCEDURES[int(rng.choice(len(PROCEDURES), p=SHARES))]
        people.append((number, patient_id(number), patient_name(number), "1970-01-01", NOW))
        surgeries.append((2 * number, number, operated, procedure, "LR"[number % 2]))
        second = operated + dt.timedelta(days=366)
        if rng.random() < SECOND_SURGERY:
            surgeries.append((2 * number + 1, number, second, "Lid weight", "LR"[number % 2]))
        else:
            second = dt.date.max
        for place, offset in enumerate(rng.integers(-14, 15, RECORDINGS_EACH)):
            key = RECORDINGS_EACH * (number - 1) + place + 1
            on = operated + dt.timedelta(days=DAYS[place] + int(offset))
            late = on >= second
            waits = rng.random() < ATTENTION
            recordings.append((
                key, f"2.25.{key}", f"2.25.{key}", number, 2 * number + late,
                (on - (second if late else operated)).days, "jena9", f"{on} 10:00",
                "needs_attention" if waits else "delivered", "two faces" if waits else None, NOW, NOW, NOW,
            ))  # fmt: skip
            gradings.append((key, f"2.25.{key}", key, 1, True, "[]", NOW))
    _copy(connection, "patient (id, patient_id, name, birth_date, last_arrival_at)", people)
    _copy(connection, "surgery (id, patient_key, performed_on, procedure, side)", surgeries)
    _copy(
        connection,
        "recording (id, series_uid, study_uid, patient_key, surgery_key, days_from_surgery, protocol, "
        "recorded_at, state, reason, first_received_at, last_received_at, state_changed_at)",
        recordings,
    )
    _copy(connection, "grading (id, uid, recording_key, bundle_key, active, flags, created_at)", gradings)
    _copy_scores(connection, rng, [row[0] for row in gradings])


def _copy_scores(connection: "psycopg.Connection[Any]", rng: np.random.Generator, keys: list[int]) -> None:
    """Twelve items and the sub-scores of each grading."""
    names = [item.id for item in PREDICTED_ITEMS]
    values = rng.uniform(20, 100, (len(keys), len(names))).round(1)
    items = (
        f"{key}\t{name}\t{value}\t0\t200\n"
        for key, row in zip(keys, values.tolist(), strict=True)
        for name, value in zip(names, row, strict=True)
    )
    derived = [sub_scores(dict(zip(names, row, strict=True))) for row in values.tolist()]
    subs = (
        f"{key}\t{score.id}\t{score.formula}\t{score.value:.2f}\n"
        for key, scores in zip(keys, derived, strict=True)
        for score in scores
    )
    _copy_text(connection, "item_score (grading_key, item, value, low, high)", items)
    _copy_text(connection, "sub_score (grading_key, name, formula, value)", subs)


def _copy(connection: "psycopg.Connection[Any]", into: str, rows: Iterable[Sequence[object]]) -> None:
    with connection.cursor().copy(f"COPY {into} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _copy_text(connection: "psycopg.Connection[Any]", into: str, lines: Iterable[str]) -> None:
    with connection.cursor().copy(f"COPY {into} FROM STDIN") as copy:
        copy.write("".join(lines))
