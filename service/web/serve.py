"""Running the pages, and beside them the interfaces for programs."""

import gc

import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine

from service.api import app as api
from service.api.limits import RateLimit
from service.fhir_server import app as fhir
from service.records.audit import Actor
from service.records.audit_events import AuditEventKind
from service.records.models import ActorKind
from service.refusals import Refusals
from service.settings import Settings
from service.storage import Storage
from service.web.app import make_app

STOP_SECONDS = 5
"""How long answers that have begun may take to end after SIGTERM."""
BURST = 100
"""Requests that one token may make at once."""


def make_site(engine: Engine, storage: Storage, settings: Settings) -> FastAPI:
    """The pages, and under addresses of their own what other services use."""
    site = make_app(engine, storage, settings)
    limit = RateLimit(settings.api.requests_per_minute, BURST)
    refusals = Refusals(
        engine, AuditEventKind.SIGNED_IN, lambda address, _: Actor(ActorKind.TOKEN, "unknown token", address)
    )
    site.state.refusals = refusals
    site.mount(api.PATH, api.make_api(engine, storage, settings, limit, refusals))
    site.mount(fhir.PATH, fhir.make_fhir(engine, storage, settings, limit, refusals))
    return site


def serve(engine: Engine, storage: Storage, settings: Settings) -> None:
    """Answer on the settings' host and port until SIGTERM or SIGINT.

    Requests are not logged, since there would be nothing in the lines but numbers of patients.
    """
    web = settings.web
    site = make_site(engine, storage, settings)
    # What is loaded by now stays; the collector need not look through it while an answer waits.
    gc.freeze()
    site.state.refusals.start()
    uvicorn.run(
        site,
        host=web.host,
        port=web.port,
        ssl_certfile=web.tls.certificate,
        ssl_keyfile=web.tls.key,
        proxy_headers=bool(web.proxies),
        forwarded_allow_ips=[str(address) for address in web.proxies],
        access_log=False,
        server_header=False,
        log_config=None,
        lifespan="off",
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    site.state.refusals.write(everything=True)
