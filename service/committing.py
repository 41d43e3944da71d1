"""Answers senders that ask whether we keep what they sent (storage commitment)."""

import threading
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine, select

from dicom.committing import CommitmentRequest, report_commitment
from dicom.peers import Peer
from grading.errors import FacialisError
from service.database import transaction
from service.records.models import KeptObject, Photo
from service.settings import Settings
from service.storage import Storage

log = structlog.get_logger()

ATTEMPTS = 6
FIRST_PAUSE = 1.0
"""Seconds before the second attempt to report; it doubles with each further one."""


@dataclass(frozen=True)
class Committer:
    """Takes requests and reports to the peers that the settings name, each from a thread of its own.

    A report that cannot be delivered, or whose process ends first, is not made up for: the sender asks again,
    as it does when its request is lost.
    """

    engine: Engine
    storage: Storage
    settings: Settings

    def ask(self, request: CommitmentRequest) -> bool:
        """Take the request on; False where it is not known how to reach the sender."""
        for known in self.settings.receiver.commitment_peers:
            if known.ae_title == request.calling_ae:
                peer = Peer(known.ae_title, known.host, known.port)
                threading.Thread(target=self._report, args=(request, peer), daemon=True).start()
                return True
        return False

    def kept(self, request: CommitmentRequest) -> set[tuple[str, str]]:
        """Those of the objects that are recorded, under their class, and whose file is there."""
        uids = [uid for _, uid in request.objects]
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

    def _report(self, request: CommitmentRequest, peer: Peer) -> None:
        pause = threading.Event()
        for attempt in range(ATTEMPTS):
            try:
                kept = self.kept(request)
                report_commitment(request, kept, peer, calling_ae=self.settings.receiver.ae_title)
            except FacialisError as error:
                log.warning("commitment.not_reported", code=error.code, attempt=attempt + 1)
                pause.wait(FIRST_PAUSE * 2**attempt)
            else:
                log.info("commitment.given", kept=len(kept), asked=len(request.objects))
                return
