"""Concurrent sampling of n programs and m tests and execution of each program on each test.

Each writer has a thread of its own (coder and tester may be one writer), and the sandbox calls back from its threads.
All put their results into one queue, which the caller's thread empties, so that the board needs no lock.

Sampling that ends early (a spent budget, Ctrl-C, a certain leader) still takes what was paid for: answers under way are
read as far as they have come.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass

from engine.errors import CureError
from engine.prompts import Program, Role, UnitTest
from engine.prompts.thoughts import closes_thought
from engine.rollouts.executing import ProgramRun, execute
from engine.solve.fates import program_of, unit_test_of
from engine.solve.strategies.bench import Bench
from engine.solve.strategies.board import Board
from engine.solve.strategies.evidence import is_settled
from engine.solve.strategies.ranking import certain_leader
from engine.solve.writers import Answer, Ask, Stoppable, Writer, first_ask

_POLL_SECONDS = 0.1
_GRACE_SECONDS = 1.0
"""Time for answers under way to be handed over once sampling has ended."""


@dataclass(frozen=True, slots=True)
class _Executed:
    row: int
    run: ProgramRun


@dataclass(frozen=True, slots=True)
class _WriterDone:
    stage: int
    fault: CureError | None = None


_Item = Answer | _Executed | _WriterDone


class Gathering:
    """Gatherer of samples for one problem. Read `board` between calls; `ended`: why sampling stopped early, or ""."""

    def __init__(self, bench: Bench) -> None:
        self.board = Board(bench.problem.public, bench.judging.for_task(bench.problem.compare))
        self.ended = ""
        self._bench = bench
        self._items: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._until = float("inf")  # when to wait for writers no longer
        self._stage = 0
        self._asked: frozenset[str] = frozenset()
        self._writers: list[Writer] = []
        self._writing = 0
        self._executing = 0
        self._programs_to_come = 0
        self._tests_to_come = 0
        self._leader: int | None = None
        self._thinking: set[Role] = set()

    def sample(self, n: int, m: int, *, early_stop: bool = False) -> None:
        """Sample n programs and m tests onto the board and execute them.

        early_stop: end when no test to come can change the leader or its support. A spent budget, an interrupt or a
        writer's fault end the sampling: the board keeps what has arrived, `ended` says why. A fault before the first
        program is raised: there is nothing to choose from.
        """
        bench = self._bench
        asks: list[tuple[Writer, Ask]] = []
        for role, writer, count in ((Role.CODER, bench.coder, n), (Role.TESTER, bench.tester, m)):
            if count:
                asks.append((writer, first_ask(bench.problem, bench.prose, role, writer, count, bench.seed)))
        self._programs_to_come, self._tests_to_come = n, m
        self.ask(asks, self._take_first_answer, early_stop=early_stop)

    def ask(
        self, asks: Sequence[tuple[Writer, Ask]], take: Callable[[Answer], object], *, early_stop: bool = False
    ) -> None:
        """Put questions to writers, pass every answer to `take` in this thread, and wait for the executions."""
        self._stop, self._until = threading.Event(), float("inf")
        self._stage += 1
        self._asked = frozenset(ask.id for _, ask in asks)
        by_writer = _by_writer(asks)
        self._writers = [writer for writer, _ in by_writer]
        threads = [
            threading.Thread(
                target=self._write, args=(writer, own, self._stop, self._stage), name="writer", daemon=True
            )
            for writer, own in by_writer
        ]
        self._writing = len(threads)
        for thread in threads:
            thread.start()
        try:
            self._work_off(take, early_stop=early_stop)
        except KeyboardInterrupt:
            self._end("interrupted")
            self._until = time.monotonic() + _GRACE_SECONDS
            with suppress(KeyboardInterrupt):
                self._work_off(take, early_stop=False)
        finally:
            self._stop.set()

    def execute(self, row: int, inputs: Sequence[str]) -> None:
        """Run a program of the board on inputs; outcomes arrive asynchronously."""
        bench = self._bench
        run = execute(self.board.programs[row], inputs, bench.runner, bench.problem.time_limit)
        if run.future is not None:
            self._executing += 1
            run.future.add_done_callback(lambda _: self._items.put(_Executed(row, run)))

    # In the writers' threads --------------------------------------------------------------------------------

    def _write(self, writer: Writer, asks: Sequence[Ask], stop: threading.Event, stage: int) -> None:
        fault = None
        try:
            with closing(writer.write(asks)) as answers:  # type: ignore[type-var]  # generators close, others need not
                for answer in answers:
                    self._items.put(answer)
                    if stop.is_set() and not isinstance(writer, Stoppable):
                        break
        except CureError as error:
            fault = error
        self._items.put(_WriterDone(stage, fault))

    # In the caller's thread ---------------------------------------------------------------------------------

    def _work_off(self, take: Callable[[Answer], object], *, early_stop: bool) -> None:
        fault: CureError | None = None
        while self._writing or self._executing or not self._items.empty():
            if not self._stop.is_set() and (bound := self._bench.spent.beyond(self._bench.budget)):
                self._end(f"the budget of {bound} is spent")
            waits = self._executing and self.ended != "interrupted"
            if self._stop.is_set() and not waits and self._items.empty() and time.monotonic() > self._until:
                break  # do not wait for a writer that does not return
            try:
                item = self._items.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            if isinstance(item, Answer):
                self._take_answer(item, take)
            elif isinstance(item, _Executed):
                self._take_outcomes(item)
            elif item.stage == self._stage:
                self._writing -= 1
                fault = fault or item.fault
            if early_stop and not self._stop.is_set() and self._items.empty() and self._is_decided():
                self._end("the leader could not be overtaken")
        if fault is not None:
            if not any(isinstance(program, Program) for program in self.board.programs):
                raise fault
            self.ended = self.ended or str(fault)

    def _end(self, why: str) -> None:
        self.ended = why
        self._stop.set()
        stoppable = [writer for writer in self._writers if isinstance(writer, Stoppable)]
        for writer in stoppable:
            writer.stop()
        self._until = time.monotonic() + (_GRACE_SECONDS if stoppable else 0.0)

    def _take_answer(self, answer: Answer, take: Callable[[Answer], object]) -> None:
        """Count an answer and pass it on, unless it belongs to an earlier stage."""
        self._bench.spent.add(answer)
        self._bench.observer.on_completion(answer)
        if closes_thought(answer.text):
            self._thinking.add(answer.role)  # a server whose template opens the thought, unseen from here
        if answer.ask_id in self._asked:
            take(answer)

    def _take_first_answer(self, answer: Answer) -> None:
        if answer.role is Role.CODER:
            self._programs_to_come -= 1
            self.take_program(answer)
        else:
            self._tests_to_come -= 1
            self.take_test(answer)

    def take_program(self, answer: Answer) -> int:
        """Add an answer to the board as a program and execute it on every input so far; return its row."""
        program = program_of(answer, in_thought=self.is_in_thought(answer))
        row = self.board.add_program(program)
        self._bench.observer.on_program(row, program)
        self.execute(row, self.board.inputs())
        return row

    def take_test(self, answer: Answer) -> int | None:
        """Add an answer to the board as a test and execute every program on its input; return its column."""
        test = unit_test_of(answer, in_thought=self.is_in_thought(answer))
        known = set(self.board.inputs())
        column = self.board.add_test(test)
        self._bench.observer.on_test(column, test)
        if isinstance(test, UnitTest) and test.input not in known:
            for row in range(len(self.board.programs)):
                self.execute(row, [test.input])
        return column

    def is_in_thought(self, answer: Answer) -> bool:
        """Tell whether an answer begins inside a thought: its prompt opened one, or those of other answers did."""
        return answer.in_thought or (not answer.finished and answer.role in self._thinking)

    def _take_outcomes(self, executed: _Executed) -> None:
        self._executing -= 1
        for stdin, outcome in executed.run.by_input().items():
            self.board.add_outcome(executed.row, stdin, outcome)
            self._bench.observer.on_outcome(self.board, executed.row, stdin)
        if not self._items.empty():
            return  # more results are waiting: rank once per burst of results
        leader = self.board.order()[0]
        if leader != self._leader:
            self._leader = leader
            self._bench.observer.on_leader(self.board, leader)

    def _is_decided(self) -> bool:
        if self._programs_to_come:
            return False
        leader = certain_leader(self.board, self._tests_to_come)
        return leader is not None and is_settled(self.board, leader, self._bench.m, self._tests_to_come)


def _by_writer(asks: Sequence[tuple[Writer, Ask]]) -> list[tuple[Writer, list[Ask]]]:
    """Group questions by writer, in the order given: a model in this process answers one after the other."""
    gathered: list[tuple[Writer, list[Ask]]] = []
    for writer, ask in asks:
        for known, own in gathered:
            if known is writer:
                own.append(ask)
                break
        else:
            gathered.append((writer, [ask]))
    return gathered
