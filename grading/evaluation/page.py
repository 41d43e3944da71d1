"""The page that joins all tables, headed by what was measured on whom and with what."""

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

from grading.evaluation.running import Evaluation
from grading.evaluation.tables import Table
from grading.scales import scale_of

_PACKAGES = ("facialis", "torch", "numpy", "scikit-learn", "dlib-bin")


def data_line(evaluation: Evaluation) -> str:
    """What stands on every table and figure: the data, in the cohort's own words, and how many."""
    recordings = evaluation.cohort.recordings
    healthy = {one.subject for one in recordings if one.healthy}
    patients = {one.subject for one in recordings if not one.healthy}
    persons = {one.person for one in recordings}
    return (
        f"Data: {evaluation.cohort.description}. {len(recordings)} recordings of {len(patients)} patients "
        f"and {len(healthy)} healthy people, {len(persons)} different faces"
    )


def markdown_page(evaluation: Evaluation, tables: Sequence[Table], figures: Mapping[str, str]) -> str:
    """All tables as one Markdown page; ``figures`` are file names by their captions."""
    data = data_line(evaluation)
    parts = ["# Evaluation", "", *(f"- {line}" for line in _about(evaluation)), ""]
    for caption, file in figures.items():
        parts += [f"![{caption}]({file})", "", f"*{caption}. {data}*", ""]
    return "\n".join([*parts, *(table.markdown(data) for table in tables)])


def _about(evaluation: Evaluation) -> list[str]:
    main = evaluation.main[0]
    models = ", ".join(f"{model.backbone} {model.layer}" for model in evaluation.models)
    hashes = ", ".join(f"{name} {digest[:12]}" for name, digest in evaluation.weight_hashes.items())
    recipes = ", ".join(one.recipe.name for one in evaluation.main)
    absent = [f"{name}: {why}" for name, why in evaluation.absent.items()]
    unusable = f"{len(evaluation.unusable)} photos could not be used"
    codes = sorted({photo.code for photo in evaluation.unusable})
    return [
        data_line(evaluation),
        f"Scale: {scale_of(next(iter(main.items))).name}, items {', '.join(main.items)}",
        f"{main.folds}-fold cross-validation; all recordings of a face lie in one fold, so that every score "
        "is that of a model which has not seen the face",
        f"Models: {models} (the first is the main one); recipes: {recipes}",
        f"Weights (SHA-256): {hashes}",
        f"{unusable}{': ' if codes else ''}{', '.join(codes)}",
        "Versions: " + ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
        *absent,
    ]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
