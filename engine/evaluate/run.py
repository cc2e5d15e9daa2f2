"""Evaluation from its first answer to its report, in chunks of tasks; resumable after a kill at any moment.

A chunk is sampled while the programs of the one before it still run. Every answer is in answers.jsonl before it is
judged; the end of a chunk is written in the order archive, rows, journal. A resumed evaluation therefore goes on at the
first chunk without rows: its answers so far are taken from the file, only the missing ones are sampled. A budget ends
it between two tasks: those of the last chunk that have all their answers are judged, the answers of the others kept.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.errors import CureError, DataError, RunError
from engine.evaluate.answers import AnswerJournal, group_key
from engine.evaluate.costs import cost_notes, role_costs
from engine.evaluate.folder import Evaluation, TaskRows
from engine.evaluate.judging import JudgedTask, judge
from engine.evaluate.live import Wall
from engine.evaluate.models import Model
from engine.evaluate.parts import parts_of
from engine.evaluate.plan import Chosen
from engine.evaluate.request import EvalRequest
from engine.evaluate.rows import curve_sizes
from engine.evaluate.sampling import Sampling
from engine.evaluate.strategies import Strategies, Unanswered, is_conversed
from engine.evaluate.tasks import Task
from engine.evaluate.warnings import warnings_of
from engine.evaluate.writing import Writers
from engine.evaluation.report import CODER, ONE_SHOT, TESTER, Arm, Report, Settings, Spent, Surroundings, TaskRow, Who
from engine.evaluation.totals import summary_of, totals
from engine.problems import Problem
from engine.rollouts.executing import Runner
from engine.runs.archive import ArchiveWriter
from engine.runs.journal import JournalWriter
from engine.runs.records import StepRecord
from engine.solve.strategies import Budget

CHUNK_TASKS = 16
PHASE = "evaluate"
_BEAT_SECONDS = 0.5


class Stopped(Exception):
    """End asked for by a signal; everything so far is on the disk."""


@dataclass(eq=False)
class _Chunk:
    """Chunk whose answers are here. seconds: waiting for answers, and all that its sampling took."""

    number: int
    tasks: list[Task]
    sampling: float
    total: float


class Evaluator:
    """Evaluator of one request in one folder."""

    def __init__(
        self,
        evaluation: Evaluation,
        chosen: Chosen,
        models: Mapping[str, Model],
        writers: Writers,
        runner: Runner,
        answers: AnswerJournal,
        journal: JournalWriter,
        archive: ArchiveWriter,
        surroundings: Surroundings,
        wall: Wall,
        *,
        samples: bool = True,
    ) -> None:
        """Prepare. models: by the names of parts. samples: False takes the answers that are there, and leaves out
        tasks that lack one.
        """
        self._evaluation, self._request = evaluation, evaluation.request
        self._parts = parts_of(self._request, models)
        self._chosen, self._writers, self._runner = chosen, writers, runner
        self._answers, self._journal, self._archive, self._wall = answers, journal, archive, wall
        self._surroundings, self._samples = surroundings, samples
        self._sizes = curve_sizes(self._request.n, self._request.m, self._request.sizes)
        self._budget = Budget.parse(self._request.budget)
        self._sampling = Sampling(
            self._request, self._parts, answers, writers, runner, wall, self._show_progress
        )  # fmt: skip
        self._strategies = Strategies(self._request, models, answers, writers, runner, samples=samples)
        self._rows: list[TaskRows] = []
        self._told: set[str] = set()
        self._stop = threading.Event()
        self._step = 0
        self._beat = 0.0

    def stop(self) -> None:
        """End the evaluation soon; from a signal handler, too. Answers under way at a server are waited for."""
        self._stop.set()
        self._writers.end("a signal")

    def run(self) -> Report:
        """Evaluate every task that has no row yet; write and return the report. Raises CureError, Stopped."""
        problems = self._problems()
        self._rows = self._known_rows(problems)
        first = -(-len(self._rows) // CHUNK_TASKS)
        self._archive.drop_from(first + 1)
        self._sampling.done = len(self._rows) * self._sampling.answers_a_task
        self._wall.start(PHASE, len(self._chosen.problems) * self._sampling.answers_a_task)
        try:
            with self._within_time():
                self._evaluate(first, problems)
        except (Stopped, CureError):
            if self._rows:
                with contextlib.suppress(CureError):  # the disk may be full
                    self._evaluation.write_report(self.report(complete=False))
            raise
        report = self.report(complete=len(self._rows) == len(self._chosen.problems))
        self._evaluation.write_report(report)
        summary = summary_of(report)
        self._journal.evaluation(
            -(-len(self._rows) // CHUNK_TASKS), split=report.data.name, when="end", summary=summary.to_json()
        )
        return report

    def _evaluate(self, first: int, problems: Sequence[Problem]) -> None:
        """Evaluate from chunk `first` on; raises RunError for a budget too small for a single task."""
        before: _Chunk | None = None
        for start in range(first * CHUNK_TASKS, len(problems), CHUNK_TASKS):
            chunk = self._sample(start // CHUNK_TASKS + 1, problems[start : start + CHUNK_TASKS])
            if before is not None:
                self._finish(before)
            before = chunk
            if self._writers.ended:
                break
        if before is not None and before.tasks:
            self._finish(before)
        if not self._rows:
            raise RunError(
                f"the budget of {self._writers.ended} is spent before one task has all its answers",
                f"every answer is kept; go on with a larger one: `cure-tui eval --resume {self._evaluation.name} "
                "--budget LIMIT`, a total",
            )

    @contextlib.contextmanager
    def _within_time(self) -> Iterator[None]:
        """End the writing when the budget's seconds are over, those of earlier sessions counted."""
        if self._budget.seconds is None or not self._samples:
            yield
            return
        left = self._budget.seconds - sum(each.row.spent.seconds for each in self._rows)
        timer = threading.Timer(max(left, 0.0), self._writers.end, [f"{self._budget.seconds:g} s"])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def report(self, *, complete: bool) -> Report:
        """Return the report of the rows so far, of which there must be one."""
        request, rows = self._request, tuple(each.row for each in self._rows)
        by_name = {part.name: part for part in self._parts}
        coder, tester = by_name[CODER].model.params.coder, by_name[TESTER].model.params.tester
        arms = {name: tuple(each.arms[name] for each in self._rows) for name in by_name if name not in (CODER, TESTER)}
        told = warnings_of(rows, self._parts, arms)
        has_costs = bool(arms) or any(part.model.config is None for part in self._parts)
        costs = self._answers.costs() if has_costs else {}
        conversed = [each.cost for key, each in costs.items() if is_conversed(key)]
        costs = {key: each for key, each in costs.items() if not is_conversed(key)}
        done = {row.task for row in rows}
        problems = [problem for problem in self._chosen.problems if problem.id in done]
        roles = role_costs(self._parts, problems, request, costs) if has_costs else ()
        ended = "" if complete or self._stop.is_set() else self._writers.ended
        if ended:
            told.insert(0, _partial(ended, len(rows), len(self._chosen.problems)))
        return Report(
            name=self._evaluation.name,
            who=Who(request.coder, request.tester, group_key(sorted(request.identity.items()))[:16]),
            data=self._chosen.tasks,
            settings=Settings(
                request.n, request.m, request.bon, coder.temperature, coder.top_p, coder.max_new_tokens,
                tester.max_new_tokens, request.seed, request.truth_tests, request.protocol,
            ),
            surroundings=self._surroundings,
            rows=rows,
            totals=totals(rows),
            spent=sum((row.spent for each in self._rows for row in (each.row, *each.arms.values())), Spent()),
            complete=complete,
            ended=ended,
            warnings=(*self._chosen.notes, *told, *cost_notes(roles, costs, self._writers.account.lost, conversed)),
            arms=tuple(Arm(name, _who(name, request), of, totals(of)) for name, of in arms.items()),
            roles=roles,
            excluded=self._chosen.excluded,
            left_out=self._strategies.left_out,
        )  # fmt: skip

    # Sampling -----------------------------------------------------------------------------------------------

    def _problems(self) -> Sequence[Problem]:
        if self._samples:
            return self._chosen.problems
        found = [problem for problem in self._chosen.problems if self._sampling.is_answered(problem)]
        if not found:
            raise DataError(f"no task of {self._evaluation.name} has all its answers", "go on without --regrade first")
        return found

    def _sample(self, number: int, problems: Sequence[Problem]) -> _Chunk:
        """Take the answers of a chunk from the journal, sample the missing ones, submit all programs."""
        started, waited = time.monotonic(), self._sampling.seconds
        self._step = number
        total = len(self._chosen.problems) * self._sampling.answers_a_task
        self._journal.phase_started(number, PHASE, total, "answers")
        tasks = self._sampling.fill(problems)
        if self._stop.is_set():
            raise Stopped
        whole = [task for task in tasks if task.is_whole]
        return _Chunk(number, whole, self._sampling.seconds - waited, time.monotonic() - started)

    def _show_progress(self) -> None:
        now = time.monotonic()
        if now - self._beat >= _BEAT_SECONDS:
            self._beat = now
            self._journal.heartbeat(self._step, done=self._sampling.done)

    # The end of a chunk -------------------------------------------------------------------------------------

    def _finish(self, chunk: _Chunk) -> None:
        """Wait for the programs of a chunk, judge, record."""
        started = time.monotonic()
        judged: list[JudgedTask] = []
        for task in chunk.tasks:
            if self._stop.is_set():
                raise Stopped
            each = judge(task, self._runner, self._sizes, as_published=self._request.protocol == "cure")
            try:
                judged.append(each.with_ways(self._strategies.spend(task, each.filled)))
            except Unanswered:  # a budget ends between two tasks; what a strategy has asked is kept
                if self._stop.is_set():
                    raise Stopped from None
                if self._samples:
                    break
        if not judged:
            return
        waiting = sum(each.waited for each in judged)
        self._archive.write_step(StepRecord(chunk.number, tuple(record for each in judged for record in each.records)))
        total = chunk.total + time.monotonic() - started
        seconds = chunk.sampling, waiting, max(0.0, total - chunk.sampling - waiting)
        rows = [_with_seconds(each.rows, seconds, len(judged)) for each in judged]
        self._evaluation.add_rows(rows)
        self._rows += rows
        self._journal.step_finished(chunk.number, _metrics([each.row for each in rows], total))
        self._warn(rows)

    def _warn(self, rows: Sequence[TaskRows]) -> None:
        arms = {name: [each.arms[name] for each in rows] for name in rows[0].arms}
        for text in warnings_of([each.row for each in rows], self._parts, arms):
            about = text.partition(":")[0].lstrip("0123456789. %")
            if about not in self._told:
                self._told.add(about)
                self._journal.notice(text, level="warning")

    def _known_rows(self, problems: Sequence[Problem]) -> list[TaskRows]:
        """Return the rows of whole chunks; a chunk that is torn, or of other tasks, is judged again."""
        rows = self._evaluation.read_rows()
        known = len(rows) if len(rows) == len(problems) else len(rows) // CHUNK_TASKS * CHUNK_TASKS
        arms = {part.name for part in self._parts if part.name not in (CODER, TESTER)}
        most = min(known, len(problems))
        other = (
            place
            for place, each in enumerate(rows[:most])
            if (each.row.task, set(each.arms), set(each.row.ways)) != (problems[place].id, arms, self._strategies.names)
        )
        same = next(other, most)
        kept = rows[: same if same == len(problems) else same // CHUNK_TASKS * CHUNK_TASKS]
        self._evaluation.keep_rows(kept)
        return kept


def _partial(ended: str, done: int, tasks: int) -> str:
    return f"ended by the budget of {ended} after {done} of {tasks} tasks: in their order, which is no random choice"


def _who(arm: str, request: EvalRequest) -> Who:
    return Who(request.one_shot, "") if arm == ONE_SHOT else Who(request.coder, request.baseline_tester)


def _with_seconds(rows: TaskRows, seconds: tuple[float, float, float], tasks: int) -> TaskRows:
    """Return the rows of one task, with its part of the seconds of its chunk."""
    sampling, executing, other = (each / tasks for each in seconds)
    spent = replace(rows.row.spent, sampling_seconds=sampling, executing_seconds=executing, other_seconds=other)
    return replace(rows, row=replace(rows.row, spent=spent))


def _metrics(rows: Sequence[TaskRow], seconds: float) -> dict[str, float | None]:
    """Return figures of a chunk by the names of a run's metrics."""
    spent = sum((row.spent for row in rows), Spent())

    def mean(name: str) -> float | None:
        values = [value for row in rows if (value := row.figures.get(name)) is not None]
        return float(np.mean(values)) if values else None

    return {
        "code_accuracy": mean("code"),
        "ut_accuracy": mean("ut"),
        "coder_length_mean": mean("coder_length"),
        "tester_length_mean": mean("tester_length"),
        "coder_truncated": mean("coder_truncated"),
        "tester_truncated": mean("tester_truncated"),
        "coder_rejected": mean("rejected_share"),
        "tester_malformed": mean("malformed_share"),
        "tasks": float(len(rows)),
        "tokens": float(spent.tokens),
        "seconds": seconds,
        "seconds_sample": spent.sampling_seconds,
        "seconds_execute_wait": spent.executing_seconds,
    }
