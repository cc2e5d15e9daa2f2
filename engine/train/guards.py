"""Guards of a run: warnings about NaN, memory and unusable answers, and the end of a run that no longer learns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from engine.errors import RunError
from engine.policy.samples import UpdateReport
from engine.prompts import Program, Rejected, RejectReason, Role, UnitTest
from engine.rollouts.rollout import TaskRollouts
from engine.sampling import Completion
from engine.solve.fates import in_words

MOST_LOST_IN_A_ROW = 3
"""Number of NaN updates in a row that end a run: one may be due to an odd sample, three to settings or the machine."""


class UpdateWatch:
    """Monitor of the reports of all updates. warn: writes a sentence into the journal."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._lost_in_a_row = 0

    def look(self, report: UpdateReport) -> None:
        """Warn the user of an update with notes, or with NaN or inf."""
        for note in report.notes:
            self._warn(note)
        if not report.nonfinite:
            self._lost_in_a_row = 0
            return
        lost = report.optimiser_steps == 0
        self._lost_in_a_row = self._lost_in_a_row + 1 if lost else 0
        skipped = "the update" if lost else f"{report.nonfinite_steps} of the update's optimiser steps"
        self._warn(f"skipped {skipped}: NaN or inf in the loss or its gradient; the policy is intact")

    def check(self) -> None:
        """Raise RunError if continuing would only waste time; the policy is intact, so a checkpoint of it is, too."""
        if self._lost_in_a_row >= MOST_LOST_IN_A_ROW:
            raise RunError(
                f"the loss or its gradient was NaN or inf in {self._lost_in_a_row} updates in a row",
                "they were skipped and the checkpoint is intact: in the run's config.toml lower "
                'policy.learning_rate, or set policy.precision = "fp32" where memory allows, then resume the run',
            )


MOST_UNUSABLE = 0.05
"""Share of a role's answers without a program or test above which the user is warned: they teach nothing."""

FEWEST_UNUSABLE = 3
"""Unusable answers of a step below which there is no warning: one in a small step may be chance."""


class AnswerWatch:
    """Monitor of unusable answers. warn: writes a sentence into the journal, once each time they are too many."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._told: set[Role] = set()

    def look(self, tasks: Sequence[TaskRollouts], *, rises: bool = False) -> None:
        """Warn the user of a step with too many unusable answers, with the commonest reason and its remedy.

        rises: the length curriculum will raise the limit on answers, so cut-off ones are expected.
        """
        for role in Role:
            pairs = [pair for task in tasks for pair in _answers(task, role)]
            reasons = Counter(
                answer.reason if completion.finished else RejectReason.CUT_OFF
                for answer, completion in pairs
                if isinstance(answer, Rejected) and (completion.finished or not rises)
            )
            share = reasons.total() / max(len(pairs), 1)
            too_many = share > MOST_UNUSABLE and reasons.total() >= FEWEST_UNUSABLE
            if too_many and role not in self._told:
                (reason, count), *_ = reasons.most_common(1)
                thing = "program" if role is Role.CODER else "test"
                self._warn(
                    f"{share:.0%} of the {role}'s answers hold no {thing}, most often {in_words({reason: count})} "
                    f"({_remedy(reason, role)})"
                )
            (self._told.add if too_many else self._told.discard)(role)


def _answers(task: TaskRollouts, role: Role) -> Iterator[tuple[Program | UnitTest | Rejected, Completion]]:
    if role is Role.CODER:
        return zip(task.programs, task.coder, strict=True)
    return zip(task.tests, task.tester, strict=True)


def _remedy(reason: RejectReason, role: Role) -> str:
    if reason in (RejectReason.CUT_OFF, RejectReason.UNFINISHED_THOUGHT):
        return f"raise rollout.max_new_tokens_{role}"
    return 'see the answers in Rollouts; rollout.reading = "kind" accepts other forms'
