"""Answers of an evaluation on the wall of live rollouts, as a run shows its own: text as it comes, then a judgement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from engine.evaluate.parts import Part
from engine.evaluate.tasks import Task
from engine.evaluation.report import BASELINE, CODER, ONE_SHOT, TESTER
from engine.prompts import Program, Rejected, Role, UnitTest
from engine.rollouts.filling import Filling
from engine.rollouts.live_wall import Decode, LiveFeed
from engine.rollouts.observer import MALFORMED, REJECTED, RolloutKey, judge_program, judge_tests, when_done
from engine.solve.writers import Answer


@dataclass(slots=True)
class _Asked:
    """Subject of an ask."""

    task: str
    role: Role


class Wall:
    """Wall of an evaluation. Answers of servers are shown once they are whole, those of local models as they grow."""

    def __init__(self, path: Path) -> None:
        self._feed = LiveFeed(path)
        self._asked: dict[str, _Asked] = {}

    def start(self, phase: str, total: int) -> None:
        self._feed.start_phase(phase, total)

    def expect(self, tasks: Sequence[Task], parts: Sequence[Part]) -> None:
        """Learn what the ids of the next asks are about."""
        self._asked = {
            f"{place}/{part.name}": _Asked(_shown(task, part.name), part.role)
            for place, task in enumerate(tasks)
            for part in parts
        }

    def watch(self, ask_id: str, index: int, token_ids: Sequence[int], decode: Decode) -> None:
        """Show the newest tokens of an answer; in the thread that samples it."""
        asked = self._asked.get(ask_id)
        if asked is not None:
            self._feed.on_tokens(RolloutKey(asked.task, asked.role, index), token_ids, decode)

    def take(self, task: Task, part: Part, answer: Answer, found: Program | UnitTest | Rejected) -> None:
        """Show an answer, and its judgement once its programs have run."""
        key = RolloutKey(_shown(task, part.name), part.role, answer.index)
        self._feed.show_answer(key, answer.text or answer.reasoning, answer.tokens, finished=answer.finished)
        if isinstance(found, Rejected):
            self._feed.on_judgement(key, REJECTED if part.role is Role.CODER else MALFORMED)
        elif part.role is Role.CODER:
            filling = task.filling if part.name == CODER else task.arms[part.name]
            when_done([filling.on_truth[answer.index]], lambda: self._judge_program(key, filling))
        for name in {CODER: (TESTER, BASELINE), ONE_SHOT: ()}.get(part.name, (part.name,)):
            filled = task.filling if name == TESTER else task.arms.get(name)
            if filled is not None and task.has_all_of(CODER) and task.has_all_of(name):
                runs = [*filled.on_truth.values(), *filled.on_generated.values()]
                when_done(runs, partial(self._judge_tests, _shown(task, name), filled))

    def close(self) -> None:
        self._feed.close()

    # In the executor's threads --------------------------------------------------------------------------------

    def _judge_program(self, key: RolloutKey, filling: Filling) -> None:
        tests = filling.truth_tests
        outcomes_t = [outcome for outcome in filling.on_truth[key.index].by_test(tests) if outcome is not None]
        self._feed.on_judgement(key, judge_program(outcomes_t, tests, filling.judging))

    def _judge_tests(self, shown: str, filling: Filling) -> None:
        matrix = filling.matrix(filling.truth_rows, filling.generated_rows)
        for index, judgement in enumerate(judge_tests(matrix)):
            if judgement is not MALFORMED:  # shown when it was read
                self._feed.on_judgement(RolloutKey(shown, Role.TESTER, index), judgement)


def _shown(task: Task, part: str) -> str:
    """Return the task's name on the wall: that of an arm's answers is another one."""
    return task.problem.id if part in (CODER, TESTER) else f"{task.problem.id} ({part})"
