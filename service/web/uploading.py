"""Files that browsers send with a form: written as they come, never held in memory, guarded as forms are."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import IO, TYPE_CHECKING, cast

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from grading.annotations import ANNOTATIONS
from grading.cohort import LABELS
from service.access.sessions import form_token_fits
from service.uploads import DISK, Upload, UploadError, begin
from service.web.access import Visit
from service.web.forms import FORGED, TOKEN_FIELD
from service.web.site import site_of

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

LONGEST_FIELD = 1000
TABLES = {"labels": LABELS, "annotations": ANNOTATIONS}
"""Fields of the form whose file is this table, whatever it is called."""
BROKEN = "the files did not arrive whole: send them again"


@dataclass
class Sent:
    """What came: the folder, or why there is none."""

    upload: Upload | None = None
    fields: dict[str, str] = field(default_factory=dict)
    problem: UploadError | None = None


async def uploaded(request: Request) -> Sent:
    """Dependency, behind one that lets somebody in: the files of a form, whose first field is its token.

    What is refused is read to its end and thrown away: a browser shows no answer before it has sent all.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    length = request.headers.get("content-length", "")
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary or not length.isdecimal():
        raise HTTPException(FORGED)
    site, visit = site_of(request), cast(Visit, request.state.visit)
    receiving = _Receiving(
        request.cookies.get(site.session_cookie, ""),
        partial(begin, site.settings, visit.visitor.account_id, int(length)),
    )
    try:
        parser = MultipartParser(boundary, receiving.callbacks())
        async for chunk in request.stream():
            if receiving.problem is None:
                await run_in_threadpool(receiving.feed, parser, chunk)
        return await run_in_threadpool(receiving.finish)
    except FormParserError:
        raise HTTPException(FORGED) from None
    except ClientDisconnect:
        raise HTTPException(400) from None
    finally:
        if receiving.problem is not None or not receiving.whole:
            await run_in_threadpool(receiving.drop)


class _Receiving:
    """What `MultipartParser` calls back, part by part; ``make`` gives the folder once the token was seen."""

    def __init__(self, secret: str, make: Callable[[], Upload]) -> None:
        self.secret, self.make = secret, make
        self.upload: Upload | None = None
        self.problem: UploadError | None = None
        self.whole = False
        self.fields: dict[str, str] = {}
        self.part_begins()

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self.part_begins,
            "on_header_field": self.header_name,
            "on_header_value": self.header_value,
            "on_header_end": self.header_ends,
            "on_headers_finished": self.headers_end,
            "on_part_data": self.data,
            "on_part_end": self.part_ends,
            "on_end": self.end,
        }

    def feed(self, parser: MultipartParser, chunk: bytes) -> None:
        """Take some bytes of the form. Raises `HTTPException` where the token is not this browser's."""
        try:
            parser.write(chunk)
        except UploadError as error:
            self.problem = error
        except FormParserError:
            self.problem = UploadError(BROKEN)
        except OSError:
            self.problem = UploadError(DISK)

    def finish(self) -> Sent:
        """What came."""
        if self.problem is None:
            self.check_token()
            if not self.whole:
                self.problem = UploadError(BROKEN)
        return Sent(None, {}, self.problem) if self.problem else Sent(self.upload, self.fields)

    def drop(self) -> None:
        """Delete what was written."""
        if self.target is not None:
            self.target.close()
        if self.upload is not None:
            self.upload.remove()

    def check_token(self) -> None:
        if not form_token_fits(self.secret, self.fields.get(TOKEN_FIELD, "")):
            raise HTTPException(FORGED)

    def part_begins(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.header = self.value = self.text = b""
        self.name = self.file_name = ""
        self.target: IO[bytes] | None = None

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self.header += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def header_ends(self) -> None:
        self.headers[self.header.lower()] = self.value
        self.header = self.value = b""

    def headers_end(self) -> None:
        _, options = parse_options_header(self.headers.get(b"content-disposition", b""))
        self.name = options.get(b"name", b"").decode(errors="replace")
        self.file_name = options.get(b"filename", b"").decode(errors="replace")
        if self.file_name:
            self.check_token()
            self.upload = self.upload or self.make()
            self.target = self.upload.open(self.file_name, TABLES.get(self.name))

    def data(self, data: bytes, start: int, end: int) -> None:
        if self.target is not None and self.upload is not None:
            self.upload.take(end - start)
            self.target.write(data[start:end])
        elif not self.file_name:
            self.text += data[start:end]
            if len(self.text) > LONGEST_FIELD:
                raise UploadError(BROKEN)

    def part_ends(self) -> None:
        if self.target is not None and self.upload is not None:
            self.target.close()
            self.target = None
            self.upload.unpack()
        elif not self.file_name:
            self.fields[self.name] = self.text.decode(errors="replace").replace("\0", "")

    def end(self) -> None:
        self.whole = True
