"""Line of a step: known figures alone, and a time left within the budget."""

from __future__ import annotations

import pytest

from cure_tui.runs.step_line import clock, evaluation_line, seconds_left, step_line
from engine.evaluation.summary import EvalSummary
from engine.runs.events import Event
from engine.runs.state import Evaluation, RunState, replay


def after(steps: int, planned: int = 20, seconds: float = 5.0, **metrics: float | None) -> RunState:
    """Return a run of `planned` steps after `steps` of them, `seconds` each."""
    start = Event("run_started", None, 0.0, 0.0, {"preset": "nano", "steps": planned, "seed": 0})
    steps_done = [
        Event("step_finished", step, step * seconds, step * seconds, {"metrics": dict(metrics)})
        for step in range(1, steps + 1)
    ]
    return replay([start, *steps_done])


def test_figures_stand_in_a_fixed_order() -> None:
    state = after(1, mu=0.125, code_accuracy=0.5, ut_accuracy=0.25, tokens_per_second=1234.4)
    assert step_line(state, 0) == "step  1/20  code 0.500  ut 0.250  mu +0.125  tok/s 1234"


def test_a_figure_without_meaning_is_left_out() -> None:
    assert step_line(after(1, code_accuracy=0.5, mu=None), 0) == "step  1/20  code 0.500"


def test_the_usable_groups_of_both_roles_are_shown() -> None:
    state = after(1, tasks=6.0, coder_usable_groups=5.0, tester_usable_groups=4.0, refilled_tasks=2.0)
    assert step_line(state, 0) == "step  1/20  usable 9/12"
    assert step_line(after(1, tasks=6.0), 0) == "step  1/20"  # of an earlier version


def test_a_line_fits_into_110_columns() -> None:
    figures = {"code_accuracy": 1.0, "ut_accuracy": 1.0, "mu": -1.0, "kl": 9.9999}
    figures |= {"tasks": 99.0, "coder_usable_groups": 99.0, "tester_usable_groups": 99.0}
    state = after(999, planned=10_000, seconds=99.0, tokens_per_second=99_999.0, **figures)
    assert len(step_line(state, 0)) <= 110


def test_the_time_left_follows_the_recent_pace() -> None:
    assert seconds_left(after(10), 0) == pytest.approx(50)


def test_the_time_left_keeps_to_the_budget() -> None:
    assert seconds_left(after(10), max_minutes=1) == pytest.approx(10)
    assert seconds_left(after(10), max_minutes=0.5) == 0


def test_one_step_has_no_pace() -> None:
    assert seconds_left(after(1), 0) is None


def test_an_evaluation_shows_its_headline() -> None:
    summary = {"code": {"mean": 0.5}, "ut": {"mean": None}, "bon": {"4x4": {"mean": 0.75}}, "n_tasks": 100}
    line = evaluation_line(Evaluation(3, 10.0, "heldout", "end", EvalSummary.from_json(summary, strict=False)))
    assert line == "heldout end (step 3)  code 0.500  bon 4x4 0.750  100 tasks"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (185, "3:05"), (3723, "1:02:03")])
def test_a_clock_reads_as_on_a_wall(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_a_new_limit_on_answers_is_in_the_line_of_its_first_step() -> None:
    state, shown = after(0), []
    for step, limit in enumerate((4096.0, 4096.0, 6144.0, 6144.0), start=1):
        state = replay([Event("step_finished", step, step * 10.0, 0.0, {"metrics": {"answer_limit": limit}})], state)
        shown.append(step_line(state, 0))
    assert ["max" in line for line in shown] == [True, False, True, False]
    assert "max 6,144 tok" in shown[2]


def test_a_run_without_steps_has_a_line_and_sums_that_pass_every_number_none() -> None:
    assert step_line(after(0), 0) == "step  0/20"
    state = after(1, tasks=1e308, coder_usable_groups=1e308, tester_usable_groups=1e308)
    assert step_line(state, 0) == "step  1/20"
