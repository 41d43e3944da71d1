"""The pictures of an evaluation as PNG: errors per item, sub-scores against labels, limits of agreement.

Each carries ``data``, the line that says what was measured on: a picture is easily parted from its page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from grading.scales import find_item
from reports.sheet import ACCENT, BAR, HAIRLINE, INK, MUTED, TRACK

Floats = NDArray[np.float64]

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,
}
_INCHES_HIGH = 4.2
_DPI = 160


@dataclass(frozen=True, eq=False)
class SubScorePoints:
    """One panel: derived scores (k,) in points, the bounds of both axes, and which are of healthy people.

    ``bias``, ``low`` and ``high`` are the patients' mean difference, predicted less label, and its 95 %
    limits; None where there are fewer than two patients.
    """

    title: str
    bounds: tuple[float, float]
    labels: Floats
    predicted: Floats
    healthy: NDArray[np.bool_]
    limits: tuple[float, float, float] | None


def draw_errors(
    path: Path,
    errors: Mapping[str, Mapping[str, Floats]],
    levels: Mapping[str, Mapping[str, float]],
    title: str,
    data: str,
) -> None:
    """Box plots of the absolute errors (k,) in points, by recipe and item id: the paper's Figure 3.

    A box spans the middle half and is cut at the median; whiskers reach to the last error within 1.5 times
    its length, rings are errors beyond, and a diamond is the mean. ``levels`` are mean errors to compare
    with, by what they are and item id, drawn across each item; an item without one has no line.
    """
    items = list(next(iter(errors.values())))
    with rc_context(_STYLE):
        figure, (axes,) = _figure(min(max(6.2, 2.4 + 0.5 * len(items)), 10.0), 1)
        wide = min(0.8 / len(errors), 0.3)
        colours = _colours(len(errors))
        for number, by_item in enumerate(errors.values()):
            offset = (number - (len(errors) - 1) / 2) * wide
            axes.boxplot(
                [by_item[item] for item in items],
                positions=[place + offset for place in range(len(items))],
                widths=0.85 * wide,
                manage_ticks=False,
                patch_artist=True,
                showmeans=True,
                boxprops={"facecolor": colours[number], "edgecolor": _INK, "linewidth": 0.7},
                medianprops={"color": _INK, "linewidth": 1.2},
                whiskerprops={"color": _INK, "linewidth": 0.7},
                capprops={"color": _INK, "linewidth": 0.7},
                flierprops={"marker": "o", "markersize": 2.5, "markeredgecolor": _MUTED, "linewidth": 0.5},
                meanprops=_MEAN,
            )
        handles: list[Artist] = [
            Patch(facecolor=colour, edgecolor=_INK, linewidth=0.7, label=f"recipe {recipe}")
            for recipe, colour in zip(errors, colours, strict=True)
        ]
        handles.append(Line2D([], [], linestyle="none", label="mean error", **_MEAN))
        for (name, level), style in zip(levels.items(), _LEVELS, strict=False):
            reach = 0.55 * wide * len(errors)
            places = [place for place, item in enumerate(items) if item in level]
            heights = [level[items[place]] for place in places]
            axes.hlines(
                heights, [one - reach for one in places], [one + reach for one in places], zorder=3, **style
            )
            handles.append(Line2D([], [], label=name, **style))
        ranges = {item: f"{find_item(item).low:g}–{find_item(item).high:g}" for item in items}
        axes.set_xticks(range(len(items)), [f"{item}\n{ranges[item]}" for item in items])
        axes.set_xlim(-0.6, len(items) - 0.4)
        axes.set_ylabel("absolute error, points")
        axes.set_ylim(bottom=0)
        axes.yaxis.grid(True, color=_HAIRLINE, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.set_title(title)
        figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=7)
        _save(figure, path, data)


def draw_agreement(path: Path, panels: Sequence[SubScorePoints], data: str) -> None:
    """Predicted derived scores against their labels, with the line on which both are equal."""
    with rc_context(_STYLE):
        figure, all_axes = _figure(4.2 * len(panels), len(panels))
        for panel, axes in zip(panels, all_axes, strict=True):
            low, high = panel.bounds
            margin = 0.02 * (high - low)
            axes.plot(panel.bounds, panel.bounds, color=_MUTED, linewidth=0.8)
            _points(axes, panel.labels, panel.predicted, panel.healthy)
            limits = (low - margin, high + margin)
            axes.set(xlim=limits, ylim=limits, xlabel="label, points", ylabel="predicted, points")
            axes.set_aspect("equal")
            axes.set_title(panel.title)
        all_axes[0].legend(loc="upper left", frameon=False)
        _save(figure, path, data)


def draw_bland_altman(path: Path, panels: Sequence[SubScorePoints], data: str) -> None:
    """Difference against mean of prediction and label, with the patients' bias and 95 % limits."""
    with rc_context(_STYLE):
        figure, all_axes = _figure(4.2 * len(panels), len(panels))
        for panel, axes in zip(panels, all_axes, strict=True):
            axes.axhline(0, color=_HAIRLINE, linewidth=0.8)
            for value, style in zip(panel.limits or (), ("-", "--", "--"), strict=False):
                axes.axhline(value, color=_MUTED, linewidth=0.8, linestyle=style)
                # beside the axes, where no point can lie under it
                axes.annotate(
                    f"{value:+.1f}".replace("-", "−"), (1, value), xycoords=("axes fraction", "data"),
                    xytext=(3, 0), textcoords="offset points", va="center", color=_MUTED,
                )  # fmt: skip
            _points(axes, (panel.labels + panel.predicted) / 2, panel.predicted - panel.labels, panel.healthy)
            axes.set(xlabel="mean of label and prediction, points", ylabel="predicted − label, points")
            axes.set_title(f"{panel.title}: patients' bias and 95 % limits")
        all_axes[0].legend(loc="upper left", frameon=False)
        _save(figure, path, data)


def _hex(colour: object) -> str:
    return "#" + str(colour.hexval())[2:]  # type: ignore[attr-defined]


_INK, _MUTED, _HAIRLINE = _hex(INK), _hex(MUTED), _hex(HAIRLINE)
_ACCENT, _BAR, _TRACK = _hex(ACCENT), _hex(BAR), _hex(TRACK)
_MEAN: dict[str, Any] = {
    "marker": "D",
    "markersize": 3,
    "markerfacecolor": "white",
    "markeredgecolor": _INK,
    "markeredgewidth": 0.7,
}
_LEVELS: tuple[dict[str, Any], ...] = (
    {"color": _INK, "linewidth": 1.0, "linestyle": ":"},
    {"color": _ACCENT, "linewidth": 1.0, "linestyle": "--"},
)


def _colours(count: int) -> list[str]:
    """The last recipe, which is looked at, stands out from those before it."""
    return [*[_TRACK] * (count - 1), _BAR]


def _figure(wide: float, panels: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(wide, _INCHES_HIGH), dpi=_DPI, layout="constrained")
    return figure, list(figure.subplots(1, panels, squeeze=False)[0])


def _points(axes: Axes, x: Floats, y: Floats, healthy: NDArray[np.bool_]) -> None:
    axes.scatter(x[~healthy], y[~healthy], s=12, color=_ACCENT, linewidths=0, label="patients")
    if healthy.any():
        axes.scatter(
            x[healthy],
            y[healthy],
            s=14,
            facecolors="none",
            edgecolors=_INK,
            linewidths=0.7,
            label="healthy people",
        )


def _save(figure: Figure, path: Path, data: str) -> None:
    figure.supxlabel(data, x=0.01, ha="left", fontsize=6, color=_MUTED, wrap=True)
    figure.savefig(path)
