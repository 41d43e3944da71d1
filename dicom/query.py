"""The Query/Retrieve SCU (PS3.4 C): series by C-FIND in the study root, objects by C-GET or C-MOVE."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, cast

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import build_role, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from dicom.archive import Fetched, QueryFailedError, QueryRefusedError, SeriesRef, Take
from dicom.contexts import KINDS, SYNTAXES
from dicom.moments import format_date
from dicom.peers import Peer, PeerUnavailableError, association
from dicom.statuses import OUT_OF_RESOURCES, SUCCESS

_PENDING = (0xFF00, 0xFF01)
_WARNING = 0xB000
"""Sub-operations of a C-GET or C-MOVE ended, some of them badly."""


@dataclass(frozen=True)
class DimseArchive:
    """An archive that speaks C-FIND, and C-GET or C-MOVE.

    With ``move`` it sends to the AE title ``calling_ae``: its configuration has to name that one's address,
    and our receiver has to run there. ``timeout`` (seconds) bounds the wait for each reply.
    """

    peer: Peer
    calling_ae: str
    retrieve_by: Literal["get", "move"] = "get"
    timeout: float = 60.0

    def series(self, first: date, last: date, modality: str) -> list[SeriesRef]:
        """The series of a modality in studies from ``first`` to ``last``, both included."""
        found = []
        with self._open(StudyRootQueryRetrieveInformationModelFind) as opened:
            studies = _query(
                "STUDY",
                StudyDate=f"{format_date(first)}-{format_date(last)}",
                ModalitiesInStudy=modality,
                StudyInstanceUID="",
            )
            for study in self._find(opened, studies):
                query = _query(
                    "SERIES", StudyInstanceUID=study.StudyInstanceUID, Modality=modality, SeriesInstanceUID=""
                )
                found += [
                    SeriesRef(str(study.StudyInstanceUID), str(one.SeriesInstanceUID))
                    for one in self._find(opened, query)
                    # Archives that do not match on an attribute return all (PS3.4 C.2.2.1.3).
                    if one.get("Modality", modality) == modality
                ]
        return found

    def instances(self, series: SeriesRef) -> list[str]:
        """SOP Instance UIDs of a series."""
        query = _query(
            "IMAGE",
            StudyInstanceUID=series.study_uid,
            SeriesInstanceUID=series.series_uid,
            SOPInstanceUID="",
        )
        with self._open(StudyRootQueryRetrieveInformationModelFind) as opened:
            return [str(one.SOPInstanceUID) for one in self._find(opened, query)]

    def retrieve(self, series: SeriesRef, uids: Sequence[str], take: Take) -> None:
        """Have objects of a series sent: by C-GET to ``take``, by C-MOVE to our receiver."""
        query = _query(
            "IMAGE",
            StudyInstanceUID=series.study_uid,
            SeriesInstanceUID=series.series_uid,
            SOPInstanceUID=list(uids),
        )
        if self.retrieve_by == "move":
            with self._open(StudyRootQueryRetrieveInformationModelMove) as opened:
                replies = opened.send_c_move(
                    query, self.calling_ae, StudyRootQueryRetrieveInformationModelMove
                )
                self._follow(replies)
            return

        def on_store(event: Event) -> int:
            request = cast(C_STORE, event.request)
            fetched = Fetched(
                str(request.AffectedSOPClassUID),
                str(request.AffectedSOPInstanceUID),
                str(event.context.transfer_syntax),
                event.encoded_dataset(include_meta=False),
            )
            return SUCCESS if take(fetched) else OUT_OF_RESOURCES

        with self._open(StudyRootQueryRetrieveInformationModelGet, on_store) as opened:
            replies = opened.send_c_get(query, StudyRootQueryRetrieveInformationModelGet)
            self._follow(replies)

    @contextmanager
    def _open(self, model: UID, on_store: Any = None) -> Iterator[Association]:
        contexts = [build_context(model)]
        negotiation, handlers = [], []
        if on_store is not None:
            # Each syntax in a context of its own: in a common one, archives choose to decompress.
            contexts += [
                build_context(sop_class, syntax)
                for sop_class, kind in KINDS.items()
                for syntax in SYNTAXES[kind]
            ]
            negotiation = [build_role(sop_class, scp_role=True) for sop_class in KINDS]
            handlers = [(evt.EVT_C_STORE, on_store)]
        with association(
            self.peer,
            self.calling_ae,
            contexts,
            self.timeout,
            negotiation=negotiation,
            handlers=handlers,
        ) as opened:
            if not any(context.abstract_syntax == model for context in opened.accepted_contexts):
                raise QueryRefusedError(f"{self.peer} does not offer {model.name}: allow it there.")
            yield opened

    def _find(self, opened: Association, query: Dataset) -> list[Dataset]:
        replies = list(opened.send_c_find(query, StudyRootQueryRetrieveInformationModelFind))
        self._check(replies[-1][0] if replies else Dataset())
        return [found for status, found in replies if status.Status in _PENDING and found is not None]

    def _follow(self, replies: Iterator[tuple[Dataset, Dataset | None]]) -> None:
        """Wait for the end of sub-operations."""
        last = Dataset()
        for status, _ in replies:
            last = status
        self._check(last)

    def _check(self, last: Dataset) -> None:
        status = last.get("Status")
        if status is None:
            raise PeerUnavailableError(f"{self.peer} did not answer: try again later.")
        if status == SUCCESS:
            return
        if status == _WARNING:
            raise QueryFailedError(f"{self.peer} could not send every object; try again later.")
        kind = QueryFailedError if status & 0xFF00 == OUT_OF_RESOURCES else QueryRefusedError
        raise kind(f"{self.peer} answered 0x{status:04X}; its log says why.")


def _query(level: str, **keys: Any) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(query, keyword, value)
    return query
