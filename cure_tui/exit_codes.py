"""Exit statuses of `cure-tui`, an interface that scripts rely on; `cure-tui --help` prints this list."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import CureError

DEFECT = 1
STOPPED = 3

EXIT_CODES: tuple[tuple[int, str], ...] = (
    (0, "success; a run: finished, by its number of steps or its time limit"),
    (DEFECT, "a bug in cure-tui; the traceback is in the run's engine.log, or in the file that the error names"),
    (2, "wrong usage, or invalid settings"),
    (STOPPED, "the run was stopped by a command and can be resumed, or you declined to start it"),
    (4, "a problem file that cannot be read"),
    (5, "this machine lacks something that the run needs: see `cure-tui doctor`"),
    (6, "an unusable run folder, or a run that could not go on: disk full, engine killed"),
    (130, "interrupted by Ctrl-C; a run has written a checkpoint and can be resumed"),
    (143, "ended by SIGTERM; a run can be resumed, as after 130"),
)


def epilog() -> str:
    """Return the table for the end of `--help`. \\b keeps typer from wrapping the lines into a paragraph."""
    lines = "\n".join(f"  {code:>3}  {meaning}" for code, meaning in EXIT_CODES)
    return f"\b\nExit status:\n{lines}\n\nData goes to stdout, messages go to stderr."


@contextmanager
def errors_as_lines() -> Iterator[None]:
    """Print a CureError as one line on stderr, and exit with its status."""
    try:
        yield
    except CureError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
