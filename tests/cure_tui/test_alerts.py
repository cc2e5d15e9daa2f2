"""A user is called when something has come about, once, and not for what was there before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cure_tui.alerts import MU_STEPS, alerts
from cure_tui.watch import Snapshot
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
        (RunCondition.CRASHED, "error", "without a word"),
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


def test_kl_is_told_when_it_passes_its_bound_and_not_again() -> None:
    once = after_step(START, kl=0.6)
    (alert,) = alerts(LIVE, replace(LIVE, state=once), kl_bound=0.5)
    assert "KL 0.600 is over 0.5" in alert.text
    twice = after_step(once, kl=0.7)
    assert alerts(replace(LIVE, state=once), replace(LIVE, state=twice), kl_bound=0.5) == []
    assert alerts(LIVE, replace(LIVE, state=once)) == []


def test_mu_below_zero_is_told_when_it_lasts() -> None:
    state, told = START, []
    for step in range(2 * MU_STEPS):
        new = after_step(state, mu=0.2 if step < 5 else -0.2)
        told += [step for _ in alerts(replace(LIVE, state=state), replace(LIVE, state=new))]
        state = new
    assert len(told) == 1
    assert MU_STEPS <= told[0] + 1 <= MU_STEPS + 5
