"""Answers senders that ask whether we keep what they sent (storage commitment)."""

import threading
from collections.abc import Iterable

import structlog
from sqlalchemy import Engine, select

from dicom.committing import CommitmentRequest, report_commitment
from grading.errors import FacialisError
from service.database import transaction
from service.peers import asker
from service.records import commitment_questions
from service.records.commitment_questions import Question
from service.records.models import KeptObject, Photo
from service.settings import Settings
from service.storage import Storage

log = structlog.get_logger()

FIRST_PAUSE = 1.0
"""Seconds before the second attempt to report; it doubles with each further one, up to an hour."""
STOP_SECONDS = 5.0
"""How long the end of the process waits for a report that is under way."""
LOOK_SECONDS = 5.0
"""How often it is looked for requests that are due again."""


class Committer:
    """Keeps requests of the peers that the settings name, and reports to them from a thread of its own.

    A request is on record before it is answered, and stays until its report was taken, for three days at
    most: neither a peer that is away nor the end of this process loses it.
    """

    def __init__(self, engine: Engine, storage: Storage, settings: Settings) -> None:
        self.engine = engine
        self.storage = storage
        self.peers = {known.ae_title: asker(known) for known in settings.receiver.commitment_peers}
        self.ae_title = settings.receiver.ae_title
        self._asked = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="committing", daemon=True)

    def start(self) -> None:
        """Begin to report, also on what was asked before this process was there."""
        if self.peers:
            self._thread.start()

    def stop(self) -> None:
        """Report no more; what was not reported stays on record."""
        self._over.set()
        self._asked.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def ask(self, request: CommitmentRequest) -> bool:
        """Take the request on; False where it is not known how to reach the sender.

        Raises:
            DatabaseUnavailableError: it cannot be kept now.
        """
        if request.calling_ae not in self.peers:
            return False
        with transaction(self.engine) as session:
            commitment_questions.keep(session, request.calling_ae, request.transaction_uid, request.objects)
        self._asked.set()
        return True

    def kept(self, objects: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of the objects that are recorded, under their class, and whose file is there."""
        uids = [uid for _, uid in objects]
        with transaction(self.engine) as session:
            rows = [
                (row.header["sop_class_uid"], row.sop_instance_uid, row.storage_key)
                for model in (Photo, KeptObject)
                for row in session.execute(
                    select(model.header, model.sop_instance_uid, model.storage_key).where(
                        model.sop_instance_uid.in_(uids)
                    )
                )
            ]
        return {(kind, uid) for kind, uid, key in rows if self.storage.path(key).is_file()}

    def _work(self) -> None:
        while not self._over.is_set():
            self._asked.clear()
            try:
                while not self._over.is_set() and self._report_next():
                    pass
            # The database is away: what is on record waits for it.
            except FacialisError as error:
                log.warning("commitment.not_looked_for", code=error.code)
            # The thread's outermost loop: later requests are to be reported on all the same.
            except Exception as error:
                log.error("commitment.failed", kind=type(error).__name__)
            self._asked.wait(LOOK_SECONDS)

    def _report_next(self) -> bool:
        """Report on the request that has been due for longest; whether there was one."""
        with transaction(self.engine) as session:
            forgotten = commitment_questions.forget_old(session)
            question = commitment_questions.take(session)
        if forgotten:
            log.warning("commitment.given_up", requests=forgotten)
        if question is None:
            return False
        told = self._report(question)
        with transaction(self.engine) as session:
            if told:
                commitment_questions.end(session, question.number)
            else:
                commitment_questions.put_off(session, question, FIRST_PAUSE)
        return True

    def _report(self, question: Question) -> bool:
        """Report on a request; whether that is done with."""
        peer = self.peers.get(question.calling_ae)
        if peer is None:
            log.warning("commitment.given_up", reason="not among the commitment peers any more")
            return True
        request = CommitmentRequest(question.transaction_uid, question.objects, question.calling_ae)
        kept = self.kept(request.objects)
        try:
            report_commitment(request, kept, peer, calling_ae=self.ae_title)
        except FacialisError as error:
            log.warning("commitment.not_reported", code=error.code, attempt=question.attempts + 1)
            return False
        log.info("commitment.given", kept=len(kept), asked=len(request.objects))
        return True
