"""The pages and their addresses. No address holds more about a patient than a number."""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import FastAPI, HTTPException, Path, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy import Engine
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from dicom.documents import NotAPdfError, read_pdf
from service.database import DatabaseUnavailableError, transaction
from service.records import history
from service.storage import Storage
from service.web.guard import DOCUMENT_POLICY, Guard
from service.web.patient_page import make_patient_page
from service.web.recording_page import make_recording_page
from service.web.rendering import STATIC_FOLDER, message, page
from service.web.searches import Searches
from service.web.worklist import make_worklist

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


def make_app(engine: Engine, storage: Storage, *, allowed_hosts: Sequence[str] = LOOPBACK) -> FastAPI:
    """The pages over one database and one storage.

    Parameters:
        engine: where the records lie; it is only read.
        storage: where views of photos and reports lie; it is only read.
        allowed_hosts: names under which the pages answer. While there is no sign-in these are the names of
            this machine for itself: a page of another site that points its own name here is refused.
    """
    app = FastAPI(title="Facialis", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(allowed_hosts), www_redirect=False)
    app.add_middleware(Guard, failed=message("Something went wrong", FAILED, 500))
    app.mount("/static", StaticFiles(directory=STATIC_FOLDER), name="static")
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _not_found)
    app.add_exception_handler(DatabaseUnavailableError, _database_down)
    searches = Searches()

    @app.get("/")
    def everybody() -> Response:
        return _worklist(engine, "")

    @app.post("/search")
    async def search(request: Request) -> Response:
        form = parse_qs((await request.body()).decode(errors="replace"))
        text = form.get("search", [""])[0]
        return RedirectResponse(f"/search/{searches.keep(text)}" if text.strip() else "/", 303)

    @app.get("/search/{word}")
    def found(word: str) -> Response:
        text = searches.text(word)
        return RedirectResponse("/", 303) if text is None else _worklist(engine, text)

    @app.get("/patients/{patient_id}")
    def patient(patient_id: Number) -> Response:
        with transaction(engine) as session:
            row = history.patient_history(session, patient_id)
            if row is None:
                raise HTTPException(404)
            return page("patient.html", page=make_patient_page(row))

    @app.get("/recordings/{recording_id}")
    def recording(recording_id: Number) -> Response:
        with transaction(engine) as session:
            row = history.recording_in_full(session, recording_id)
            if row is None:
                raise HTTPException(404)
            return page("recording.html", page=make_recording_page(session, row))

    @app.get("/recordings/{recording_id}/photos/{photo_id}")
    def photo(recording_id: Number, photo_id: Number) -> Response:
        with transaction(engine) as session:
            key = history.view_key(session, recording_id, photo_id)
        return Response(_stored(storage, key), media_type="image/jpeg")

    @app.get("/recordings/{recording_id}/report.pdf")
    def report(recording_id: Number) -> Response:
        with transaction(engine) as session:
            key = history.document_key(session, recording_id)
        headers = {
            "Content-Disposition": f'inline; filename="recording-{recording_id}.pdf"',
            "Content-Security-Policy": DOCUMENT_POLICY,
        }
        return Response(_stored(storage, key), media_type="application/pdf", headers=headers)

    @app.get("/kept/{kept_id}.pdf")
    def kept(kept_id: Number) -> Response:
        with transaction(engine) as session:
            key = history.kept_document_key(session, kept_id)
        try:
            content = read_pdf(storage.path(key)) if key else None
        except (FileNotFoundError, NotAPdfError):
            content = None
        if content is None:
            raise HTTPException(404)
        headers = {
            "Content-Disposition": f'inline; filename="document-{kept_id}.pdf"',
            "Content-Security-Policy": DOCUMENT_POLICY,
        }
        return Response(content, media_type="application/pdf", headers=headers)

    @app.get("/health")
    def health() -> Response:
        try:
            with transaction(engine) as session:
                counts = history.recordings_by_state(session)
        except DatabaseUnavailableError as error:
            return JSONResponse({"database": "unavailable", "error": error.code}, 503)
        return JSONResponse({"database": "reachable", "recordings": counts})

    return app


FAILED = (
    "This page could not be made. The service has noted where it failed in its log; "
    "nothing that was received or graded is lost."
)
_REFUSALS = {
    404: ("Not found", "There is no such page, or what it showed is no longer there."),
    405: ("Not possible here", "This address does not take what was sent to it."),
}


def _worklist(engine: Engine, search: str) -> Response:
    with transaction(engine) as session:
        return page("worklist.html", page=make_worklist(session, search))


def _stored(storage: Storage, key: str | None) -> bytes:
    if key is None:
        raise HTTPException(404)
    try:
        return storage.read(key)
    except FileNotFoundError:
        raise HTTPException(404) from None


def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, StarletteHTTPException) else 500
    title, text = _REFUSALS.get(status, ("Not possible", "This request cannot be answered."))
    return message(title, text, status)


def _not_found(request: Request, error: Exception) -> Response:
    return message(*_REFUSALS[404], 404)


def _database_down(request: Request, error: Exception) -> Response:
    return message(
        "The database does not answer",
        "Photos that arrive are not lost: senders are told to try again. Start the service with "
        "“facialis up”, or start the PostgreSQL server that it was given, then load this page again.",
        503,
    )
