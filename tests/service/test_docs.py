"""The documentation says what the code does."""

from pathlib import Path
from types import ModuleType

import pytest
from pydantic import BaseModel

from service.settings import Settings
from tools import code_tables, conformance, error_codes, received_formats

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


@pytest.mark.parametrize(
    ("name", "tool"),
    [
        ("errors.md", error_codes),
        ("codes.md", code_tables),
        ("conformance.md", conformance),
        ("receiving.md", received_formats),
    ],
)
def test_a_page_that_is_made_from_the_code_says_what_it_says(name: str, tool: ModuleType) -> None:
    """If not, `make docs` writes it anew."""
    assert (DOCS / name).read_text() == tool.page()
