"""Exit statuses are an interface that scripts build on: listed once, here, and shown by `cure-tui --help`."""

from __future__ import annotations

DEFECT = 1
STOPPED = 3

EXIT_CODES: tuple[tuple[int, str], ...] = (
    (0, "done; for a run: finished, by its steps or its time"),
    (DEFECT, "a defect of cure-tui; the traceback is in the run's engine.log"),
    (2, "wrong usage, or settings that cannot work"),
    (STOPPED, "the run was stopped by a command and can be resumed, or you chose not to start it"),
    (4, "a problem file that cannot be read"),
    (5, "this machine lacks something the run needs: see `cure-tui doctor`"),
    (6, "a run folder that cannot be used, or a run that had to stop: disk full, engine killed"),
    (130, "interrupted by Ctrl-C; a run has written a checkpoint and can be resumed"),
    (143, "ended by SIGTERM; likewise"),
)


def epilog() -> str:
    """The table for the foot of `--help`. \\b keeps typer from filling the lines into a paragraph."""
    lines = "\n".join(f"  {code:>3}  {meaning}" for code, meaning in EXIT_CODES)
    return f"\b\nExit status:\n{lines}\n\nData goes to stdout, narration to stderr."
