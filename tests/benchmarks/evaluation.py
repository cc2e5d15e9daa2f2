"""Overhead of an evaluation: seconds that are neither sampling nor executing, and memory, with answers that are given.

    python -m tests.benchmarks.evaluation [TASKS]

Every answer is at hand at once, as when a finished evaluation is judged again, so that nothing hides the driver's work.
Programs differ in a comment: none is known to the executor's cache.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from engine.evaluate.answers import AnswerJournal
from engine.evaluate.folder import Evaluation
from engine.evaluate.live import Wall
from engine.evaluate.models import Model, Params, RoleParams
from engine.evaluate.plan import choose_tasks
from engine.evaluate.request import EvalRequest
from engine.evaluate.run import Evaluator
from engine.evaluate.surroundings import surroundings
from engine.evaluate.writing import Writers
from engine.evaluation.report import Report
from engine.problems import IOExample, Problem, save_problems
from engine.prompts import PromptStyle, Reading, Role
from engine.runs.archive import ArchiveWriter
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalWriter
from engine.sandbox import Executor
from engine.solve.writers import Answer, Ask
from engine.solve.writers.spec import WriterSpec

_THOUGHT = "Sum the numbers of the line, then compare with what the statement says about the last of them. " * 20


class GivenAnswers:
    """Writer that has every answer at hand: every third program is wrong, every fourth test is."""

    name, style = "given", PromptStyle.FULL

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        for ask in asks:
            for index in ask.indices:
                if ask.role is Role.CODER:
                    wrong = " + 1" if index % 3 == 0 else ""
                    code = f"# {ask.id} {index} {ask.seed}\nprint(sum(map(int, input().split())){wrong})"
                    text = f"{_THOUGHT}\n```python\n{code}\n```"
                else:
                    output = index * 3 + (index % 4 == 0)
                    given = f"**Test Input:**\n```\n{index} {index * 2}\n```"
                    text = f"{_THOUGHT}\n{given}\n\n**Test Output:**\n```\n{output}\n```"
                yield Answer(ask.id, ask.role, index, text, 100, 500)

    def close(self) -> None: ...


def evaluate_given(folder: Path, tasks: int, n: int = 16, m: int = 16) -> Report:
    """Evaluate given answers to `tasks` made-up tasks."""
    problems = [
        Problem(
            f"t{number}", f"Print the sum of line {number}.", (),
            tuple(IOExample(f"{number} {test}\n", f"{number + test}\n") for test in range(8)),
            solutions=("print(sum(map(int, input().split())))",),
        )
        for number in range(tasks)
    ]  # fmt: skip
    save_problems(folder / "tasks.jsonl", problems)
    spec = WriterSpec("openai", "given")
    role = RoleParams(0.8, 1.0, 4096)
    model = Model(spec, Params(role, role), PromptStyle.FULL, True, Reading.KIND, False)
    request = EvalRequest("openai:given", "openai:given", str(folder / "tasks.jsonl"), n=n, m=m, bon=(f"{n}x{m}",))
    run = RunFolder.create(folder / "evaluation", "")
    with ExitStack() as resources:
        executor = resources.enter_context(Executor(cache_mb=8))
        journal = resources.enter_context(JournalWriter(run.journal))
        journal.run_started(preset="given", steps=0, seed=0)
        models = dict.fromkeys(request.specs, model)
        writers = Writers(request, models, lambda *_: GivenAnswers())
        return Evaluator(
            Evaluation(run, request), choose_tasks(request), models, writers, executor,
            resources.enter_context(AnswerJournal(run.path)), journal,
            resources.enter_context(ArchiveWriter(run.archive)), surroundings("A"),
            Wall(run.live),
        ).run()  # fmt: skip


def main() -> None:
    tasks = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    for count in (tasks // 5, tasks):
        with tempfile.TemporaryDirectory() as folder:
            started = time.monotonic()
            spent = evaluate_given(Path(folder), count).spent
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{count} tasks x 16 x 16: {time.monotonic() - started:.1f} s, "
                f"executing {spent.executing_seconds:.1f}, sampling {spent.sampling_seconds:.1f}, "
                f"other {spent.other_seconds:.1f} "
                f"({spent.other_seconds / spent.seconds:.1%}); peak {peak:.0f} MB",
                flush=True,
            )


if __name__ == "__main__":
    main()
