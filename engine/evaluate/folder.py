"""Folder of an evaluation: a run's folder with a request, answers, rows and a report, below `evaluations_home`.

evaluation.json   the request
answers.jsonl     every answer, written at once
rows.jsonl        a row of the report for every finished task
report.json       the report, whole or of the tasks so far

The other files are a run's, so that the dashboard opens an evaluation as it opens a run: a chunk of tasks is a step.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from engine.errors import CureError, DataError, RunError
from engine.evaluate.request import EvalRequest
from engine.evaluation.reading import read_strictly
from engine.evaluation.report import CODER, MOST_TASKS, Report, TaskRow
from engine.machine.home import EVALUATION_REQUEST, check_new_name, evaluations_home, new_run_id, runs_home
from engine.runs.faults import run_faults
from engine.runs.files import open_file, read_file, write_file, write_whole
from engine.runs.folder import RunFolder
from engine.runs.listing import RunCondition, RunInfo, find_run, read_info, run_paths

REQUEST, ANSWERS, ROWS, REPORT = EVALUATION_REQUEST, "answers.jsonl", "rows.jsonl", "report.json"
MOST_BYTES = 1 << 27
"""Bytes of a report or of rows, at most: 10,000 tasks have 20 MB."""
_CONFIG = "# the settings of an evaluation are in evaluation.json\n"
_UNFINISHED = (RunCondition.STOPPED, RunCondition.FAILED, RunCondition.CRASHED, RunCondition.LIVE)


@dataclass(frozen=True, slots=True)
class TaskRows:
    """Rows of one task: of the evaluation itself, and of each arm by its name."""

    row: TaskRow
    arms: Mapping[str, TaskRow] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Evaluation on the disk."""

    folder: RunFolder
    request: EvalRequest

    @property
    def name(self) -> str:
        return self.folder.id

    @property
    def answers(self) -> Path:
        return self.folder.path / ANSWERS

    def read_rows(self) -> list[TaskRows]:
        """Read the rows of all finished tasks; a torn last line is no row. Raises RunError, DataError."""
        text = self._read(ROWS)
        if text is None:
            return []
        lines = text[: text.rfind(b"\n") + 1].split(b"\n")[:-1]
        try:
            if len(lines) > MOST_TASKS:
                raise ValueError(f"more than {MOST_TASKS:,} rows")
            return [read_strictly(TaskRows, line) for line in lines]
        except ValueError as fault:
            raise DataError(
                f"{self.folder.path / ROWS} is corrupt: {fault}", "judge it again with --regrade"
            ) from fault

    def keep_rows(self, rows: Sequence[TaskRows]) -> None:
        """Write the file of rows anew. Raises RunError."""
        with run_faults(self.folder.path):
            write_file(self.folder.path, ROWS, b"".join(map(_line, rows)), sync=True)

    def add_rows(self, rows: Sequence[TaskRows]) -> None:
        """Append rows in one write. Raises RunError, after which nothing of them is left."""
        append(self.folder.path, ROWS, b"".join(map(_line, rows)))

    def write_request(self) -> None:
        with run_faults(self.folder.path):
            write_file(self.folder.path, REQUEST, self.request.to_json().encode(), sync=True)

    def with_budget(self, budget: str) -> Evaluation:
        """Return the evaluation with another budget, and keep it."""
        if budget == self.request.budget:
            return self
        changed = replace(self, request=replace(self.request, budget=budget))
        changed.write_request()
        return changed

    def write_report(self, report: Report) -> None:
        with run_faults(self.folder.path):
            write_file(self.folder.path, REPORT, report.to_json().encode(), sync=True)

    def read_report(self) -> Report | None:
        """Read the report; None if there is none yet. Raises RunError, DataError."""
        text = self._read(REPORT)
        return None if text is None else Report.from_json(text, f"the report of {self.name}")

    def _read(self, name: str) -> bytes | None:
        with run_faults(self.folder.path):
            try:
                return read_file(self.folder.path, name, MOST_BYTES)
            except FileNotFoundError:
                return None


def append(run_dir: Path, name: str, data: bytes) -> None:
    """Append to a file of an evaluation, whole or not at all. Raises RunError."""
    with run_faults(run_dir):
        file = open_file(run_dir, name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            write_whole(file, data)
        finally:
            os.close(file)


def check_name(name: str) -> None:
    """Raise ConfigError for what is no name for a folder, or one that is taken; "" leaves it to `create_evaluation`."""
    if name:
        check_new_name(name, evaluations_home(), f"go on with `cure-tui eval --resume {name}`")


def create_evaluation(request: EvalRequest, name: str = "") -> Evaluation:
    """Create the folder of a new evaluation. Raises RunError, and ConfigError as `check_name`."""
    check_name(name)
    model = request.specs[CODER].name.rstrip("/").rpartition("/")[2]
    data = Path(request.data).stem
    path = evaluations_home() / (name or new_run_id(f"{model}-{data}"))
    folder = RunFolder.create(path, _CONFIG)
    evaluation = Evaluation(folder, request)
    evaluation.write_request()
    return evaluation


def open_evaluation(path: Path) -> Evaluation:
    """Open an evaluation. Raises RunError: no such folder, or it is a run's; DataError."""
    folder = RunFolder.open(path)
    with run_faults(folder.path):
        try:
            text = read_file(folder.path, REQUEST, 1 << 20)
        except FileNotFoundError:
            raise RunError(f"{path} is no evaluation", "list them with `cure-tui eval --list`") from None
    return Evaluation(folder, EvalRequest.from_json(text, str(path / REQUEST)))


def find_evaluation(wanted: str) -> Evaluation:
    """Find an evaluation by its name, the beginning of it or its path. Raises RunError."""
    try:
        return open_evaluation(find_run(wanted, evaluations_home()).path)
    except RunError as error:
        if "there is no run" not in error.message:
            raise
        raise RunError(f"there is no evaluation {wanted!r}", "list them with `cure-tui eval --list`") from None


def find_watched(wanted: str) -> RunInfo:
    """Find a run or, if there is none of that name, an evaluation; a whole name goes before a part. Raises RunError."""
    if wanted and os.sep not in wanted and not os.path.lexists(runs_home() / wanted / "version"):
        whole = evaluations_home() / wanted
        if os.path.lexists(whole / "version"):
            return read_info(whole)
    try:
        return find_run(wanted)
    except RunError:
        try:
            return find_run(wanted, evaluations_home())
        except RunError:
            pass
        raise


def evaluations() -> list[tuple[Evaluation, RunInfo]]:
    """Return all evaluations that can be read, newest first."""
    found = []
    for path in run_paths(evaluations_home()):
        try:
            found.append((open_evaluation(path), read_info(path)))
        except CureError:
            continue
    return sorted(found, key=lambda pair: pair[1].started or 0.0, reverse=True)


def find_same(request: EvalRequest, *, finished: bool = False) -> Evaluation | None:
    """Find the newest unfinished evaluation of the same request; with `finished`, the newest of any condition.

    One that is running counts: it is refused when its folder is locked, and is not begun a second time.
    """
    for evaluation, info in evaluations():
        is_same = (evaluation.request.key, evaluation.request.identity) == (request.key, request.identity)
        if is_same and (info.state in _UNFINISHED or (finished and info.state is RunCondition.FINISHED)):
            return evaluation
    return None


def _line(rows: TaskRows) -> bytes:
    return json.dumps(asdict(rows), allow_nan=False).encode() + b"\n"
