"""Content sent of a run: numbers by the metric table, settings, and tables of a step; foreign text made harmless."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from itertools import islice

from cure_tui.runs.tracking.tracker import Table
from engine.errors import RunError
from engine.machine.home import EVALUATION_REQUEST, cleaned_id
from engine.printable import printable
from engine.runs.archive_reader import ArchiveReader
from engine.runs.files import read_file
from engine.runs.folder import RunFolder
from engine.runs.metrics import METRICS, evaluated
from engine.runs.records import CellGrid, MatrixRecord, TaskRecord
from engine.runs.state import Evaluation, StepPoint

_CONFIG_BYTES, _SETTINGS, _TEXT = 1 << 20, 500, 2_000
_ANSWERS, _SIDE = 4, 32


def step_numbers(point: StepPoint) -> dict[str, float]:
    """Return a step's metrics by "group/name"; those that are null or in no table are left out."""
    known = ((metric, point.metrics.get(name)) for name, metric in METRICS.items())
    return {f"{_word(metric.group)}/{metric.name}": value for metric, value in known if value is not None}


def evaluation_numbers(evaluation: Evaluation) -> dict[str, float]:
    """Return an evaluation's accuracies by "evaluation/split/name", each with the ends of its 95 % interval."""
    found: dict[str, float | None] = {}
    for name, metric in METRICS.items():
        if metric.evaluated:
            figure = evaluated(name, evaluation.summary)
            at = f"evaluation/{cleaned_id(evaluation.split)[:40]}"
            found |= {f"{at}/{name}": figure.mean, f"{at}_low/{name}": figure.low, f"{at}_high/{name}": figure.high}
    return {name: value for name, value in found.items() if value is not None}


def settings(folder: RunFolder) -> dict[str, str]:
    """Return the settings of a run, or the request of an evaluation, by "section.key". Raises RunError."""
    is_run = not (folder.path / EVALUATION_REQUEST).exists()
    name, parse = (folder.config.name, tomllib.loads) if is_run else (EVALUATION_REQUEST, json.loads)
    try:
        tables = parse(read_file(folder.path, name, _CONFIG_BYTES).decode())
        if not isinstance(tables, dict):
            raise ValueError("it is no table")
        return dict(islice(_flat(tables), _SETTINGS))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"the settings of run {folder.id} cannot be read: {error}", f"see its {name}") from error


def step_tables(folder: RunFolder, step: int) -> list[Table]:
    """Return a sample of a step: answers and pass matrix of its first task; none if the archive lacks the step."""
    if not folder.archive.exists():
        return []
    with ArchiveReader(folder.archive) as archive:
        tasks = archive.tasks(step)
        task = archive.read_task(step, tasks[0]) if tasks else None
    if task is None:
        return []
    tables = [_answers(task)]
    return [*tables, _matrix(task.matrix)] if task.matrix is not None else tables


def _answers(task: TaskRecord) -> Table:
    sample = [
        each
        for role in ("coder", "tester")
        for each in [answer for answer in task.rollouts if answer.role == role][:_ANSWERS]
    ]
    rows = [
        (safe(task.task), each.role, str(each.index), f"{each.reward:.4g}", safe(each.status), safe(each.text))
        for each in sample
    ]
    return Table("rollouts", ("task", "role", "index", "reward", "status", "answer"), rows)


def _matrix(matrix: MatrixRecord) -> Table:
    grids = (matrix.truth, matrix.generated)
    right_n = matrix.correct_n
    rows = []
    for program in range(min(_SIDE, len(matrix.truth.passed))):
        right = "?" if right_n is None else "yes" if right_n[program] else "no"
        rows.append((str(program), right, *(_verdicts(grid, program) for grid in grids)))
    return Table("pass_matrix", ("program", "correct", "ground-truth tests", "generated tests"), rows)


def _verdicts(grid: CellGrid, program: int) -> str:
    passed, known = grid.passed[program, :_SIDE], grid.has_verdict[program, :_SIDE]
    return "".join("+" if yes else "-" if sure else "?" for yes, sure in zip(passed & known, known, strict=True))


def safe(text: str) -> str:
    """Return the text printable and at most _TEXT characters long."""
    cut = text[:_TEXT] + ("…" if len(text) > _TEXT else "")
    return printable(cut, keep="\n\t")


def _word(group: str) -> str:
    return group.replace(" ", "_")


def _flat(table: Mapping[str, object], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        key = f"{before}{cleaned_id(name).replace('-', '_')}"
        if isinstance(value, dict):
            yield from _flat(value, f"{key}.")
        else:
            yield key[:200], safe(str(value))
