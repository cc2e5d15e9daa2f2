"""Charts of a run: the journal's numbers over any of the four x axes."""

from __future__ import annotations

import numpy as np
import pytest

from cure_tui.dashboard.curves.setting import ChartSetting
from cure_tui.drawing.smoothing import CHOICES, Smoothing
from cure_tui.runs.curves import (
    CHART_BY_NAME,
    CHARTS,
    METRIC_CHARTS,
    ChartSpec,
    XAxis,
    chart_options,
    chart_series,
    overlaid,
    x_of,
)
from engine.runs.events import Event
from engine.runs.metrics import METRICS, UnknownMetric
from engine.runs.state import RunState, replay


@pytest.fixture
def state() -> RunState:
    events = [Event("run_started", None, 0.0, 0.0, {"version": 1, "preset": "nano", "steps": 3, "seed": 0})]
    summary = {"code": {"mean": 0.4}, "ut": {"mean": 0.3}, "bon": {"4x4": {"mean": 0.5}, "16x16": {"mean": 0.6}}}
    events.append(Event("evaluation", 0, 5.0, 5.0, {"split": "heldout", "when": "start", "summary": summary}))
    for step in (1, 2, 3):
        metrics = {"code_accuracy": step / 10, "tokens": 100.0, "tasks": 6.0, "mu": None if step == 2 else 0.1}
        events.append(Event("step_finished", step, 60.0 * step, 0.0, {"metrics": metrics}))
    events.append(Event("evaluation", 3, 200.0, 5.0, {"split": "heldout", "when": "end", "summary": {}}))
    return replay(events)


def test_x_is_step_minutes_tokens_or_problems(state: RunState) -> None:
    assert x_of(state, XAxis.STEP).tolist() == [1, 2, 3]
    assert x_of(state, XAxis.MINUTES).tolist() == [1, 2, 3]
    assert x_of(state, XAxis.TOKENS).tolist() == [100, 200, 300]
    assert x_of(state, XAxis.PROBLEMS).tolist() == [6, 12, 18]


def test_a_metric_that_a_step_lacks_is_a_gap(state: RunState) -> None:
    mu = chart_series(state, CHART_BY_NAME["mu"], XAxis.STEP)[0]
    assert np.isnan(mu.y).tolist() == [False, True, False]


@pytest.mark.parametrize(("axis", "places"), [(XAxis.STEP, [0, 3]), (XAxis.TOKENS, [0, 300])])
def test_evaluations_stand_where_they_were_made(state: RunState, axis: XAxis, places: list[float]) -> None:
    code, ut, bon = chart_series(state, CHART_BY_NAME["held-out accuracy"], axis)
    assert code.x.tolist() == places
    assert [code.y[0], ut.y[0], bon.y[0]] == [0.4, 0.3, 0.6]
    assert np.isnan([code.y[1], ut.y[1], bon.y[1]]).all()


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_every_chart_can_be_made_of_an_empty_run(chart: object) -> None:
    for axis in XAxis:
        assert all(series.x.size == 0 for series in chart_series(RunState(), chart, axis))  # type: ignore[arg-type]


def test_a_logarithmic_axis_has_no_fixed_range() -> None:
    assert chart_options(CHART_BY_NAME["trust"]).y_range == (0.0, 1.0)
    assert chart_options(CHART_BY_NAME["trust"], log_y=True).y_range is None


def test_every_metric_has_a_chart_of_its_own_for_comparing() -> None:
    assert all(len(chart.metrics) == 1 for chart in METRIC_CHARTS)
    names = [chart.name for chart in METRIC_CHARTS]
    assert len(set(names)) == len(names)
    assert {"accuracy: code", "held-out accuracy: BoN", "mu", "mu: bound", "KL"} <= set(names)


def test_every_metric_of_a_step_is_on_a_chart() -> None:
    charted = [name for chart in CHARTS if not chart.evaluated for name in chart.metrics]
    assert sorted(charted) == sorted(METRICS)


def test_a_chart_of_a_metric_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownMetric, match="entropy"):
        ChartSpec("entropy", ("coder_entropy", "entropy"))


def test_a_chart_says_the_unit_of_its_metrics_once() -> None:
    titles = {chart.name: chart.title for chart in CHARTS}
    assert (titles["KL"], titles["tokens/s"], titles["mu"]) == ("KL, nats", "tokens/s", "mu")
    for chart in CHARTS:
        assert len({METRICS[name].unit for name in chart.metrics}) == 1


def test_what_a_metric_means_fits_into_a_line_of_a_small_terminal() -> None:
    lines = [f"{name and f'{name}: '}{meaning}" for chart in CHARTS for name, meaning in chart.meanings]
    assert max(map(len, lines)) <= 78


def test_overlaid_runs_have_a_line_each_with_name_and_style_of_its_own(state: RunState) -> None:
    a, b = overlaid([("A", state), ("B", RunState())], METRIC_CHARTS[0], XAxis.TOKENS)
    assert (a.name, a.style, a.x.tolist()) == ("A", "series0", [100, 200, 300])
    assert (b.name, b.style, b.x.size) == ("B", "series1", 0)


def test_choices_go_round() -> None:
    setting = ChartSetting()
    for _ in XAxis:
        setting = setting.next_axis()
    smoothing = Smoothing()
    for _ in CHOICES:
        smoothing.turn()
    assert setting.other_scale().other_scale() == ChartSetting()
    assert smoothing == Smoothing(0.6)
    assert setting.next_axis().described(0.6) == "over minutes, smoothed 0.6, linear y"
    assert setting.other_scale().described(0.0) == "over step, not smoothed, logarithmic y"
