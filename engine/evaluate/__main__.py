"""Process of an evaluation: `python -m engine.evaluate --run-dir DIR [--regrade] [--budget LIMIT]`.

It holds the folder's lock. --budget replaces the request's, and is kept.

SIGTERM and SIGINT end it after the answer under way. Exit status: 0 if finished or stopped on request, otherwise that
of the error, which is also the last event of the journal.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import traceback
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from engine.errors import CureError, RunError
from engine.evaluate.folder import Evaluation, open_evaluation
from engine.machine.process_environment import claim_card
from engine.machine.process_memory import keep_freed_memory
from engine.machine.threads import sleep_at_barriers
from engine.printable import print_printable, printable
from engine.runs.heartbeat import Heartbeat
from engine.runs.journal import JournalWriter

_UNEXPECTED = 1
_CACHE_MB = 8
"""Equal programs are of one task, and a task is soon done with."""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.evaluate", description=__doc__)
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--regrade", action="store_true", help="judge all answers again, and sample none")
    parser.add_argument("--budget", help="limits, a total of all sessions")
    arguments = parser.parse_args(argv)
    sleep_at_barriers()
    claim_card()
    try:
        return _evaluate(open_evaluation(arguments.run_dir), regrade=arguments.regrade, budget=arguments.budget)
    except CureError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return error.exit_status


def _evaluate(evaluation: Evaluation, *, regrade: bool, budget: str | None) -> int:
    folder = evaluation.folder
    with ExitStack() as resources:
        resources.enter_context(folder.lock())
        resources.enter_context(Heartbeat(folder.heartbeat))
        journal = resources.enter_context(JournalWriter(folder.journal))
        try:
            evaluation = evaluation if budget is None else evaluation.with_budget(budget)
            return _evaluate_locked(evaluation, journal, resources, regrade=regrade)
        except CureError as error:
            error.remedy = error.remedy.replace("cure-tui resume", "cure-tui eval --resume")
            _last_words(evaluation, journal, error)
            raise
        except Exception as error:  # noqa: BLE001  (last line of defence: the journal must say why it ended)
            traceback.print_exc()
            what = f"the evaluation failed: {type(error).__name__}: {error}"
            _last_words(evaluation, journal, RunError(what, f"details in {folder.log}"))
            return _UNEXPECTED


def _evaluate_locked(evaluation: Evaluation, journal: JournalWriter, resources: ExitStack, *, regrade: bool) -> int:
    from engine.evaluate.answers import AnswerJournal
    from engine.evaluate.live import Wall
    from engine.evaluate.models import find_models
    from engine.evaluate.plan import choose_tasks
    from engine.evaluate.run import CHUNK_TASKS, Evaluator, Stopped
    from engine.evaluate.surroundings import surroundings
    from engine.evaluate.writing import Writers, open_model
    from engine.runs.archive import ArchiveWriter
    from engine.sandbox import Executor, Limits
    from engine.solve.strategies import Budget
    from engine.solve.writers import Account, Cost

    keep_freed_memory()
    request, folder = evaluation.request, evaluation.folder
    asked: list[str] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, frame: asked.append(signal.Signals(received).name))
    chosen = choose_tasks(request)
    steps = -(-len(chosen.problems) // CHUNK_TASKS)
    if regrade:
        evaluation.keep_rows([])
    done = min(len(evaluation.read_rows()) // CHUNK_TASKS, steps)
    if journal.is_empty:
        journal.run_started(preset=f"eval {request.coder} on {chosen.tasks.name}", steps=steps, seed=request.seed)
    else:
        journal.resumed(from_step=done + 1, steps=steps)
    executor = resources.enter_context(
        Executor(Limits(), allow_unsandboxed=request.allow_unsandboxed, cache_mb=_CACHE_MB)
    )
    level = executor.level
    journal.sandbox(letter=level.letter, summary=level.summary, reasons=level.reasons, remedy=level.remedy)
    for note in chosen.notes:
        journal.notice(note, level="warning")

    def tell(text: str) -> None:
        journal.notice(text, level="warning")

    models = find_models(request, tell)
    answers = resources.enter_context(AnswerJournal(folder.path))
    budget, wall = Budget.parse(request.budget), Wall(folder.live)
    resources.callback(wall.close)
    paid = sum((each.cost for each in answers.costs().values()), Cost()) if request.budget else Cost()
    account = Account(budget.tokens, budget.dollars, paid)
    writers = Writers(request, models, partial(open_model, watch=wall.watch), account)
    resources.callback(writers.close)
    evaluator = Evaluator(
        evaluation, chosen, models, writers, executor, answers, journal,
        resources.enter_context(ArchiveWriter(folder.archive)), surroundings(level.letter), wall, samples=not regrade,
    )  # fmt: skip

    def stop(received: int, frame: object) -> None:
        asked.append(signal.Signals(received).name)
        evaluator.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    if asked:
        evaluator.stop()
    try:
        report = evaluator.run()
    except Stopped:
        journal.run_stopped(0, f"stopped by {asked[0]}" if asked else "stopped")
        return 0
    if report.ended:
        journal.run_stopped(steps, report.warnings[len(chosen.notes)])
        return 0
    reason = "" if report.complete else f"{len(report.rows)} of {report.data.tasks} tasks had all their answers"
    journal.run_finished(steps, {"tasks": len(report.rows)}, reason)
    return 0


def _last_words(evaluation: Evaluation, journal: JournalWriter, error: CureError) -> None:
    """Write into the journal why the evaluation ends; releasing the reserve makes room for it on a full disk."""
    evaluation.folder.release_reserve()
    with contextlib.suppress(CureError):
        if journal.is_empty:
            journal.run_started(preset="eval", steps=0, seed=0)
        journal.run_failed(None, error=error.message, remedy=error.remedy)


if __name__ == "__main__":
    print_printable()
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # a thread may still be inside a model, and the interpreter aborts if it ends under one
