"""The charts of a run: which metrics stand together, over which x, out of the reducer's state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from cure_tui.charts import ChartOptions, Floats, GlyphSet, Series
from engine.runs.state import Evaluation, RunState


class XAxis(StrEnum):
    """What the charts lie over."""

    STEP = "step"
    MINUTES = "minutes"
    TOKENS = "tokens"
    PROBLEMS = "problems"


@dataclass(frozen=True)
class ChartSpec:
    """One chart: its title, its metrics with what the legend calls them, and its fixed range if it has one.

    evaluated: the chart shows evaluations of this split, of which `EVALUATED` are the metrics, instead of steps.
    """

    name: str
    metrics: tuple[tuple[str, str], ...] = ()
    y_range: tuple[float, float] | None = None
    evaluated: str = ""


EVALUATED = (("code_accuracy", "code"), ("ut_accuracy", "UT"), ("bon_accuracy", "BoN"))
CHARTS: tuple[ChartSpec, ...] = (
    ChartSpec("accuracy", EVALUATED, (0.0, 1.0)),
    ChartSpec("validation accuracy", EVALUATED, (0.0, 1.0), evaluated="validation"),
    ChartSpec("held-out accuracy", EVALUATED, (0.0, 1.0), evaluated="heldout"),
    ChartSpec("rewards", (("coder_reward", "coder"), ("tester_reward", "tester"))),
    ChartSpec("trust", (("p_u", "p_u"), ("p_01", "p_01"), ("p_00", "p_00")), (0.0, 1.0)),
    ChartSpec("mu", (("mu", "mu"), ("mu_bound", "bound"))),
    ChartSpec("KL", (("kl", "KL to the base"),)),
    ChartSpec("importance ratio", (("ratio_mean", "mean"), ("effective_sample_size", "effective sample"))),
    ChartSpec("entropy", (("coder_entropy", "coder"), ("tester_entropy", "tester"))),
    ChartSpec("gradient norm", (("grad_norm", "norm"),)),
    ChartSpec("usable groups", (("coder_usable_groups", "coder"), ("tester_usable_groups", "tester"))),
    ChartSpec("distinct answers a task", (("coder_distinct", "programs"), ("tester_distinct", "tests"))),
    ChartSpec("tokens/s", (("tokens_per_second", "sampled"), ("update_tokens_per_second", "trained"))),
    ChartSpec(
        "seconds",
        (("seconds_sample", "sample"), ("seconds_execute_wait", "execute"), ("seconds_update", "update")),
    ),
)
CHART_BY_NAME: Mapping[str, ChartSpec] = {chart.name: chart for chart in CHARTS}


def _alone(chart: ChartSpec, metric: tuple[str, str]) -> ChartSpec:
    name = chart.name if len(chart.metrics) == 1 or metric[1] == chart.name else f"{chart.name}: {metric[1]}"
    return replace(chart, name=name, metrics=(metric,))


METRIC_CHARTS = tuple(_alone(chart, metric) for chart in CHARTS for metric in chart.metrics)
"""A chart a metric, for comparing: each line is a run, and two metrics of four runs would be eight lines."""


def chart_series(state: RunState, chart: ChartSpec, axis: XAxis) -> list[Series]:
    """The chart's lines over the finished steps, or over the evaluations there have been."""
    if chart.evaluated:
        return _evaluated(state, chart, axis)
    x = x_of(state, axis)
    return [
        Series(label, x, state.column(metric), f"series{number}")
        for number, (metric, label) in enumerate(chart.metrics)
    ]


def overlaid(runs: Sequence[tuple[str, RunState]], chart: ChartSpec, axis: XAxis) -> list[Series]:
    """The chart's one metric with a line for each run, told apart by name, marker and colour."""
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
    marks: int = 1,
    ascii_only: bool = False,
) -> ChartOptions:
    """How the chart is drawn. A logarithmic axis takes the place of a fixed range."""
    return ChartOptions(
        title=chart.name,
        x_label=axis.value,
        log_y=log_y,
        y_range=None if log_y else chart.y_range,
        smoothing=0.0 if chart.evaluated else smoothing,
        glyphs=GlyphSet.ASCII if ascii_only else GlyphSet.BRAILLE,
        cursor_x=cursor if axis is XAxis.STEP else None,
        marks=marks,
    )


def x_of(state: RunState, axis: XAxis) -> Floats:
    """Where the finished steps lie, float64 [steps], ascending."""
    if axis is XAxis.STEP:
        return state.axis("step")
    if axis is XAxis.MINUTES:
        return np.maximum.accumulate(state.axis("seconds")) / 60
    if axis is XAxis.TOKENS:
        return np.cumsum(np.nan_to_num(state.column("tokens")))
    return np.cumsum(np.nan_to_num(state.column("tasks")))


def _evaluated(state: RunState, chart: ChartSpec, axis: XAxis) -> list[Series]:
    """The chart's metrics at the evaluations of its split."""
    found = sorted((each for each in state.evaluations if each.split == chart.evaluated), key=lambda each: each.step)
    x = np.array([_place(state, each, axis) for each in found], dtype=np.float64)
    summaries = [each.summary for each in found]
    means = [[each.code.mean, each.ut.mean, each.largest_bon.mean] for each in summaries]
    figures = np.array(means, dtype=np.float64).reshape(len(found), len(EVALUATED))
    return [
        Series(label, x, figures[:, EVALUATED.index((metric, label))], f"series{number}")
        for number, (metric, label) in enumerate(chart.metrics)
    ]


def _place(state: RunState, evaluation: Evaluation, axis: XAxis) -> float:
    if axis is XAxis.STEP:
        return float(evaluation.step)
    if axis is XAxis.MINUTES:
        return evaluation.seconds / 60
    steps, places = state.axis("step"), x_of(state, axis)
    before = int(np.searchsorted(steps, evaluation.step, side="right"))
    return float(places[before - 1]) if before else 0.0
