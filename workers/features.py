"""The task that fills a cohort's feature cache, one recording at a time; it needs no database."""

import contextlib
import socket
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from celery import shared_task

from grading.bundle import BackboneId
from grading.cohort import Cohort
from grading.errors import FacialisError
from grading.features import cohort_maps
from service.spreading import DONE, FAILED, TASK, FeatureJob, SpreadError, read_job

if TYPE_CHECKING:
    from grading.backbones import Backbone

log = structlog.get_logger()


@shared_task(name=TASK)
def fill_cache(job_file: str, number: int) -> None:
    """Fill the cache with one recording of a job and leave the mark that the command waits for.

    A job that is gone, because its command has ended, is left; so is a recording that was sent twice.
    """
    path = Path(job_file)
    done = path.with_name(f"{number}{DONE}")
    if not path.exists() or done.exists():
        return
    # the command may end at any time, and takes its folder with it
    with (
        structlog.contextvars.bound_contextvars(job=path.parent.name, recording=number),
        contextlib.suppress(FileNotFoundError),
    ):
        job = read_job(path)
        try:
            cohort = Cohort("", "", (job.recordings[number],))
            cohort_maps(cohort, _backbone(job), job.recipe, cache=path.parents[2])
        except FacialisError as error:
            log.warning("features.refused", code=error.code)
            text = f"{socket.gethostname()}: {error}"
            path.with_name(f"{number}{FAILED}").write_text(text, encoding="utf-8")
        else:
            done.touch()
            log.info("features.done")


def _backbone(job: FeatureJob) -> "Backbone":
    backbone = _load(job.backbone.name, job.backbone.layer, job.weights, job.folder)
    here = BackboneId(backbone.name, backbone.layer, backbone.weight_hash)
    if here != job.backbone:
        raise SpreadError(
            f"{here.name} has weights of SHA-256 {here.weight_hash[:12]}… here and "
            f"{job.backbone.weight_hash[:12]}… at the command: give both the same weights file"
        )
    return backbone


@lru_cache(maxsize=1)
def _load(name: str, layer: str, weights: Path | None, folder: Path | None) -> "Backbone":
    from grading.backbones import load_backbone

    return load_backbone(name, layer, weights=weights, folder=folder)
