"""Crash of a full-screen app: one line for the terminal, and the traceback in a file that the line names."""

from __future__ import annotations

import contextlib
import os
import tempfile
import traceback
from datetime import datetime
from textwrap import shorten
from typing import TypeVar

from textual.worker import WorkerFailed

from cure_tui.dashboard.background import ends_the_app
from cure_tui.dashboard.themed_app import ThemedApp
from cure_tui.exit_codes import DEFECT
from engine.errors import CureError
from engine.machine.home import home
from engine.printable import printable

_LONGEST_MESSAGE = 200
_Result = TypeVar("_Result")


class Crash(CureError):
    """End of an app by an exception that nothing handled, which is a bug of this program."""

    exit_status = DEFECT


def result_of(app: ThemedApp[_Result]) -> _Result | None:
    """Run the app until it exits and return its result. Raises Crash once the terminal is restored."""
    with ends_the_app(app):
        result = app.run()
    if app.crash is None:
        return result
    error = app.crash.error if isinstance(app.crash, WorkerFailed) else app.crash
    said = shorten("".join(traceback.format_exception_only(error)), _LONGEST_MESSAGE, placeholder=" ...")
    raise Crash(f"cure-tui crashed: {said}", f"a bug: report it with {_written(error)}") from error


def _written(error: BaseException) -> str:
    """Write the traceback into the user's data folder, or else a temporary one; return the file's path."""
    lines = printable("".join(traceback.format_exception(error)), keep="\n\t")  # such a file is looked at in a terminal
    for folder in (home(), None):
        with contextlib.suppress(OSError):
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            number, path = tempfile.mkstemp(".log", f"crash-{datetime.now():%Y%m%d-%H%M%S}-", folder)
            with os.fdopen(number, "w", encoding="utf-8", errors="replace") as file:
                file.write(lines)
            return path
    return "this line: no file for the traceback could be written"
