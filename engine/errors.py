"""Errors that a user can cause or fix: one class per kind, each with its exit status and a remedy."""

from __future__ import annotations


class CureError(Exception):
    """Error shown to the user as one line; `remedy` says how to fix it.

    The command line prints `error: <message> (<remedy>)` and exits with `exit_status`. Any other exception is a bug
    of this program and keeps its traceback in the run's log.
    """

    exit_status = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


class ConfigError(CureError):
    """Preset, override or combination of settings that cannot work."""

    exit_status = 2


class DataError(CureError):
    """Problem file that cannot be read; the message names the file, the record and the field."""

    exit_status = 4


class EnvironmentError_(CureError):
    """Lack of something that the run needs on this machine: a GPU, a library, a model, a confined sandbox."""

    exit_status = 5


class RunError(CureError):
    """Run folder that cannot be used, or run that had to stop: locked, of another version, disk full."""

    exit_status = 6


class NotFetched(CureError):
    """Data set that is not on this machine, or whose download cannot go on; what is here of it is kept."""

    exit_status = 7
