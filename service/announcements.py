"""Takes series as ended when a site's systems say so, instead of waiting for the quiet time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine, select

from dicom.announcements import EndedSeries
from dicom.poses import PoseRules
from service.database import transaction
from service.records.models import Photo, Recording, RecordingState
from service.series import close_series

log = structlog.get_logger()


@dataclass(frozen=True)
class Announcements:
    """Takes what the receiver is told. ``wake`` is as for `service.intake.ServiceIntake`."""

    engine: Engine
    rules: PoseRules
    wake: Callable[[int], object]

    def take(self, series: Sequence[EndedSeries]) -> None:
        """End each series that is still open, if all that it is said to hold is here.

        One that lacks something, or that nothing has come of yet, ends by its quiet time.

        Raises:
            DatabaseUnavailableError: the server cannot be reached or the connection broke.
        """
        for ended in series:
            self._take(ended)

    def _take(self, ended: EndedSeries) -> None:
        with transaction(self.engine) as session:
            recording = session.scalar(
                select(Recording)
                .where(Recording.series_uid == ended.series_uid, Recording.state == RecordingState.RECEIVING)
                .with_for_update()
            )
            if recording is None:
                log.info("series.told_to_end", outcome="not open")
                return
            uids = select(Photo.sop_instance_uid).where(Photo.recording_key == recording.id)
            missing = len(ended.sop_instance_uids - set(session.scalars(uids)))
            if not missing:
                close_series(session, recording, self.rules)
            complete = recording.state is RecordingState.COMPLETE
        outcome = f"{missing} photos have not come yet" if missing else recording.state.value
        log.info("series.told_to_end", recording=recording.id, outcome=outcome)
        if complete:
            self.wake(recording.id)
