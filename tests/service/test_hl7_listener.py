"""The HL7 v2 listener over real connections: identity, merges, surgeries, and whatever can be wrong."""

import asyncio
import datetime as dt
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hl7
import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from dicom.peers import PeerUnavailableError
from dicom.tls import ClientTls
from service.hl7.listener import Listener, ListenerError, run_listener
from service.hl7.mailbox import apply_planned, forget
from service.hl7.mllp import END, START, MllpPeer, exchange, mllp_connection
from service.listener_settings import ORDERED, ListenerSettings, ProcedureRule
from service.records.audit_events import AuditEventKind
from service.records.models import AuditEvent, Message, MessageState, Patient, Surgery
from service.records.patients import find_patient, patient_for

YESTERDAY = dt.date.today() - dt.timedelta(days=1)
TOMORROW = dt.date.today() + dt.timedelta(days=1)
PID = "PID|1||FP-1^^^CLINIC^MR||Müller^Änne^Maria^jr.^Dr.||19600229|F"


def message(
    trigger: str, *segments: str, control: str = "1", charset: str = "UNICODE UTF-8", **msh: str
) -> str:
    version = msh.get("version", "2.5.1")
    accept = "AL|NE" if "accept" in msh else "|"
    parties = "KIS|CLINIC|FACIALIS|CLINIC"
    head = f"MSH|^~\\&|{parties}|20260101||{trigger}|{control}|P|{version}|||{accept}||{charset}"
    return "".join(f"{segment}\r" for segment in (head, *segments))


@contextmanager
def listening(engine: Engine, **settings: object) -> Iterator[MllpPeer]:
    """A listener in a thread."""
    chosen = ListenerSettings.model_validate({"port": 1, "message_seconds": 1, **settings})
    chosen = chosen.model_copy(update={"port": 0})
    started = threading.Event()
    held: list[tuple[Listener, asyncio.AbstractEventLoop]] = []

    async def run() -> None:
        listener = Listener(engine, chosen)
        held.append((listener, asyncio.get_running_loop()))
        task = asyncio.create_task(listener.run())
        await listener.ready.wait()
        started.set()
        await task

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        assert started.wait(10)
        yield MllpPeer("127.0.0.1", held[0][0].port)
    finally:
        held[0][1].call_soon_threadsafe(held[0][0].stop.set)
        thread.join(10)


@pytest.fixture
def peer(engine: Engine) -> Iterator[MllpPeer]:
    with listening(engine) as found:
        yield found


def send(peer: MllpPeer, *messages: str | bytes) -> list[hl7.Message]:
    """The acknowledgements of messages over one connection."""
    with mllp_connection(peer, 5) as connection:
        answers = [exchange(connection, one if isinstance(one, bytes) else one.encode()) for one in messages]
    return [hl7.parse(answer.decode()) for answer in answers]


def code(answer: hl7.Message) -> str:
    return str(answer.segment("MSA")[1])


def words(answer: hl7.Message) -> str:
    return str(answer.segment("MSA")[3])


def rows(engine: Engine) -> list[Message]:
    with Session(engine) as session:
        return list(session.scalars(select(Message).order_by(Message.id)))


def known(engine: Engine, *ids: str, issuer: str = "CLINIC") -> None:
    with Session(engine) as session, session.begin():
        for one in ids:
            patient_for(session, one, issuer)


def patient(engine: Engine, number: str = "FP-1", issuer: str = "CLINIC") -> Patient | None:
    with Session(engine) as session:
        found = find_patient(session, number, issuer)
        if found is not None:
            assert found.surgeries is not None
        return found


def test_identity_of_a_patient_on_record_is_brought_up_to_date(engine: Engine, peer: MllpPeer) -> None:
    triggers = ("ADT^A01", "ADT^A04", "ADT^A08", "ADT^A28", "ADT^A31")
    numbers = [trigger[-2:] for trigger in triggers]
    known(engine, *(f"FP-{number}" for number in numbers))
    answers = send(
        peer, *(message(one, PID.replace("FP-1", f"FP-{one[-2:]}"), control=one[-2:]) for one in triggers)
    )
    assert [(code(one), str(one.segment("MSA")[2])) for one in answers] == [("AA", one) for one in numbers]
    for number, row in zip(numbers, rows(engine), strict=True):
        found = patient(engine, f"FP-{number}")
        assert found is not None
        assert (found.name, found.birth_date) == ("Müller^Änne^Maria^Dr.^jr.", dt.date(1960, 2, 29))
        assert found.sex == "F"
        assert (row.state, row.answer_code, row.patient_key) == (MessageState.APPLIED, "AA", found.id)


def test_a_correction_overwrites_and_what_was_before_is_kept(engine: Engine, peer: MllpPeer) -> None:
    known(engine, "FP-1")
    maiden = PID.replace("Müller", "Schmidt")
    send(peer, message("ADT^A08", maiden), message("ADT^A08", PID, control="2"))
    found = patient(engine)
    assert found is not None
    assert found.name.startswith("Müller")
    # What a message leaves empty, or names as nothing, does not empty the record.
    send(peer, message("ADT^A08", 'PID|1||FP-1^^^CLINIC^MR||""||""|', control="3"))
    found = patient(engine)
    assert found is not None
    assert (found.name[:6], found.sex) == ("Müller", "F")


def test_people_who_are_no_patients_here_are_left_and_not_kept(engine: Engine, peer: MllpPeer) -> None:
    (answer,) = send(peer, message("ADT^A01", PID))
    assert code(answer) == "AA"
    assert patient(engine) is None
    (row,) = rows(engine)
    assert (row.state, row.content) == (MessageState.LEFT, None)


def test_patients_are_made_where_that_is_set(engine: Engine) -> None:
    with listening(engine, new_patients=True, issuers={"KIS-AA": "CLINIC"}) as peer:
        pid = PID.replace("^^^CLINIC^MR", "^^^KIS-AA&1.2.3&ISO^MR~999^^^SS^SS")
        send(peer, message("ADT^A04", pid))
    assert patient(engine) is not None
    assert patient(engine, "999", "SS") is None


def test_the_same_message_again_has_the_same_answer_and_no_second_effect(
    engine: Engine, peer: MllpPeer
) -> None:
    known(engine, "FP-1")
    first = message("ADT^A08", PID)
    with mllp_connection(peer, 5) as connection:
        answer = exchange(connection, first.encode())
        exchange(connection, message("ADT^A08", PID.replace("Müller", "Schmidt"), control="2").encode())
        assert exchange(connection, first.encode()) == answer
    found = patient(engine)
    assert found is not None
    assert found.name.startswith("Schmidt")
    assert len(rows(engine)) == 2
    # A sender that counts anew: another message under a number that was used before.
    send(peer, message("ADT^A08", PID.replace("Müller", "Weber")))
    found = patient(engine)
    assert found is not None
    assert found.name.startswith("Weber")


def test_a_message_that_changed_nothing_is_tried_anew_when_it_comes_again(engine: Engine) -> None:
    """Integration engines send again, unchanged, what was refused, once what was wrong is set right."""
    order = message("ORM^O01", PID, "ORC|NW|O-1", OBR.replace("^^^^L", ""), control="7")
    update_ = message("ADT^A08", PID, control="8")
    with listening(engine) as peer:
        refused, left = send(peer, order, update_)
    assert (code(refused), "side" in words(refused)) == ("AE", True)
    assert "not on record" in words(left)
    known(engine, "FP-1")
    rule = ORDERED.model_copy(update={"codes": {"5-044": "R"}})
    with listening(engine, procedures=[rule.model_dump()]) as peer:
        assert [code(one) for one in send(peer, order, update_)] == ["AA", "AA"]
    assert surgeries(engine) == [(YESTERDAY, "Nerve graft", "R")]
    found = patient(engine)
    assert found is not None
    assert found.name.startswith("Müller")
    assert [(one.state, one.answer_code) for one in rows(engine)] == [(MessageState.APPLIED, "AA")] * 2


def test_two_messages_in_one_frame_are_refused_and_neither_is_used(engine: Engine, peer: MllpPeer) -> None:
    known(engine, "FP-1", "FP-2")
    both = message("ADT^A08", PID) + message("ADT^A08", PID.replace("FP-1", "FP-2"), control="2")
    (answer,) = send(peer, both)
    assert (code(answer), "two messages" in words(answer)) == ("AR", True)
    found = patient(engine)
    assert found is not None
    assert found.name == ""


def test_a_date_of_death_is_taken_back_by_who_says_that_the_patient_lives(
    engine: Engine, peer: MllpPeer
) -> None:
    known(engine, "FP-1")
    dead, alive = ("|" * 21 + one for one in ("20240101|Y", "|N"))
    send(peer, message("ADT^A08", PID + dead))
    found = patient(engine)
    assert found is not None
    assert found.death_date == dt.date(2024, 1, 1)
    send(peer, message("ADT^A08", PID, control="2"), message("ADT^A08", PID + alive, control="3"))
    found = patient(engine)
    assert found is not None
    assert found.death_date is None


def test_a_merge_is_followed_in_the_audit_trail_and_one_that_changes_nothing_is_not_in_it(
    engine: Engine, peer: MllpPeer
) -> None:
    known(engine, "FP-1", "FP-2")
    gone = patient(engine, "FP-2")
    assert gone is not None
    circle = [("FP-1", "FP-2"), ("FP-2", "FP-1"), ("FP-1", "FP-2")]
    answers = send(
        peer,
        *(
            message("ADT^A40", PID.replace("FP-1", stays), f"MRG|{goes}^^^CLINIC^MR", control=str(number))
            for number, (stays, goes) in enumerate(circle)
        ),
        message("ADT^A40", PID, "MRG|FP-1^^^CLINIC^MR", control="self"),
    )
    assert [code(one) for one in answers] == ["AA", "AA", "AA", "AE"]
    assert "both ids are the same" in words(answers[-1])
    with Session(engine) as session:
        merges = select(AuditEvent).filter_by(kind=AuditEventKind.PATIENT_MERGED)
        (event,) = session.scalars(merges)
    stays = patient(engine)
    assert stays is not None
    assert (event.patient_key, event.detail["other"]) == (stays.id, gone.id)


@pytest.mark.parametrize("trigger", ["ADT^A40", "ADT^A18", "ADT^A34"])
def test_a_merge_moves_one_record_to_the_other(engine: Engine, peer: MllpPeer, trigger: str) -> None:
    known(engine, "FP-1", "FP-2")
    (answer,) = send(peer, message(trigger, PID, "MRG|FP-2^^^CLINIC^MR"))
    assert code(answer) == "AA"
    stays, gone = patient(engine), patient(engine, "FP-2")
    assert stays is not None
    assert gone is not None
    assert stays.id == gone.id


def test_a_merge_of_two_unknown_people_is_left(engine: Engine, peer: MllpPeer) -> None:
    (answer,) = send(peer, message("ADT^A40", PID, "MRG|FP-2^^^CLINIC^MR"))
    assert (code(answer), rows(engine)[0].state) == ("AA", MessageState.LEFT)


OBR = f"OBR|1|O-1||5-044^Nerve graft^OPS|||{YESTERDAY:%Y%m%d}||||||||face^^^^L"


def surgeries(engine: Engine) -> list[tuple[dt.date, str, str]]:
    with Session(engine) as session:
        return [(one.performed_on, one.procedure, one.side) for one in session.scalars(select(Surgery))]


def test_an_order_of_a_past_day_is_a_surgery(engine: Engine, peer: MllpPeer) -> None:
    known(engine, "FP-1")
    (answer,) = send(peer, message("ORM^O01", PID, "ORC|NW|O-1", OBR))
    assert code(answer) == "AA"
    assert surgeries(engine) == [(YESTERDAY, "Nerve graft", "L")]
    send(peer, message("ORM^O01", PID, "ORC|NW|O-1", OBR, control="2"))
    assert len(surgeries(engine)) == 1


def test_the_place_of_a_procedure_is_settable_and_other_procedures_are_left(engine: Engine) -> None:
    rule = ProcedureRule(
        triggers=("DFT^P03",), segment="PR1", dates=("PR1-5",), procedure="PR1-4", code="PR1-3.1",
        surgeon="PR1-11.2", codes={"5-044.0": "R"},
    )  # fmt: skip
    known(engine, "FP-1")
    day = f"{YESTERDAY:%Y%m%d}1030"
    with listening(engine, procedures=(rule.model_dump(),)) as peer:
        answers = send(
            peer,
            message("DFT^P03", PID, f"PR1|1||5-044.0^x|Jump graft|{day}||||||1^Bell",
                    f"PR1|2||5-470^x|Appendectomy|{day}"),
            message("DFT^P03", PID, f"PR1|1||5-470^x|Appendectomy|{day}", control="2"),
        )  # fmt: skip
    assert list(map(code, answers)) == ["AA", "AA"]
    assert surgeries(engine) == [(YESTERDAY, "Jump graft", "R")]
    assert [row.state for row in rows(engine)] == [MessageState.APPLIED, MessageState.LEFT]


def scheduled(trigger: str, day: dt.date, control: str) -> str:
    when = f"{day:%Y%m%d}0800"
    appointment, procedure = f"SCH|APP-1||||||||||^^^{when}", f"AIS|1||5-044^Nerve graft|{when}"
    return message(trigger, appointment, PID, procedure, control=control)


def test_a_planned_surgery_is_recorded_once_its_day_is_over(engine: Engine) -> None:
    rule = ProcedureRule(
        triggers=("SIU^S12", "SIU^S13"), segment="AIS", dates=("AIS-4",), procedure="AIS-3.2",
        code="AIS-3.1", order="SCH-1.1", codes={"5-044": "L"},
    )  # fmt: skip
    settings = ListenerSettings(procedures=(rule,))
    known(engine, "FP-1")
    later = TOMORROW + dt.timedelta(days=7)
    with listening(engine, procedures=(rule.model_dump(),)) as peer:
        answers = send(peer, scheduled("SIU^S12", TOMORROW, "1"), scheduled("SIU^S13", later, "2"))
        assert list(map(code, answers)) == ["AA", "AA"]
        assert [row.state for row in rows(engine)] == [MessageState.REPLACED, MessageState.WAITING]
        assert apply_planned(engine, settings) == 0
        day = dt.date.today() - dt.timedelta(days=2)
        with Session(engine) as session, session.begin():
            # As if time had passed.
            moved = scheduled("SIU^S13", day, "2").encode()
            waiting = Message.state == MessageState.WAITING
            session.execute(update(Message).where(waiting).values(due_on=day, content=moved))
        assert apply_planned(engine, settings) == 1
        assert surgeries(engine) == [(day, "Nerve graft", "L")]
        send(peer, scheduled("SIU^S12", TOMORROW, "3"), scheduled("SIU^S15", TOMORROW, "4"))
    assert [row.state for row in rows(engine)][2:] == [MessageState.REPLACED, MessageState.APPLIED]


REFUSED = [
    (message("ADT^A08", "PID|1||||Müller"), "AE", "PID-3 holds no identifier"),
    (message("ADT^A08"), "AE", "the segment PID is missing"),
    (message("ADT^A40", PID), "AE", "the segment MRG is missing"),
    (message("ADT^A40", PID, "MRG|^^^CLINIC"), "AE", "MRG-1 holds no identifier"),
    (message("ADT^A40", PID, "MRG|X^^^CLINIC^MR").replace("FP-1", "9" * 65), "AE", "longer than 64"),
    (message("ORM^O01", PID, "ORC|CA|"), "AE", "does not name the order"),
    (message("SIU^S15", PID), "AE", "does not name the appointment"),
    (message("ADT^A99", PID), "AR", "this trigger event is not used here"),
    (message("XYZ^A01", PID), "AR", "messages of this type are not used here"),
    (message("ADT", PID), "AR", "this trigger event is not used here"),
    (message("ADT^A08", PID, charset="KLINGON"), "AR", "character set of MSH-18 is not known"),
    (message("ADT^A08", PID, charset="ASCII"), "AE", "not in the character set of MSH-18"),
    (message("ADT^A08", PID, version="3.0"), "AR", "only versions 2.x"),
    (message("ADT^A08", PID, control=""), "AE", "MSH-10, the control id, is empty"),
    ("PID|1||FP-1", "AR", "does not start with MSH"),
    ("", "AR", "does not start with MSH"),
    (message("ADT^A08", PID + "\0"), "AE", "NUL"),
    (message("ADT^A08", PID.replace("Änne", "\\X00\\")), "AE", "NUL"),
    (message("ADT^A08", PID.replace("FP-1", "FP\a-1")), "AE", "control character"),
    (message("ADT^A08", PID.replace("19600229", "19610229")), "AE", "PID-7 is no day"),
    (message("ORM^O01", PID, OBR.replace(f"{YESTERDAY:%Y%m%d}", "20240230")), "AE", "OBR-7 is no day"),
    (message("ORM^O01", PID, OBR.replace("Nerve", "Ner\x1bve")), "AE", "in one line"),
    (message("ORM^O01", PID, OBR.replace("^^^^L", "")), "AE", "side of the procedure is missing"),
    (message("ORM^O01", PID, "OBR|1|O-1||5-044^Graft"), "AE", "day of the procedure is missing"),
    (
        message("ORM^O01", PID, "ORC|NW|O-1", OBR.replace(f"{YESTERDAY:%Y%m%d}", "19500101")),
        "AE",
        "lies before the patient's birth",
    ),
]  # fmt: skip


def test_what_is_wrong_is_told_kept_and_changes_nothing(engine: Engine, peer: MllpPeer) -> None:
    known(engine, "FP-1")
    sent = [one for one, _, _ in REFUSED]
    *refused, taken = send(peer, *sent, message("ADT^A31", PID, control="after"))
    for answer, (one, expected, said) in zip(refused, REFUSED, strict=True):
        assert (code(answer), said in words(answer)) == (expected, True), (one, words(answer))
        assert str(answer.segment("ERR")[4]) == "E"
        assert "Müller" not in str(answer)
    assert code(taken) == "AA"
    *kept, last = rows(engine)
    for row, one in zip(kept, sent, strict=True):
        # Of what is not used here the text is not kept: it may be about anybody.
        assert row.content == (None if "not used here" in row.words else one.encode())
    assert {row.state for row in kept} == {MessageState.REFUSED}
    assert last.state is MessageState.APPLIED
    assert surgeries(engine) == []


def test_identifiers_of_two_patients_are_not_merged_silently(engine: Engine, peer: MllpPeer) -> None:
    known(engine, "FP-1", "FP-2")
    (answer,) = send(peer, message("ADT^A08", PID.replace("^MR", "^MR~FP-2^^^CLINIC^MR", 1)))
    assert (code(answer), "merge them by A40" in words(answer)) == ("AE", True)


@pytest.mark.parametrize(
    ("charset", "codec"),
    [("8859/1", "latin-1"), ("", "utf-8"), ("8859/15", "iso8859-15"), ("8859/1~UNICODE", "latin-1")],
)
def test_text_is_read_by_its_character_set(engine: Engine, peer: MllpPeer, charset: str, codec: str) -> None:
    known(engine, "FP-1")
    (answer,) = send(peer, message("ADT^A08", PID, charset=charset).encode(codec))
    assert code(answer) == "AA"
    found = patient(engine)
    assert found is not None
    assert found.name.startswith("Müller^Änne")


def test_enhanced_mode_is_answered_by_its_own_codes(engine: Engine, peer: MllpPeer) -> None:
    known(engine, "FP-1")
    answers = send(
        peer, message("ADT^A08", PID, accept="yes"), message("ADT^A99", PID, control="2", accept="yes")
    )
    assert list(map(code, answers)) == ["CA", "CR"]


BROKEN = [
    (b"MSH|no frame", "does not start with 0x0B"),
    (START + b"MSH|^~\\&|never ends", "end, 0x1C 0x0D, did not come"),
    (START + b"x" * 5000 + END, "more than 4096 bytes"),
    (b"\r\n\x00", "does not start with 0x0B"),
]


@pytest.mark.parametrize(("sent", "said"), BROKEN)
def test_a_broken_frame_is_answered_and_the_listener_goes_on(engine: Engine, sent: bytes, said: str) -> None:
    with listening(engine, max_message_bytes=4096, message_seconds=0.3) as peer:
        with socket.create_connection((peer.host, peer.port), 5) as connection:
            connection.sendall(sent)
            answer = b""
            while chunk := connection.recv(4096):
                answer += chunk
        assert b"MSA|AR" in answer
        assert said.encode() in answer
        known(engine, "FP-1")
        (taken,) = send(peer, message("ADT^A08", PID))
        assert code(taken) == "AA"


def test_tls_is_spoken_with_a_certificate_and_nothing_else_is_heard(
    engine: Engine, certificate: tuple[Path, Path]
) -> None:
    known(engine, "FP-1")
    tls = {"certificate": certificate[0], "key": certificate[1]}
    with listening(engine, tls=tls) as plain:
        secured = MllpPeer(plain.host, plain.port, ClientTls(certificate[0]))
        (answer,) = send(secured, message("ADT^A08", PID))
        assert code(answer) == "AA"
        with pytest.raises(PeerUnavailableError):
            send(plain, message("ADT^A08", PID, control="2"))
    assert len(rows(engine)) == 1


def test_strangers_are_not_heard(engine: Engine) -> None:
    with listening(engine, known_addresses=["10.0.0.0/8"]) as peer, pytest.raises(PeerUnavailableError):
        send(peer, message("ADT^A08", PID))
    assert rows(engine) == []


def test_a_message_that_was_kept_but_not_used_is_used_later(engine: Engine) -> None:
    known(engine, "FP-1")
    with Session(engine) as session, session.begin():
        session.add(
            Message(
                sender="KIS|CLINIC", control_id="1", digest="d", trigger="ADT^A08", address="",
                content=message("ADT^A08", PID).encode(), state=MessageState.RECEIVED,
            )
        )  # fmt: skip
    assert apply_planned(engine, ListenerSettings()) == 1
    assert rows(engine)[0].state is MessageState.APPLIED
    found = patient(engine)
    assert found is not None
    assert found.sex == "F"


def test_texts_are_dropped_after_their_days(engine: Engine, peer: MllpPeer) -> None:
    known(engine, "FP-1")
    send(peer, message("ADT^A08", PID))
    forget(engine, ListenerSettings(keep_days=1))
    assert rows(engine)[0].content is not None
    forget(engine, ListenerSettings(keep_days=0))
    assert rows(engine)[0].content is None
    assert rows(engine)[0].answer is not None


def test_a_listener_without_a_port_or_with_a_taken_one_says_so(engine: Engine, peer: MllpPeer) -> None:
    with pytest.raises(ListenerError, match="FACIALIS_LISTENER__PORT"):
        run_listener(engine, ListenerSettings())
    with pytest.raises(ListenerError, match="cannot listen"):
        run_listener(engine, ListenerSettings(port=peer.port))
