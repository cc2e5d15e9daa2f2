"""Opens the dashboard, and says on the terminal what is still running when it is left.

What the first frame does not show is imported when it is needed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.window_title import title_kept
from cure_tui.terminal import draws_unicode

if TYPE_CHECKING:
    from cure_tui.launch.process import EngineProcess


def show_dashboard(run: Path | None = None, engine: EngineProcess | None = None) -> None:
    """The home screen, or `run` on top of it. Returns when the user leaves; a run that was started here and has
    finished meanwhile leaves its table behind.
    """
    # A shell may export the size that its terminal had; it is believed more than the terminal, which then could not
    # change its size any more.
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
    with title_kept(sys.stderr):  # where Textual draws, too
        said = CureApp(run, engine, ascii_only=not draws_unicode()).run()
    if said:
        print(said, file=sys.stderr)
    if engine is not None:
        from cure_tui.headless.run import report
        from engine.runs.listing import read_state
        from engine.runs.state import RunStatus

        state = read_state(engine.folder.journal)
        if state.status is RunStatus.FINISHED:
            report(engine.folder, state, as_json=False)


def start_in_dashboard(preset: str, overrides: Sequence[str], run_dir: Path | None) -> None:
    """Starts a new run and shows it. Raises CureError before anything is drawn."""
    from cure_tui.launch.prepare import prepare_run
    from cure_tui.launch.process import EngineProcess
    from cure_tui.launch.question import confirm_beside_live_runs

    confirm_beside_live_runs()
    prepared = prepare_run(preset, overrides, run_dir)
    show_dashboard(prepared.folder.path, EngineProcess(prepared.folder))


def resume_in_dashboard(wanted: str, steps: int | None, minutes: float | None) -> None:
    """Go on with a run and show it; a finished one without new limits is only shown."""
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
