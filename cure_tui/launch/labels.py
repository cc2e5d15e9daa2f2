"""Lines about where a new run's rewards come from, for the question before it starts and the headless start."""

from __future__ import annotations

from engine.config import RunConfig
from engine.reward.mode import HIDDEN, is_unanchored, reward_words
from engine.solve.label_tester import tester_of

_ANSWERS_A_TASK = 16 + 8 * 16
"""Answers that a tester is asked for at most, for each task, without checking programs: tests, and votes on outputs."""


def reward_lines(config: RunConfig) -> list[str]:
    """Return what the user should know of rewards that do not come from hidden tests alone; [] for those that do."""
    reward = config.reward
    words = reward_words(reward.labels, reward.anchors, reward.tester_supervision)
    lines = [f"rewards: {words}"] if words else []
    tester = tester_of(reward.labels)
    if tester is not None:
        most = _ANSWERS_A_TASK + reward.checking_programs
        lines.append(
            f"{tester} writes the tests before the first step, up to {most} answers a task, and their time does not "
            "count against the run's minutes"
        )
    if is_unanchored(reward.labels, reward.anchors):
        lines.append(
            "warning: without anchors nothing is held against the truth: the run may learn to agree on wrong answers, "
            "and the last checkpoint is kept, not the best; set reward.anchors = 10"
        )
    return lines


def label_tester(config: RunConfig) -> str:
    """Return the writer of the labels as a spec, such as "run:my-run"; "" without one."""
    return "" if config.reward.labels == HIDDEN else str(tester_of(config.reward.labels) or "")
