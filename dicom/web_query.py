"""An archive that speaks DICOMweb: series by QIDO-RS, objects by WADO-RS (PS3.18)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, TypeVar, cast

import requests
from dicomweb_client import DICOMwebClient
from pynetdicom.dsutils import encode

from dicom.archive import Fetched, QueryFailedError, SeriesRef, Take
from dicom.moments import format_date
from dicom.web import WebPeer, explain, web_client

_PAGE = 100
_AS_STORED = (("application/dicom", "*"),)
_STUDY, _SERIES, _INSTANCE = "0020000D", "0020000E", "00080018"
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class WebArchive:
    """A DICOMweb server. ``timeout`` (seconds) bounds the wait for each reply."""

    peer: WebPeer
    timeout: float = 60.0

    def series(self, first: date, last: date, modality: str) -> list[SeriesRef]:
        """The series of a modality in studies from ``first`` to ``last``, both included."""
        with web_client(self.peer, self.timeout) as client:
            days = {"StudyDate": f"{format_date(first)}-{format_date(last)}", "ModalitiesInStudy": modality}
            studies = self._search(partial(client.search_for_studies, search_filters=days), _STUDY)
            return [
                SeriesRef(study, uid)
                for study in studies
                for uid in self._search(
                    partial(client.search_for_series, study, search_filters={"Modality": modality}), _SERIES
                )
            ]

    def instances(self, series: SeriesRef) -> list[str]:
        """SOP Instance UIDs of a series."""
        with web_client(self.peer, self.timeout) as client:
            search = partial(client.search_for_instances, series.study_uid, series.series_uid)
            return self._search(search, _INSTANCE)

    def retrieve(self, series: SeriesRef, uids: Sequence[str], take: Take) -> None:
        """Have objects of a series sent to ``take``, in the transfer syntax that they are stored in."""
        with web_client(self.peer, self.timeout) as client:
            for uid in uids:
                fetched = self._retrieve(client, series, uid)
                if not take(fetched):
                    raise QueryFailedError(
                        "What was retrieved could not be kept; see the log, try again later."
                    )

    def _search(self, search: Callable[..., list[dict[str, Any]]], tag: str) -> list[str]:
        """All values of a UID, page by page: up to the first page that brings nothing new.

        A server that knows no pages sends the same one again.
        """
        found: dict[str, None] = {}
        while True:
            page = self._ask(partial(search, limit=_PAGE, offset=len(found)))
            new = [uid for uid in (_value(one, tag) for one in page) if uid not in found]
            if not new:
                return list(found)
            found |= dict.fromkeys(new)

    def _retrieve(self, client: DICOMwebClient, series: SeriesRef, uid: str) -> Fetched:
        dataset = self._ask(
            lambda: client.retrieve_instance(series.study_uid, series.series_uid, uid, media_types=_AS_STORED)
        )
        syntax = dataset.file_meta.TransferSyntaxUID
        data = encode(dataset, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
        if data is None:
            raise QueryFailedError(f"{self.peer} sent an object that cannot be read; see its log.")
        return Fetched(str(dataset.SOPClassUID), str(dataset.SOPInstanceUID), str(syntax), data)

    def _ask(self, request: Callable[[], _Answer]) -> _Answer:
        try:
            return request()
        except requests.RequestException as error:
            raise explain(error, self.peer) from None


def _value(found: dict[str, Any], tag: str) -> str:
    """The first value of an attribute in DICOM's JSON form (PS3.18 F.2)."""
    return cast(str, found[tag]["Value"][0])
