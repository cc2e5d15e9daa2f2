"""Session of a strategy on one problem: questions in, answers out, programs and tests on the board, costs by stage.

    with session.stage("sample"):
        session.sample(n, m)
        session.settle()

One thread runs a session: writers and sandbox put what they have into its inbox, and it takes one item a turn, so that
the board needs no lock. A spent budget, an interrupt or a writer's fault end it: answers that are paid for still come,
and the next question raises Ended, which the runner catches (`engine.solve.strategies.runner`). A fault before the
first program is raised: there is nothing to choose from.
"""

from __future__ import annotations

import math
import queue
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from engine.errors import CureError
from engine.prompts import Program, Rejected, Role, UnitTest
from engine.prompts.thoughts import closes_thought
from engine.rollouts.executing import execute
from engine.sandbox import Outcome
from engine.seeds import derive_seed
from engine.solve.fates import program_of, unit_test_of
from engine.solve.selectors import Selector, choose
from engine.solve.strategies.batch import Answered, Batch, Executed, Inbox, Item
from engine.solve.strategies.bench import Bench
from engine.solve.strategies.board import Board, Origin, TestCase
from engine.solve.strategies.evidence import StageCost
from engine.solve.strategies.parts import Part, Question
from engine.solve.writers import Answer, Ask, Cost, Message, Remote, Writer, first_ask

_POLL_SECONDS = 0.1
_WAITING_SECONDS = 0.25
_OVERTIME_SHARE, _LEAST_OVERTIME_SECONDS = 0.05, 0.1
_RANKING_SECONDS, _RANKING_FACTOR = 0.05, 20
"""Least time between two rankings, in seconds and in times that the last one took."""


class Ended(Exception):
    """Raised by a question after the end of a session, or of a stage whose share is spent."""


class Session:
    """Session. board: what there is to choose from. ended: why sampling stopped early, or "".

    chosen: the row that the strategy names itself; None leaves the choice to the selector. asked_for: number of tests,
    of which a part makes support. remarks: what else the user shall know of how it was found, in sentences.
    """

    def __init__(self, bench: Bench, selector: Selector) -> None:
        self.bench, self.selector = bench, selector
        self.board = Board(bench.problem.public, bench.judging.for_task(bench.problem.compare))
        self.inbox: Inbox = queue.SimpleQueue()
        self.ended = ""
        self.note = ""
        self.chosen: int | None = None
        self.asked_for = bench.m
        self.remarks: list[str] = []
        self._stage, self._limit = "", math.inf
        self._costs: defaultdict[tuple[str, str], Cost] = defaultdict(Cost)
        self._batch: Batch | None = None
        self._executing = 0
        self._leader: int | None = None
        self._told_waiting = self._rank_again = 0.0
        self._thinking: set[Role] = set()

    @property
    def costs(self) -> tuple[StageCost, ...]:
        """Costs by stage and part, in order of appearance."""
        return tuple(StageCost(stage, part, cost) for (stage, part), cost in self._costs.items())

    def writer(self, part: Part) -> Writer:
        """Return the writer that plays a part."""
        return self.bench.writers[part]

    # Questions and answers ----------------------------------------------------------------------------------

    @contextmanager
    def stage(self, name: str, share: float = 1.0) -> Iterator[None]:
        """Name what is done within; it may spend `share` of what is left of the budget, and ends silently then."""
        before = self._stage, self._limit
        self._stage, self._limit = name, min(self._limit, self._shared(share))
        self.bench.observer.on_stage(name)
        try:
            yield
            self.settle()
        except Ended:
            if self.ended:
                raise
            self.settle()
        finally:
            self._stage, self._limit = before

    def question(
        self,
        part: Part,
        name: str,
        messages: Sequence[Message],
        n: int = 1,
        *,
        temperature: float | None = None,
    ) -> Question:
        """Build a question of which a part gives n answers; `name` is unique and settles the seed."""
        seed = derive_seed(self.bench.seed, name, self.bench.problem.id)
        ask = Ask(name, part.role, tuple(messages), n, seed, temperature=temperature)
        return Question(part, self.writer(part), ask)

    def first_question(self, part: Part, n: int, known: int = 0) -> Question:
        """Build the first question to coder or tester, for n answers without the first `known` ones."""
        bench, writer = self.bench, self.writer(part)
        ask = first_ask(bench.problem, bench.prose, part.role, writer, n, bench.seed)
        return Question(part, writer, replace(ask, absent=frozenset(range(known))))

    def ask(self, *questions: Question, enough: Callable[[], str] | None = None) -> Batch:
        """Put questions to writers. enough: looked at from time to time; the words that it returns end the batch.

        Raises Ended once the session or its stage is over.
        """
        if not self.ended and (bound := self._bound()):
            self._end(bound)
        if self.ended or self._stage_is_over():
            raise Ended(self.ended)
        assert self._batch is None, "one batch at a time: a local model answers one after the other"
        self._batch = Batch(questions, self, self.bench.spent.account, self._stage, enough)
        return self._batch

    def sample(self, n: int, m: int, *, known: int = 0, enough: Callable[[int], str] | None = None) -> None:
        """Sample n programs and m tests, without the first `known` of these, onto the board and execute them.

        enough: returns the words that end the sampling, given the number of tests to come; asked once all programs are
        there.
        """
        to_come = {Role.CODER: n, Role.TESTER: m - known}
        questions = [self.first_question(Part.CODER, n)] if n else []
        questions += [self.first_question(Part.TESTER, m, known)] if m > known else []
        if not questions:
            return

        def is_enough() -> str:
            return "" if to_come[Role.CODER] or enough is None else enough(to_come[Role.TESTER])

        with self.ask(*questions, enough=is_enough) as batch:
            for answer in batch:
                to_come[answer.role] -= 1
                if answer.role is Role.CODER:
                    self.add_program(answer, sample=answer.index)
                else:
                    self.add_test(answer)
            self.settle()

    def add_program(
        self, answer: Answer, *, sample: int | None = None, parent: int | None = None, why: str = ""
    ) -> int:
        """Add an answer as a program and execute it on every input that a test has or had; return its row.

        sample: its index; None: behind all others. parent: the row that it is to replace or repair, and why.
        """
        program = program_of(answer, in_thought=self.is_in_thought(answer))
        row = self.board.add_program(program, sample, Origin(self._stage, parent, why))
        self.bench.observer.on_program(row, program)
        if parent is not None:
            self.bench.observer.on_lineage(row, parent, why)
        self.execute(row, self.board.compared_inputs())
        return row

    def add_test(self, answer: Answer) -> int | None:
        """Add an answer as a test and execute every program on its input; return its column, None if malformed."""
        return self.place_test(unit_test_of(answer, in_thought=self.is_in_thought(answer)))

    def place_test(self, test: UnitTest | Rejected) -> int | None:
        """Add a test and execute every program on its input; return its column, None if malformed."""
        known = set(self.board.inputs())
        column = self.board.add_test(test)
        self.bench.observer.on_test(column, test)
        if isinstance(test, Rejected):
            return column
        for row in range(len(self.board.programs)):
            if test.input not in known:
                self.execute(row, [test.input])
            elif self.board.outcome(row, test.input) is not None:
                self.bench.observer.on_outcome(self.board, row, test.input)
        return column

    def change_tests(self, tests: Sequence[TestCase], retired: Sequence[TestCase] = ()) -> None:
        """Replace the generated tests, tell which vote from now on, and execute every program on all their inputs.

        retired: tests that vote no longer.
        """
        self.board.replace_tests(tests, retired)
        self.bench.observer.on_tests_settled(self.board)  # before outcomes that name the new columns
        for row in range(len(self.board.programs)):
            inputs = self.board.compared_inputs()
            self.execute(row, [stdin for stdin in inputs if self.board.outcome(row, stdin) is None])
        self.settle()

    def is_in_thought(self, answer: Answer) -> bool:
        """Tell whether an answer begins inside a thought: its prompt opened one, or those of other answers did."""
        return answer.in_thought or (not answer.finished and answer.role in self._thinking)

    # Executions ---------------------------------------------------------------------------------------------

    def execute(self, row: int, inputs: Sequence[str]) -> None:
        """Run a program of the board on inputs; outcomes arrive asynchronously."""
        bench = self.bench
        run = execute(self.board.programs[row], inputs, bench.runner, bench.problem.time_limit)
        if run.future is not None:
            self._executing += 1
            run.future.add_done_callback(lambda _: self.inbox.put(Executed(row, run)))

    def settle(self) -> None:
        """Wait for the executions under way; no longer than time is given, and not after an interrupt."""
        latest = math.inf
        while self._executing:
            if self.ended == "interrupted":
                latest = min(latest, time.monotonic())
            if self.inbox.empty() and time.monotonic() > min(latest, self._overtime_ends):
                break
            self.turn()

    def run_aside(self, runs: Sequence[tuple[str, str]], cpu_seconds: float) -> list[Outcome | None]:
        """Run programs that are not on the board, each on one input; None for one that time did not suffice for."""
        futures = [self.bench.runner.submit(source, [stdin], cpu_seconds) for source, stdin in runs]
        for future in futures:
            future.add_done_callback(lambda _: self.inbox.put(None))
        while not all(future.done() for future in futures):
            if self.ended == "interrupted" or time.monotonic() > self._overtime_ends:
                break
            self.turn()
        return [future.result()[0] if future.done() else None for future in futures]

    # Turns --------------------------------------------------------------------------------------------------

    def turn(self) -> None:
        """Look at the limits, take one item of the inbox or wait a moment for it, rank what there is.

        A first interrupt ends the session, a second one all waiting.
        """
        try:
            if not self.ended and (bound := self._bound()):
                self._end(bound)
            elif self._batch is not None and not self._batch.is_stopped and self._stage_is_over():
                self._batch.stop("", self._overtime_ends)
            self._tell_waiting()
            left = self._seconds - self.bench.spent.seconds
            with suppress(queue.Empty):
                self._take(self.inbox.get(timeout=min(_POLL_SECONDS, max(left, _POLL_SECONDS / 10))))
            # Thousands of outcomes arrive a second: ranking after each would cost more than running the programs.
            if time.monotonic() >= self._rank_again:
                self._rank()
        except KeyboardInterrupt:
            if self.ended == "interrupted" and self._batch is not None:
                self._batch.until = 0.0
            self._end("interrupted")

    def drain(self) -> None:
        """Take all items that are in the inbox."""
        while True:
            try:
                item = self.inbox.get_nowait()
            except queue.Empty:
                return
            self._take(item)

    def finished(self, batch: Batch) -> None:
        """Take note of how a batch has ended. Raises a writer's defect, and its fault where there is no program."""
        self._batch = None
        self.note = batch.note
        if not self.ended and (bound := self.bench.spent.account.full):  # found by the writers themselves
            self.ended = _spent(bound)
        if batch.fault is not None:
            has_program = any(isinstance(program, Program) for program in self.board.programs)
            if not has_program or not isinstance(batch.fault, CureError):
                raise batch.fault
            self.ended = self.ended or str(batch.fault)

    def end(self, why: str) -> None:
        """End the session from outside its turns, as an interrupt does that comes between two of them."""
        self._end(why)
        if self._batch is not None:
            self._batch.close()

    def _take(self, item: Item) -> None:
        if item is None:
            return
        if isinstance(item, Executed):
            self._executing -= 1
            outcomes = item.run.by_input()
            for stdin, outcome in outcomes.items():
                self.board.add_outcome(item.row, stdin, outcome)
            for stdin in outcomes:
                self.bench.observer.on_outcome(self.board, item.row, stdin)
            return
        item.batch.take(item)
        if isinstance(item, Answered):
            answer = item.answer
            self.bench.spent.add(answer)
            key = item.batch.stage, item.batch.part_of(answer)
            self._costs[key] += answer.cost
            if closes_thought(answer.text):
                self._thinking.add(answer.role)  # a server whose template opens the thought, unseen from here
            self.bench.observer.on_completion(answer)
            self.bench.observer.on_spent(StageCost(*key, self._costs[key]))

    def _end(self, why: str) -> None:
        self.ended = self.ended or why
        if self._batch is not None:
            latest = self.bench.spent.started + self._seconds + self._overtime
            self._batch.stop("", latest, patient=why != "interrupted")

    def _rank(self) -> None:
        began = time.monotonic()
        leader = choose(self.board.arrays(), self.selector)
        if leader is not None and leader != self._leader:
            self._leader = leader
            self.bench.observer.on_leader(self.board, leader)
        batch = self._batch
        if batch is not None and batch.enough is not None and not batch.is_stopped and (why := batch.enough()):
            batch.stop(why)
        ended = time.monotonic()
        self._rank_again = ended + max(_RANKING_SECONDS, _RANKING_FACTOR * (ended - began))

    def _tell_waiting(self) -> None:
        now = time.monotonic()
        if self._batch is None or now - self._told_waiting < _WAITING_SECONDS:
            return
        self._told_waiting = now
        for writer in self._batch.writers:
            if isinstance(writer, Remote):
                self.bench.observer.on_waiting(writer.name, writer.waiting())

    # Limits -------------------------------------------------------------------------------------------------

    def _bound(self) -> str:
        bound = self.bench.spent.beyond(self.bench.budget)
        return _spent(bound) if bound else ""

    @property
    def _seconds(self) -> float:
        return math.inf if self.bench.budget.seconds is None else self.bench.budget.seconds

    @property
    def _overtime(self) -> float:
        """Seconds after a limit of time in which answers are handed over and executed."""
        return max(_LEAST_OVERTIME_SECONDS, _OVERTIME_SHARE * self._seconds)

    @property
    def _overtime_ends(self) -> float:
        return self.bench.spent.started + self._seconds + self._overtime

    def _shared(self, share: float) -> float:
        """Return the part of the budget, in 0..1, at which a stage with this share of the rest is over."""
        return math.inf if share >= 1.0 else self._used() + share * (1.0 - self._used())

    def _stage_is_over(self) -> bool:
        return self._limit < math.inf and self._used() >= self._limit

    def _used(self) -> float:
        """Return the largest part that is used of any limit; 0 without limits."""
        budget, spent = self.bench.budget, self.bench.spent
        used = spent.account.paid + spent.account.lost
        pairs = (
            (spent.seconds, budget.seconds),
            (used.prompt_tokens + used.tokens, budget.tokens),
            (used.dollars, budget.dollars),
        )
        parts = [part / limit if limit else 1.0 for part, limit in pairs if limit is not None]
        return max(parts, default=0.0)


def _spent(bound: str) -> str:
    return f"the budget of {bound} is spent"
