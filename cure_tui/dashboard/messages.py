"""Messages of the dashboard: a view posts one to open a screen, start an engine or report an error.

The run's screen handles those that its views post for a cell or a rollout, the app handles all others. No view
imports the app or a run's screen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:  # the app imports these messages before its first frame, which needs no numpy
    from engine.errors import CureError
    from engine.runs.records import TaskRecord

# Handled by the app ---------------------------------------------------------------------------------------------------


@dataclass
class OpenRun(Message):
    """Request to watch a run."""

    path: Path


@dataclass
class StartPreset(Message):
    """Request to train by a preset; the app asks the user first."""

    preset: str


@dataclass
class StartFrom(Message):
    """Request to train anew from a run's adapter, with its settings; the app asks the user first."""

    path: Path


@dataclass
class ResumeRun(Message):
    """Request to resume a run; the app asks the user first."""

    path: Path


@dataclass
class EditNote(Message):
    """Request to edit the user's note on a run."""

    path: Path


@dataclass
class CompareRuns(Message):
    """Request to show runs side by side."""

    paths: Sequence[Path]


@dataclass
class AllowRuns(Message):
    """Request to read runs, of which the user is asked about those of others; `then` is called if they may be read."""

    paths: Sequence[Path]
    then: Callable[[], None]


@dataclass
class Fault(Message):
    """Error that the user can fix, to be shown with its remedy."""

    error: CureError


@dataclass
class NameWindow(Message):
    """Title for the terminal's window."""

    title: str


class HomeIsShown(Message):
    """Notice that the home screen is complete: the app may preload the next screen."""


# Handled by the run's screen ------------------------------------------------------------------------------------------


@dataclass
class OpenCell(Message):
    """Request to show a cell of a task's matrix; `closed` receives (program, test, is_truth) of the last cell shown."""

    task: TaskRecord
    program: int
    test: int
    is_truth: bool
    closed: Callable[[tuple[int, int, bool] | None], None] | None = None


@dataclass
class OpenRollout(Message):
    """Request to show rollout `at` of `ids`; `closed` receives the id of the last rollout shown."""

    ids: Sequence[int]
    at: int
    texts: Sequence[str]
    closed: Callable[[int | None], None]


@dataclass
class OpenAnswers(Message):
    """Request to browse an archive of evaluations, at first what `query` finds."""

    archive: Path
    query: str
    title: str


@dataclass
class ChooseRun(Message):
    """Request to ask the user for another run; `chosen` receives its path.

    marks: a remark on some of the runs; "" leaves one out. only_marked: offer no others.
    """

    question: str
    chosen: Callable[[Path], None]
    marks: Mapping[Path, str]
    only_marked: bool = False
