"""Task of an evaluation whose answers arrive: its matrix, and that of each arm, fill as they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.evaluate.parts import Part
from engine.evaluation.report import BASELINE, CODER, ONE_SHOT, TESTER
from engine.problems import Problem
from engine.prompts import Program, Rejected, Role, UnitTest, read_program, read_unit_test
from engine.rollouts.executing import Runner
from engine.rollouts.filling import Filling
from engine.sandbox import AS_A_PROCESS, Judging
from engine.solve.fates import explained
from engine.solve.writers import Answer


@dataclass(eq=False)
class Task:
    """Task with its answers by part. arms: matrices of the same task by other answers, by the name of the arm."""

    problem: Problem
    judging: Judging
    filling: Filling
    arms: Mapping[str, Filling]
    keys: Mapping[str, Sequence[str]]
    answers: dict[str, dict[int, Answer]] = field(default_factory=dict)

    @classmethod
    def new(cls, problem: Problem, parts: Sequence[Part], keys: Mapping[str, Sequence[str]], runner: Runner) -> Task:
        """Return a task without answers. keys: of all its answers, by part."""
        judging = AS_A_PROCESS.for_task(problem.compare)
        tests = {part.name: part.count for part in parts if part.role is Role.TESTER}
        fillings = {
            name: Filling(problem, judging, problem.hidden, tests.get(name, 0), runner)
            for name in (TESTER, *(part.name for part in parts if part.name in (BASELINE, ONE_SHOT)))
        }
        return cls(problem, judging, fillings.pop(TESTER), fillings, keys, {part.name: {} for part in parts})

    @property
    def is_whole(self) -> bool:
        """Tell whether all answers are here."""
        return all(map(self.has_all_of, self.keys))

    def has_all_of(self, part: str) -> bool:
        return len(self.answers[part]) == len(self.keys[part])

    def of(self, part: str) -> list[Answer]:
        """Return a part's answers in the order of their indices."""
        return [self.answers[part][index] for index in sorted(self.answers[part])]

    def take(self, part: Part, answer: Answer, *, in_thought: bool) -> Program | UnitTest | Rejected:
        """Take an answer and submit what can be executed now; return what it holds. in_thought: as of the readers."""
        self.answers[part.name][answer.index] = answer
        read = read_program if part.role is Role.CODER else read_unit_test
        found = read(answer.text, part.model.reading, in_thought=in_thought, finished=answer.finished)
        if isinstance(found, Rejected):
            found = explained(answer, found)
        if isinstance(found, UnitTest) or (isinstance(found, Rejected) and part.role is Role.TESTER):
            (self.filling if part.name == TESTER else self.arms[part.name]).take_test(answer.index, found)
        elif part.name == CODER:
            self.filling.take_program(answer.index, found)
            if BASELINE in self.arms:
                self.arms[BASELINE].take_program(answer.index, found, self.filling.on_truth[answer.index])
        else:
            self.arms[part.name].take_program(answer.index, found)
        return found
