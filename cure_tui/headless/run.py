"""Run without the dashboard: make or open its folder, start the engine, follow the journal, report."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import typer

from cure_tui.exit_codes import DEFECT, STOPPED
from cure_tui.headless.views import View, view_for
from cure_tui.launch.labels import reward_lines
from cure_tui.launch.plan_report import start_lines
from cure_tui.launch.prepare import PreparedRun, prepare_resume, prepare_run
from cure_tui.launch.process import EngineProcess, Interruption
from cure_tui.launch.question import confirm_beside_live_runs
from cure_tui.runs.step_line import evaluation_line
from engine.config import describe
from engine.errors import CureError, RunError
from engine.evaluation.summary import EvalSummary
from engine.evaluation.table import format_table
from engine.machine.home import run_name
from engine.machine.probe import probe_machine
from engine.machine.run_plan import Room, plan_run
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalReader
from engine.runs.listing import read_state
from engine.runs.live import LiveReader
from engine.runs.state import RunState, RunStatus, reduce, replay

POLL_SECONDS = 0.1


class EngineEnded(CureError):
    """Failure of the engine, with the engine's own message, remedy and exit status."""

    def __init__(self, message: str, remedy: str, exit_status: int) -> None:
        super().__init__(message, remedy)
        self.exit_status = exit_status


def start_run(preset: str, overrides: Sequence[str], run_dir: Path | None, name: str = "", *, as_json: bool) -> int:
    """Train by `preset` in a new run folder and return the exit status. Raises CureError if the run cannot start."""
    confirm_beside_live_runs()
    prepared = prepare_run(preset, overrides, run_dir, name)
    room = Room.of(probe_machine(prepared.folder.path))
    notes = [f"warning: {note}" for note in prepared.notes]
    lines = [*reward_lines(prepared.config), *start_lines(prepared.config, plan_run(prepared.config, room)), *notes]
    return _follow(prepared, lines, as_json=as_json)


def resume_run(wanted: str, steps: int | None, minutes: float | None, *, as_json: bool) -> int:
    """Resume a run from its last checkpoint and return the exit status.

    A finished run without new limits only reports its result.
    """
    prepared = prepare_resume(wanted, steps, minutes)
    if prepared.finished:
        folder = prepared.folder
        typer.echo(prepared.finished, err=True)
        report(folder, read_state(folder.journal), as_json=as_json)
        return 0
    confirm_beside_live_runs()
    return _follow(prepared, as_json=as_json)


def _follow(prepared: PreparedRun, plan: Sequence[str] = (), *, as_json: bool) -> int:
    """Start the engine and follow it to its end. plan: lines about what the run will take."""
    folder, config = prepared.folder, prepared.config
    typer.echo("\n".join([f"run {run_name(folder.path)}", describe(config), *plan]), err=True)
    reader = JournalReader(folder.journal)
    # A resumed run keeps its steps, but not how it ended: the engine before this one wrote that, and an engine that
    # is killed writes nothing in its place.
    state = replace(replay(reader.poll(stale=False)), status=RunStatus.NEW, ending="", remedy="")
    view = view_for(sys.stderr, config.run.max_minutes)
    with Interruption() as interruption:
        try:
            engine = EngineProcess(folder, prepared.new_limits)
            state = follow_to_end(engine, reader, state, view, interruption)
        finally:
            view.close()
    status = _exit_status(engine, state, interruption)
    report(folder, state, as_json=as_json)
    return status


def follow_to_end(
    engine: EngineProcess,
    reader: JournalReader,
    state: RunState,
    view: View,
    interruption: Interruption,
    stopping: str = "stopping after a checkpoint; interrupt again to kill the engine at once",
) -> RunState:
    """Return the state after the engine's last event. The first interruption stops the engine, the second kills it."""
    handed_on = 0
    live = LiveReader(engine.folder.live)
    while True:
        ended = engine.poll() is not None  # before the journal is read, or its last event could be missed
        for event in reader.poll():
            state = reduce(state, event)
            view.show(event, state)
        view.tick(live.read())
        if ended:
            return state
        if interruption.count > handed_on:
            handed_on = interruption.count
            if handed_on == 1:
                view.say(stopping)
                engine.send(signal.SIGTERM)
            else:
                engine.send(signal.SIGKILL)
        engine.wait(POLL_SECONDS)


def _exit_status(engine: EngineProcess, state: RunState, interruption: Interruption) -> int:
    """Return 0, or the status of a stop. Raises EngineEnded or RunError if the engine failed."""
    code, folder = engine.poll() or 0, engine.folder
    resume = f"resume it with `cure-tui resume {run_name(folder.path)}`"
    if state.status is RunStatus.FINISHED and code == 0:
        return 0
    if state.status is RunStatus.STOPPED or (interruption.count and code < 0):
        typer.echo(resume, err=True)
        return 128 + interruption.number if interruption.count else STOPPED
    if state.status is RunStatus.FAILED and code > 0:
        raise EngineEnded(state.ending, state.remedy, code)
    if code < 0:
        name = signal.Signals(-code).name
        raise RunError(f"the engine was killed by {name} after step {state.step}", f"{resume}; see {folder.log}")
    message = engine.error_line() or f"the engine died without an error message, with status {code}"
    raise EngineEnded(message, f"see {folder.log}", code or DEFECT)


def report(folder: RunFolder, state: RunState, *, as_json: bool) -> None:
    """Print the result: a table of held-out accuracies at start and end, or one line of JSON."""
    start, end = _heldout(state, "start"), _heldout(state, "end")
    learnt = (state.summary or {}).get("trained_samples")
    if end is None and state.status is RunStatus.FINISHED and not state.step:
        end = start  # a run of 0 steps is evaluated once
    if as_json:
        result = {
            "run": run_name(folder.path),
            "steps": state.step,
            "seconds": round(state.seconds, 1),
            "heldout": {"start": start and start.headline(), "end": end and end.headline()},
        } | ({} if learnt is None else {"trained_samples": learnt})
        result |= {"rewards": state.rewards} if state.rewards else {}
        typer.echo(json.dumps(result))
        return
    if start and state.status is RunStatus.FINISHED and state.steps and not state.step:
        typer.echo(evaluation_line(state.evaluations[0]))
        typer.echo(state.ending, err=True)
    elif start and end:
        typer.echo(format_table(start, end))
        if state.rewards:
            typer.echo(f"trained with {state.rewards}")
    elif learnt == 0:
        typer.echo("no table: the run learnt nothing, so its accuracies are those of the start", err=True)
    else:
        typer.echo("no table: the run was not evaluated at both start and end", err=True)


def _heldout(state: RunState, when: str) -> EvalSummary | None:
    evaluation = state.evaluation("heldout", when)
    return evaluation.summary if evaluation else None
