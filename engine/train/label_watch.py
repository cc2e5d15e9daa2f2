"""Watch over a run without hidden labels: anchors in every step, signs of drift, the best checkpoint by anchors.

Why such runs need it: rewards made from a model's own agreement sharpen the start distribution, so accuracy first rises
and then falls, whatever the settings (arXiv 2603.08660); a few true labels show it in time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from engine.config import RunConfig
from engine.problems import Problem
from engine.rollouts.rollout import TaskRollouts
from engine.runs.drift import LABEL_DRIFT, MEASURED_STEPS, Measurement, drift_sign, label_drift
from engine.solve.selectors.b4 import Priors
from engine.train.labels.anchors import AnchorFigures, RateCounts, anchor_figures
from engine.train.labels.signs import Signs, label_signs
from engine.train.labels.source import UNINFORMED, LabelledTask
from engine.train.progress import RunProgress

SampleAnchors = Callable[[Sequence[Problem], int], list[TaskRollouts]]
"""Anchors and the number of steps done -> their rollouts by the policy as it is."""

_FIELDS = ("presumed", "code", "ut", "rows")
_SIGN_OF = {
    "presumed": "presumed_accuracy",
    "code": "anchor_code_accuracy",
    "ut": "anchor_ut_accuracy",
    "rows": "output_rows",
}
_UNKNOWN = -1.0
"""Mark of a figure that was not measured, in a checkpoint; all figures are shares or counts."""


@dataclass(frozen=True, slots=True)
class Anchored:
    """Anchors after one step: the counts of the rates, and their figures."""

    rates: tuple[float, ...]
    figures: AnchorFigures | None


class LabelWatch:
    """Watch over one run; it does nothing with hidden labels. warn: writes a sentence into the journal."""

    def __init__(
        self, config: RunConfig, anchors: Sequence[Problem], sample: SampleAnchors, warn: Callable[[str], None]
    ) -> None:
        self._labels, self._anchors = config.reward.labels, tuple(anchors)
        self._sample, self._warn = sample, warn

    @property
    def is_needed(self) -> bool:
        return self._labels != "hidden"

    @property
    def judge(self) -> str:
        """Name of what chooses the best checkpoint: "validation", "anchors", or "" for nothing without labels."""
        return ("anchors" if self._anchors else "") if self.is_needed else "validation"

    def begin(self, progress: RunProgress) -> RunProgress:
        """Return the progress with the rates that the anchors tell before the first step; sample them if need be."""
        if not self._anchors or progress.rates:
            return progress
        return replace(progress, rates=RateCounts.of(self._sample(self._anchors, progress.step)).numbers())

    def priors(self, progress: RunProgress) -> Priors:
        """Return the priors for the next step."""
        return RateCounts.read(progress.rates).priors if self._anchors else UNINFORMED

    def look(self, progress: RunProgress, step: int) -> Anchored:
        """Sample the anchors after the update of step `step`, so that they judge the policy that is then saved."""
        if not self._anchors:
            return Anchored(progress.rates, None)
        tasks = self._sample(self._anchors, step)
        rates = RateCounts.read(progress.rates).after(step, RateCounts.of(tasks))
        # The figures may know the rates of the step itself: they are a report, and no reward follows from them.
        estimated = rates.priors if self._labels == "consensus" else None
        return Anchored(rates.numbers(), anchor_figures(tasks, estimated))

    def signs(self, tasks: Sequence[LabelledTask], anchored: Anchored) -> Signs:
        """Return the signs of a step by the names of metrics; none with hidden labels."""
        return label_signs(tasks, anchored.figures) if self.is_needed else {}

    def after_step(self, progress: RunProgress, anchored: Anchored, signs: Signs) -> RunProgress:
        """Return the progress with the step's signs; every MEASURED_STEPS steps they make a measurement."""
        if not self.is_needed:
            return progress
        values = [signs[_SIGN_OF[name]] for name in _FIELDS]
        added = [part for value in values for part in ((0.0, 0.0) if value is None else (value, 1.0))]
        sums = _added(progress.sign_sums, added)
        squares = _added(progress.sign_squares, [(value or 0.0) ** 2 for value in values])
        if progress.step % MEASURED_STEPS:
            return replace(progress, rates=anchored.rates, sign_sums=sums, sign_squares=squares)
        counted = list(zip(sums[::2], sums[1::2], squares, strict=True))
        means = [total / count if count else _UNKNOWN for total, count, _ in counted]
        return replace(
            progress, rates=anchored.rates, sign_sums=(), sign_squares=(),
            measured=(*progress.measured, *means),
            measured_errors=(*progress.measured_errors, *(_standard_error(*each) for each in counted)),
        )  # fmt: skip

    def is_measured(self, progress: RunProgress) -> bool:
        """Tell whether the last step has ended a measurement."""
        return self.is_needed and progress.step > 0 and progress.step % MEASURED_STEPS == 0

    def best_score(self, progress: RunProgress) -> float | None:
        """Return the anchors' score of a new best checkpoint; None for one that is not."""
        measured = measurements(progress)
        if self.judge != "anchors" or not measured or not self.is_measured(progress):
            return None
        score = measured[-1].score
        return score if score is not None and progress.is_best(score) else None

    def tell_signs(self, progress: RunProgress) -> None:
        """Warn the user of the first signs of drift in a new measurement."""
        said = drift_sign(measurements(progress)) if self.is_measured(progress) else ""
        if said:
            self._warn(f"{LABEL_DRIFT}: {said}")

    def drifted(self, progress: RunProgress) -> str:
        """Return why the labels have drifted, which ends the run; "" if they have not."""
        return label_drift(measurements(progress)) if self.is_needed else ""


def measurements(progress: RunProgress) -> list[Measurement]:
    """Return the measurements of a run so far."""
    size = len(_FIELDS)
    unknown = (0.0,) * (len(progress.measured) - len(progress.measured_errors))
    errors = (*unknown, *progress.measured_errors)
    found = []
    for start in range(0, len(progress.measured), size):
        row, row_errors = progress.measured[start : start + size], errors[start : start + size]
        presumed, code, ut, rows = (None if value == _UNKNOWN else value for value in row)
        found.append(Measurement(presumed, code, ut, rows, *row_errors[: size - 1]))
    return found


def _added(sums: Sequence[float], values: Sequence[float]) -> tuple[float, ...]:
    return tuple(old + new for old, new in zip(sums or (0.0,) * len(values), values, strict=True))


def _standard_error(total: float, count: float, squares: float) -> float:
    """Return the standard error of the mean of `count` values, from their sum and the sum of their squares."""
    if count < 2:
        return 0.0
    return math.sqrt(max(0.0, squares - total * total / count) / (count - 1) / count)
