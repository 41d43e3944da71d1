"""Messages on record: each is kept before it is acknowledged, and answered the same when it comes again."""

import datetime as dt
import hashlib

import structlog
from sqlalchemy import Engine, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from service.database import transaction
from service.hl7.feed import Done, apply_message
from service.hl7.inbound import Header, read_header, read_inbound
from service.hl7.problems import (
    INTERNAL,
    UNSUPPORTED_EVENT,
    UNSUPPORTED_TYPE,
    MessageProblemError,
)
from service.hl7.reply import Answer, accepted, problem_answer
from service.listener_settings import ListenerSettings
from service.records import audit
from service.records.models import Message, MessageState
from service.settings import today

log = structlog.get_logger()

LONGEST = 200
PROCESS = "listener"
UNUSED = (MessageState.REFUSED, MessageState.LEFT)
"""What became of messages that changed nothing."""


def take_message(engine: Engine, block: bytes, address: str, settings: ListenerSettings) -> bytes:
    """Keep a message, do what it asks for, and return its acknowledgement.

    Raises:
        DatabaseUnavailableError: it could not be kept; it must not be answered, so that it is sent again.
    """
    try:
        header = read_header(block)
    except MessageProblemError as problem:
        header = Header(version="2.5.1")
        return _keep_refused(engine, block, header, address, problem)
    row_id = _keep(engine, block, header, address)
    try:
        return _process(engine, row_id, settings, address, block)
    except MessageProblemError as problem:
        # A fault of ours: nothing of it is stored, and the same message again is tried again.
        return problem_answer(header, problem, _now()).message


def apply_planned(engine: Engine, settings: ListenerSettings) -> int:
    """Record planned surgeries whose day is over, and what was kept but not used; how many messages."""
    with transaction(engine) as session:
        open_ = session.scalars(
            select(Message.id)
            .where(
                (Message.state == MessageState.RECEIVED)
                | (Message.state == MessageState.WAITING) & (Message.due_on < today())
            )
            .order_by(Message.id)
        ).all()
    for row_id in open_:
        try:
            _process(engine, row_id, settings, "")
        except MessageProblemError:
            log.error("message.not_used", message=row_id)
    return len(open_)


def forget(engine: Engine, settings: ListenerSettings) -> None:
    """Drop the texts of messages that were used more than ``keep_days`` ago."""
    with transaction(engine) as session:
        session.execute(
            update(Message)
            .where(
                Message.content.is_not(None),
                Message.state.not_in([MessageState.RECEIVED, MessageState.WAITING]),
                Message.received_at < func.clock_timestamp() - dt.timedelta(days=settings.keep_days),
            )
            .values(content=None)
        )


def _keep(engine: Engine, block: bytes, header: Header, address: str) -> int:
    """The number of the message's row, which stands once this returns."""
    key = {
        "sender": header.sender[:LONGEST].replace("\0", ""),
        "control_id": header.control_id[:LONGEST].replace("\0", ""),
        "digest": hashlib.sha256(block).hexdigest(),
    }
    with transaction(engine) as session:
        session.execute(
            insert(Message)
            .values(
                **key,
                trigger=header.trigger[:16].replace("\0", ""),
                address=address,
                content=block,
                state=MessageState.RECEIVED,
            )
            .on_conflict_do_nothing()
        )
        return session.execute(select(Message.id).filter_by(**key)).scalar_one()


def _keep_refused(
    engine: Engine, block: bytes, header: Header, address: str, problem: MessageProblemError
) -> bytes:
    answer = problem_answer(header, problem, _now())
    row_id = _keep(engine, block, header, address)
    with transaction(engine) as session:
        row = session.get_one(Message, row_id, with_for_update=True)
        if row.answer is None:
            _note(row, MessageState.REFUSED, str(problem), answer)
        return row.answer or answer.message


def _process(
    engine: Engine, row_id: int, settings: ListenerSettings, address: str, sent: bytes | None = None
) -> bytes:
    """Do what a kept message asks for, once; its acknowledgement.

    ``sent`` is its text where it comes from its sender, be it again: one that was refused or left before is
    then tried anew, since settings and records may have changed. Else it is one that waited for its day.

    Raises:
        MessageProblemError: an error of ours came between; nothing was stored.
    """
    with transaction(engine) as session:
        row = session.get_one(Message, row_id, with_for_update=True)
        resent = row.answer is not None and sent is not None
        if row.answer is not None and row.state not in (UNUSED if resent else (MessageState.WAITING,)):
            return row.answer
        if resent:
            row.content = sent
        header = read_header(row.content or b"")
        try:
            with session.begin_nested():
                done = _apply(session, row, header, settings, address, resent=resent)
        except MessageProblemError as problem:
            _note(row, MessageState.REFUSED, str(problem), problem_answer(header, problem, _now()))
            if problem.condition in (UNSUPPORTED_TYPE, UNSUPPORTED_EVENT):
                # Whom such a message is about is none of our business.
                row.content = None
            log.warning("message.refused", message=row.id, trigger=row.trigger, code=problem.condition.code)
        except OperationalError:
            raise
        except Exception as error:
            # Its text may quote the message, so only its kind is written down.
            log.error("message.broke_off", message=row_id, kind=type(error).__name__)
            raise MessageProblemError(
                INTERNAL, "an error inside; send the message again later", reject=True
            ) from None
        else:
            _note(row, done.state, done.words, accepted(header, done.words, _now()))
            row.order_id, row.due_on, row.patient_key = done.order_id[:LONGEST], done.due_on, done.patient
            if done.state is MessageState.LEFT:
                # Messages about people who are no patients here are none of our business.
                row.content = None
            log.info("message.taken", message=row.id, trigger=row.trigger, state=done.state.value)
        assert row.answer is not None  # noqa: S101 - just noted
        return row.answer


def _apply(
    session: Session, row: Message, header: Header, settings: ListenerSettings, address: str, *, resent: bool
) -> Done:
    message = read_inbound(row.content or b"", header, settings.character_set)
    actor = audit.system(PROCESS, address or None)
    done = apply_message(session, message, settings, actor, today())
    if done.replaces and done.order_id:
        session.execute(
            update(Message)
            .where(
                Message.sender == row.sender,
                Message.order_id == done.order_id[:LONGEST],
                Message.state == MessageState.WAITING,
                # What is sent again says the latest, whatever came in between.
                Message.id != row.id if resent else Message.id < row.id,
            )
            .values(state=MessageState.REPLACED)
        )
    session.flush()
    return done


def _note(row: Message, state: MessageState, words: str, answer: Answer) -> None:
    if row.answer is None or row.state in UNUSED:
        row.answer, row.answer_code = answer.message, answer.code
    row.state, row.words = state, words


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
