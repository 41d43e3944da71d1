"""Annotations of several raters: reading them, making one label of them, and telling how far they agree."""

import math
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from grading.agreement import icc_2_1, weighted_kappa
from grading.annotations import Annotation, AnnotationError, read_annotations
from grading.bootstrap import NO_INTERVAL
from grading.raters import Consensus, agreement, combine, derived_agreement, estimated_weights
from grading.scales import ScoreError

HEADER = "subject,session,rater,R1,M4,HB"
RATERS = ("ada", "ben", "cleo")


def write(folder: Path, *lines: str) -> Path:
    path = folder / "annotations.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def annotations(item: str, table: NDArray[np.float64], raters: tuple[str, ...] = RATERS) -> list[Annotation]:
    """One annotation per cell of (recordings, raters) that is not nan; a subject has one recording."""
    return [
        Annotation(f"S{number}", "T1", rater, {item: float(score)})
        for number, row in enumerate(table)
        for rater, score in zip(raters, row, strict=True)
        if not math.isnan(score)
    ]


def labels(consensus: tuple[Consensus, ...], item: str) -> NDArray[np.float64]:
    return np.array([one.labels[item] for one in consensus])


def graded(
    seed: int, deviations: tuple[float, ...], recordings: int = 200
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """True scores, and what raters with errors of these standard deviations give instead."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(70, 130, recordings)
    errors = np.clip(rng.normal(size=(recordings, len(deviations))), -3, 3) * deviations
    return truth, truth[:, None] + errors


@st.composite
def tables(draw: st.DrawFn, raters: int = 3) -> NDArray[np.float64]:
    """Scores of R1 with gaps; at least one of each recording is there."""
    cell = st.one_of(st.none(), st.integers(0, 2000).map(lambda tenths: tenths / 10))
    row = st.lists(cell, min_size=raters, max_size=raters).filter(any)
    return np.array(draw(st.lists(row, min_size=1, max_size=8)), dtype=np.float64)


weightings = st.one_of(
    st.sampled_from(["equal", "estimated"]),
    st.fixed_dictionaries({rater: st.floats(0.1, 50) for rater in RATERS}),
)


def test_a_table_is_read_with_empty_cells_unknown(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER, "A,T1,ada,80.5,,3", "A,T1,ben, 90 ,100,", "B,T1,ada,,,")
    assert read_annotations(path) == (
        Annotation("A", "T1", "ada", {"R1": 80.5, "HB": 3.0}),
        Annotation("A", "T1", "ben", {"R1": 90.0, "M4": 100.0}),
        Annotation("B", "T1", "ada", {}),
    )


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ("A,T1,ben,201,,", "row 3: R1 must be between 0 and 200, or left empty"),
        ("A,T1,ben,,-1,", "row 3: M4 must be between 0 and 100, or left empty"),
        ("A,T1,ben,,,2.5", "row 3: HB must be one of 1, 2, 3, 4, 5, 6, or left empty"),
        ("A,T1,ben,much,,", "row 3: R1 must be"),
        ("A,T1,ben,nan,,", "row 3: R1 must be"),
        ("A,T1,ben,inf,,", "row 3: R1 must be"),
        (",T1,ben,80,,", "row 3: the subject is empty"),
        ("A,,ben,80,,", "row 3: the session is empty"),
        ("A,T1, ,80,,", "row 3: the rater is empty"),
        ("A,T1,ben,80,,,", "row 3: the row has more or fewer cells"),
        ("A,T1,ben,80", "row 3: the row has more or fewer cells"),
        ("A,T1,ada,70,,", "row 3: row 2 is of the same recording and rater"),
    ],
)
def test_a_bad_row_is_named_with_its_fault(tmp_path: Path, row: str, named: str) -> None:
    path = write(tmp_path, HEADER, "A,T1,ada,80,,", row)
    with pytest.raises(AnnotationError, match=rf"annotations\.csv {named}"):
        read_annotations(path)


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ("subject,session,R1", "lacks the column rater"),
        ("subject,session,rater,R1,R1", "column R1 twice"),
        ("subject,session,rater,R1,R9", "column R9, which is no item"),
        ("subject,session,rater", "no column of an item"),
        (HEADER, "no rows"),
    ],
)
def test_a_header_that_would_lose_scores_is_refused(tmp_path: Path, header: str, fault: str) -> None:
    with pytest.raises(AnnotationError, match=fault):
        read_annotations(write(tmp_path, header))


def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="give a table of annotations"):
        read_annotations(tmp_path / "annotations.csv")
    (tmp_path / "annotations.csv").write_bytes(b"subject,s\xe4ssion\n")
    with pytest.raises(AnnotationError, match="UTF-8"):
        read_annotations(tmp_path / "annotations.csv")


def test_no_error_names_a_rater_or_a_subject(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER, *["Miller,T1,Dr Smith,80,,"] * 2)
    with pytest.raises(AnnotationError) as found:
        read_annotations(path)
    with pytest.raises(AnnotationError) as other:
        combine([Annotation("Miller", "T1", "Dr Smith", {"R1": 80})], {"Dr Jones": 3})
    assert "Miller" not in f"{found.value} {other.value}"
    assert "Smith" not in f"{found.value} {other.value}"


@pytest.mark.parametrize("scores", [{"R1": 201}, {"HB": 2.5}, {"X1": 3}, {"M4": math.nan}])
def test_an_annotation_holds_only_scores_that_can_be_given(scores: dict[str, float]) -> None:
    with pytest.raises(ScoreError):
        Annotation("A", "T1", "ada", scores)


def test_labels_are_the_mean_of_whoever_scored_the_recording() -> None:
    scored = [
        Annotation("A", "T1", "ada", {"R1": 80, "M4": 50}),
        Annotation("B", "T1", "ada", {}),
        Annotation("A", "T1", "ben", {"R1": 100}),
    ]
    assert combine(scored) == (
        Consensus("A", "T1", {"R1": 90, "M4": 50}, {"R1": 20, "M4": 0}),
        Consensus("B", "T1", {}, {}),
    )


def test_experience_weighs_by_its_ratio() -> None:
    scored = annotations("R1", np.array([[80.0, 120.0]]), ("ada", "ben"))
    assert labels(combine(scored, {"ada": 30, "ben": 10, "zoe": 7}), "R1") == pytest.approx([90])
    assert labels(combine(scored, {"ada": 3, "ben": 1}), "R1") == pytest.approx([90])


@pytest.mark.parametrize("weight", [None, 0.0, -1.0, math.nan, math.inf])
def test_a_rater_without_a_positive_weight_is_refused(weight: float | None) -> None:
    scored = annotations("R1", np.array([[80.0, 120.0]]), ("ada", "ben"))
    weights = {"ada": 1.0} if weight is None else {"ada": 1.0, "ben": weight}
    with pytest.raises(AnnotationError, match="1 of 2 raters lack a weight"):
        combine(scored, weights)


@given(tables(), weightings)
def test_a_label_lies_within_the_scores_of_its_raters(
    table: NDArray[np.float64], weights: str | dict[str, float]
) -> None:
    found = combine(annotations("R1", table), weights)
    assert [one.subject for one in found] == [f"S{number}" for number in range(len(table))]
    assert (np.nanmin(table, axis=1) <= labels(found, "R1")).all()
    assert (labels(found, "R1") <= np.nanmax(table, axis=1)).all()


@given(tables(), st.permutations(RATERS), st.sampled_from(["equal", "estimated"]))
def test_labels_do_not_depend_on_who_is_who(
    table: NDArray[np.float64], names: list[str], weights: str
) -> None:
    one = combine(annotations("R1", table), weights)
    other = combine(annotations("R1", table, tuple(names))[::-1], weights)[::-1]
    assert labels(one, "R1") == pytest.approx(labels(other, "R1"))


@given(tables(raters=2))
def test_of_two_raters_neither_is_estimated_to_be_the_better(table: NDArray[np.float64]) -> None:
    scored = annotations("R1", table, ("ada", "ben"))
    assert labels(combine(scored, "estimated"), "R1") == pytest.approx(labels(combine(scored), "R1"))


def test_estimated_weights_find_the_precise_rater_and_improve_the_labels() -> None:
    truth, scores = graded(0, (4, 8, 16))
    scored = annotations("R1", scores)
    shares = estimated_weights(scored)["R1"]
    ideal = np.array([1 / 16, 1 / 64, 1 / 256])
    assert list(shares.values()) == pytest.approx(ideal / ideal.sum(), abs=0.1)
    assert sum(shares.values()) == pytest.approx(1)
    errors = {w: np.std(labels(combine(scored, w), "R1") - truth) for w in ("equal", "estimated")}
    assert errors["estimated"] < 0.75 * errors["equal"]


def test_few_recordings_move_the_weights_little() -> None:
    few = [estimated_weights(annotations("R1", graded(seed, (6, 6, 6), 5)[1]))["R1"] for seed in range(50)]
    shares = np.array([list(one.values()) for one in few])
    assert shares.min() > 0.2
    assert shares.max() < 0.6


def test_an_offset_is_no_imprecision() -> None:
    scores = graded(1, (6, 6, 6))[1]
    plain = estimated_weights(annotations("R1", scores))["R1"]
    assert estimated_weights(annotations("R1", scores + np.array([0, 20, 0])))["R1"] == pytest.approx(plain)


def test_raters_who_never_met_are_compared_through_the_others() -> None:
    scores = graded(2, (3, 12, 6, 6), 400)[1]
    scores[:200, 0] = np.nan
    scores[200:, 1] = np.nan
    shares = estimated_weights(annotations("R1", scores, ("ada", "ben", "cleo", "dan")))["R1"]
    assert shares["ada"] > shares["cleo"] > shares["ben"]
    ideal = np.array([1 / 9, 1 / 144, 1 / 36, 1 / 36])
    assert list(shares.values()) == pytest.approx(ideal / ideal.sum(), abs=0.1)


@pytest.mark.parametrize(
    "table", [np.full((4, 3), 80.0), np.diag([80.0, 90, 100]) + np.where(np.eye(3), 0, np.nan)]
)
def test_raters_who_never_differed_or_met_weigh_the_same(table: NDArray[np.float64]) -> None:
    assert list(estimated_weights(annotations("R1", table))["R1"].values()) == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize(
    ("item", "grades", "expected"),
    [("HB", [2, 3, 3], 3), ("HB", [2, 3], 3), ("HB", [2, 2, 5], 3), ("SBV1", [4, 5], 4), ("T1", [0, 1], 1)],
)
def test_a_choice_is_the_answer_nearest_to_the_mean_or_else_the_worse(
    item: str, grades: list[float], expected: float
) -> None:
    for order in permutations(grades):
        scored = annotations(item, np.array([order], dtype=np.float64), RATERS[: len(grades)])
        assert labels(combine(scored), item).tolist() == [expected]


def test_agreement_is_that_of_the_recordings_that_all_raters_scored() -> None:
    scores = graded(3, (5, 5, 5), 30)[1]
    gaps = scores.copy()
    gaps[[4, 7], [0, 2]] = np.nan
    found = agreement(annotations("R1", gaps), draws=100)["R1"]
    kept = np.delete(scores, [4, 7], axis=0)
    assert (found.raters, found.recordings) == (3, 28)
    assert found.icc == pytest.approx(icc_2_1(kept))
    assert found.interval.low < found.icc < found.interval.high
    assert found.weighted_kappa is None


def test_agreement_on_a_choice_has_a_kappa_over_all_grades() -> None:
    grades = np.array([[1, 2], [3, 3], [5, 4], [6, 6], [2, 2]], dtype=np.float64)
    found = agreement(annotations("HB", grades, ("ada", "ben")), draws=10)["HB"]
    assert found.weighted_kappa == weighted_kappa(grades[:, 0], grades[:, 1], range(1, 7))
    assert found.difference == pytest.approx(0.4)
    assert found.exact == pytest.approx(0.6)
    assert found.kappa_interval is not None
    assert found.kappa_interval.low <= found.weighted_kappa <= found.kappa_interval.high


def test_derived_scores_agree_as_far_as_the_sums_do_and_need_all_their_items() -> None:
    # the raters put the same point into different places: they agree on the sum alone
    scored = [
        Annotation(f"S{number}", "T1", rater, {"SBR1": one, "SBR2": point - one, "SBR3": 0, "HB": 2})
        for number, point in enumerate((0, 1, 1, 2))
        for rater, one in (("ada", min(point, 1)), ("ben", 0))
    ]
    found = derived_agreement(scored, draws=50)
    # the function that a grade stands for is that grade once more
    assert list(found) == [("ross1996", "rest")]
    assert found["ross1996", "rest"].icc == 1
    assert agreement(scored, draws=50)["SBR1"].icc < 0.5
    lacking = [Annotation(one.subject, one.session, one.rater, {"SBR1": 0, "SBR2": 1}) for one in scored]
    assert derived_agreement(lacking) == {}


def test_the_interval_resamples_persons_not_their_recordings() -> None:
    scores = graded(4, (8, 8), 20)[1]
    scored = [
        Annotation(f"S{number}", session, rater, {"R1": float(score)})
        for number, row in enumerate(scores)
        for session in ("T1", "T2", "T3", "T4")
        for rater, score in zip(("ada", "ben"), row, strict=True)
    ]
    alone = [one for one in scored if one.session == "T1"]
    # each session under a subject of its own, four of which are one person
    split = [Annotation(one.subject + one.session, "T1", one.rater, one.scores) for one in scored]
    persons = {one.subject: one.subject[:-2] for one in split}

    def width(table: list[Annotation], persons: dict[str, str] | None = None) -> float:
        interval = agreement(table, persons=persons, draws=300)["R1"].interval
        return interval.high - interval.low

    assert width(scored) == pytest.approx(width(alone), rel=0.1)
    assert width(split, persons) == pytest.approx(width(scored))
    assert width(split) < 0.7 * width(scored)


def test_items_come_in_the_order_of_the_scales_also_where_nobody_can_disagree() -> None:
    scored = [
        Annotation("A", "T1", "ada", {"HB": 3, "M4": 50, "R1": 80}),
        Annotation("A", "T1", "ben", {"R1": 90}),
        Annotation("B", "T1", "ben", {"M4": 60}),
    ]
    found = agreement(scored)
    assert list(found) == ["R1", "M4", "HB"]
    assert [(one.raters, one.recordings) for one in found.values()] == [(2, 1), (2, 0), (1, 1)]
    assert found["R1"].difference == 10
    assert all(math.isnan(one.icc) and one.interval == NO_INTERVAL for one in found.values())


@pytest.mark.parametrize("use", [combine, agreement, estimated_weights])
def test_the_same_recording_twice_by_one_rater_is_refused(use: object) -> None:
    twice = [Annotation("A", "T1", "ada", {"R1": 80}), Annotation("A", "T1", "ada", {"R1": 90})]
    assert callable(use)
    with pytest.raises(ValueError, match="twice"):
        use(twice)


@pytest.mark.parametrize("use", [combine, agreement, estimated_weights])
def test_no_annotations_make_no_labels(use: object) -> None:
    assert callable(use)
    assert len(use([])) == 0
