"""The interface for programs, as an app that is mounted beside the pages."""

from typing import Any

from fastapi import FastAPI, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from sqlalchemy import Engine
from starlette.exceptions import HTTPException

from grading.errors import FacialisError
from service.api import (
    annotations,
    bundles,
    deliveries,
    events,
    gradings,
    imports,
    overview,
    patients,
    problems,
    queries,
    recordings,
    regradings,
    reports,
    surgeries,
    trails,
)
from service.api.context import Context
from service.api.gate import Gate
from service.api.limits import RateLimit
from service.refusals import Refusals
from service.settings import Settings
from service.storage import Storage
from service.web.guard import Guard

PATH = "/api/v1"
ABOUT = """The records of Facialis for programs. Every request shows a service token
(`facialis token create`) as `Authorization: Bearer facialis_…`. Lists come in pages: follow `next`. What goes
wrong comes as `application/problem+json` with a stable `code`. Patients are named by number in addresses.
Scores of a bundle that is `commissioning` are not for clinical use: tell its `notice` with them.
"""


class _Api(FastAPI):
    """FastAPI, whose description knows what problems look like: no function answers with one by itself."""

    def openapi(self) -> dict[str, Any]:
        description = super().openapi()
        description["components"]["schemas"] |= problems.SCHEMAS
        return description


def make_api(
    engine: Engine, storage: Storage, settings: Settings, limit: RateLimit, refusals: Refusals
) -> FastAPI:
    """The interface over one database and one storage; it is reached under `PATH` and nowhere else.

    ``limit`` is kept for each token; who shows none is noted in ``refusals``.
    """
    api = _Api(
        title="Facialis",
        version="1",
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        dependencies=[Security(HTTPBearer(auto_error=False, description="A service token."))],
    )
    api.state.engine = engine
    api.state.context = Context(engine, storage, settings)
    for part in (
        patients,
        surgeries,
        events,
        queries,
        imports,
        recordings,
        gradings,
        annotations,
        reports,
        deliveries,
        bundles,
        regradings,
        trails,
        overview,
    ):
        api.include_router(part.router)
    api.add_exception_handler(FacialisError, problems.refused)
    api.add_exception_handler(HTTPException, problems.not_served)
    api.add_exception_handler(RequestValidationError, problems.unfit)
    api.add_middleware(Gate, engine=engine, limit=limit, refuse=problems.answer, refusals=refusals)
    failed = problems.FaultError("the service could not answer; its log says where")
    api.add_middleware(Guard, failed=problems.answer(failed))
    return api
