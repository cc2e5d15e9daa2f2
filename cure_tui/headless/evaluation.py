"""Evaluation from the command line: find or make its folder, start its process, follow its journal, report."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TextIO

import typer

from cure_tui.drawing.in_place import InPlace
from cure_tui.drawing.spans import printable
from cure_tui.exit_codes import DEFECT
from cure_tui.headless.run import EngineEnded, follow_to_end
from cure_tui.launch.process import EngineProcess, Interruption
from cure_tui.runs.evaluations.accuracy import accuracy_sheet, figures_sheet
from cure_tui.runs.evaluations.costs import cost_sheets
from cure_tui.runs.evaluations.sheet import for_terminal
from cure_tui.runs.evaluations.strategies import curves_text, strategy_sheets
from cure_tui.runs.step_line import clock, sandbox_line
from cure_tui.terminal import unfiltered
from engine.errors import ConfigError, CureError, RunError
from engine.evaluate.folder import (
    Evaluation,
    check_name,
    create_evaluation,
    evaluations,
    find_evaluation,
    find_same,
)
from engine.evaluate.models import find_models
from engine.evaluate.plan import Estimate, choose_tasks, estimate, rounded_hours
from engine.evaluate.request import EvalRequest, with_identity
from engine.evaluation.report import Report
from engine.evaluation.strategies import points
from engine.evaluation.summary import UNKNOWN
from engine.evaluation.table import estimate_text
from engine.runs.events import Event, EventKind
from engine.runs.journal import JournalReader
from engine.runs.listing import read_info
from engine.runs.live import LiveView
from engine.runs.state import RunState, RunStatus, replay

_MODULE = "engine.evaluate"
_DRAWN_EVERY, _WRITTEN_EVERY, _RATE_SECONDS = 0.2, 10.0, 20.0
_STOPPING = "stopping; every answer so far is kept; interrupt again to end it at once"


def evaluate(request: EvalRequest, *, name: str, regrade: bool, dry_run: bool = False) -> Report | None:
    """Evaluate, going on with an unfinished evaluation of the same request; None after a dry run. Raises CureError."""
    check_name(name)
    request = with_identity(request)
    chosen = choose_tasks(request)  # before a folder is made: a set that is not here, a file that cannot be read
    found = find_same(request, finished=regrade) if not name else None
    if regrade and found is None:
        raise ConfigError("there is no evaluation of these models and tasks to judge again", "leave out --regrade")
    models = find_models(request, lambda text: typer.echo(f"warning: {text}", err=True))
    if not regrade:
        before = [report for each, _ in evaluations()[:20] if (report := _read_report(each)) is not None]
        typer.echo(estimate_line(estimate(chosen, request, models, before)), err=True)
    if dry_run:
        return None
    evaluation = found or create_evaluation(request, name)
    if found is not None:
        typer.echo(f"going on with evaluation {found.name}", err=True)
    return _follow(evaluation, regrade=regrade, budget=request.budget)


def resume_evaluation(wanted: str, *, regrade: bool, budget: str = "") -> Report:
    """Go on with an evaluation, or judge it again. budget: "" for the one that it has.

    Raises CureError: none of that name, or its models have changed.
    """
    evaluation = find_evaluation(wanted)
    now = with_identity(replace(evaluation.request, budget=budget or evaluation.request.budget))
    changed = sorted(name for name, value in now.identity.items() if evaluation.request.identity.get(name) != value)
    if changed and not regrade:
        raise ConfigError(
            f"{changed[0]} changed since {evaluation.name} began: its answers would be of two models",
            "begin a new evaluation, or judge what is there with --regrade",
        )
    report = evaluation.read_report()
    if report is not None and report.complete and not regrade:
        typer.echo(f"evaluation {evaluation.name} is finished; --regrade judges it again", err=True)
        return report
    return _follow(evaluation, regrade=regrade, budget=now.budget)


def estimate_line(found: Estimate) -> str:
    """Return the estimate in a sentence."""
    dollars = f", ${found.dollars:.2f} (at most ${found.most_dollars:.2f})" if found.most_dollars else ""
    tasks = "1 task" if found.tasks == 1 else f"{found.tasks:,} tasks"
    return (
        f"{tasks}, {found.answers:,} answers: about {found.tokens:,.0f} tokens "
        f"(at most {found.most_tokens:,}), about {rounded_hours(found.seconds)}{dollars} ({found.basis})"
    )


def report_text(report: Report) -> str:
    """Return all figures, then what roles and ways cost, and last, where a terminal shows it, the table.

    With strategies, their curve and their tables are the last.
    """
    text = for_terminal([figures_sheet([report]), *cost_sheets([report]), accuracy_sheet([report])])
    compared = list(strategy_sheets(report))
    return "\n\n".join([text, curves_text(report), for_terminal(compared)]) if compared else text


def report_json(report: Report) -> str:
    """Return the report as JSON of one line; with `strategies`, their points, if it has any."""
    compared = points(report.rows, report.settings.seed)
    if not compared:
        return report.to_json()
    record = json.loads(report.to_json()) | {"strategies": [asdict(point) for point in compared]}
    return json.dumps(record, ensure_ascii=False, allow_nan=False)


class EvaluationView:
    """View of an evaluation: a line that is drawn anew in a terminal, one every ten seconds elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        draws = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._picture = InPlace(unfiltered(stream)) if draws else None
        self._points: deque[tuple[float, int]] = deque()
        self._total = 0
        self._next = 0.0

    def show(self, event: Event, state: RunState) -> None:
        if event.kind == EventKind.SANDBOX and state.sandbox:
            self.say(sandbox_line(state.sandbox))
        elif event.kind == EventKind.NOTICE and state.notices[-1].level == "warning":
            self.say(f"warning: {state.notices[-1].text}")
        phase = state.phase
        if event.kind == EventKind.HEARTBEAT and phase is not None and phase.done is not None:
            self._total = phase.total or 0
            self._points.append((event.seconds, phase.done))
            while len(self._points) > 2 and event.seconds - self._points[0][0] > _RATE_SECONDS:
                self._points.popleft()

    def tick(self, live: LiveView | None) -> None:
        now = time.monotonic()
        if now >= self._next and self._points:
            self._next = now + (_DRAWN_EVERY if self._picture else _WRITTEN_EVERY)
            if self._picture is not None:
                self._picture.draw([printable(self._line())])
            else:
                print(self._line(), file=self._stream, flush=True)

    def say(self, text: str) -> None:
        if self._picture is not None:
            self._picture.erase()
        print(printable(text), file=self._stream, flush=True)

    def close(self) -> None:
        if self._picture is not None:
            self._picture.erase()

    def _line(self) -> str:
        (begun, first), (ended, done) = self._points[0], self._points[-1]
        rate = (done - first) / (ended - begun) if ended > begun else 0.0
        text = f"{done:,} of {self._total:,} answers ({done / max(self._total, 1):.0%})"
        if rate > 0:
            text += f", {rate:,.1f} a second, {clock((self._total - done) / rate)} left"
        return text


def _follow(evaluation: Evaluation, *, regrade: bool, budget: str) -> Report:
    folder = evaluation.folder
    typer.echo(f"evaluation {evaluation.name}", err=True)
    reader = JournalReader(folder.journal)
    state = replay(reader.poll(stale=False), RunState())
    view = EvaluationView(sys.stderr)
    options: Sequence[str] = ("--regrade",) if regrade else ("--budget", budget)
    with Interruption() as interruption:
        try:
            engine = EngineProcess(folder, module=_MODULE, options=options)
            state = follow_to_end(engine, reader, state, view, interruption, _STOPPING)
        finally:
            view.close()
    code = engine.poll() or 0
    resume = f"go on with `cure-tui eval --resume {evaluation.name}`"
    if state.status is RunStatus.FINISHED and code == 0:
        report = evaluation.read_report()
        if report is None:
            raise RunError(f"evaluation {evaluation.name} has written no report", resume)
        return report
    partial = _read_report(evaluation)
    if state.status is RunStatus.STOPPED and partial is not None and partial.ended and not interruption.count:
        typer.echo(f"the budget of {partial.ended} is spent; {resume} and a larger --budget, a total", err=True)
        return partial
    if state.status is RunStatus.STOPPED or (interruption.count and code < 0):
        if partial is not None:
            typer.echo(report_text(partial), err=True)
        typer.echo(resume, err=True)
        raise typer.Exit(128 + interruption.number if interruption.count else 143)
    if state.status is RunStatus.FAILED and code > 0:
        raise EngineEnded(state.ending, state.remedy, code)
    if code < 0:
        raise RunError(f"the evaluation was killed by signal {-code}", f"{resume}; see {folder.log}")
    message = engine.error_line() or f"the evaluation died without an error message, with status {code}"
    raise EngineEnded(message, f"see {folder.log}", code or DEFECT)


def _read_report(evaluation: Evaluation) -> Report | None:
    try:
        return evaluation.read_report()
    except CureError:
        return None


def list_lines() -> list[str]:
    """Return a line for every evaluation, newest first."""
    lines = []
    for evaluation, _ in evaluations():
        report = _read_report(evaluation)
        done = f"{len(report.rows)}/{report.data.tasks} tasks" if report else "no report yet"
        code = f", code {estimate_text(report.totals.figures.get('code', UNKNOWN))}" if report else ""
        lines.append(f"{evaluation.name}  {read_info(evaluation.folder.path).state}  {done}{code}")
    return lines
