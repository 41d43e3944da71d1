"""What every answer carries, and what happens when a page fails: the outermost layer of the pages.

Nothing may be embedded in, read by or submitted from a page of another origin.
"""

import traceback
from pathlib import Path

import structlog
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger()

LOGGED_FRAMES = 12

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
DOCUMENT_POLICY = (
    "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
"""For PDFs: the browser's own viewer places the document with an embedded object and inline styles."""

HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

ONE_YEAR = "max-age=31536000"


class Guard:
    """ASGI middleware that sets the headers above unless the answer has its own.

    An error that nothing else caught is logged by its type and place only, since its message may hold what a
    patient's record holds, and answered with ``failed``.
    """

    def __init__(self, app: ASGIApp, failed: Response, secure: bool = False) -> None:
        self.app = app
        self.failed = failed
        self.headers = HEADERS | ({"Strict-Transport-Security": ONE_YEAR} if secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self.app(scope, receive, guarded)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)[-LOGGED_FRAMES:]
            places = " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
            log.error("web.page_failed", error=type(error).__name__, places=places)
            if not begun:
                await self.failed(scope, receive, guarded)
