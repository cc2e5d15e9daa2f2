"""Concurrent sampling of n programs and m tests and execution of each program on each test.

Each writer has a thread of its own (coder and tester may be one writer), and the sandbox calls back from its threads.
All put their results into one queue, which the caller's thread empties, so that the board needs no lock.

Sampling that ends early (a spent budget, Ctrl-C, a certain leader) still takes what was paid for: a local model hands
over its answers as far as they have come, those under way at a server are waited for a little, and all are counted.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass

from engine.errors import CureError
from engine.prompts import Program, Role, UnitTest
from engine.prompts.thoughts import closes_thought
from engine.rollouts.executing import ProgramRun, execute
from engine.solve.fates import program_of, unit_test_of
from engine.solve.selectors import choose
from engine.solve.selectors.bon import Bon
from engine.solve.strategies.bench import Bench
from engine.solve.strategies.board import Board
from engine.solve.strategies.evidence import is_settled
from engine.solve.strategies.ranking import certain_leader
from engine.solve.writers import Answer, Ask, Remote, Stoppable, Writer, first_ask

_POLL_SECONDS = 0.1
_WAITING_SECONDS = 0.25
_HANDING_OVER_SECONDS = 1.0
"""Time in which a local model hands over its unfinished answers once sampling has ended."""
_PAID_SECONDS = 2.0
"""Patience, once sampling has ended, with answers that a server is paid for already."""
_OVERTIME_SHARE, _LEAST_OVERTIME_SECONDS = 0.05, 0.1
_RANKING_SECONDS, _RANKING_FACTOR = 0.05, 20
"""Least time between two rankings, in seconds and in times that the last one took."""


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
        self.selector = bench.selector or Bon()
        self._bench = bench
        self._items: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._until = math.inf  # when to wait for writers no longer
        self._told_waiting = 0.0
        self._stage = 0
        self._asked: frozenset[str] = frozenset()
        self._writers: list[Writer] = []
        self._writing = 0
        self._executing = 0
        self._programs_to_come = 0
        self._tests_to_come = 0
        self._leader: int | None = None
        self._rank_again = 0.0
        self._thinking: set[Role] = set()
        self._held: list[Answer] = []  # cut off, and not known yet whether they begin inside a thought

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
        self._stop, self._until = threading.Event(), math.inf
        self._bench.spent.account.closed = False
        self._stage += 1
        self._asked = frozenset(ask.id for _, ask in asks)
        by_writer = _by_writer(asks)
        self._writers = [writer for writer, _ in by_writer]
        threads = {
            threading.Thread(
                target=self._write, args=(writer, own, self._stop, self._stage), name="writer", daemon=True
            ): writer
            for writer, own in by_writer
        }
        self._writing = len(threads)
        for thread in threads:
            thread.start()
        try:
            self._work_off(take, early_stop=early_stop)
        except KeyboardInterrupt:
            self._end("interrupted")
            with suppress(KeyboardInterrupt):
                self._work_off(take, early_stop=False)
        finally:
            self._stop.set()
            self._give_up(threads)

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
                    if stop.is_set() and not isinstance(writer, Remote | Stoppable):
                        break
        except CureError as error:
            fault = error
        self._items.put(_WriterDone(stage, fault))

    # In the caller's thread ---------------------------------------------------------------------------------

    def _work_off(self, take: Callable[[Answer], object], *, early_stop: bool) -> None:
        fault: CureError | None = None
        while self._writing or self._executing or self._held or not self._items.empty():
            if not self._stop.is_set() and (bound := self._bench.spent.beyond(self._bench.budget)):
                self._end(f"the budget of {bound} is spent")
            if self._stop.is_set():
                if self._bench.spent.seconds > self._seconds + self._overtime:
                    break  # verdicts that are still to come would cost more than the time that was given
                waits = self._executing and self.ended != "interrupted"
                if not waits and self._items.empty() and time.monotonic() > self._until:
                    break  # do not wait for a writer that does not return
            self._tell_waiting()
            try:
                left = self._seconds - self._bench.spent.seconds
                item = self._items.get(timeout=min(_POLL_SECONDS, max(left, _POLL_SECONDS / 10)))
            except queue.Empty:
                item = None
            if isinstance(item, Answer):
                self._take_answer(item, take)
            elif isinstance(item, _Executed):
                self._take_outcomes(item)
            elif isinstance(item, _WriterDone) and item.stage == self._stage:
                self._writing -= 1
                fault = fault or item.fault
            if self._held and (self._stop.is_set() or not self._writing):
                held, self._held = self._held, []
                for answer in held:
                    take(answer)
            # Thousands of outcomes arrive a second: ranking after each would cost more than running the programs.
            if time.monotonic() >= self._rank_again:
                self._rank(early_stop=early_stop)
        if not self.ended and (bound := self._bench.spent.account.full):  # found by the writers themselves
            self.ended = f"the budget of {bound} is spent"
        if fault is not None:
            if not any(isinstance(program, Program) for program in self.board.programs):
                raise fault
            self.ended = self.ended or str(fault)

    def _end(self, why: str) -> None:
        """Ask for no more, and set the time for which answers under way are awaited."""
        self.ended = why
        self._stop.set()
        spent, patience = self._bench.spent, 0.0
        spent.account.closed = True
        for writer in self._writers:
            if isinstance(writer, Stoppable):
                writer.stop()
                patience = max(patience, _HANDING_OVER_SECONDS)
            elif isinstance(writer, Remote) and spent.account.waits and why != "interrupted":
                patience = max(patience, _PAID_SECONDS)
        self._until = min(time.monotonic() + patience, spent.started + self._seconds + self._overtime)

    @property
    def _seconds(self) -> float:
        return math.inf if self._bench.budget.seconds is None else self._bench.budget.seconds

    @property
    def _overtime(self) -> float:
        """Seconds after a limit of time in which answers are handed over and executed."""
        return max(_LEAST_OVERTIME_SECONDS, _OVERTIME_SHARE * self._seconds)

    def _tell_waiting(self) -> None:
        now = time.monotonic()
        if now - self._told_waiting < _WAITING_SECONDS:
            return
        self._told_waiting = now
        for writer in self._writers:
            if isinstance(writer, Remote):
                self._bench.observer.on_waiting(writer.name, writer.waiting())

    def _give_up(self, threads: Mapping[threading.Thread, Writer]) -> None:
        """End requests in flight. Count answers that come too late to be used, and requests without an answer."""
        account = self._bench.spent.account
        account.closed = True
        remote = {thread: writer for thread, writer in threads.items() if isinstance(writer, Remote)}
        for writer in remote.values():
            writer.give_up()
        for thread in remote:
            thread.join(_POLL_SECONDS)
        with suppress(queue.Empty):
            while True:
                item = self._items.get_nowait()
                if isinstance(item, Answer):
                    self._bench.spent.add(item)
                self._executing -= isinstance(item, _Executed)
        account.give_all_up()

    def _take_answer(self, answer: Answer, take: Callable[[Answer], object]) -> None:
        """Count an answer and pass it on, unless it belongs to an earlier stage."""
        self._bench.spent.add(answer)
        self._bench.observer.on_completion(answer)
        if closes_thought(answer.text):
            self._thinking.add(answer.role)  # a server whose template opens the thought, unseen from here
        if answer.ask_id not in self._asked:
            return
        writer = self._bench.coder if answer.role is Role.CODER else self._bench.tester
        if isinstance(writer, Remote) and not answer.finished:
            self._held.append(answer)  # read last: others may close a thought that the server's template opens
        else:
            take(answer)

    def _take_first_answer(self, answer: Answer) -> None:
        if answer.role is Role.CODER:
            self._programs_to_come -= 1
            self._add_program(answer, answer.index)
        else:
            self._tests_to_come -= 1
            self.take_test(answer)

    def take_program(self, answer: Answer) -> int:
        """Add an answer to the board as one more program and execute it on every input so far; return its row."""
        return self._add_program(answer, None)

    def _add_program(self, answer: Answer, sample: int | None) -> int:
        program = program_of(answer, in_thought=self.is_in_thought(answer))
        row = self.board.add_program(program, sample)
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

    def _rank(self, *, early_stop: bool) -> None:
        began = time.monotonic()
        leader = choose(self.board.arrays(), self.selector)
        if leader is not None and leader != self._leader and isinstance(self.board.programs[leader], Program):
            self._leader = leader
            self._bench.observer.on_leader(self.board, leader)
        ended = time.monotonic()
        self._rank_again = ended + max(_RANKING_SECONDS, _RANKING_FACTOR * (ended - began))
        if early_stop and not self._stop.is_set() and self._is_decided():
            self._end("the leader could not be overtaken")

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
