"""Rules of drift, by which the engine ends a run and the dashboard raises an alert. Without numpy.

KL: the policy has left its base. Labels: a run without hidden labels no longer learns what its anchors ask for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

KL_STEPS = 5
"""Number of steps in the median that tells drift from a single outlying token; odd, so the median is one of them."""

MEASURED_STEPS = 10
"""Steps of one measurement of the labels. By ten anchors with 80 programs a step, their code accuracy is known to 1.5
points; the presumed accuracy, of six other tasks in each step, to 6."""
LABEL_DRIFT = "labels drift"
"""Beginning of the engine's notices on signs of drift, which the dashboard shows as alerts."""

_ERRORS = 3.0
"""Standard errors that a difference must exceed. Two are not enough: the rules look after every measurement."""
_GAP_GROWTH, _ACROSS = 0.10, 2
"""Growth of the gap that ends a run, over this many measurements, which are 20 steps."""
_FALL, _IN_A_ROW = 0.05, 3
_FEWEST_ROWS = 1.5


def drifted_kl(recent_kl: Sequence[float | None], bound: float) -> float | None:
    """Return the median of the last `KL_STEPS` KL estimates where it exceeds `bound`: the policy has left the base.

    Return None otherwise. A step without an estimate (None) does not count. The rule uses the median because the k3
    estimator is heavy-tailed: one token that the base finds likely and the policy does not can lift a single
    step's mean tenfold. A bound of 0 is never exceeded.
    """
    known = [kl for kl in recent_kl if kl is not None][-KL_STEPS:]
    median = sorted(known)[KL_STEPS // 2] if len(known) == KL_STEPS else 0.0
    return median if 0 < bound < median else None


@dataclass(frozen=True, slots=True)
class Measurement:
    """Means of the label signs over MEASURED_STEPS steps; None for what was not measured, as without anchors.

    presumed: share of programs presumed right. code, ut: accuracies on the anchors. rows: distinct outputs of a task's
    programs, over all of its inputs. *_error: standard error of a mean, from the spread of its steps; 0 where one step
    tells none.
    """

    presumed: float | None = None
    code: float | None = None
    ut: float | None = None
    rows: float | None = None
    presumed_error: float = 0.0
    code_error: float = 0.0
    ut_error: float = 0.0

    @property
    def gap(self) -> float | None:
        """Presumed accuracy less the anchors': large where the run takes wrong programs for right ones."""
        return None if self.presumed is None or self.code is None else self.presumed - self.code

    @property
    def score(self) -> float | None:
        """Mean of both accuracies on the anchors, by which the best checkpoint is chosen."""
        known = [value for value in (self.code, self.ut) if value is not None]
        return sum(known) / len(known) if known else None


def label_drift(measured: Sequence[Measurement]) -> str:
    """Return why the labels have drifted, which ends the run; "" if they have not. measured: all so far, in order.

    The gap has grown by more than 10 points over 20 steps while the anchors' code accuracy did not rise; or an accuracy
    on the anchors was 5 points below its best in three measurements in a row; or a task's programs print fewer than 1.5
    different outputs. A difference within three standard errors is chance, and ends nothing.
    """
    if not measured:
        return ""
    if grown := _grown_gap(measured):
        return grown
    for name, title in (("code", "code"), ("ut", "unit-test")):
        fallen = falls(measured, name)
        if fallen >= _IN_A_ROW:
            best, last = _best_and_last(measured, name)
            return (
                f"{title} accuracy on the anchors is {100 * last:.1f} %, and was at least {100 * _FALL:g} points below "
                f"its best, {100 * best:.1f} %, in {_IN_A_ROW} measurements"
            )
    rows = measured[-1].rows
    if rows is not None and rows < _FEWEST_ROWS:
        return f"the programs of a task print {rows:.2f} different outputs, fewer than {_FEWEST_ROWS:g}"
    return ""


def falls(measured: Sequence[Measurement], name: str) -> int:
    """Return in how many measurements up to the last one, in a row, an accuracy was 5 points below its best.

    Falls within the error of the difference do not count.
    """
    count, best, best_error = 0, None, 0.0
    for each in measured:
        value, error = getattr(each, name), getattr(each, f"{name}_error")
        if value is None:
            continue
        if best is None or value > best:
            best, best_error = value, error
        least = max(_FALL, _ERRORS * math.hypot(best_error, error))
        count = count + 1 if value <= best - least + 1e-9 else 0
    return count


def drift_sign(measured: Sequence[Measurement]) -> str:
    """Return the first sign of drift in the last measurement, before it ends the run; "" without any."""
    for name, title in (("code", "code"), ("ut", "unit-test")):
        fallen = falls(measured, name)
        if 0 < fallen < _IN_A_ROW:
            best, last = _best_and_last(measured, name)
            return (
                f"{title} accuracy on the anchors is {100 * last:.1f} %, {100 * (best - last):.1f} points below its "
                f"best ({fallen} of {_IN_A_ROW} measurements that end the run)"
            )
    return ""


def _grown_gap(measured: Sequence[Measurement]) -> str:
    if len(measured) <= _ACROSS:
        return ""
    before, now = measured[-1 - _ACROSS], measured[-1]
    if before.gap is None or now.gap is None or before.code is None or now.code is None:
        return ""
    growth = now.gap - before.gap
    chance = _ERRORS * math.hypot(before.presumed_error, before.code_error, now.presumed_error, now.code_error)
    if growth <= max(_GAP_GROWTH, chance) + 1e-9 or now.code > before.code:
        return ""
    return (
        f"the presumed accuracy has left that of the anchors by {100 * growth:.1f} points more over "
        f"{_ACROSS * MEASURED_STEPS} steps, in which the anchors' did not rise"
    )


def _best_and_last(measured: Sequence[Measurement], name: str) -> tuple[float, float]:
    values = [value for each in measured if (value := getattr(each, name)) is not None]
    return max(values), values[-1]
