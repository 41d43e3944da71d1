"""Results as HL7 v2 messages, read back by the package `hl7`; and what acknowledgements mean."""

import base64
import datetime as dt
from dataclasses import replace

import hl7
import pytest

from dicom.peers import PeerUnavailableError
from grading.scales import PREDICTED_ITEMS
from service.hl7.acknowledgement import read_answer
from service.hl7.fields import CharacterSetError, escaped, parse_day, timestamp, unescaped
from service.hl7.oru import control_id, make_message
from service.peer_settings import MessageSettings
from service.results import Result
from tests.workers.parcels import PDF, result

SETTINGS = MessageSettings(sending_facility="CLINIC", receiving_application="EHR", receiving_facility="KIS")


def parsed(one: Result, settings: MessageSettings = SETTINGS, encoding: str = "utf-8") -> hl7.Message:
    return hl7.parse(make_message(one, PDF, settings, "CTL1").decode(encoding))


def fields(message: hl7.Message, segment: str, *numbers: int) -> list[str]:
    return [str(message.segment(segment)[number]) for number in numbers]


def observed(message: hl7.Message) -> dict[str, hl7.Segment]:
    """OBX segments by the code of OBX-3."""
    return {str(segment[3][0][0]): segment for segment in message.segments("OBX")}


def test_scores_offset_study_and_report_stand_where_receivers_look() -> None:
    one = result()
    message = parsed(one)
    assert str(message.segment("MSH")[9]) == "ORU^R01^ORU_R01"
    assert fields(message, "MSH", 3, 4, 5, 6) == ["FACIALIS", "CLINIC", "EHR", "KIS"]
    assert fields(message, "MSH", 10, 12, 18) == ["CTL1", "2.5.1", "UNICODE UTF-8"]
    assert str(message.segment("PID")[3]) == "PH-0042^^^1.2.276.0.99^MR"
    assert fields(message, "PID", 5, 7, 8) == ["Phantom^Paula", "19610309", "F"]
    assert str(message.segment("OBR")[7]) == "20241016093000"
    assert (str(message.segment("OBR")[18]), str(message.segment("OBR")[25])) == ("ACC-1", "P")
    found = observed(message)
    for item in PREDICTED_ITEMS:
        segment = found[f"EF-{item.id}"]
        assert (str(segment[2]), str(segment[6]), str(segment[11])) == ("NM", "{score}^score^UCUM", "P")
        assert float(str(segment[5])) == next(s.value for s in one.scores if s.code == f"EF-{item.id}")
    assert str(found["128740"][5]) == "188"
    assert str(found["113014"][5]) == "1.2.3"
    data = found["18748-4"][5][0]
    assert [str(part) for part in data][:4] == ["FACIALIS", "application", "pdf", "Base64"]
    assert base64.b64decode(str(data[4])) == PDF
    notes = [str(segment[3]) for segment in message.segments("NTE")]
    assert notes[0] == "Commissioning model: not for clinical use"


def test_a_signed_report_is_final_and_a_message_made_again_is_the_same() -> None:
    one = replace(result(), final=True, signed_by="Dr. A. Phantom")
    assert str(parsed(one).segment("NTE")[3]) == "Signed off by Dr. A. Phantom"
    assert str(parsed(one).segment("OBR")[25]) == "F"
    assert {str(segment[11]) for segment in parsed(one).segments("OBX")} == {"F"}
    again = Result.from_json(one.to_json())
    assert again == one
    assert make_message(again, PDF, SETTINGS, "C") == make_message(one, PDF, SETTINGS, "C")


def test_parts_and_the_components_of_the_report_are_settable() -> None:
    settings = MessageSettings(parts=("pdf",), pdf_data=("", "AP", "PDF", "Base64"), pdf_code=("PDF", "", ""))
    found = observed(parsed(result(), settings))
    assert found.keys() == {"113014", "PDF"}
    assert [str(part) for part in found["PDF"][5][0]][:4] == ["", "AP", "PDF", "Base64"]
    assert "18748-4" not in observed(parsed(result(), MessageSettings(parts=("scores",))))


@pytest.mark.parametrize("text", ["a|b^c&d~e\\f", "Straße", "two\nlines", "", "\\H\\"])
def test_what_looks_like_a_separator_comes_back_as_it_was(text: str) -> None:
    assert unescaped(escaped(text)) == text
    assert not set(escaped(text)) & set("|^&~\r\n")


def test_names_with_separators_stay_in_their_field() -> None:
    one = result()
    message = parsed(replace(one, patient=replace(one.patient, name="O|Neil^Ann&a^~^Dr")))
    assert str(message.segment("PID")[5]) == "O\\F\\Neil^Ann\\T\\a^\\R\\^^Dr"
    assert str(message.segment("PID")[7]) == "19610309"


def test_a_character_set_that_cannot_carry_the_name_is_told() -> None:
    one = result()
    russian = replace(one, patient=replace(one.patient, name="Иванова^Анна"))
    assert str(parsed(russian).segment("PID")[5]) == "Иванова^Анна"
    with pytest.raises(CharacterSetError, match="8859/1"):
        make_message(russian, PDF, MessageSettings(character_set="8859/1"), "C")
    german = replace(one, patient=replace(one.patient, name="Müller^Änne"))
    latin = MessageSettings(character_set="8859/1")
    assert str(parsed(german, latin, "iso8859-1").segment("PID")[5]) == "Müller^Änne"


def test_control_ids_are_short_and_differ_by_document_destination_and_retry() -> None:
    ids = {
        control_id(*parts)
        for parts in (("1.2", "EHR", 0), ("1.3", "EHR", 0), ("1.2", "KIS", 0), ("1.2", "EHR", 1))
    }
    assert len(ids) == 4
    assert {len(one) for one in ids} == {20}
    assert control_id("1.2", "EHR", 0) in ids


def test_times_are_written_to_the_second_and_days_read_from_their_start() -> None:
    assert timestamp(dt.datetime(2026, 3, 1, 10, 30, tzinfo=dt.UTC)) == "20260301103000+0000"
    assert timestamp(dt.date(2026, 3, 1)) == "20260301"
    assert parse_day("20260301103000+0100") == dt.date(2026, 3, 1)
    assert parse_day("20260229") is parse_day("2026") is parse_day("") is parse_day("2026-03-01") is None


def ack(code: str, control: str = "CTL1", rest: str = "", more: str = "") -> bytes:
    head = "MSH|^~\\&|EHR|KIS|FACIALIS|CLINIC|20260101||ACK|9|P|2.5.1"
    return f"{head}\rMSA|{code}|{control}{rest}\r{more}".encode()


@pytest.mark.parametrize("code", ["AA", "CA"])
def test_a_taken_message_is_done(code: str) -> None:
    assert read_answer(ack(code), "CTL1").ok


@pytest.mark.parametrize(("code", "transient"), [("AE", True), ("CE", True), ("AR", False), ("CR", False)])
def test_a_refusal_keeps_the_peers_words(code: str, transient: bool) -> None:
    more = "ERR||PID^1^3|204^Unknown key identifier^HL70357|E||||Patient unknown here\r"
    outcome = read_answer(ack(code, rest="|no such patient", more=more), "CTL1")
    assert (outcome.ok, outcome.transient, outcome.reached) == (False, transient, True)
    assert outcome.words == f"{code} no such patient Patient unknown here 204 Unknown key identifier HL70357"


@pytest.mark.parametrize("answer", [b"", b"MSH|", b"nonsense", ack("AA", "OTHER"), ack("XX"), ack("")])
def test_an_answer_that_is_none_leaves_it_open_whether_the_message_was_taken(answer: bytes) -> None:
    with pytest.raises(PeerUnavailableError):
        read_answer(answer, "CTL1")
