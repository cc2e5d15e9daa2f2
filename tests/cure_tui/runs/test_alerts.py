"""Alerts: one for each new condition, none for those from before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cure_tui.dashboard.run.header import header_rows
from cure_tui.runs.alerts import MU_STEPS, alerts, standing_alert
from cure_tui.runs.watcher import Snapshot
from engine.runs.events import Event
from engine.runs.listing import RunCondition
from engine.runs.state import RunState, reduce, replay


def after_step(state: RunState, **metrics: float | None) -> RunState:
    return reduce(state, Event("step_finished", state.step + 1, 0.0, 0.0, {"metrics": metrics}))


START = replay([Event("run_started", None, 0.0, 0.0, {"version": 1, "preset": "nano", "steps": 99, "seed": 0})])
LIVE = Snapshot(Path("run"), RunCondition.LIVE, START, loading=False)


@pytest.mark.parametrize(
    ("condition", "severity", "word"),
    [
        (RunCondition.FINISHED, "information", "finished"),
        (RunCondition.STOPPED, "information", "stopped"),
        (RunCondition.CRASHED, "error", "died without an error message"),
        (RunCondition.FAILED, "error", "failed"),
    ],
)
def test_every_end_is_told(condition: RunCondition, severity: str, word: str) -> None:
    (alert,) = alerts(LIVE, replace(LIVE, condition=condition))
    assert alert.severity == severity
    assert word in alert.text
    assert alerts(replace(LIVE, condition=condition), replace(LIVE, condition=condition)) == []


def test_what_was_so_when_the_run_was_opened_is_no_news() -> None:
    ended = replace(LIVE, condition=RunCondition.FINISHED)
    assert alerts(replace(LIVE, loading=True), ended) == []


def test_an_update_that_is_not_finite_is_told() -> None:
    for metrics in ({"nonfinite_updates": 1.0}, {"loss": None}):
        (alert,) = alerts(LIVE, replace(LIVE, state=after_step(START, **metrics)))
        assert "not finite" in alert.text
    assert alerts(LIVE, replace(LIVE, state=after_step(START, loss=0.5, nonfinite_updates=0.0))) == []


def test_a_single_odd_kl_is_no_news() -> None:
    state = START
    for kl in (0.1, 0.1, 4.0, 0.1, None, 0.1, 0.1):
        before, state = state, after_step(state, kl=kl)
        assert alerts(replace(LIVE, state=before), replace(LIVE, state=state), kl_bound=0.5) == []
        assert standing_alert(replace(LIVE, state=state), kl_bound=0.5) == ""


def test_kl_is_told_when_it_stays_over_its_bound_and_not_again() -> None:
    state, told = START, []
    for step, kl in enumerate((0.6, 0.7, 0.6, 0.9, 0.6, 0.7, 0.7), 1):
        before, state = state, after_step(state, kl=kl)
        found = alerts(replace(LIVE, state=before), replace(LIVE, state=state), kl_bound=0.5)
        told += [(step, alert.text) for alert in found]
        assert alerts(replace(LIVE, state=before), replace(LIVE, state=state)) == []
    assert told == [(5, "step 5: KL 0.600 (median of 5 steps) is over 0.5")]


def test_mu_below_zero_is_told_when_it_lasts() -> None:
    state, told = START, []
    for step in range(2 * MU_STEPS):
        new = after_step(state, mu=0.2 if step < 5 else -0.2)
        told += [step for _ in alerts(replace(LIVE, state=state), replace(LIVE, state=new))]
        state = new
    assert len(told) == 1
    assert MU_STEPS <= told[0] + 1 <= MU_STEPS + 5


def test_the_header_shows_kl_in_red_while_it_has_drifted() -> None:
    def style(*kls: float) -> str:
        state = START
        for kl in kls:
            state = after_step(state, kl=kl)
        _, figures = header_rows(replace(LIVE, state=state), None, 200, kl_bound=0.5)
        return next(span.style for span in figures if span.text == "0.600")

    assert style(0.1, 0.1, 0.1, 0.1, 0.6) == "text"
    assert style(0.7, 0.7, 0.7, 0.7, 0.6) == "bad"
