"""What the codes of errors mean, out of the classes themselves."""

import inspect

from grading.errors import FacialisError

ROOMS = ("grading", "dicom", "reports", "service", "workers", "migrations")


def meanings(root: type[FacialisError] = FacialisError) -> dict[str, str]:
    """By code, the meaning of every error under ``root`` whose module was imported."""
    found = _found(root)
    return {code: " ".join(sorted(told)) for code, told in found.items()}


def _found(root: type[FacialisError]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for kind in root.__subclasses__():
        if "code" in vars(kind) and kind.__module__.split(".")[0] in ROOMS:
            meaning = (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " ")
            found.setdefault(kind.code, set()).add(meaning)
        for code, told in _found(kind).items():
            found.setdefault(code, set()).update(told)
    return found
