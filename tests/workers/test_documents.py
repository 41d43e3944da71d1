"""The report stage: which documents a grading gets, that they are made once, and what a new grading changes.

The photos have no face and the scores are given: what the documents say is tested in tests/dicom and
tests/reports.
"""

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from grading.bundle import COMMISSIONING_BUNDLE, Bundle, describe_bundle, load_bundle
from grading.scales import PREDICTED_ITEMS
from service.intake import ServiceIntake
from service.peer_settings import Destination
from service.records import flow
from service.records.audit import system
from service.records.flow import Stage
from service.records.gradings import active_grading, register_bundle, save_grading
from service.records.history import document_key
from service.records.models import AuditEvent, Recording, RecordingState, Report, Surgery
from service.records.timepoints import link_surgeries
from service.settings import ReportSettings, Settings
from service.signing import SignOffError, sign_off
from service.storage import FolderStorage
from tests.service.samples import closing, received, result, series
from workers.context import Context
from workers.report import report

pytestmark = pytest.mark.journey

PACS = Destination(name="PACS", ae_title="PACS", host="127.0.0.1", port=104)
OLD_PACS = Destination(name="old PACS", ae_title="OLD", host="127.0.0.1", port=104, documents=("pdf",))


@pytest.fixture
def context(engine: Engine, tmp_path: Path) -> Context:
    return Context(Settings(destinations=(PACS, OLD_PACS)), engine, FolderStorage(tmp_path / "files"))


@pytest.fixture
def recording_id(engine: Engine, context: Context, tmp_path: Path) -> int:
    """A received series of a patient who had surgery of the left side, 20 days before."""
    intake = ServiceIntake(engine, context.storage, context.settings, closing(engine, []))
    for dataset in series():
        intake.store(received(dataset, tmp_path / "files" / "spool"))
    with Session(engine) as session, session.begin():
        recording = session.scalars(select(Recording)).one()
        assert recording.recorded_at is not None
        assert recording.patient is not None
        day = recording.recorded_at.date()
        session.add(
            Surgery(
                patient=recording.patient,
                performed_on=day.replace(month=day.month - 1, day=9),
                procedure="Nerve graft",
                side="L",
            )
        )
        link_surgeries(session, recording.patient)
        return recording.id


@cache
def commissioning_bundle() -> Bundle:
    return load_bundle(COMMISSIONING_BUNDLE)


def grade(context: Context, recording_id: int, uid: str, score: float = 80) -> None:
    """Give the recording a grading and have its documents written."""
    bundle = commissioning_bundle()
    with Session(context.engine) as session, session.begin():
        bundle_id = register_bundle(
            session, bundle.hash, bundle.name, bundle.version, describe_bundle(bundle)
        )
        save_grading(session, uid, recording_id, bundle_id, result(score, "L"), ["clipped.M4"])
        flow.move(session.get_one(Recording, recording_id), RecordingState.GRADED)
    run_stage(context, recording_id)


def run_stage(context: Context, recording_id: int) -> None:
    with Session(context.engine) as session, session.begin():
        lease = flow.begin(session, Stage.REPORT, recording_id, "test", 60)
    assert lease is not None
    report(context, lease)


def write_again(context: Context, recording_id: int) -> None:
    with Session(context.engine) as session, session.begin():
        flow.move(session.get_one(Recording, recording_id), RecordingState.GRADED)
    run_stage(context, recording_id)


def rows(context: Context) -> list[Report]:
    with Session(context.engine) as session:
        found = session.scalars(
            select(Report).order_by(Report.grading_key, Report.version, Report.kind)
        ).all()
        for row in found:
            assert row.deliveries is not None
        return list(found)


def content(context: Context, row: Report) -> Dataset:
    return dcmread(BytesIO(context.storage.read(row.object_key)))


def test_a_grading_gets_a_pdf_and_a_structured_report_for_those_who_want_them(
    context: Context, recording_id: int
) -> None:
    grade(context, recording_id, "1.1")
    pdf, sr = rows(context)
    assert [d.destination for d in pdf.deliveries] == ["PACS", "old PACS"]
    assert [d.destination for d in sr.deliveries] == ["PACS"]
    document, numbers = content(context, pdf), content(context, sr)
    assert context.storage.read(pdf.document_key).startswith(b"%PDF")
    assert (document.Modality, numbers.Modality) == ("DOC", "SR")
    assert document.SeriesInstanceUID != numbers.SeriesInstanceUID
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "StudyDate"):
        assert document.get(keyword) == numbers.get(keyword) != ""
    assert numbers.LongitudinalTemporalOffsetFromEvent == 20
    text = numbers.to_json()
    assert all(f"EF-{item.id}" in text for item in PREDICTED_ITEMS)
    assert '"CLIPPED"' in text
    assert text.count("range of lower measurement uncertainty") == len(PREDICTED_ITEMS) + 1
    assert '"7771000"' in text
    assert "range of upper measurement uncertainty" in text
    assert "Commissioning model: not for clinical use." in text
    referred = {item.ReferencedSOPInstanceUID for item in document.SourceInstanceSequence}
    (study,) = numbers.CurrentRequestedProcedureEvidenceSequence
    (photos,) = study.ReferencedSeriesSequence
    assert {photo.ReferencedSOPInstanceUID for photo in photos.ReferencedSOPSequence} == referred


def test_the_same_grading_again_makes_no_second_document(context: Context, recording_id: int) -> None:
    grade(context, recording_id, "1.1")
    before = [(row.id, context.storage.read(row.object_key)) for row in rows(context)]
    write_again(context, recording_id)
    assert [(row.id, context.storage.read(row.object_key)) for row in rows(context)] == before


def test_lost_files_are_written_again_byte_for_byte(context: Context, recording_id: int) -> None:
    grade(context, recording_id, "1.1")
    before = [(row.id, context.storage.read(row.object_key)) for row in rows(context)]
    for row in rows(context):
        context.storage.path(row.object_key).unlink()
    write_again(context, recording_id)
    assert [(row.id, context.storage.read(row.object_key)) for row in rows(context)] == before


def test_documents_of_a_new_grading_name_those_that_they_replace(context: Context, recording_id: int) -> None:
    grade(context, recording_id, "1.1")
    grade(context, recording_id, "1.2", score=70)
    old, new = rows(context)[:2], rows(context)[2:]
    assert [row.kind for row in new] == ["pdf", "sr"]
    for before, after in zip(old, new, strict=True):
        assert "PredecessorDocumentsSequence" not in content(context, before)
        (study,) = content(context, after).PredecessorDocumentsSequence
        (named,) = study.ReferencedSeriesSequence
        earlier = content(context, before)
        assert study.StudyInstanceUID == earlier.StudyInstanceUID
        assert named.SeriesInstanceUID == earlier.SeriesInstanceUID
        assert named.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == before.sop_instance_uid
        assert named.ReferencedSOPSequence[0].ReferencedSOPClassUID == earlier.SOPClassUID


def test_going_back_to_an_earlier_grading_makes_no_new_document(context: Context, recording_id: int) -> None:
    grade(context, recording_id, "1.1")
    grade(context, recording_id, "1.2", score=70)
    grade(context, recording_id, "1.1")
    assert len(rows(context)) == 4
    with Session(context.engine) as session:
        grading = active_grading(session, recording_id)
        assert grading is not None
        assert grading.uid == "1.1"


def test_a_report_is_written_in_the_language_of_the_settings(
    engine: Engine, context: Context, recording_id: int
) -> None:
    german = Context(Settings(report=ReportSettings(language="de")), engine, context.storage)
    grade(german, recording_id, "1.1")
    pdf, _ = rows(german)
    assert b"/Lang (de)" in context.storage.read(pdf.document_key)


def signed_off(context: Context, recording_id: int, name: str = "Dr Berta Beispiel", **given: Any) -> None:
    """Sign the report off and have its final version written."""
    with Session(context.engine) as session, session.begin():
        sign_off(session, recording_id, name, "Seen with the patient.", actor=system("test"), **given)
    run_stage(context, recording_id)


def reported(context: Context, recording_id: int, uid: str = "1.1", score: float = 80) -> None:
    """Give the recording a grading with documents, as if all of them had been delivered."""
    grade(context, recording_id, uid, score)
    with Session(context.engine) as session, session.begin():
        flow.move(session.get_one(Recording, recording_id), RecordingState.DELIVERED)


def test_a_signed_report_gets_a_final_version_that_replaces_its_draft(
    context: Context, recording_id: int
) -> None:
    reported(context, recording_id)
    signed_off(context, recording_id)
    drafts, finals = rows(context)[:2], rows(context)[2:]
    assert [(row.kind, row.version) for row in finals] == [("pdf", "final"), ("sr", "final")]
    for draft, final in zip(drafts, finals, strict=True):
        before, after = content(context, draft), content(context, final)
        assert (before.VerificationFlag, after.VerificationFlag) == ("UNVERIFIED", "VERIFIED")
        assert after.SOPInstanceUID != before.SOPInstanceUID
        (study,) = after.PredecessorDocumentsSequence
        (series,) = study.ReferencedSeriesSequence
        assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == draft.sop_instance_uid
        assert series.SeriesInstanceUID == before.SeriesInstanceUID
    (observer,) = content(context, finals[1]).VerifyingObserverSequence
    assert observer.VerifyingObserverName == "Dr Berta Beispiel"
    assert observer.VerifyingOrganization == "not stated"
    assert observer.VerificationDateTime.startswith(f"{finals[1].created_at:%Y%m%d}")
    assert context.storage.read(finals[0].document_key) != context.storage.read(drafts[0].document_key)
    with Session(context.engine) as session:
        assert document_key(session, recording_id) == finals[0].document_key
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.kind == "document.signed"))
        assert event.recording_key == recording_id


@pytest.mark.journey
def test_who_takes_signed_reports_only_gets_the_final_version_alone(
    engine: Engine, context: Context, recording_id: int
) -> None:
    careful = PACS.model_copy(update={"name": "careful", "when": "on_sign_off"})
    both = Context(Settings(destinations=(PACS, careful)), engine, context.storage)
    reported(both, recording_id)
    assert {d.destination: d.state.value for row in rows(both) for d in row.deliveries} == {
        "PACS": "pending",
        "careful": "waiting",
    }
    signed_off(both, recording_id)
    found = [
        (row.version, row.kind, d.destination, d.state.value) for row in rows(both) for d in row.deliveries
    ]
    assert found == [
        ("draft", "pdf", "PACS", "pending"),
        ("draft", "sr", "PACS", "pending"),
        ("final", "pdf", "PACS", "pending"),
        ("final", "pdf", "careful", "pending"),
        ("final", "sr", "PACS", "pending"),
        ("final", "sr", "careful", "pending"),
    ]


def test_signing_again_changes_nothing_and_another_name_is_refused(
    context: Context, recording_id: int
) -> None:
    reported(context, recording_id)
    signed_off(context, recording_id)
    before = [row.sop_instance_uid for row in rows(context)]
    with Session(context.engine) as session, session.begin():
        sign_off(session, recording_id, " Dr  Berta Beispiel ", actor=system("test"))
        with pytest.raises(SignOffError, match="signed off already"):
            sign_off(session, recording_id, "Somebody else", actor=system("test"))
    assert [row.sop_instance_uid for row in rows(context)] == before


def test_a_report_that_was_not_seen_or_not_written_is_not_signed(context: Context, recording_id: int) -> None:
    with Session(context.engine) as session, session.begin():
        with pytest.raises(SignOffError, match="has no report"):
            sign_off(session, recording_id, "Dr B", actor=system("test"))
        with pytest.raises(SignOffError, match="name of who signs"):
            sign_off(session, recording_id, " ", actor=system("test"))
    reported(context, recording_id)
    with Session(context.engine) as session, session.begin():
        grading = active_grading(session, recording_id)
        assert grading is not None
        with pytest.raises(SignOffError, match="graded anew"):
            sign_off(session, recording_id, "Dr B", actor=system("test"), grading_id=grading.id + 1)
        flow.move(session.get_one(Recording, recording_id), RecordingState.GRADED)
        with pytest.raises(SignOffError, match="wait until its report is written"):
            sign_off(session, recording_id, "Dr B", actor=system("test"))


@pytest.mark.journey
def test_lost_final_versions_are_written_again_byte_for_byte_as_they_were_set(
    engine: Engine, context: Context, recording_id: int
) -> None:
    reported(context, recording_id)
    signed_off(context, recording_id)
    before = {row.id: context.storage.read(row.object_key) for row in rows(context)}
    for row in rows(context):
        context.storage.path(row.object_key).unlink()
    german = Context(Settings(report=ReportSettings(language="de")), engine, context.storage)
    write_again(german, recording_id)
    assert {row.id: context.storage.read(row.object_key) for row in rows(context)} == before


@pytest.mark.journey
def test_a_recording_graded_anew_is_a_draft_again_and_names_the_final_version(
    context: Context, recording_id: int
) -> None:
    reported(context, recording_id)
    signed_off(context, recording_id)
    grade(context, recording_id, "1.2", score=70)
    final, draft = rows(context)[2], rows(context)[4]
    assert (final.version, draft.version) == ("final", "draft")
    (study,) = content(context, draft).PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == final.sop_instance_uid
