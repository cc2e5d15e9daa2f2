"""Start of the dashboard from the command line; on leaving it, the terminal names the runs that keep running.

Modules that the first frame does not need are imported late.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.crash import result_of
from cure_tui.dashboard.window_title import title_kept
from cure_tui.terminal import draws_unicode, unfiltered

if TYPE_CHECKING:
    from cure_tui.launch.process import EngineProcess


def show_dashboard(run: Path | None = None, engine: EngineProcess | None = None) -> None:
    """Show the home screen, or `run` on top of it, until the user quits.

    If `engine` has finished its run by then, print the table of its accuracies. Raises Crash.
    """
    # A shell may export its terminal's size at that time; Textual would prefer it to the terminal's real size, and
    # ignore every later resize.
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
    with title_kept(unfiltered(sys.stderr)):  # Textual draws on stderr, too
        said = result_of(CureApp(run, engine, ascii_only=not draws_unicode()))
    if said:
        print(said, file=sys.stderr)
    if engine is not None:
        from cure_tui.headless.run import report
        from engine.runs.listing import read_state
        from engine.runs.state import RunStatus

        state = read_state(engine.folder.journal)
        if state.status is RunStatus.FINISHED:
            report(engine.folder, state, as_json=False)


def start_in_dashboard(preset: str, overrides: Sequence[str], run_dir: Path | None, name: str = "") -> None:
    """Start a new run and show it. CureError is raised before anything is drawn."""
    from cure_tui.launch.prepare import prepare_run
    from cure_tui.launch.process import EngineProcess
    from cure_tui.launch.question import confirm_beside_live_runs

    confirm_beside_live_runs()
    prepared = prepare_run(preset, overrides, run_dir, name)
    show_dashboard(prepared.folder.path, EngineProcess(prepared.folder))


def resume_in_dashboard(wanted: str, steps: int | None, minutes: float | None) -> None:
    """Resume a run and show it; only show a finished one without new limits."""
    from cure_tui.launch.prepare import prepare_resume
    from cure_tui.launch.process import EngineProcess
    from cure_tui.launch.question import confirm_beside_live_runs

    prepared = prepare_resume(wanted, steps, minutes)
    if prepared.finished:
        print(prepared.finished, file=sys.stderr)
        show_dashboard(prepared.folder.path)
        return
    confirm_beside_live_runs()
    show_dashboard(prepared.folder.path, EngineProcess(prepared.folder, prepared.new_limits))
