"""Watch over what a run can learn from: notices where groups are unusable, and what to change then.

A group whose rewards are all equal has no gradient. A model for which the tasks are too hard, too easy, or longer than
its answers may be, has no other groups: its run would take its time and end as it began.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from engine.config import RunConfig
from engine.config.schema import StyleName
from engine.evaluation.summary import EvalSummary
from engine.train.step import CoevolutionStep

DRY_STEPS = 3
"""Steps in a row without a trained sample before the first notice; then after twice as many, and so on."""

_EASY, _MOST_UNREADABLE, _NEAR_LIMIT = 0.98, 0.5, 0.9
_FEWEST_TASKS = 8
"""Tasks of an evaluation below which all or none of its programs may be right by chance."""
_TEMPERATURE = 0.7
"""Temperature at which weak models keep to a form; at 1.0 they lose it several times as often."""


class LearningWatch:
    """Monitor of what a run learns. warn: writes a sentence into the journal."""

    def __init__(self, config: RunConfig, warn: Callable[[str], None]) -> None:
        self._config, self._warn = config, warn
        self._dry = 0
        self._tell_at = DRY_STEPS

    def look_at_start(self, summary: EvalSummary) -> None:
        """Warn the user if the first evaluation shows that few groups will be usable."""
        fault = _fault_of(summary)
        if fault:
            too_easy = (summary.code.mean or 0.0) >= _EASY
            cut = self._ends_at_limit(summary)
            self._warn(f"{fault}: few groups will teach anything. {self._remedies(too_easy=too_easy, cut_off=cut)}")

    def look(self, done: CoevolutionStep) -> None:
        """Warn the user of steps in a row that trained no sample."""
        if done.update.samples:
            self._dry, self._tell_at = 0, DRY_STEPS
            return
        self._dry += 1
        if self._dry < self._tell_at:
            return
        self._tell_at *= 2
        correct = [float(task.rollouts.matrix.correct_n.mean()) for task in done.tasks]
        completions = [each for task in done.tasks for group in task.groups for each in group.completions]
        cut = sum(not each.finished for each in completions) > len(completions) / 4
        why = "without a usable group" if not done.update.skipped_masked else "whose usable answers were all cut off"
        advice = self._remedies(too_easy=min(correct, default=0.0) >= _EASY, cut_off=cut)
        self._warn(f"{self._dry} steps in a row {why}: nothing was learnt. {advice}")

    def _ends_at_limit(self, summary: EvalSummary) -> bool:
        rollout = self._config.rollout
        pairs = (
            (summary.coder_length.mean, rollout.max_new_tokens_coder),
            (summary.tester_length.mean, rollout.max_new_tokens_tester),
        )
        return any(mean is not None and mean > _NEAR_LIMIT * longest for mean, longest in pairs)

    def _remedies(self, *, too_easy: bool, cut_off: bool) -> str:
        """Return what may help, the likeliest first."""
        rollout, model = self._config.rollout, self._config.model
        if too_easy:
            return "Use harder tasks (data.train)"
        tried = []
        if cut_off:
            tried.append(
                f"longer answers (rollout.max_new_tokens_coder, now {rollout.max_new_tokens_coder}, "
                f"and _tester, now {rollout.max_new_tokens_tester})"
            )
        tried.append("easier tasks (data.train)")
        if model.prompt_style == "full" and "shots" in get_args(StyleName):
            tried.append("worked examples in the prompts (model.prompt_style=shots)")
        if rollout.temperature > _TEMPERATURE:
            tried.append(f"a lower temperature (rollout.temperature={_TEMPERATURE}, now {rollout.temperature:g})")
        return f"Try {', or '.join(tried)}"


def nothing_learnt(trained_samples: int, steps: int) -> str:
    """Return the reason of a run that took steps and trained no sample; "" for any other."""
    if trained_samples or not steps:
        return ""
    return "learnt nothing: no step had a group to learn from, and the model is as it was at the start"


def _fault_of(summary: EvalSummary) -> str:
    """Say why few groups will be usable; "" where nothing speaks for it."""
    code, rejected, malformed = summary.code.mean, summary.rejected_share.mean, summary.malformed_share.mean
    tells = summary.n_tasks >= _FEWEST_TASKS
    if tells and code is not None and code >= _EASY:
        return "nearly every program is right before any training"
    if rejected is not None and rejected > _MOST_UNREADABLE:
        return f"before any training {rejected:.0%} of the coder's answers hold no program"
    if malformed is not None and malformed > _MOST_UNREADABLE:
        return f"before any training {malformed:.0%} of the tester's answers hold no test"
    if tells and code == 0.0:
        return "before any training no program is right"
    return ""
