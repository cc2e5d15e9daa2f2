"""Evaluation from its first answer to its report, in chunks of tasks; resumable after a kill at any moment.

A chunk is sampled while the programs of the one before it still run. Every answer is in answers.jsonl before it is
judged; the end of a chunk is written in the order archive, rows, journal. A resumed evaluation therefore goes on at the
first chunk without rows: its answers so far are taken from the file, only the missing ones are sampled.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from engine.errors import CureError, DataError
from engine.evaluate.answers import AnswerJournal, answer_key, group_key
from engine.evaluate.folder import Evaluation
from engine.evaluate.models import Model
from engine.evaluate.plan import Chosen
from engine.evaluate.recording import record_task
from engine.evaluate.rows import curve_sizes, task_row
from engine.evaluate.task_result import judge_by_references, task_result
from engine.evaluate.warnings import warnings_of
from engine.evaluate.writing import Writers
from engine.evaluation.report import Report, Settings, Spent, Surroundings, TaskRow, Who
from engine.evaluation.results import TaskResult
from engine.evaluation.totals import summary_of, totals
from engine.problems import Problem
from engine.prompts import Program, Rejected, Role, UnitTest, read_program, read_unit_test
from engine.prompts.thoughts import closes_thought
from engine.rollouts.executing import ProgramRun, Runner, execute, inputs_of
from engine.rollouts.filling import FilledTask, Filling
from engine.runs.archive import ArchiveWriter
from engine.runs.journal import JournalWriter
from engine.runs.records import StepRecord
from engine.sandbox import AS_A_PROCESS, Judging, passes
from engine.seeds import derive_seed
from engine.solve.fates import explained
from engine.solve.writers import Answer, Ask

CHUNK_TASKS = 16
PHASE = "evaluate"
_BEAT_SECONDS = 0.5


class Stopped(Exception):
    """End asked for by a signal; everything so far is on the disk."""


@dataclass(eq=False)
class _Task:
    """Task whose answers are arriving."""

    problem: Problem
    judging: Judging
    filling: Filling
    groups: dict[Role, str]
    answers: dict[Role, dict[int, Answer]] = field(default_factory=lambda: {role: {} for role in Role})

    def of(self, role: Role) -> list[Answer]:
        return [self.answers[role][index] for index in sorted(self.answers[role])]


@dataclass(eq=False)
class _Chunk:
    """Chunk that is sampled. seconds: waiting for answers, and all that its sampling took."""

    number: int
    tasks: list[_Task]
    sampling: float = 0.0
    total: float = 0.0


class Evaluator:
    """Evaluator of one request in one folder. `stop` may be set from a signal handler."""

    def __init__(
        self,
        evaluation: Evaluation,
        chosen: Chosen,
        models: dict[Role, Model],
        writers: Writers,
        runner: Runner,
        answers: AnswerJournal,
        journal: JournalWriter,
        archive: ArchiveWriter,
        surroundings: Surroundings,
        *,
        samples: bool = True,
    ) -> None:
        """Prepare. samples: False takes the answers that are there, and leaves out tasks that lack one."""
        self.stop = threading.Event()
        self._evaluation, self._request = evaluation, evaluation.request
        self._chosen, self._models, self._writers, self._runner = chosen, models, writers, runner
        self._answers, self._journal, self._archive = answers, journal, archive
        self._surroundings, self._samples = surroundings, samples
        self._sizes = curve_sizes(self._request.n, self._request.m, self._request.sizes)
        self._rows: list[TaskRow] = []
        self._told: set[str] = set()
        self._thinking: set[Role] = set()  # roles whose server's template opens a thought
        self._held: list[tuple[_Task, Answer]] = []
        self._done = 0
        self._beat = 0.0

    def run(self) -> Report:
        """Evaluate every task that has no row yet; write and return the report. Raises CureError, Stopped."""
        problems = self._problems()
        self._rows = self._known_rows(problems)
        first = -(-len(self._rows) // CHUNK_TASKS)
        self._archive.drop_from(first + 1)
        self._done = len(self._rows) * (self._request.n + self._request.m)
        before: _Chunk | None = None
        try:
            for start in range(first * CHUNK_TASKS, len(problems), CHUNK_TASKS):
                chunk = self._sample(start // CHUNK_TASKS + 1, problems[start : start + CHUNK_TASKS])
                if before is not None:
                    self._finish(before)
                before = chunk
            if before is not None:
                self._finish(before)
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

    def report(self, *, complete: bool) -> Report:
        """Return the report of the rows so far, of which there must be one."""
        request, rows = self._request, tuple(self._rows)
        coder, tester = self._models[Role.CODER].params.coder, self._models[Role.TESTER].params.tester
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
            spent=sum((row.spent for row in rows), Spent()),
            complete=complete,
            warnings=(*self._chosen.notes, *warnings_of(rows, self._models)),
        )  # fmt: skip

    # Sampling -----------------------------------------------------------------------------------------------

    def _problems(self) -> Sequence[Problem]:
        if self._samples:
            return self._chosen.problems
        found = [problem for problem in self._chosen.problems if self._is_answered(problem)]
        if not found:
            raise DataError(f"no task of {self._evaluation.name} has all its answers", "go on without --regrade first")
        return found

    def _is_answered(self, problem: Problem) -> bool:
        return all(
            answer_key(self._group(problem, role), index) in self._answers
            for role, count in self._counts
            for index in range(count)
        )

    @property
    def _counts(self) -> tuple[tuple[Role, int], ...]:
        return (Role.CODER, self._request.n), (Role.TESTER, self._request.m)

    def _group(self, problem: Problem, role: Role) -> str:
        """Name the group of a role's answers to a task by all that they depend on."""
        model, request = self._models[role], self._request
        params = model.params.of(role)
        sampling = [params.temperature, params.top_p, params.max_new_tokens, model.thinking]
        identity = {name: value for name, value in request.identity.items() if name.endswith(str(model.spec))}
        prompt = [problem.id, list(model.messages(problem, role))]
        return group_key([prompt, str(model.spec), identity, sampling, str(role), request.seed])

    def _sample(self, number: int, problems: Sequence[Problem]) -> _Chunk:
        """Take the answers of a chunk from the journal, sample the missing ones, submit all programs."""
        started = time.monotonic()
        tasks = [self._task(problem) for problem in problems]
        chunk = _Chunk(number, tasks)
        total = len(self._chosen.problems) * (self._request.n + self._request.m)
        self._journal.phase_started(number, PHASE, total, "answers")
        asks = []
        for place, task in enumerate(tasks):
            for role, count in self._counts:
                keys = [answer_key(task.groups[role], index) for index in range(count)]
                known = frozenset(index for index, key in enumerate(keys) if key in self._answers)
                for index in sorted(known):
                    self._take(task, self._answers.get(keys[index], ""))
                if len(known) < count:
                    messages = self._models[role].messages(task.problem, role)
                    seed = derive_seed(self._request.seed, role, task.problem.id)
                    asks.append(Ask(f"{place}/{role}", role, messages, count, seed, known))
        self._show_progress(number)
        if asks:
            chunk.sampling = self._write(chunk, asks)
        for task, answer in self._held:
            self._read(task, answer)
        self._held.clear()
        chunk.total = time.monotonic() - started
        return chunk

    def _task(self, problem: Problem) -> _Task:
        judging = AS_A_PROCESS.for_task(problem.compare)
        filling = Filling(problem, judging, problem.hidden, self._request.m, self._runner)
        return _Task(problem, judging, filling, {role: self._group(problem, role) for role in Role})

    def _write(self, chunk: _Chunk, asks: Sequence[Ask]) -> float:
        """Sample; return the seconds spent waiting for answers."""
        waited = 0.0
        answers = self._writers.write(asks)
        try:
            while True:
                self._look_for_stop()
                since = time.monotonic()
                answer = next(answers, None)
                waited += time.monotonic() - since
                if answer is None:
                    break
                task = chunk.tasks[int(answer.ask_id.split("/")[0])]
                self._answers.add(answer_key(task.groups[answer.role], answer.index), answer)
                self._take(task, answer)
                self._show_progress(chunk.number)
        finally:
            _close(answers)
        return waited

    def _take(self, task: _Task, answer: Answer) -> None:
        """Count an answer and read it; one that a server's limit cut off is read when the chunk is sampled.

        By then others may have closed a thought that the server's template opens, unseen from here.
        """
        task.answers[answer.role][answer.index] = answer
        self._done += 1
        if closes_thought(answer.text):
            self._thinking.add(answer.role)
        if self._models[answer.role].spec.kind == "openai" and not answer.finished:
            self._held.append((task, answer))
        else:
            self._read(task, answer)

    def _read(self, task: _Task, answer: Answer) -> None:
        reading = self._models[answer.role].reading
        read = read_program if answer.role is Role.CODER else read_unit_test
        in_thought = answer.in_thought or (not answer.finished and answer.role in self._thinking)
        found = read(answer.text, reading, in_thought=in_thought, finished=answer.finished)
        if isinstance(found, Rejected):
            found = explained(answer, found)
        if answer.role is Role.CODER:
            assert not isinstance(found, UnitTest)
            task.filling.take_program(answer.index, found)
        else:
            assert not isinstance(found, Program)
            task.filling.take_test(answer.index, found)

    def _show_progress(self, step: int) -> None:
        now = time.monotonic()
        if now - self._beat >= _BEAT_SECONDS:
            self._beat = now
            self._journal.heartbeat(step, done=self._done)

    def _look_for_stop(self) -> None:
        if self.stop.is_set():
            raise Stopped

    # The end of a chunk -------------------------------------------------------------------------------------

    def _finish(self, chunk: _Chunk) -> None:
        """Wait for the programs of a chunk, judge, record."""
        started = time.monotonic()
        waiting = 0.0
        rows, records = [], []
        for task in chunk.tasks:
            since = time.monotonic()
            self._look_for_stop()
            filled = task.filling.collect()
            judges, own = judge_by_references(filled, self._runner), self._first_reference(filled)
            for each in (*judges, own):
                if each is not None:
                    each.by_input()
            waiting += time.monotonic() - since
            coder, tester = task.of(Role.CODER), task.of(Role.TESTER)
            result = task_result(
                filled, judges, task.judging, [each.tokens for each in coder], [each.tokens for each in tester]
            )
            rows.append(self._row(task, filled, result, own))
            records.append(record_task(filled, result, coder, tester))
        self._archive.write_step(StepRecord(chunk.number, tuple(records)))
        total = chunk.total + time.monotonic() - started
        seconds = chunk.sampling, waiting, max(0.0, total - chunk.sampling - waiting)
        rows = [replace(row, spent=_with_seconds(row.spent, seconds, len(rows))) for row in rows]
        self._evaluation.add_rows(rows)
        self._rows += rows
        self._journal.step_finished(chunk.number, _metrics(rows, total))
        self._warn(rows)

    def _row(self, task: _Task, filled: FilledTask, result: TaskResult, reference: ProgramRun | None) -> TaskRow:
        coder, tester = task.of(Role.CODER), task.of(Role.TESTER)
        spent = Spent(
            answers=len(coder) + len(tester),
            prompt_tokens=sum(answer.prompt_tokens for answer in (*coder, *tester)),
            coder_tokens=sum(answer.tokens for answer in coder),
            tester_tokens=sum(answer.tokens for answer in tester),
            dollars=sum(answer.dollars for answer in (*coder, *tester)),
        )
        passed = reference is not None and all(
            outcome is not None and passes(outcome, test.output, task.judging)
            for outcome, test in zip(reference.by_test(filled.truth_tests), filled.truth_tests, strict=True)
        )
        return task_row(
            filled, result, coder, tester, self._sizes, spent,
            as_published=self._request.protocol == "cure", references_passed=int(passed),
        )  # fmt: skip

    def _first_reference(self, task: FilledTask) -> ProgramRun | None:
        """Submit the first reference with the ground truth: a set whose references fail here measures little."""
        if not task.problem.solutions:
            return None
        program = Program(task.problem.solutions[0])
        return execute(program, inputs_of(task.truth_tests), self._runner, task.problem.time_limit)

    def _warn(self, rows: Sequence[TaskRow]) -> None:
        for text in warnings_of(rows, self._models):
            about = text.partition(":")[0].lstrip("0123456789. %")
            if about not in self._told:
                self._told.add(about)
                self._journal.notice(text, level="warning")

    def _known_rows(self, problems: Sequence[Problem]) -> list[TaskRow]:
        """Return the rows of whole chunks; a chunk that is torn, or of other tasks, is judged again."""
        rows = self._evaluation.read_rows()
        known = len(rows) if len(rows) == len(problems) else len(rows) // CHUNK_TASKS * CHUNK_TASKS
        same = next(
            (place for place in range(min(known, len(problems))) if rows[place].task != problems[place].id),
            min(known, len(problems)),
        )
        kept = rows[: same if same == len(problems) else same // CHUNK_TASKS * CHUNK_TASKS]
        self._evaluation.keep_rows(kept)
        return kept


def _with_seconds(spent: Spent, seconds: tuple[float, float, float], tasks: int) -> Spent:
    """Return the cost of one task, with its part of the seconds of its chunk."""
    sampling, executing, other = (each / tasks for each in seconds)
    return replace(spent, sampling_seconds=sampling, executing_seconds=executing, other_seconds=other)


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


def _close(answers: Iterator[Answer]) -> None:
    close = getattr(answers, "close", None)
    if close is not None:
        close()
