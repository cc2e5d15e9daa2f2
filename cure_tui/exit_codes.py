"""Exit statuses of `cure-tui`, an interface that scripts rely on; `cure-tui --help` prints this list."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from engine.errors import CureError, RunError

_OUTPUT_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EPIPE, errno.EBADF)

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
    (7, "a data set that is not here, or whose download cannot go on: what is here of it is kept"),
    (130, "interrupted by Ctrl-C; a run has written a checkpoint and can be resumed"),
    (143, "ended by SIGTERM; a run can be resumed, as after 130"),
)


def epilog() -> str:
    """Return the table for the end of `--help`. \\b keeps typer from wrapping the lines into a paragraph."""
    lines = "\n".join(f"  {code:>3}  {meaning}" for code, meaning in EXIT_CODES)
    return f"\b\nExit status:\n{lines}\n\nData goes to stdout, messages go to stderr."


@contextmanager
def errors_as_lines() -> Iterator[None]:
    """Print a CureError, or a fault of the output, as one line on stderr, and exit with its status."""
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:  # None: the caller closed it
                sys.stdout.flush()
    except CureError as error:
        _fail(error)
    except OSError as error:
        if error.errno not in _OUTPUT_FAULTS or error.filename is not None:
            raise
        for descriptor in (1, 2) if error.errno == errno.EPIPE else (1,):  # the interpreter flushes again as it exits
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
        reason = (error.strerror or str(error)).lower()
        _fail(RunError(f"cannot write the output: {reason}", "send it to a file on a disk with free space"))


def _fail(error: CureError) -> NoReturn:
    with suppress(OSError):  # stderr may be full or closed, too
        print(f"error: {error}", file=sys.stderr, flush=True)
    sys.exit(error.exit_status)
