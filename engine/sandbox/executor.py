"""Executor of untrusted programs on many inputs, confined and in parallel: the only entrance to the sandbox.

    with Executor(Limits(cpu_seconds=1.0)) as executor:
        outcomes = executor.run("print(int(input()) * 2)", ["1\n", "2\n"])

One thread per cell takes batches (one program, some inputs) from a queue and blocks on its cell. It releases the GIL
while it blocks, so execution overlaps the caller's own work. A batch costs the caller's process one wake-up, not one
per input.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from types import TracebackType

from engine.errors import ConfigError, EnvironmentError_
from engine.sandbox import outcome as outcomes_of
from engine.sandbox.batches import Batch, Job, Run, cut_into_batches, encode
from engine.sandbox.cache import OutcomeCache, pair_digest
from engine.sandbox.cell import Cell, CellLost
from engine.sandbox.confined import wire
from engine.sandbox.launch import Setup
from engine.sandbox.level import SandboxLevel, sandbox_level
from engine.sandbox.libraries import Offer
from engine.sandbox.limits import Limits
from engine.sandbox.outcome import Outcome, Status
from engine.sandbox.peers import Peers

MAX_LOSSES = 3
_OVERSUBSCRIBED_UP_TO = 8
_MAX_BATCH = 64
_MAX_SETUPS = 4
"""Cells of different libraries that one thread keeps open."""
_MIN_BATCH = 4
_NO_RESULTS = wire.Results(None, b"", ())


def default_cells() -> int:
    """Return the default number of cells: twice the CPUs on small machines, one per CPU on large ones.

    More cells than CPUs use the time in which programs sleep, processes wait for each other, or other work has the CPU:
    4 cells on 2 busy CPUs execute 1.5 times as much as 2 (tests/benchmarks/executor.py).
    """
    cpus = len(os.sched_getaffinity(0))
    return max(cpus, min(2 * cpus, _OVERSUBSCRIBED_UP_TO))


class Executor:
    """Pool of cells. Thread-safe; identical (program, input) pairs run once while it lives.

    `cells`: parallel processes, by default `default_cells()`. `level`: by default the best of this machine; where that
    is D, raises EnvironmentError_ unless `allow_unsandboxed`. `sticky_timeouts`: see Limits.sticky_after;
    `sticky_skips` counts the time-outs under the shorter limit, `ended_early` those by the relative time rule.
    `swallow_prompts`: see `Judging.swallow_prompts`.
    `libraries`: installed distributions that programs may import besides numpy. A program whose source names one runs
    in a cell that has it.
    `hash_seed`: see `Setup`.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        cells: int | None = None,
        *,
        level: SandboxLevel | None = None,
        allow_unsandboxed: bool = False,
        sticky_timeouts: bool = True,
        swallow_prompts: bool = False,
        libraries: Sequence[str] = (),
        hash_seed: int = 0,
        cache_mb: int = 64,
    ) -> None:
        if cells is not None and cells < 1:
            raise ConfigError(f"an executor needs at least one cell, not {cells}")
        self.limits = limits or Limits()
        if not sticky_timeouts:
            self.limits = replace(self.limits, sticky_after=0)
        self.level = level or sandbox_level()
        if not self.level.confined and not allow_unsandboxed:
            raise EnvironmentError_(
                "programs written by a model cannot be confined here: " + "; ".join(self.level.reasons),
                (self.level.remedy or "use Linux 5.13 or newer") + "; or take the risk with --allow-unsandboxed",
            )
        self._swallow_prompts = swallow_prompts
        self._offer = Offer(libraries)
        self._hash_seed = hash_seed
        self.executions = 0
        self.cache_hits = 0
        self.sticky_skips = 0
        self.ended_early = 0
        self.cells_lost = 0
        self._changed = threading.Condition()
        self._batches: deque[Batch] = deque()
        self._late: deque[Batch] = deque()
        self._waiting: dict[tuple[bytes, Peers | None], list[tuple[Run, int]]] = {}
        self._cache = OutcomeCache(cache_mb << 20)
        self._open_cells: set[Cell] = set()
        self._closed = False
        self._owner_pid = os.getpid()
        count = cells or default_cells()
        self._threads: list[threading.Thread] = []
        try:
            for number in range(count):
                thread = threading.Thread(target=self._serve, name=f"cell-{number}", daemon=True)
                thread.start()
                self._threads.append(thread)
        except BaseException:  # no thread can be started
            self.close()
            raise

    # Public interface ---------------------------------------------------------------------------------------

    def run(self, source: str, inputs: Sequence[str], cpu_seconds: float | None = None) -> list[Outcome]:
        """Execute `source` on each of `inputs` and return the outcomes in order. No program can make it raise.

        `cpu_seconds`: the task's own time limit; None: the executor's.
        """
        return self.submit(source, inputs, cpu_seconds).result()

    def submit(
        self, source: str, inputs: Sequence[str], cpu_seconds: float | None = None, peers: Peers | None = None
    ) -> Future[list[Outcome]]:
        """Start a run without waiting for it; any number of runs may be in flight.

        `peers`: shared by the programs of one task, which are then under the relative time rule; None: the exact limit.
        """
        if os.getpid() != self._owner_pid:  # the threads that serve the queue stayed in the parent
            raise RuntimeError("this executor belongs to the parent process; make one after the fork")
        limits = self.limits.for_task(cpu_seconds)
        run = Run(len(inputs), limits, peers if limits.cpu_seconds > Peers.FLOOR else None)
        longest = self.limits.source_kb << 10
        program = encode(source[: longest + 1])
        texts = [encode(text) for text in inputs]
        with self._changed:
            if self._closed:
                raise RuntimeError("this executor is closed")
            if len(program) > longest:
                message = f"the source has more than {self.limits.source_kb} kB"
                run.outcomes = [outcomes_of.compile_error(message)] * len(inputs)
                run.missing = 0
            else:
                self._enqueue(run, program, texts)
        if run.missing == 0:
            _finish(run)
        return run.future

    def close(self) -> None:
        """End all cells and cancel unfinished runs. May be called repeatedly, and while other threads wait.

        Does nothing in a forked child: the cells are the parent's.
        """
        if os.getpid() != self._owner_pid:
            return
        with self._changed:
            self._closed = True
            self._batches.clear()
            self._late.clear()
            waiting = {run for waiters in self._waiting.values() for run, _ in waiters}
            self._waiting.clear()
            for cell in self._open_cells:
                cell.interrupt()
            self._changed.notify_all()
        for run in waiting:
            run.future.cancel()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def __enter__(self) -> Executor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Under the lock -----------------------------------------------------------------------------------------

    def _enqueue(self, run: Run, program: bytes, texts: list[bytes]) -> None:
        fresh: list[Job] = []
        for index, text in enumerate(texts):
            digest = pair_digest(program, text, run.limits.cpu_seconds)
            job = Job(digest, text, run.peers)
            known = self._cache.get(digest)
            if known is None and run.peers is not None:
                known = run.peers.ended.get(digest)
            if known is not None:
                self.cache_hits += 1
                run.outcomes[index] = known
                run.missing -= 1
                if run.peers is not None:
                    run.peers.note(text, digest, known)
            elif job.key in self._waiting:
                self.cache_hits += 1
                self._waiting[job.key].append((run, index))
            else:
                self._waiting[job.key] = [(run, index)]
                fresh.append(job)
        setup = Setup(self._offer.named_in(program), self._swallow_prompts, self._hash_seed)
        # With batches queued, all cells are busy anyway: keep the program whole, so it is compiled once. Otherwise
        # spread it over all cells.
        size = _MAX_BATCH if self._batches else max(_MIN_BATCH, -(-len(fresh) // len(self._threads)))
        limits = run.limits if run.peers is None else run.limits.within(Peers.FLOOR)
        for jobs in cut_into_batches(fresh, min(size, _MAX_BATCH)):
            self._batches.append(Batch(run, program, setup, jobs, limits))
            self._changed.notify()

    def _settle(self, job: Job, outcome: Outcome, finished: list[Run], remember: bool) -> None:
        if remember:
            self._cache.put(job.digest, outcome)
        for run, index in self._waiting.pop(job.key, ()):
            run.outcomes[index] = outcome
            run.missing -= 1
            if run.missing == 0:
                finished.append(run)

    def _postpone(self, batch: Batch, job: Job, outcome: Outcome) -> None:
        """Have a job that has used up its time wait at the end of the queue, until more of its peers have ended."""
        self._late.append(replace(batch, jobs=[job], tried=outcome))
        self._changed.notify()

    # In a cell's thread -------------------------------------------------------------------------------------

    def _serve(self) -> None:
        """Work off batches until the executor closes. Whatever fails, no future of a batch stays open."""
        cells: dict[Setup, Cell] = {}
        while (batch := self._next_batch()) is not None:
            try:
                self._work_off(batch, cells)
            except BaseException as error:  # noqa: BLE001 - a thread that ended would leave the queue waiting for ever
                self._give_up(batch.jobs, _in_words(error))
        for cell in cells.values():
            self._retire(cell)

    def _next_batch(self) -> Batch | None:
        """Wait for a batch; None when the executor is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._batches or self._late or self._closed)
            return None if self._closed else (self._batches or self._late).popleft()

    def _work_off(self, batch: Batch, cells: dict[Setup, Cell]) -> None:
        """Execute `batch` in this thread's cell for its setup; replace lost cells.

        A loss counts against the execution that was running: after MAX_LOSSES that execution alone is abandoned.
        """
        if batch.tried is not None:
            batch = self._with_more_time(batch, batch.tried)
        jobs, losses = list(batch.jobs), 0
        strikes = batch.run.strikes if batch.run.peers is None else -len(jobs)  # a short try is no strike
        while jobs and not self._ending():
            try:
                if batch.setup not in cells:
                    if len(cells) >= _MAX_SETUPS:
                        self._retire(cells.pop(next(iter(cells))), lost=False)
                    cells[batch.setup] = self._open(batch.setup)
                cells[batch.setup] = cells.pop(batch.setup)  # the order of their last use
                texts = [job.text for job in jobs]
                results = cells[batch.setup].execute(batch.source, texts, batch.limits, strikes)
            except (CellLost, OSError, MemoryError) as error:  # such as no descriptor left in this process
                if self._ending():
                    break
                cell = cells.pop(batch.setup, None)
                started = cell is not None
                if cell is not None:
                    self._retire(cell)
                partial = error.partial if isinstance(error, CellLost) else _NO_RESULTS
                self._take(batch, jobs, partial)
                losses = 1 if partial.records else losses + 1
                del jobs[: len(partial.records)]
                if losses >= MAX_LOSSES:
                    self._give_up(jobs[:1] if started else jobs, _in_words(error))
                    del jobs[: 1 if started else len(jobs)]
                    losses = 0
            else:
                self._take(batch, jobs, results)
                break

    def _with_more_time(self, batch: Batch, tried: Outcome) -> Batch:
        """Return a postponed job with its new limit; without the job if its peers needed so little that it is ended."""
        (job,), run, finished = batch.jobs, batch.run, list[Run]()
        assert job.peers is not None
        with self._changed:
            limit = job.peers.limit(job.text, run.limits.cpu_seconds)
            struck = 0 < run.limits.sticky_after <= run.strikes
            if limit > batch.limits.cpu_seconds and not struck:
                return replace(batch, limits=run.limits.within(limit))
            self.sticky_skips += struck
            self.ended_early += not struck
            job.peers.ended[job.digest] = ended = replace(tried, repeatable=False)
            self._settle(job, ended, finished, remember=False)
        for each in finished:
            _finish(each)
        return replace(batch, jobs=[])

    def _ending(self) -> bool:
        with self._changed:
            return self._closed

    def _open(self, setup: Setup) -> Cell:
        """Start a cell in the thread that will use it: the kernel kills a cell when the thread that started it ends."""
        cell = Cell(self.limits, self.level.confinement, setup)
        with self._changed:
            self._open_cells.add(cell)
            if self._closed:  # `close` ran while the cell started, and did not see it
                cell.interrupt()
        return cell

    def _retire(self, cell: Cell, lost: bool = True) -> None:
        with self._changed:
            self._open_cells.discard(cell)
            self.cells_lost += lost and not self._closed
        with contextlib.suppress(OSError, MemoryError):
            cell.close()

    def _take(self, batch: Batch, jobs: list[Job], results: wire.Results) -> None:
        """Settle the first of `jobs` with the results of a cell."""
        finished: list[Run] = []
        judged = [outcomes_of.judge_record(record, batch.limits) for record in results.records]
        with self._changed:
            if results.compiled is False:
                refused = outcomes_of.compile_error(results.compile_message.decode(errors="replace"))
                for job in jobs:
                    self._settle(job, refused, finished, remember=True)
            for job, record, outcome in zip(jobs, results.records, judged, strict=False):
                self.executions += 1
                # Not cached: a time-out under the short limit says little about this input.
                sticky = record.cpu_limit < batch.limits.cpu_seconds
                by_sticky = sticky and outcome.status is Status.TIME_LIMIT
                self.sticky_skips += by_sticky
                over_time = outcome.status is Status.TIME_LIMIT and outcome.repeatable
                if over_time and batch.limits.cpu_seconds < batch.run.limits.cpu_seconds:
                    self._postpone(batch, job, outcome)
                    continue
                batch.run.strikes += over_time and not sticky
                if job.peers is not None:
                    job.peers.note(job.text, job.digest, outcome)
                self._settle(job, outcome, finished, remember=outcome.repeatable and not by_sticky)
        for run in finished:
            _finish(run)

    def _give_up(self, jobs: list[Job], message: str) -> None:
        finished: list[Run] = []
        with self._changed:
            for job in jobs:
                self._settle(job, outcomes_of.infrastructure(message), finished, remember=False)
        for run in finished:
            _finish(run)


def _in_words(error: BaseException) -> str:
    return str(error) if isinstance(error, CellLost) else f"{type(error).__name__}: {error}"


def _finish(run: Run) -> None:
    """Complete the future, outside the lock: its callbacks may call the executor."""
    if run.future.set_running_or_notify_cancel():
        run.future.set_result([outcome for outcome in run.outcomes if outcome is not None])
