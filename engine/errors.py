"""Faults a user can cause or mend: one class a kind, each with its exit status and a remedy."""

from __future__ import annotations


class CureError(Exception):
    """A fault to be shown as one line; `remedy` says what the user can do about it.

    The command line prints `error: <message> (<remedy>)` and leaves with `exit_status`. Anything that is not a
    `CureError` is a defect of ours and keeps its traceback in the run's log.
    """

    exit_status = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


class ConfigError(CureError):
    """A preset, an override or a combination of settings that cannot work."""

    exit_status = 2


class DataError(CureError):
    """A problem file that cannot be read: names the file, the record and the field."""

    exit_status = 4


class EnvironmentError_(CureError):
    """This machine lacks something that the run needs: a GPU, a library, a model, a confined sandbox."""

    exit_status = 5


class RunError(CureError):
    """A run folder that cannot be used or a run that had to stop: locked, of another version, disk full."""

    exit_status = 6
