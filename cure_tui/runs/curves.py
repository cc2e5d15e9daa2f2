"""Charts of a run: groups of metrics and their series over steps, time, tokens or problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from cure_tui.charts import ChartOptions, Floats, GlyphSet, Series
from engine.runs.metrics import OF_SOME_RUNS, evaluated, groups, metric
from engine.runs.state import Evaluation, RunState


class XAxis(StrEnum):
    """Quantity on the x axis of the charts."""

    STEP = "step"
    MINUTES = "minutes"
    TOKENS = "tokens"
    PROBLEMS = "problems"


@dataclass(frozen=True)
class ChartSpec:
    """One chart: its title, the names of its metrics, and its fixed y range if it has one.

    evaluated: the split whose evaluations the chart shows; "" for steps. Raises UnknownMetric for a name that the table
    of metrics lacks.
    """

    name: str
    metrics: tuple[str, ...] = ()
    y_range: tuple[float, float] | None = None
    evaluated: str = ""

    def __post_init__(self) -> None:
        for name in self.metrics:
            metric(name)

    @property
    def title(self) -> str:
        """The name, followed by the unit of the metrics unless the name contains it."""
        unit = metric(self.metrics[0]).unit if self.metrics else ""
        return self.name if unit in self.name else f"{self.name}, {unit}"

    @property
    def of_some_runs(self) -> bool:
        """Tell whether most runs do not measure it: an empty chart would say nothing."""
        return bool(self.metrics) and metric(self.metrics[0]).group in OF_SOME_RUNS

    @property
    def meanings(self) -> list[tuple[str, str]]:
        """Name of each metric in the legend ("" if it equals the chart's name) and its meaning in one line."""
        metrics = [metric(name) for name in self.metrics]
        return [("" if each.title == self.name else each.title, each.meaning) for each in metrics]


_SHARES = (0.0, 1.0)
_FIXED_RANGES = {"accuracy": _SHARES, "trust": _SHARES, "machine": _SHARES}
_OF_STEPS = tuple(ChartSpec(group, names, _FIXED_RANGES.get(group)) for group, names in groups().items())
_ACCURACY = _OF_STEPS[0]
_EVALUATED = replace(_ACCURACY, metrics=tuple(name for name in _ACCURACY.metrics if metric(name).evaluated))
CHARTS: tuple[ChartSpec, ...] = (
    _ACCURACY,
    replace(_EVALUATED, name="validation accuracy", evaluated="validation"),
    replace(_EVALUATED, name="held-out accuracy", evaluated="heldout"),
    *_OF_STEPS[1:],
)
"""One chart per group of the table of metrics; the accuracies of evaluations follow those of the steps."""

CHART_BY_NAME: Mapping[str, ChartSpec] = {chart.name: chart for chart in CHARTS}


def _alone(chart: ChartSpec, name: str) -> ChartSpec:
    title = metric(name).title
    alone = chart.name if len(chart.metrics) == 1 or title == chart.name else f"{chart.name}: {title}"
    return replace(chart, name=alone, metrics=(name,))


METRIC_CHARTS = tuple(_alone(chart, name) for chart in CHARTS for name in chart.metrics)
"""One chart per metric, for comparisons: each line is a run, and two metrics of four runs would be eight lines."""


def chart_series(state: RunState, chart: ChartSpec, axis: XAxis) -> list[Series]:
    """Return the chart's lines over the finished steps, or over the evaluations so far.

    A metric that a run of an earlier version lacks has no line beside others.
    """
    if chart.evaluated:
        lines = _evaluated(state, chart, axis)
    else:
        x = x_of(state, axis)
        lines = [
            Series(metric(name).title, x, state.column(name), f"series{number}", metric(name).better)
            for number, name in enumerate(chart.metrics)
        ]
    known = [
        line
        for name, line in zip(chart.metrics, lines, strict=True)
        if not metric(name).later or np.isfinite(line.y).any()
    ]
    return known or lines


def overlaid(runs: Sequence[tuple[str, RunState]], chart: ChartSpec, axis: XAxis) -> list[Series]:
    """Return the chart's only metric with one line per run; name, marker and colour distinguish the runs."""
    return [
        replace(chart_series(state, chart, axis)[0], name=name, style=f"series{number}")
        for number, (name, state) in enumerate(runs)
    ]


def chart_options(
    chart: ChartSpec,
    *,
    axis: XAxis = XAxis.STEP,
    smoothing: float = 0.0,
    log_y: bool = False,
    cursor: float | None = None,
    x_range: tuple[float, float] | None = None,
    marks: int = 1,
    glyphs: GlyphSet = GlyphSet.BRAILLE,
) -> ChartOptions:
    """Return the options for drawing the chart. A logarithmic axis ignores the fixed range.

    cursor, x_range: on that axis.
    """
    return ChartOptions(
        title=chart.title,
        x_label=axis.value,
        log_y=log_y,
        y_range=None if log_y else chart.y_range,
        smoothing=0.0 if chart.evaluated else smoothing,
        glyphs=glyphs,
        cursor_x=cursor,
        marks=marks,
        x_range=x_range,
    )


def x_of(state: RunState, axis: XAxis) -> Floats:
    """Return the x values of the finished steps, float64 [steps], ascending."""
    if axis is XAxis.STEP:
        return state.axis("step")
    if axis is XAxis.MINUTES:
        return np.maximum.accumulate(state.axis("seconds")) / 60
    if axis is XAxis.TOKENS:
        return np.cumsum(np.nan_to_num(state.column("tokens")))
    return np.cumsum(np.nan_to_num(state.column("tasks")))


def _evaluated(state: RunState, chart: ChartSpec, axis: XAxis) -> list[Series]:
    """Return the chart's metrics at the evaluations of its split."""
    found = sorted((each for each in state.evaluations if each.split == chart.evaluated), key=lambda each: each.step)
    x = np.array([_place(state, each, axis) for each in found], dtype=np.float64)
    means = {name: [evaluated(name, each.summary).mean for each in found] for name in chart.metrics}
    return [
        Series(metric(name).title, x, np.array(means[name], dtype=np.float64), f"series{number}", metric(name).better)
        for number, name in enumerate(chart.metrics)
    ]


def _place(state: RunState, evaluation: Evaluation, axis: XAxis) -> float:
    if axis is XAxis.STEP:
        return float(evaluation.step)
    if axis is XAxis.MINUTES:
        return evaluation.seconds / 60
    steps, places = state.axis("step"), x_of(state, axis)
    before = int(np.searchsorted(steps, evaluation.step, side="right"))
    return float(places[before - 1]) if before else 0.0
