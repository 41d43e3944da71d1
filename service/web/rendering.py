"""The templates, everything escaped, and the words they may use."""

from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from reports.language import load_language
from reports.words import age, days_apart, signed
from service import PRODUCT
from service.web import words
from service.web.access import Visit
from service.web.forms import TOKEN_FIELD
from service.web.language import NAMES, languages, load_words, preferred

_ENGLISH = load_language("en")
STATIC_FOLDER = Path(__file__).parent / "static"

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {
    "person_name": words.person_name,
    "sex": words.sex,
    "surgery": words.surgery_words,
    "assumed_side": words.assumed_side,
    "model": words.model_name,
    "meaning": words.meaning,
    "moment": words.moment,
    "signed": signed,
    "days_apart": partial(days_apart, _ENGLISH),
}
_templates.globals |= {
    "PRODUCT": PRODUCT,
    "COMMISSIONING_BANNER": _ENGLISH.text("banner.commissioning"),
    "STATES": words.STATES,
    "DELIVERIES": words.DELIVERIES,
    "DOCUMENTS": words.DOCUMENTS,
    "LANGUAGES": {code: NAMES[code] for code in languages()},
    "ADMIN_PAGES": (
        ("/admin/health", "Health"),
        ("/admin/deliveries", "Deliveries"),
        ("/admin/audit", "Audit trail"),
        ("/admin/users", "Users"),
    ),
    "age": age,
    "seconds": words.seconds,
}


def page(request: Request | None, template: str, status: int = 200, **content: object) -> HTMLResponse:
    """A template of this package as an answer, in the language of whoever asks."""
    visit: Visit | None = getattr(request.state, "visit", None) if request else None
    chosen = visit.visitor.language if visit else None
    words = load_words(chosen or preferred(request.headers.get("accept-language", "") if request else ""))
    token = content.pop("form_token", None) or (visit.form_token if visit else "")
    field = Markup('<input type="hidden" name="{}" value="{}">').format(TOKEN_FIELD, token)
    frame = {
        "visit": visit,
        "here": request.url.path if request else "",
        "t": words,
        "language": words.code,
        "form_token": lambda: field,
    }
    body = _templates.get_template(template).render(content | frame)
    return HTMLResponse(body, status)


def message(request: Request | None, title: str, text: str, status: int) -> HTMLResponse:
    """A page that only says something."""
    return page(request, "message.html", status, title=title, text=text)
