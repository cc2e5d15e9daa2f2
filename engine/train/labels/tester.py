"""Labels `tester:WHO`: tests that a trained tester writes once, before the run, stand where hidden tests stand.

So CURE trains without labels of its own (its section on label-free RL): a program's reward is the share of these tests
that it passes, and everything else is as with hidden tests. The tester is frozen, and never the policy in training.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType

from engine.config import RunConfig
from engine.config.label_free import tasks_wanted
from engine.evaluate.answers import AnswerJournal
from engine.models.device import release_memory
from engine.problems import IOExample, Problem
from engine.prompts import UnitTest
from engine.rollouts.executing import Runner
from engine.rollouts.rollout import TaskRollouts
from engine.runs.faults import run_faults
from engine.runs.files import LABEL_ANSWERS_FILE, remove_file
from engine.sandbox import judging_of
from engine.solve.label_tester import tester_of
from engine.solve.opening import Wishes, load_model, open_writer
from engine.solve.selectors.b4 import Priors
from engine.train.labels.cross_check import ProgramCheck
from engine.train.labels.kept_tests import keep_tests, read_tests
from engine.train.labels.label_tasks import candidates, limited, unanchored_notice
from engine.train.labels.pseudo_tests import FEWEST, TestWriting
from engine.train.labels.references import References
from engine.train.labels.source import LabelledTask, LabelSource, Surroundings, by_ground_truth

_CHUNK_TASKS = 16
Tests = dict[str, tuple[IOExample, ...]]


class TesterTests:
    """Label source of a tester's tests. confirmed: of each task's tests, how many references confirm and judge."""

    def __init__(self, config: RunConfig, problems: Sequence[Problem], confirmed: dict[str, tuple[int, int]]) -> None:
        self.problems = tuple(problems)
        self._settings, self._confirmed = config.reward, confirmed

    def label(self, tasks: Sequence[TaskRollouts], step: int, priors: Priors) -> list[LabelledTask]:
        return [
            replace(by_ground_truth(task, self._settings), confirmed=self._confirmed.get(task.problem.id))
            for task in tasks
        ]


def open_labels(config: RunConfig, train: Sequence[Problem], around: Surroundings) -> LabelSource:
    """Let the tester write the tests that are not in the run folder yet, and report how good they are."""
    order = candidates(train, config)
    started = time.monotonic()
    tests, written = _tests(config, order, around)
    labelled = [problem for problem in order if len(tests.get(problem.id, ())) >= FEWEST]
    used = limited(labelled, config)
    confirmed = _confirmed(config, used, tests, around.runner)
    seconds = time.monotonic() - started
    around.on_notice(_report(config, used, tests, confirmed, f" in {seconds:.0f} s" if written else ""))
    if not config.reward.anchors and (notice := unanchored_notice(len(used), len(order))):
        around.on_notice(notice)
    problems = [replace(problem, hidden=tests[problem.id], solutions=()) for problem in used]
    return TesterTests(config, problems, confirmed)


def _tests(config: RunConfig, order: Sequence[Problem], around: Surroundings) -> tuple[Tests, bool]:
    """Return the tests of as many tasks of `order` as the run uses, and whether any had to be written."""
    labels, wanted = config.reward.labels, tasks_wanted(config, len(order))
    tests = read_tests(around.run_dir, labels)
    known = len(tests)
    with _Writer(config, around) as writer:
        kept = start = 0
        while kept < wanted and start < len(order):
            chunk = order[start : start + min(_CHUNK_TASKS, wanted - kept)]
            start += len(chunk)
            missing = [problem for problem in chunk if problem.id not in tests]
            if missing:
                tests |= writer.writing(kept, wanted).write(missing)
            kept += sum(len(tests[problem.id]) >= FEWEST for problem in chunk)
    if len(tests) > known:
        keep_tests(around.run_dir, labels, tests)
    with run_faults(around.run_dir):
        remove_file(around.run_dir, LABEL_ANSWERS_FILE)  # also where a kill came between the two files
    return tests, len(tests) > known


class _Writer:
    """The tester, loaded when its first test is missing; on leaving, its memory is free for the policy."""

    def __init__(self, config: RunConfig, around: Surroundings) -> None:
        self._config, self._around = config, around
        self._resources = ExitStack()
        self._writing: TestWriting | None = None
        self._done = (0, 0)

    def __enter__(self) -> _Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()
        if self._writing is not None:
            self._writing = None
            release_memory()

    def writing(self, done: int, total: int) -> TestWriting:
        """Return the writing; it reports `done` of `total` tasks after every answer."""
        self._done = done, total
        if self._writing is None:
            self._writing = self._open()
        self._tell()
        return self._writing

    def _tell(self) -> None:
        self._around.on_progress(*self._done)

    def _open(self) -> TestWriting:
        config, around = self._config, self._around
        spec = tester_of(config.reward.labels)
        assert spec is not None  # these labels name one
        self._tell()
        wishes = Wishes(None, None, seed=0)
        if spec.kind == "openai":
            writer, show_example = open_writer(spec, wishes, around.on_notice), True
        else:
            loaded = load_model(spec, None, around.on_notice)
            writer, show_example = loaded.writer(wishes, whole=True), loaded.config.model.show_example
        self._resources.callback(writer.close)
        answers = self._resources.enter_context(AnswerJournal(around.run_dir, LABEL_ANSWERS_FILE))
        return TestWriting(
            writer, answers, [str(spec)], config.run.seed, config.sandbox.comparison,
            show_example=show_example, check=self._check(), on_answer=self._tell,
        )  # fmt: skip

    def _check(self) -> ProgramCheck | None:
        programs = self._config.reward.checking_programs
        return ProgramCheck(self._around.runner, programs, self._config.sandbox.comparison) if programs else None


def _confirmed(
    config: RunConfig, problems: Sequence[Problem], tests: Tests, runner: Runner
) -> dict[str, tuple[int, int]]:
    """Return of each task with a reference how many of its tests the references confirm, and how many they judge."""
    references = References(runner, judging_of(config.sandbox.judging, config.sandbox.comparison))
    found = {}
    for problem in problems:
        written = [UnitTest(test.input, test.output) for test in tests[problem.id]]
        runs = references.start(problem, written)
        if runs:
            judged = references.validity(problem, written, runs)
            found[problem.id] = (int(judged.valid_m.sum()), int(judged.judged_m.sum()))
    return found


def _report(
    config: RunConfig, used: Sequence[Problem], tests: Tests, confirmed: dict[str, tuple[int, int]], seconds: str
) -> str:
    count = sum(len(tests[problem.id]) for problem in used)
    few = sum(len(own) < FEWEST for own in tests.values())
    said = f"{config.reward.labels}: {count:,} tests of {len(used)} tasks{seconds}"
    if few:
        said += f"; {few} tasks with fewer than {FEWEST} are left out"
    judged = sum(total for _, total in confirmed.values())
    if not judged:
        return f"{said}; no task has a reference that could say how many are right"
    right = sum(number for number, _ in confirmed.values())
    refuted = sum(number < total for number, total in confirmed.values())
    return (
        f"{said}; references of {len(confirmed)} tasks confirm {right / judged:.1%} of the tests and fail at least one "
        f"in {refuted / len(confirmed):.1%} of the tasks"
    )
