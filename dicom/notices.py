"""What peers tell a receiver besides sending objects: of storage commitment, and that a series has ended."""

from collections.abc import Callable, Sequence
from typing import Any

from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.events import Event
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    InstanceAvailabilityNotification,
    ModalityPerformedProcedureStep,
    StorageCommitmentPushModel,
)

from dicom.announcements import EndedSeries, read_availability, read_performed_step
from dicom.commitment import CommitmentReport, read_report
from dicom.committing import CommitmentRequest, read_request
from dicom.listening import peer_of
from dicom.statuses import INVALID_ARGUMENT, NOT_AUTHORIZED, PROCESSING_FAILURE, SUCCESS
from grading.errors import FacialisError

ANNOUNCING = (InstanceAvailabilityNotification, ModalityPerformedProcedureStep)
"""The SOP classes by which a site may say that a series has ended."""


class Notices:
    """Hands on what peers tell; what nobody is there to hear is not offered to them.

    ``on_commitment`` is called with what peers report of our requests for storage commitment; ``commit`` with
    what they ask of us, and says whether it takes that on; ``on_ended`` with the series that they say have
    ended. Each may raise a `FacialisError`, upon which the peer hears of a failure.
    """

    def __init__(
        self,
        log: Any,
        on_commitment: Callable[[CommitmentReport], None] | None,
        commit: Callable[[CommitmentRequest], bool] | None,
        on_ended: Callable[[Sequence[EndedSeries]], None] | None,
    ) -> None:
        self._log = log
        self._on_commitment = on_commitment
        self._commit = commit
        self._on_ended = on_ended

    def offer(self, entity: ApplicationEntity) -> None:
        """Let ``entity`` accept what there is somebody to hear."""
        if self._on_commitment is not None or self._commit is not None:
            # A peer that answers our request to commit opens the association, and is its SCP.
            entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
        if self._on_ended is not None:
            for sop_class in ANNOUNCING:
                entity.add_supported_context(sop_class)

    def handlers(self) -> list[Any]:
        """Events of pynetdicom with what takes them."""
        return [
            (evt.EVT_N_EVENT_REPORT, self._report),
            (evt.EVT_N_ACTION, self._request),
            (evt.EVT_N_CREATE, self._created),
            (evt.EVT_N_SET, self._set),
        ]

    def _report(self, event: Event) -> tuple[int, None]:
        assert self._on_commitment is not None  # noqa: S101 - else its presentation context is refused
        try:
            self._on_commitment(read_report(event.event_information))
        except FacialisError as error:
            self._log.warning("receiver.commitment_not_noted", code=error.code, **peer_of(event.assoc))
            return PROCESSING_FAILURE, None
        return SUCCESS, None

    def _request(self, event: Event) -> tuple[int, None]:
        peer = peer_of(event.assoc)
        request = read_request(event.action_information, peer["calling_ae"])
        if request is None:
            status, outcome = INVALID_ARGUMENT, "nothing that can be read"
        else:
            status, outcome = self._take_on(request)
        self._log.info("receiver.commitment_asked", status=f"0x{status:04X}", outcome=outcome, **peer)
        return status, None

    def _take_on(self, request: CommitmentRequest) -> tuple[int, str]:
        try:
            if self._commit is None or not self._commit(request):
                return NOT_AUTHORIZED, "not among the commitment peers"
        except FacialisError as error:
            return PROCESSING_FAILURE, error.code
        return SUCCESS, "taken on"

    def _created(self, event: Event) -> tuple[int, None]:
        if event.request.AffectedSOPClassUID == InstanceAvailabilityNotification:
            return self._announce(event, read_availability(event.attribute_list)), None
        # The step begins; a camera that does no more than this is done at once.
        return self._announce(event, read_performed_step(event.attribute_list)), None

    def _set(self, event: Event) -> tuple[int, None]:
        return self._announce(event, read_performed_step(event.modification_list)), None

    def _announce(self, event: Event, ended: Sequence[EndedSeries]) -> int:
        assert self._on_ended is not None  # noqa: S101 - else its presentation context is refused
        try:
            self._on_ended(ended)
        except FacialisError as error:
            self._log.warning("receiver.announcement_not_taken", code=error.code, **peer_of(event.assoc))
            return PROCESSING_FAILURE
        return SUCCESS
