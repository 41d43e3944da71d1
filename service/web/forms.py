"""Forms that browsers send: small, and only those that this site gave to the same browser."""

from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request

from grading.errors import PermanentError
from service.access.sessions import form_token_fits
from service.web.site import site_of

MOST_BYTES = 64 << 10
TOKEN_FIELD = "form_token"  # noqa: S105 - a field's name
FORGED = 403
LONGEST_LENGTH = 9
"""Digits of a length; more are no length that is looked at."""
SEEN_FIELD = "seen"
"""What a form showed of that which it changes."""


class StaleFormError(PermanentError):
    """What a form would change was changed by somebody else since its page was made."""

    code = "form.stale"

    def __init__(self) -> None:
        super().__init__("somebody else changed it meanwhile: load the page again")


@dataclass(frozen=True)
class Form:
    """The fields of a form."""

    fields: dict[str, list[str]]

    def text(self, name: str) -> str:
        """One field, empty if it is missing; PostgreSQL's text cannot hold NUL."""
        return self.fields.get(name, [""])[0].replace("\0", "")

    def texts(self, name: str) -> list[str]:
        """All values of a field, such as of boxes that were ticked."""
        return self.fields.get(name, [])

    def check_seen(self, present: str, name: str = SEEN_FIELD) -> None:
        """Raises `StaleFormError` unless the form showed what is there now, whose row is to be locked."""
        if self.text(name) != present:
            raise StaleFormError


async def posted(request: Request) -> Form:
    """Dependency: the form that was sent; it must carry the token of the browser's cookie."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or len(length) > LONGEST_LENGTH or int(length) > MOST_BYTES:
        raise HTTPException(413)
    fields = parse_qs((await request.body()).decode(errors="replace"), keep_blank_values=True)
    form = Form(fields)
    site = site_of(request)
    token = form.text(TOKEN_FIELD)
    secrets = (request.cookies.get(site.session_cookie), request.cookies.get(site.visit_cookie))
    if not any(secret and form_token_fits(secret, token) for secret in secrets):
        raise HTTPException(FORGED)
    return form
