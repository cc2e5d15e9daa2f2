"""Exit statuses of `cure-tui`, an interface that scripts rely on; every `--help` prints its part of the table."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn

from cure_tui.terminal import open_standard_streams
from engine.errors import ConfigError, CureError, DataError, EnvironmentError_, NotFetched, RunError
from engine.printable import printable

_OUTPUT_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EPIPE, errno.EBADF)

SUCCESS = 0
DEFECT = 1
STOPPED = 3
INTERRUPTED = 130
FOUND, BAD_PROBLEM, WEAK, NONE_RUNS = 0, 2, 3, 4

Statuses = Mapping[int, str]
EVERY_COMMAND: Statuses = {
    SUCCESS: "success",
    DEFECT: "a bug in cure-tui: report it with its traceback, or with the file that the error names",
    ConfigError.exit_status: "wrong usage, or invalid settings",
    EnvironmentError_.exit_status: "this machine or a server lacks something: see `cure-tui doctor`",
    RunError.exit_status: "an unusable run folder, a server that fails, or output that cannot be written",
    INTERRUPTED: "interrupted by Ctrl-C",
    143: "ended by SIGTERM",
}
_RUN: Statuses = {
    SUCCESS: "the run finished, by its number of steps or its time limit",
    DEFECT: "a bug in cure-tui; the traceback is in the run's engine.log",
    STOPPED: "the run was stopped by a command and can be resumed, or you declined to start it",
    DataError.exit_status: "a file of tasks that cannot be read",
    RunError.exit_status: "an unusable run folder, or a run that could not go on: disk full, engine killed",
    INTERRUPTED: "interrupted by Ctrl-C; the run has written a checkpoint and can be resumed",
    143: "ended by SIGTERM; the run can be resumed, as after 130",
}
OF_COMMAND: Mapping[str, Statuses] = {
    "cure-tui --preset": _RUN,
    "resume": _RUN,
    "solve": {
        FOUND: "supported: the program reads its input, passes every example and most of enough tests",
        BAD_PROBLEM: "wrong usage, or a problem that cannot be read",
        WEAK: "weak: a program was found, but it fails an example or too many tests, or there are too few",
        NONE_RUNS: "no program runs",
        INTERRUPTED: "interrupted by Ctrl-C; the best program so far is printed, if there is one",
    },
    "data": {
        STOPPED: "you declined the download",
        DataError.exit_status: "a data file that cannot be read or used; check: a run would fail",
        NotFetched.exit_status: "a set that is not here, or a download that cannot go on: what is here is kept",
    },
    "eval": {
        STOPPED: "a share is below --fail-under",
        DataError.exit_status: "a file of tasks that cannot be read",
        NotFetched.exit_status: "a data set that is not here",
        INTERRUPTED: "interrupted by Ctrl-C; every answer is kept, and the same command goes on",
        143: "ended by SIGTERM, as after 130",
    },
    "log": {
        RunError.exit_status: "an unusable run folder, a tracker that fails: the same command goes on where it stopped",
        INTERRUPTED: "interrupted by Ctrl-C; the same command goes on where it stopped",
    },
    "reward": {
        SUCCESS: "ended by Ctrl-C or SIGTERM",
        INTERRUPTED: "interrupted by Ctrl-C before it served",
        143: "ended by SIGTERM before it served",
    },
    "doctor": {EnvironmentError_.exit_status: "no preset can run, no sandbox; with --preset: the run does not fit"},
}
"""Statuses of a command that mean something of their own; the others mean what they do for every command."""


def statuses(command: str) -> Statuses:
    """Return every status that the command may end with, in order."""
    return dict(sorted({**EVERY_COMMAND, **OF_COMMAND.get(command, {})}.items()))


def epilog(command: str) -> str:
    """Return the command's statuses for the end of its `--help`. \\b keeps typer from wrapping the lines."""
    return f"\b\nExit status:\n{_lines(statuses(command))}"


def root_epilog() -> str:
    """Return the whole table for the end of `cure-tui --help`."""
    parts = [f"\b\nExit status of every command:\n{_lines(EVERY_COMMAND)}"]
    for own in dict.fromkeys(id(table) for table in OF_COMMAND.values()):
        names = [name for name, table in OF_COMMAND.items() if id(table) == own]
        parts.append(f"\b\nOf {' and '.join(names)}:\n{_lines(OF_COMMAND[names[0]])}")
    return "\n\n".join([*parts, "Data goes to stdout, messages go to stderr."])


def _lines(table: Statuses) -> str:
    return "\n".join(f"  {status:>3}  {meaning}" for status, meaning in table.items())


@contextmanager
def errors_as_lines() -> Iterator[None]:
    """Print a CureError, or a fault of the output, as one line on stderr, and exit with its status."""
    open_standard_streams()
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except CureError as error:
        _fail(error)
    except SystemExit as end:
        if not isinstance(end.__context__, BrokenPipeError):  # typer's end with status 1
            raise
        _fail_to_write(end.__context__)
    except OSError as error:
        if error.errno not in _OUTPUT_FAULTS or error.filename is not None:
            raise
        _fail_to_write(error)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _fail_to_write(error: OSError) -> NoReturn:
    _discard(1)
    reason = (error.strerror or str(error)).lower()
    remedy = "its reader has ended" if error.errno == errno.EPIPE else "send it to a file on a disk with free space"
    _fail(RunError(f"cannot write the output: {reason}", remedy))


def _fail(error: CureError) -> NoReturn:
    try:
        print(f"error: {printable(str(error))}", file=sys.stderr, flush=True)
    except OSError:  # stderr may be full or closed, too
        _discard(2)
    sys.exit(error.exit_status)


def _discard(descriptor: int) -> None:
    """Discard what a stream still holds: the interpreter flushes it again as it exits, and would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
