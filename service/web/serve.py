"""Running the pages."""

import uvicorn
from sqlalchemy import Engine

from service.storage import Storage
from service.web.app import make_app

STOP_SECONDS = 5
"""How long answers that have begun may take to end after SIGTERM."""


def serve(engine: Engine, storage: Storage, host: str, port: int) -> None:
    """Answer on ``host`` and ``port`` until SIGTERM or SIGINT.

    Requests are not logged, since there would be nothing in the lines but numbers of patients.
    """
    uvicorn.run(
        make_app(engine, storage),
        host=host,
        port=port,
        access_log=False,
        server_header=False,
        log_config=None,
        lifespan="off",
        timeout_graceful_shutdown=STOP_SECONDS,
    )
