"""Where the marks of predicted and given scores stand."""

import numpy as np
import pytest

from grading.held_out import Pairs
from service.web.scatter_plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, plot_predictions


def pairs(score: str, labels: list[float], predicted: list[float], healthy: int = 0) -> Pairs:
    """The last ``healthy`` are of healthy people."""
    well = np.arange(len(labels)) >= len(labels) - healthy
    return Pairs(score, 0, 100, np.array(labels, float), np.array(predicted, float), well)


def test_a_mark_stands_over_what_was_given_at_the_height_of_what_was_predicted() -> None:
    (panel,) = plot_predictions([pairs("M1", [0, 100, 100], [100, 0, 100], healthy=1)])
    (series,) = panel.series
    left, right, top, floor = LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM
    assert series.scores.patients == f"M{left} {top}h0M{right} {floor}h0"
    assert series.scores.healthy.startswith(f"M{right} {top}m")
    assert [tick.label for tick in panel.points] == ["0", "50", "100"]
    assert [tick.at for tick in panel.predicted] == [floor, (floor + top) / 2, top]


def test_differences_stand_about_their_bias_and_its_limits() -> None:
    (panel,) = plot_predictions([pairs("M1", [20, 40, 60, 80], [30, 40, 70, 80])])
    (series,) = panel.series
    agreement = series.agreement
    assert (agreement.recordings, agreement.mae, agreement.limits.bias) == (4, 5, 5)
    assert agreement.icc == pytest.approx(0.96)
    bias, low, high = series.lines
    assert TOP < high < bias < low < HEIGHT - BOTTOM
    assert bias - high == pytest.approx(low - bias, abs=0.2)
    # drawn higher where more was predicted than given
    heights = [
        float(mark.split()[1].removesuffix("h0")) for mark in series.differences.patients.split("M")[1:]
    ]
    assert heights[0] < bias < heights[1]


def test_two_bundles_share_a_panel_for_each_score_that_both_have() -> None:
    one = [pairs("M1", [0, 50], [0, 50]), pairs("M2", [0, 50], [0, 50]), pairs("static", [0, 9], [0, 9])]
    other = [pairs("M1", [0, 50], [10, 40]), pairs("static", [0, 9], [0, 9])]
    panels = plot_predictions(one, other)
    assert [(panel.score, panel.item is None) for panel in panels] == [("M1", False), ("static", True)]
    assert [series.name for series in panels[0].series] == ["first", "second"]


def test_scores_without_two_recordings_with_palsy_have_no_panel() -> None:
    assert plot_predictions([pairs("M1", [0, 100], [0, 100], healthy=1)]) == ()
    assert plot_predictions([]) == ()


def test_where_all_were_given_the_same_nothing_is_said_of_the_correlation() -> None:
    (panel,) = plot_predictions([pairs("M1", [50, 50, 50], [40, 50, 60])])
    assert panel.series[0].agreement.icc is None
