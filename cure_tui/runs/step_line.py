"""Lines of a run as text: step (at most 110 columns), sandbox, evaluation; and the estimate of the time left."""

from __future__ import annotations

import math
from collections.abc import Mapping

from engine.reward.mode import UNANCHORED
from engine.runs.metrics import Metric, metric
from engine.runs.state import Evaluation, RunState, Sandbox

COLUMNS: Mapping[Metric, str] = {
    metric("code_accuracy"): "{:.3f}",
    metric("ut_accuracy"): "{:.3f}",
    metric("anchor_code_accuracy"): "{:.3f}",
    metric("anchor_ut_accuracy"): "{:.3f}",
    metric("presumed_accuracy"): "{:.3f}",
    metric("mu"): "{:+.3f}",
    metric("kl"): "{:.4f}",
    metric("tokens_per_second"): "{:.0f}",
    metric("seconds"): "{:.1f}",
}
"""Metrics of the step line, each with its format."""

UNCONFINED = "NOT CONFINED"
"""Warning in every line and screen of a run whose programs no sandbox confines."""

_RECENT_STEPS = 10


def step_line(state: RunState, max_minutes: float) -> str:
    """Return the line of the last finished step: the metrics that it has, its usable groups, then the time left.

    A limit on answers is in it when the length curriculum has changed it.
    """
    parts = [f"step {state.step:>{len(str(state.steps))}}/{state.steps}", *_figures(state.metrics)]
    groups = usable_groups(state.metrics)
    parts += [f"usable {groups[0]}/{groups[1]}"] if groups else []
    parts += _new_limit(state)
    left = seconds_left(state, max_minutes)
    parts += [f"left {clock(left)}"] if left is not None else []
    parts += [UNANCHORED] if UNANCHORED in state.rewards else []
    parts += [UNCONFINED] if state.sandbox and not state.sandbox.confined else []
    return "  ".join(parts)


def usable_groups(metrics: Mapping[str, float | None]) -> tuple[int, int] | None:
    """Return how many groups of a step had a gradient, and of how many; None if the step does not say.

    A task has two groups, the coder's and the tester's.
    """
    coder, tester, tasks = (metrics.get(name) for name in ("coder_usable_groups", "tester_usable_groups", "tasks"))
    if coder is None or tester is None or tasks is None:
        return None
    if not all(map(math.isfinite, (coder + tester, 2 * tasks))):  # a journal may come from others
        return None
    return round(coder + tester), round(2 * tasks)


def sandbox_line(sandbox: Sandbox) -> str:
    """Return the line on the sandbox level, with the remedy that would raise it."""
    warning = "" if sandbox.confined else f"warning: {UNCONFINED}: "
    better = f"; better: {sandbox.remedy}" if sandbox.remedy else ""
    return f"{warning}sandbox level {sandbox.letter}: {sandbox.summary}{better}"


def evaluation_line(evaluation: Evaluation) -> str:
    """Return the line of an evaluation: accuracies, best-of-N, number of tasks."""
    summary = evaluation.summary
    parts = [f"{evaluation.split} {evaluation.when} (step {evaluation.step})"]
    parts += [f"{name} {each.mean:.3f}" for name, each in summary.accuracies.items() if each.mean is not None]
    return "  ".join([*parts, f"{summary.n_tasks or '?'} tasks"])


def seconds_left(state: RunState, max_minutes: float, waited: float = 0.0) -> float | None:
    """Estimate seconds to the last step from the recent pace, within the time limit; None before two steps.

    waited: seconds since the last event, which count down what is left, though never below the steps still to come.
    """
    pace = _pace(state)
    if pace is None:
        return None
    steps = state.steps - state.step
    since = max(0.0, state.seconds + waited - state.points[-1].seconds)
    left = max(pace * (steps - 1), pace * steps - since)
    if max_minutes:
        left = min(left, _minutes_left(state, max_minutes, waited))
    return max(0.0, left)


def last_step(state: RunState, max_minutes: float, waited: float = 0.0) -> int | None:
    """Forecast the last step where the time limit comes before the planned one; None where it does not, or is unknown.

    The step under way when the time is over is the last one.
    """
    pace = _pace(state)
    if not max_minutes or not pace:
        return None
    left = _minutes_left(state, max_minutes, waited)
    since = max(0.0, state.seconds + waited - state.points[-1].seconds)
    reached = state.step + max(0, math.ceil((left + since) / pace))
    return reached if reached < state.steps else None


def _pace(state: RunState) -> float | None:
    """Return recent seconds per step, all that comes between two steps included; None before there are two."""
    points = state.points
    if len(points) < 2:
        return None
    recent = min(_RECENT_STEPS, len(points) - 1)
    return (points[-1].seconds - points[-1 - recent].seconds) / recent


def _minutes_left(state: RunState, max_minutes: float, waited: float) -> float:
    """Return the seconds that the time limit leaves."""
    return max_minutes * 60 - (state.seconds + waited - state.labelling_seconds)


def _new_limit(state: RunState) -> list[str]:
    """Return the limit on answers if the length curriculum has changed it since the step before."""
    limits = [point.metrics.get("answer_limit") for point in state.points[-2:]]
    if not limits or limits[-1] is None or (len(limits) == 2 and limits[0] == limits[1]):
        return []
    return [f"max {limits[-1]:,.0f} tok"]


def clock(seconds: float) -> str:
    """Return seconds as "3:05" or "1:02:03"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _figures(metrics: Mapping[str, float | None]) -> list[str]:
    return [
        f"{column.short} {form.format(value)}"
        for column, form in COLUMNS.items()
        if (value := metrics.get(column.name)) is not None
    ]
