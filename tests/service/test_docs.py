"""The documentation says what the code does."""

import re
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import BaseModel

from service.settings import Settings
from tools import code_tables, conformance, error_codes, received_formats

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
MOST_BYTES = 1_500_000


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


def test_every_picture_is_shown_somewhere_and_says_what_it_shows() -> None:
    shown: set[Path] = set()
    for page in (ROOT / "README.md", *DOCS.glob("*.md")):
        for words, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text()):
            assert len(words) > 10, f"{page.name}: {target}"
            assert (page.parent / target).is_file(), f"{page.name}: {target}"
            shown.add((page.parent / target).resolve())
    pictures = set((DOCS / "pictures").iterdir())
    assert pictures
    assert pictures <= shown
    assert sum(picture.stat().st_size for picture in pictures) < MOST_BYTES
