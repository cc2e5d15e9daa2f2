"""Tests that a trained tester writes for a task, to stand where its hidden tests stand.

    1. the tester writes 16 tests of the task; the well-formed ones are kept, one for each input
    2. it works out the output for each input 8 times more; the output with a strict lead is the expected one
    3. with a check, the tester also writes programs, and the expected output must be the one that most of them print
    4. at most 8 tests are kept, the first ones; a task with fewer than 3 is left out

Nothing else removes a test: not even that most programs in training fail it, which would be their own judgement again.
Every answer is on the disk before it is used, so that a resume asks for none twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from engine.evaluate.answers import answer_key, group_key
from engine.problems import IOExample, Problem
from engine.prompts import PromptStyle, Role, UnitTest, build_messages
from engine.prompts.dialogue import output_messages, output_opening, parse_output
from engine.sandbox.judging import outputs_match
from engine.sandbox.output_groups import OutputVote
from engine.seeds import derive_seed
from engine.solve.fates import program_of, unit_test_of
from engine.solve.writers import Answer, Ask, Cost, Message, Writer
from engine.train.labels.cross_check import ProgramCheck

ASKED, VOTES, MOST, FEWEST = 16, 8, 8, 3
"""Tests asked for, predictions of an output, tests kept at most, and tests below which a task is left out."""


class Answers(Protocol):
    """Store of answers by key, as `engine.evaluate.answers.AnswerJournal`."""

    def __contains__(self, key: str) -> bool: ...

    def get(self, key: str, ask_id: str) -> Answer: ...

    def add(self, key: str, answer: Answer, seconds: float = 0.0) -> None: ...


@dataclass(eq=False)
class _Task:
    """Task whose tests are being written. waiting: inputs not put to the vote yet, in order.

    printed: by input, the output of most of the checking programs; None without a check.
    """

    problem: Problem
    waiting: list[str] = field(default_factory=list)
    printed: dict[str, str] | None = None
    tests: list[IOExample] = field(default_factory=list)

    def next_inputs(self) -> list[str]:
        """Take as many inputs as tests are lacking."""
        lacking = MOST - len(self.tests)
        inputs, self.waiting = self.waiting[:lacking], self.waiting[lacking:]
        return inputs

    def add(self, stdin: str, output: str, comparison: str) -> None:
        """Keep a test, unless the check contradicts it."""
        if self.printed is None or outputs_match(self.printed[stdin], output, comparison):
            self.tests.append(IOExample(stdin, output))


class TestWriting:
    """Writing of tests by one tester, whose answers are kept.

    identity: all that its answers depend on besides the question. comparison: of outputs, a task's own comes first.
    check: by programs of the same writer. on_answer: called after each answer that was asked for; raises to end the
    writing. spent: cost of those.
    """

    __test__ = False  # no test of pytest

    def __init__(
        self,
        writer: Writer,
        answers: Answers,
        identity: Sequence[object],
        seed: int,
        comparison: str,
        *,
        show_example: bool = False,
        check: ProgramCheck | None = None,
        on_answer: Callable[[], object] = lambda: None,
    ) -> None:
        self._writer, self._answers, self._identity = writer, answers, list(identity)
        self._seed, self._comparison, self._show_example = seed, comparison, show_example
        self._check, self._on_answer = check, on_answer
        self.spent = Cost()

    def write(self, problems: Sequence[Problem]) -> dict[str, tuple[IOExample, ...]]:
        """Return the tests of each task by its id, at most MOST; they may be fewer than FEWEST. Raises CureError."""
        tasks = [_Task(problem) for problem in problems]
        asks = [self._first_ask(place, task.problem) for place, task in enumerate(tasks)]
        answered = self._ask({ask.id: ask for ask in asks})
        for ask in asks:
            tasks[_place(ask.id)].waiting = _distinct_inputs(answered[ask.id])
        if self._check is not None:
            self._run_programs(tasks, self._check)
        while votes := self._next_votes(tasks):
            answered = self._ask({ask_id: ask for ask_id, (ask, _) in votes.items()})
            for ask_id, (_, stdin) in votes.items():
                task = tasks[_place(ask_id)]
                comparison = task.problem.compare or self._comparison
                vote = OutputVote(comparison)
                for answer in answered[ask_id]:
                    output = self._predicted(answer, stdin)
                    if output is not None:
                        vote.add(output)
                if (winner := vote.winner()) is not None:
                    task.add(stdin, winner, comparison)
        return {task.problem.id: tuple(task.tests[:MOST]) for task in tasks}

    def _next_votes(self, tasks: Sequence[_Task]) -> dict[str, tuple[Ask, str]]:
        votes: dict[str, tuple[Ask, str]] = {}
        for place, task in enumerate(tasks):
            for stdin in task.next_inputs():
                number = sum(_place(ask_id) == place for ask_id in votes)
                votes[f"{place}/vote-{number}"] = (self._vote_ask(place, number, task.problem, stdin), stdin)
        return votes

    def _run_programs(self, tasks: Sequence[_Task], check: ProgramCheck) -> None:
        """Ask for the programs that check the tests; inputs on which they disagree are not put to the vote."""
        asks = [self._program_ask(place, task.problem, check.programs) for place, task in enumerate(tasks)]
        answered = self._ask({ask.id: ask for ask in asks})
        programs = [[program_of(answer, in_thought=answer.in_thought) for answer in answered[ask.id]] for ask in asks]
        given = [(task.problem, own, task.waiting) for task, own in zip(tasks, programs, strict=True)]
        for task, printed in zip(tasks, check.outputs(given), strict=True):
            task.printed = printed
            task.waiting = [stdin for stdin in task.waiting if stdin in printed]

    def _program_ask(self, place: int, problem: Problem, programs: int) -> Ask:
        messages = tuple(build_messages(problem, Role.CODER, self._writer.style, show_example=self._show_example))
        return Ask(f"{place}/program", Role.CODER, messages, programs, derive_seed(self._seed, "check", problem.id))

    def _first_ask(self, place: int, problem: Problem) -> Ask:
        messages = tuple(build_messages(problem, Role.TESTER, self._writer.style, show_example=self._show_example))
        return Ask(f"{place}/test", Role.TESTER, messages, ASKED, derive_seed(self._seed, "labels", problem.id))

    def _vote_ask(self, place: int, number: int, problem: Problem, stdin: str) -> Ask:
        seed = derive_seed(self._seed, "vote", problem.id, stdin)
        name = f"{place}/vote-{number}"
        if self._is_short:
            messages = self._first_ask(place, problem).messages
            return Ask(name, Role.TESTER, messages, VOTES, seed, opening=output_opening(stdin))
        return Ask(name, Role.TESTER, output_messages(problem, stdin), VOTES, seed)

    @property
    def _is_short(self) -> bool:
        return self._writer.style is PromptStyle.SHORT

    def _predicted(self, answer: Answer, stdin: str) -> str | None:
        """Return the output that an answer predicts for the input; None without one."""
        if not self._is_short:
            return parse_output(answer.text, in_thought=answer.in_thought) if answer.finished else None
        test = unit_test_of(answer, in_thought=answer.in_thought)
        return test.output if isinstance(test, UnitTest) and test.input.split() == stdin.split() else None

    def _ask(self, asks: Mapping[str, Ask]) -> dict[str, list[Answer]]:
        """Return the answers to each question in the order of their indices; ask for those that are not kept."""
        keys = {name: self._keys(ask) for name, ask in asks.items()}
        missing = [
            Ask(
                ask.id, ask.role, ask.messages, ask.n, ask.seed,
                frozenset(index for index, key in enumerate(keys[name]) if key in self._answers), opening=ask.opening,
            )
            for name, ask in asks.items()
        ]  # fmt: skip
        missing = [ask for ask in missing if ask.indices]
        for answer in self._writer.write(missing) if missing else ():
            self._answers.add(keys[answer.ask_id][answer.index], answer)
            self.spent += answer.cost
            self._on_answer()
        return {name: list(self._kept(name, keys[name])) for name in asks}

    def _kept(self, name: str, keys: Sequence[str]) -> Iterator[Answer]:
        """Yield the answers that are here: a server may have refused one for good."""
        for key in keys:
            if key in self._answers:
                yield self._answers.get(key, name)

    def _keys(self, ask: Ask) -> list[str]:
        messages: list[Message] = list(ask.messages)
        group = group_key([self._identity, messages, ask.opening, ask.seed])
        return [answer_key(group, index) for index in range(ask.n)]


def _distinct_inputs(answers: Sequence[Answer]) -> list[str]:
    """Return the inputs of the well-formed tests, each once, white space collapsed, in the order of the answers."""
    found: dict[str, str] = {}
    for answer in answers:
        test = unit_test_of(answer, in_thought=answer.in_thought)
        if isinstance(test, UnitTest):
            found.setdefault(" ".join(test.input.split()), test.input)
    return list(found.values())


def _place(ask_id: str) -> int:
    return int(ask_id.partition("/")[0])
