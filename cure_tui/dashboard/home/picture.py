"""Texts of the home screen as rows: the machine, the caption of the run list, and the run under the cursor."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cure_tui.drawing.spans import Row, Span, one_column
from cure_tui.runs.listing import Order, is_evaluation
from engine.runs.listing import RunCondition, RunInfo

if TYPE_CHECKING:
    from engine.machine.probe import Machine
    from engine.sandbox import SandboxLevel


def machine_rows(machine: Machine, level: SandboxLevel | str | None) -> list[Row]:
    """Return two rows: the hardware, and the sandbox level (None: still being probed; a text: why it is unknown)."""
    gpus = ", ".join(f"{gpu.name} {gpu.memory_gb:.0f} GB ({gpu.free_gb:.0f} free)" for gpu in machine.gpus)
    first: Row = (
        Span("cure-tui", "accent"),
        Span(f"  {machine.cores} cores  {machine.memory_gb:.0f} GB memory  {gpus or 'no GPU'}", "text"),
        Span(f"  {machine.disk_free_gb:.0f} GB free for runs", "muted"),
    )
    if level is None:
        return [first, (Span("probing the sandbox", "muted"),)]
    if isinstance(level, str):
        return [first, (Span("sandbox level unknown", "error"), Span(f"  {one_column(level)}", "text"))]
    style = "good" if level.letter == "A" else "warning" if level.confined else "error"
    second: Row = (Span(f"sandbox level {level.letter}", style), Span(f"  {level.summary}", "muted"))
    if level.remedy:
        second = (*second, Span(f"  better: {level.remedy}", "text"))
    return [first, second]


def runs_caption(listed: int, total: int, words: str, order: Order, marked: int, place: Path) -> str:
    """Return the caption: number of runs, order, marks and folder."""
    if not total:
        return f"runs in {place}"
    count = f"{listed} of {total} runs" if words.strip() else "1 run" if total == 1 else f"{total} runs"
    sorting = f", {order} (o)" if total > 1 else ""
    marks = f", {marked} marked: c compares" if marked else ""
    return f"{count}{sorting}{marks}  in {place}"


def about_run(run: RunInfo) -> Row:
    """Return one row: the user's note on the run, its state, and the key for the next action."""
    said = _about_evaluation(run) if is_evaluation(run) else _about(run)
    return (Span(f"{one_column(run.note)}  ", "accent"), *said) if run.note else said


def _about_evaluation(run: RunInfo) -> Row:
    if run.state in (RunCondition.FINISHED, RunCondition.LIVE):
        return (Span(f"{one_column(run.preset)}; Enter {'shows' if run.pid is None else 'watches'} it", "muted"),)
    said = one_column(run.fault or run.ending or "its process died without an error message")
    return Span(f"cure-tui eval --resume {one_column(run.id)} goes on; ", "warning"), Span(said, "text")


def _about(run: RunInfo) -> Row:
    if run.state is RunCondition.UNREADABLE:
        return (Span(one_column(run.fault), "error"),)
    if run.state is RunCondition.LIVE:
        if run.pid is None:
            return (Span("its engine is starting; Enter watches it", "muted"),)
        beat = "" if run.beat_seconds is None else f", last heartbeat {run.beat_seconds:.0f} s ago"
        rewards = f"; {one_column(run.rewards)}" if run.rewards else ""
        return (Span(f"process {run.pid}{beat}; Enter watches it{rewards}", "muted"),)
    when = f" {datetime.fromtimestamp(run.updated):%d %b %H:%M}" if run.updated else ""
    if run.state is RunCondition.FINISHED:
        nothing = run.learnt_nothing or not run.step
        said = f": {one_column(run.ending)}" if nothing and run.ending else ""
        origin = f" from {one_column(run.start)}" if run.start else ""
        style = "warning" if said else "muted"
        rewards = f", {one_column(run.rewards)}" if run.rewards else ""
        return (
            Span(
                f"finished{origin}{when}{rewards}; Enter shows it{'' if nothing else ', f trains on from it'}{said}",
                style,
            ),
        )
    said = one_column(run.fault or run.ending or "its engine died without an error message")
    begun = "r resumes it from its newest checkpoint" if run.fault else "r starts it again"
    again = f"r resumes it after step {run.step}" if run.step and not run.fault else begun
    style = "warning" if run.state is RunCondition.STOPPED else "error"
    return Span(f"{run.state.value}{when}: ", style), Span(f"{again}; {said}", "text")
