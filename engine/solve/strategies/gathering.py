"""Concurrent sampling of n programs and m tests and execution of each program on each test.

Each writer has a thread of its own (coder and tester may be one writer), and the sandbox calls back from its threads.
All put their results into one queue, which the caller's thread empties, so that the board needs no lock.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from engine.errors import CureError
from engine.prompts import Program, Role, UnitTest, parse_program, parse_unit_test
from engine.rollouts.executing import ProgramRun, execute
from engine.solve.strategies.bench import Bench
from engine.solve.strategies.board import Board
from engine.solve.strategies.ranking import certain_leader, ranked
from engine.solve.writers import Answer, Ask, Writer, first_ask

_POLL_SECONDS = 0.1
_RANKING_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class _Executed:
    row: int
    run: ProgramRun


@dataclass(frozen=True, slots=True)
class _WriterDone:
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
        self._writing = 0
        self._executing = 0
        self._programs_to_come = 0
        self._tests_to_come = 0
        self._leader: int | None = None
        self._ranked = 0.0

    def sample(self, n: int, m: int, *, early_stop: bool = False) -> None:
        """Sample n programs and m tests onto the board and execute them; `early_stop`: until the leader is certain.

        A spent budget, an interrupt or a writer's fault end the sampling: the board keeps what has arrived, `ended`
        says why. A fault before the first program is raised: there is nothing to choose from.
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
        self._stop.clear()
        threads = [
            threading.Thread(target=self._write, args=(writer, own), name="writer", daemon=True)
            for writer, own in _by_writer(asks)
        ]
        self._writing = len(threads)
        for thread in threads:
            thread.start()
        try:
            self._work_off(take, early_stop=early_stop)
        except KeyboardInterrupt:
            self.ended = "interrupted"
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

    def _write(self, writer: Writer, asks: Sequence[Ask]) -> None:
        fault = None
        try:
            with closing(writer.write(asks)) as answers:  # type: ignore[type-var]  # generators close, others need not
                for answer in answers:
                    if self._stop.is_set():
                        break
                    self._items.put(answer)
        except CureError as error:
            fault = error
        self._items.put(_WriterDone(fault))

    # In the caller's thread ---------------------------------------------------------------------------------

    def _work_off(self, take: Callable[[Answer], object], *, early_stop: bool) -> None:
        fault: CureError | None = None
        while self._writing or self._executing or not self._items.empty():
            if not self._stop.is_set() and (bound := self._bench.spent.beyond(self._bench.budget)):
                self._end(f"the budget of {bound} is spent")
            try:
                item = self._items.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                if self._stop.is_set() and not self._executing:
                    break  # do not wait for a writer that does not return
                item = None
            if isinstance(item, Answer):
                self._bench.spent.add(item)
                self._bench.observer.on_completion(item)
                take(item)
            elif isinstance(item, _Executed):
                self._take_outcomes(item)
            elif isinstance(item, _WriterDone):
                self._writing -= 1
                fault = fault or item.fault
            # Thousands of outcomes arrive a second: ranking after each would cost more than running the programs.
            if item is None or time.monotonic() - self._ranked >= _RANKING_SECONDS:
                self._rank(early_stop=early_stop)
        if fault is not None:
            if not any(isinstance(program, Program) for program in self.board.programs):
                raise fault
            self.ended = self.ended or str(fault)

    def _end(self, why: str) -> None:
        self.ended = why
        self._stop.set()

    def _take_first_answer(self, answer: Answer) -> None:
        if answer.role is Role.CODER:
            self._programs_to_come -= 1
            self.take_program(answer)
        else:
            self._tests_to_come -= 1
            self.take_test(answer)

    def take_program(self, answer: Answer) -> int:
        """Add an answer to the board as a program and execute it on every input so far; return its row."""
        program = parse_program(answer.text)
        row = self.board.add_program(program)
        self._bench.observer.on_program(row, program)
        self.execute(row, self.board.inputs())
        return row

    def take_test(self, answer: Answer) -> int | None:
        """Add an answer to the board as a test and execute every program on its input; return its column."""
        test = parse_unit_test(answer.text)
        known = set(self.board.inputs())
        column = self.board.add_test(test)
        self._bench.observer.on_test(column, test)
        if isinstance(test, UnitTest) and test.input not in known:
            for row in range(len(self.board.programs)):
                self.execute(row, [test.input])
        return column

    def _take_outcomes(self, executed: _Executed) -> None:
        self._executing -= 1
        for stdin, outcome in executed.run.by_input().items():
            self.board.add_outcome(executed.row, stdin, outcome)
            self._bench.observer.on_outcome(self.board, executed.row, stdin)

    def _rank(self, *, early_stop: bool) -> None:
        self._ranked = time.monotonic()
        leader = next(iter(ranked(self.board.matrix())), None)
        if leader is not None and leader != self._leader and isinstance(self.board.programs[leader], Program):
            self._leader = leader
            self._bench.observer.on_leader(self.board, leader)
        may_end = early_stop and not self._stop.is_set() and self._programs_to_come == 0
        if may_end and certain_leader(self.board, self._tests_to_come) is not None:
            self._end("the leader could not be overtaken")


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
