"""The templates, everything escaped, and the words they may use."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from grading.scales import PREDICTED_ITEMS
from reports.language import load_language
from reports.words import age, signed
from service import PRODUCT
from service.records.flow import Stage
from service.web import words
from service.web.access import Visit
from service.web.forms import TOKEN_FIELD
from service.web.language import ENGLISH, NAMES, Words, languages, load_words, preferred
from service.web.site import site_of

_ENGLISH = load_language("en")
STATIC_FOLDER = Path(__file__).parent / "static"

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _in_language(words_of: Callable[..., str | None]) -> Callable[..., str | None]:
    """A filter for templates of a function that takes the page's language first."""

    @pass_context
    def apply(context: Context, value: object) -> str | None:
        return words_of(context["t"], value)

    return apply


_templates.filters |= {
    "person_name": _in_language(words.person_name),
    "sex": _in_language(words.sex),
    "surgery": _in_language(words.surgery_words),
    "event_kind": _in_language(words.event_kind),
    "event": _in_language(words.event_words),
    "assumed_side": _in_language(words.assumed_side),
    "meaning": _in_language(words.meaning),
    "day": _in_language(Words.day),
    "iso_day": _in_language(lambda t, text: t.day(dt.date.fromisoformat(text))),
    "moment": _in_language(Words.moment),
    "timepoint": _in_language(Words.timepoint),
    "days_apart": _in_language(Words.days_apart),
    "flag": _in_language(Words.flag),
    "told": _in_language(lambda t, text: t.told(text)),
    "pose": _in_language(Words.pose),
    "trained": _in_language(words.trained),
    "size": _in_language(words.size),
    "points": _in_language(words.points),
    "numeral": _in_language(words.numeral),
    "model": words.model_name,
    "signed": signed,
}
_templates.globals |= {
    "PRODUCT": PRODUCT,
    "COMMISSIONING_BANNER": _ENGLISH.text("banner.commissioning"),
    "STATES": words.STATES,
    "DELIVERIES": words.DELIVERIES,
    "DOCUMENTS": words.DOCUMENTS,
    "VERDICTS": words.VERDICTS,
    "CHANGEABLE": words.CHANGEABLE,
    "TASKS": words.TASKS,
    "STAGES": tuple(Stage),
    "LANGUAGES": {code: NAMES[code] for code in languages()},
    "AREAS": (
        ("/annotate", "To score", "annotate"),
        ("/raters", "Raters", "raters"),
        ("/admin/health", "Health", "administer"),
        ("/admin/deliveries", "Deliveries", "administer"),
        ("/admin/audit", "Audit trail", "administer"),
        ("/admin/bundles", "Bundles", "administer"),
        ("/admin/users", "Users", "administer"),
    ),
    "ITEMS": {item.id: item for item in PREDICTED_ITEMS},
    "age": age,
    "seconds": words.seconds,
}


def page(request: Request | None, template: str, status: int = 200, **content: object) -> HTMLResponse:
    """A template of this package as an answer, in the language of whoever asks."""
    visit: Visit | None = getattr(request.state, "visit", None) if request else None
    words = words_for(request)
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


def words_for(request: Request | None) -> Words:
    """The language of whoever asks: the one that they chose, else the one that their browser likes best."""
    if request is None:
        return load_words(ENGLISH)
    visit: Visit | None = getattr(request.state, "visit", None)
    chosen = visit.visitor.language if visit else None
    code = chosen or preferred(request.headers.get("accept-language", ""))
    return load_words(code, site_of(request).settings.web.zone)


def message(
    request: Request | None, title: str, text: str, status: int, back: str | None = None
) -> HTMLResponse:
    """A page that only says something, with a way ``back``, else to the first page."""
    return page(request, "message.html", status, title=title, text=text, back=back)
