"""Settings of the points of the face: which model places them, under which licence."""

from typing import Literal, Self

from pydantic import Field, FilePath, model_validator

from service.peer_settings import Section


class LandmarkSettings(Section):
    """The model that places the points of the face before a person corrects them."""

    model: Literal["built-in", "dlib-68", "own"] = "built-in"
    """``dlib-68`` may not be used commercially; ``own`` is a model of 68 points that the site trained."""
    file: FilePath | None = None
    """Of the own model, as dlib's training writes it, its points in the order of iBUG 300-W."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-fA-F]{64}$")
    """Of that file."""
    name: str = Field(default="", max_length=64)
    """Of the own model, as pages show it and points record it."""
    licence: str = Field(default="", max_length=200)
    """What the own model, and the pictures that it was trained on, may be used for."""
    commercial: bool = False
    """Whether that allows commercial use."""

    @model_validator(mode="after")
    def _own_is_known(self) -> Self:
        if self.model == "own" and not (self.file and self.sha256 and self.name and self.licence):
            raise ValueError("model 'own' needs file, sha256, name and licence")
        return self
