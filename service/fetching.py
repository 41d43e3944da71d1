"""Back-filling history: series that an archive has and we do not, taken in as if they had been sent.

What is there already is not asked for again, so a run that was broken off is simply started anew.
"""

import datetime as dt
import hashlib
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import Engine, select

from dicom.archive import Archive, Fetched, SeriesRef, as_file
from dicom.durable import write_durably
from dicom.header_reading import read_header
from dicom.intake import Intake, ReceivedObject
from dicom.query import DimseArchive
from dicom.web_query import WebArchive
from grading.errors import FacialisError, PermanentError
from service.database import transaction
from service.peer_settings import AnySource, Source, WebSource
from service.peers import dicom_peer, web_peer
from service.records.models import KeptObject, Photo
from service.settings import Settings

WINDOW = dt.timedelta(days=31)
"""Studies are asked for by so many days at once: archives cut off long answers."""
RETRIEVE = 50
"""Objects per request."""

log = structlog.get_logger()


class UnknownSourceError(PermanentError):
    """The settings name no such source."""

    code = "fetch.source"


@dataclass(frozen=True)
class SeriesFetched:
    """What became of one series: objects in the archive, objects that were there already, what went wrong."""

    series: SeriesRef
    objects: int
    known: int
    error: FacialisError | None = None


class IntakeError(PermanentError):
    """What an archive sent could not be kept; the log says why."""

    code = "fetch.not_kept"


def open_archive(settings: Settings, name: str) -> Archive:
    """The archive of the settings with this name. Raises `UnknownSourceError`."""
    source = _find(settings.sources, name)
    if isinstance(source, Source):
        return DimseArchive(dicom_peer(source), settings.receiver.ae_title, source.retrieve)
    return WebArchive(web_peer(source))


def find_series(archive: Archive, first: dt.date, last: dt.date, modality: str) -> Iterator[SeriesRef]:
    """The archive's series of a modality, month by month, each once."""
    seen = set()
    while first <= last:
        until = min(first + WINDOW, last)
        for series in archive.series(first, until, modality):
            if series not in seen:
                seen.add(series)
                yield series
        first = until + dt.timedelta(days=1)


class Fetcher:
    """Takes series from an archive into the records and the storage.

    ``per_second`` bounds the objects retrieved, so that an archive in use is not slowed down.
    """

    def __init__(
        self, archive: Archive, engine: Engine, intake: Intake, spool: Path, name: str, per_second: float
    ) -> None:
        self._archive = archive
        self._engine = engine
        self._intake = intake
        self._spool = spool
        self._name = name
        self._pause = 1 / per_second

    def fetch(self, series: SeriesRef, on_object: Callable[[], object] = lambda: None) -> SeriesFetched:
        """Take in what is missing of a series. One that fails is told of and does not stop the others."""
        uids: list[str] = []
        missing: list[str] = []
        error: FacialisError | None = None
        try:
            uids = self._archive.instances(series)
            missing = self._missing(uids)
            for start in range(0, len(missing), RETRIEVE):
                batch = missing[start : start + RETRIEVE]
                began = time.monotonic()
                self._archive.retrieve(series, batch, self._take)
                for _ in batch:
                    on_object()
                time.sleep(max(0.0, len(batch) * self._pause - (time.monotonic() - began)))
            absent = len(self._missing(missing))
            if absent:
                error = IntakeError(f"{absent} objects did not arrive; see the log.")
        except FacialisError as raised:
            error = raised
        return SeriesFetched(series, len(uids), len(uids) - len(missing), error)

    def _missing(self, uids: Sequence[str]) -> list[str]:
        with transaction(self._engine) as session:
            known = {
                uid
                for column in (Photo.sop_instance_uid, KeptObject.sop_instance_uid)
                for uid in session.scalars(select(column).where(column.in_(uids)))
            }
        return [uid for uid in uids if uid not in known]

    def _take(self, fetched: Fetched) -> bool:
        path = self._spool / f"{uuid.uuid4().hex}.dcm"
        try:
            write_durably(path, as_file(fetched))
            self._intake.store(
                ReceivedObject(
                    path=path,
                    sha256=_digest(fetched),
                    size=len(fetched.data),
                    header=read_header(path),
                    calling_ae=self._name[:16],
                    peer_address="",
                    received_at=dt.datetime.now(dt.UTC),
                )
            )
        except (FacialisError, OSError) as error:
            code = error.code if isinstance(error, FacialisError) else f"os.{error.errno}"
            log.warning("fetch.not_kept", sop_instance_uid=fetched.sop_instance_uid, code=code)
            return False
        finally:
            path.unlink(missing_ok=True)
        return True


def _digest(fetched: Fetched) -> str:
    """As the receiver hashes, so that an object that is sent as well is known again."""
    return hashlib.sha256(fetched.transfer_syntax_uid.encode() + b"\n" + fetched.data).hexdigest()


def _find(sources: Sequence[AnySource], name: str) -> Source | WebSource:
    archives = [source for source in sources if isinstance(source, Source | WebSource)]
    for source in archives:
        if source.name == name:
            return source
    known = ", ".join(source.name for source in archives) or "none"
    raise UnknownSourceError(f"the settings name no source {name}; they name {known}")
