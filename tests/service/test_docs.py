"""The documentation says what the code does."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from service.settings import Settings
from tools import received_formats
from tools.error_codes import page

DOCS = Path(__file__).parent.parent.parent / "docs"


def settings_of(model: type[BaseModel]) -> list[str]:
    names = []
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            names += settings_of(inner)
        else:
            names.append(name)
    return names


@pytest.mark.parametrize("name", settings_of(Settings))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{name}`" in (DOCS / "settings.md").read_text()


def test_the_page_of_error_codes_is_what_the_code_says() -> None:
    """If not, `make docs` writes it anew."""
    assert (DOCS / "errors.md").read_text() == page()


def test_the_page_of_received_formats_is_what_the_receiver_negotiates() -> None:
    """If not, `make docs` writes it anew."""
    assert (DOCS / "receiving.md").read_text() == received_formats.page()
