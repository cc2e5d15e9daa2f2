"""A run without dashboard: make or open its folder, start the engine, follow the journal, report."""

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
from cure_tui.launch.prepare import PreparedRun, prepare_resume, prepare_run
from cure_tui.launch.process import EngineProcess, Interruption
from cure_tui.launch.question import confirm_beside_live_runs
from engine.config import describe
from engine.errors import CureError, RunError
from engine.evaluation.summary import EvalSummary
from engine.evaluation.table import format_table
from engine.machine.home import run_name
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalReader
from engine.runs.listing import read_state
from engine.runs.live import LiveReader
from engine.runs.state import RunState, RunStatus, reduce, replay

POLL_SECONDS = 0.1


class EngineEnded(CureError):
    """The engine gave up: its own words, with its own exit status."""

    def __init__(self, message: str, remedy: str, exit_status: int) -> None:
        super().__init__(message, remedy)
        self.exit_status = exit_status


def start_run(preset: str, overrides: Sequence[str], run_dir: Path | None, *, as_json: bool) -> int:
    """Train by `preset` in a new run folder; the exit status. Raises CureError where that cannot be done."""
    confirm_beside_live_runs()
    prepared = prepare_run(preset, overrides, run_dir)
    return _follow(prepared, as_json=as_json)


def resume_run(wanted: str, steps: int | None, minutes: float | None, *, as_json: bool) -> int:
    """Go on with a run from its last checkpoint; the exit status.

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


def _follow(prepared: PreparedRun, *, as_json: bool) -> int:
    folder, config = prepared.folder, prepared.config
    typer.echo(f"run {run_name(folder.path)}\n{describe(config)}", err=True)
    reader = JournalReader(folder.journal)
    # What a resumed run has said before counts, but for how it ended: that was another engine's word.
    state = replace(replay(reader.poll(stale=False)), status=RunStatus.NEW, ending="", remedy="")
    view = view_for(sys.stderr, config.run.max_minutes)
    with Interruption() as interruption:
        try:
            engine = EngineProcess(folder, prepared.new_limits)
            state = _until_the_end(engine, reader, state, view, interruption)
        finally:
            view.close()
    status = _exit_status(engine, state, interruption)
    report(folder, state, as_json=as_json)
    return status


def _until_the_end(
    engine: EngineProcess, reader: JournalReader, state: RunState, view: View, interruption: Interruption
) -> RunState:
    """The state after the engine's last event. The first interruption asks it to stop, the second ends it."""
    handed_on = 0
    live = LiveReader(engine.folder.live)
    while True:
        ended = engine.poll() is not None  # asked before the journal is read, so that no last word is missed
        for event in reader.poll():
            state = reduce(state, event)
            view.show(event, state)
        view.tick(live.read())
        if ended:
            return state
        if interruption.count > handed_on:
            handed_on = interruption.count
            if handed_on == 1:
                view.say("stopping with a checkpoint; once more ends the engine at once")
                engine.send(signal.SIGTERM)
            else:
                engine.send(signal.SIGKILL)
        engine.wait(POLL_SECONDS)


def _exit_status(engine: EngineProcess, state: RunState, interruption: Interruption) -> int:
    """0, or the status of a stop. Raises EngineEnded or RunError where the engine failed."""
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
        raise RunError(f"the engine was ended by {name} after step {state.step}", f"{resume}; see {folder.log}")
    message = engine.error_line() or f"the engine ended without a word, with status {code}"
    raise EngineEnded(message, f"see {folder.log}", code or DEFECT)


def report(folder: RunFolder, state: RunState, *, as_json: bool) -> None:
    """The result on stdout: a table of start against end on held-out tasks, or one line of JSON."""
    start, end = _heldout(state, "start"), _heldout(state, "end")
    if end is None and state.status is RunStatus.FINISHED:
        end = start  # a run of no steps is evaluated once
    if as_json:
        result = {
            "run": run_name(folder.path),
            "steps": state.step,
            "seconds": round(state.seconds, 1),
            "heldout": {"start": start and start.headline(), "end": end and end.headline()},
        }
        typer.echo(json.dumps(result))
        return
    if start and end:
        typer.echo(format_table(start, end))
    else:
        typer.echo("no table: the run has not been evaluated at both ends", err=True)


def _heldout(state: RunState, when: str) -> EvalSummary | None:
    evaluation = state.evaluation("heldout", when)
    return evaluation.summary if evaluation else None
