"""Run of one request: show its progress, write the programs, report how well they are supported."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from cure_tui.dashboard.crash import result_of
from cure_tui.exit_codes import INTERRUPTED
from cure_tui.solving.client import SolveFault, SolveProcess
from cure_tui.solving.live import FRAME_SECONDS, LiveView
from cure_tui.solving.own_program import report_own
from cure_tui.solving.report import echo_wrapped, print_program, status_of, summary_line
from cure_tui.solving.trail import trail_line
from cure_tui.terminal import draws_unicode
from engine.errors import ConfigError, RunError
from engine.solve.events import SolveState
from engine.solve.kept.place import places
from engine.solve.request import SolveRequest


def solve_and_report(
    request: SolveRequest,
    origins: Sequence[str],
    output: Path | None,
    *,
    as_json: bool,
    live: bool,
    keep: float | None = None,
) -> int:
    """Solve, and return the worst exit status of all problems. Raises CureError if it fails before the first one.

    keep: seconds for which the loaded models stay in a process of their own.
    """
    several = len(request.tasks) > 1
    if output is not None:
        _refuse_output(output, origins)
    status = 0
    state = SolveState()
    with _process(request, keep) as process, contextlib.ExitStack() as stack:
        one_line = as_json or not sys.stdout.isatty()
        view = stack.enter_context(LiveView(one_line=one_line)) if live else None
        for batch in process.batches(FRAME_SECONDS):
            for event in batch:
                if event["event"] == "problem":
                    state = state.next_problem(event)
                elif event["event"] == "fault":
                    if not several or not state.coder:
                        raise SolveFault(event)
                    _say(view, f"{origins[state.number]}: {event['message']} ({event['remedy']})")
                    status = max(status, event["status"])
                elif event["event"] == "warning":
                    _say(view, f"warning: {event['text']}")
                elif event["event"] == "ready":
                    for name, step in event["steps"].items():
                        _say(view, f"{name}: the policy after step {step}")
                state.take(event)
                if event["event"] == "solution":
                    if view is not None:
                        view.end(state)
                    _hand_over(event["solution"], origins[state.number], output, several=several, as_json=as_json)
                    status = max(status, status_of(event["solution"]))
                    if event["solution"]["ended"] == "interrupted":
                        status = INTERRUPTED
            if view is not None and state.solution is None:
                view.show(state, finishing=process.finishing)
    return status


def solve_in_full_view(
    request: SolveRequest, origins: Sequence[str], output: Path | None, keep: float | None = None
) -> int:
    """Solve in the full-screen app, and print the programs when the user quits it; return the exit status."""
    from cure_tui.solving.full import SolveApp

    several = len(request.tasks) > 1
    if output is not None:
        _refuse_output(output, origins)
    with _process(request, keep) as process:
        app = SolveApp(process, origins, ascii_only=not draws_unicode())
        states = result_of(app) or []
    for text in app.warnings:
        typer.echo(f"warning: {text}", err=True)
    status = 0
    for number, (said, fault_status) in app.faults.items():
        typer.echo(f"{origins[number]}: {said}", err=True)
        status = max(status, fault_status)
    for state in states:
        if state.solution is None:
            continue
        _hand_over(state.solution, origins[state.number], output, several=several, as_json=False)
        status = max(status, status_of(state.solution))
        if state.solution["ended"] == "interrupted":
            return INTERRUPTED
    if app.fault is not None:
        raise app.fault
    return status


def _process(request: SolveRequest, keep: float | None) -> SolveProcess:
    """Start the solve, in a kept process if there is one for its models or `keep` asks for one."""
    if keep is None and not places():
        return SolveProcess(request)
    from cure_tui.solving.kept import open_solve

    said: list[str] = []
    process = open_solve(request, keep, said)
    for text in said:
        typer.echo(text, err=True)
    return process


def _hand_over(solution: dict[str, Any], origin: str, output: Path | None, *, several: bool, as_json: bool) -> None:
    if "failing" in solution:  # --test: the program is the user's own
        report_own(solution, origin, as_json=as_json)
        return
    if as_json:
        typer.echo(json.dumps({"problem": origin, **solution}))
    elif solution["program"] is not None and output is None:
        if several:
            typer.echo(f"# {origin}")
        print_program(solution["program"])
    if solution["program"] is not None and output is not None:
        _write(output / f"{_stem(origin)}.py" if several else output, solution["program"])
    said = summary_line(solution)
    for line in filter(None, (said, trail_line(solution))):
        echo_wrapped(f"{origin}: {line}" if several else line)


def _say(view: LiveView | None, text: str) -> None:
    if view is not None:
        view.clear()
    typer.echo(text, err=True)


def _stem(origin: str) -> str:
    """Return a file name for the program of this origin: "tasks-3" for "tasks.jsonl[3]"."""
    name = Path(origin).name.removesuffix(".md")
    for suffix in (".jsonl", ".json"):
        name = name.replace(suffix, "")
    return name.replace("[", "-").replace("]", "").replace(" ", "-")


def _refuse_output(output: Path, origins: Sequence[str]) -> None:
    """Raise ConfigError if the output cannot be written, before minutes are spent on solving."""
    several = len(origins) > 1
    if several and output.exists() and not output.is_dir():
        raise ConfigError(f"{output} is a file, and there are several problems", "give a folder")
    stems = [_stem(origin) for origin in origins]
    twice = next((stem for number, stem in enumerate(stems) if stem in stems[:number]), None)
    if twice is not None:
        raise ConfigError(f"two programs would be {output / twice}.py", "solve them one after the other")
    if not several and output.is_dir():
        raise ConfigError(f"{output} is a folder", "give a file such as solution.py")
    folder = output if several else output.parent
    if not several and not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}", "create it first")


def _write(path: Path, program: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(program if program.endswith("\n") else program + "\n", encoding="utf-8")
    except OSError as error:
        # Minutes of sampling went into the program: print it rather than lose it.
        print_program(program)
        raise RunError(f"{path} cannot be written: {error.strerror}", "the program is on standard output") from error
