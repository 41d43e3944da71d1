"""Patients with recordings on given days, made of rows alone."""

import datetime as dt
import itertools
from collections.abc import Sequence

from sqlalchemy.orm import Session

from service.records.models import Patient, Recording, RecordingState

_numbers = itertools.count(1)


def person(session: Session, patient_id: str, days: Sequence[dt.date] = (), issuer: str = "") -> Patient:
    """A patient born in 1970 with one recording on each of the days."""
    patient = Patient(patient_id=patient_id, issuer=issuer, birth_date=dt.date(1970, 1, 1))
    now = dt.datetime.now(dt.UTC)
    for day in days:
        number = next(_numbers)
        patient.recordings.append(
            Recording(
                series_uid=f"1.{number}",
                study_uid=f"2.{number}",
                protocol="jena9",
                recorded_at=dt.datetime.combine(day, dt.time(9)),
                state=RecordingState.RECEIVING,
                first_received_at=now,
                last_received_at=now,
                state_changed_at=now,
            )
        )
    session.add(patient)
    session.flush()
    return patient
