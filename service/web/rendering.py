"""The templates, everything escaped, and the words they may use."""

from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from reports.language import load_language
from reports.words import age, days_apart, signed
from service import PRODUCT
from service.web import words

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
    "age": age,
    "seconds": words.seconds,
}


def page(template: str, status: int = 200, **content: object) -> HTMLResponse:
    """A template of this package as an answer."""
    return HTMLResponse(_templates.get_template(template).render(content), status)


def message(title: str, text: str, status: int) -> HTMLResponse:
    """A page that only says something."""
    return page("message.html", status, title=title, text=text)
