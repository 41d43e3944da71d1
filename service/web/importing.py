"""Folders of photos with their tables, sent by a browser: looked at, and imported once confirmed."""

from pathlib import PurePosixPath
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from grading.errors import PermanentError
from service.access.roles import Right
from service.folder_imports import MOST_TOLD, Import, Imports, check, checked, dry_run
from service.uploads import KEPT_HOURS, UploadError, find
from service.web.access import Allow, Visit
from service.web.forms import Form, posted
from service.web.rendering import message, page
from service.web.site import site_of
from service.web.uploading import Sent, uploaded

ADDRESS = "/raters/import"
LONGEST_RATER = 64
NOTHING_SENT = "choose a folder, photos or a ZIP file first"

router = APIRouter(prefix=ADDRESS)
Word = Annotated[str, Path(max_length=64)]
Leader = Annotated[Visit, Depends(Allow(Right.RATERS))]
Watcher = Annotated[Visit, Depends(Allow(Right.RATERS, by_itself=True))]
Posted = Annotated[Form, Depends(posted)]


@router.get("")
def choose(request: Request, visit: Leader) -> Response:
    """What may be sent, and how it has to look."""
    return _form(request)


@router.post("")
def send(request: Request, visit: Leader, sent: Annotated[Sent, Depends(uploaded)]) -> Response:
    """Keep what was sent until it is confirmed, and look at it."""
    if sent.upload is None:
        return _form(request, sent.problem or UploadError(NOTHING_SENT))
    check(sent.upload, sent.fields.get("rater", "").strip()[:LONGEST_RATER])
    return RedirectResponse(f"{ADDRESS}/{sent.upload.word}", 303)


@router.get("/{word}")
def show(request: Request, visit: Leader, word: Word) -> Response:
    """What was found in a folder that was sent, or how far its import is."""
    account, site = visit.visitor.account_id, site_of(request)
    begun, upload = _imports(request).find(account, word), find(site.settings.data_dir, account, word)
    taken = found = problem = None
    if begun is None or begun.problem:
        if upload is None:
            return _gone(request)
        try:
            found = checked(upload)
            taken = dry_run(site.engine, upload, found.rater, site.settings) if not found.problems else None
        except PermanentError as error:
            problem = str(error)
        except OSError:
            return _gone(request)
    return page(
        request,
        "folder_import.html",
        word=word,
        begun=begun,
        version=_version(begun),
        found=found,
        taken=taken,
        problem=problem,
        MOST_TOLD=MOST_TOLD,
        KEPT_HOURS=KEPT_HOURS,
        name=lambda path: PurePosixPath(path).name,
    )


@router.get("/{word}/version")
def version(request: Request, visit: Watcher, word: Word) -> Response:
    """A word that changes with how far an import is."""
    begun = _imports(request).find(visit.visitor.account_id, word)
    if begun is None:
        raise HTTPException(404)
    return Response(_version(begun), media_type="text/plain")


@router.post("/{word}")
def confirm(request: Request, visit: Leader, word: Word, form: Posted) -> Response:
    """Begin the import."""
    account, site = visit.visitor.account_id, site_of(request)
    upload = find(site.settings.data_dir, account, word)
    if upload is None:
        return _gone(request)
    found = checked(upload)
    if not found.problems:
        _imports(request).start(site.engine, site.settings, account, upload, found.rater, visit.visitor.actor)
    return RedirectResponse(f"{ADDRESS}/{word}", 303)


@router.post("/{word}/discard")
def discard(request: Request, visit: Leader, word: Word, form: Posted) -> Response:
    """Delete what was sent."""
    account = visit.visitor.account_id
    begun = _imports(request).find(account, word)
    upload = find(site_of(request).settings.data_dir, account, word)
    if upload is not None and (begun is None or begun.ended):
        upload.remove()
    return RedirectResponse(ADDRESS, 303)


def _form(request: Request, problem: UploadError | None = None) -> Response:
    return page(
        request,
        "folder_choice.html",
        422 if problem else 200,
        problem=str(problem) if problem else None,
        most=site_of(request).settings.web.upload_gigabytes,
        KEPT_HOURS=KEPT_HOURS,
    )


def _gone(request: Request) -> Response:
    text = "What was sent is no longer kept. Photos that were imported are on record; send the others again."
    return message(request, "Not found", text, 404, back=ADDRESS)


def _version(begun: Import | None) -> str:
    return f"{begun.done}-{begun.ended}" if begun else "0"


def _imports(request: Request) -> Imports:
    imports: Imports = request.app.state.imports
    return imports
