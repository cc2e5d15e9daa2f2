"""Conversion of a problem being solved into the record that the dashboard's matrix and cell views read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.runs.records import NOT_RUN, STATUSES, CellGrid, MatrixRecord, RolloutRecord, TaskRecord, TestRecord
from engine.solve.events import SolveState

_NOT_RUN = ("not_run", "")


def task_record(state: SolveState) -> TaskRecord:
    """Convert `state`; the problem's examples take the place of a training task's ground-truth tests."""
    return TaskRecord(
        task=state.id,
        statement=state.statement,
        rollouts=tuple(
            RolloutRecord("coder", row, 0.0, 0.0, 0, True, reason or "ok", source, source)
            for row, (source, reason) in enumerate(zip(state.sources, state.rejected, strict=True))
        ),
        truth_tests=tuple(TestRecord(stdin, expected) for stdin, expected in state.public_tests),
        generated_tests=tuple(TestRecord(stdin, expected) for stdin, expected in state.tests),
        matrix=MatrixRecord(_grid(state, state.public_tests, state.public), _grid(state, state.tests, state.cells)),
        comparison=state.comparison,
    )


def _grid(
    state: SolveState, tests: Sequence[tuple[str, str]], cells: Mapping[tuple[int, int], bool | None]
) -> CellGrid:
    rows, columns = range(len(state.sources)), range(len(tests))
    shape = (len(rows), len(columns))
    printed = [[state.printed.get((row, tests[column][0]), _NOT_RUN) for column in columns] for row in rows]
    verdicts = [[cells.get((row, column)) for column in columns] for row in rows]
    codes = [[STATUSES.index(status) if status in STATUSES else NOT_RUN for status, _ in row] for row in printed]
    return CellGrid(
        passed=np.array([[verdict is True for verdict in row] for row in verdicts], dtype=np.bool_).reshape(shape),
        known=np.array([[verdict is not None for verdict in row] for row in verdicts], dtype=np.bool_).reshape(shape),
        status=np.array(codes, dtype=np.uint8).reshape(shape),
        outputs=tuple(tuple(got for _, got in row) for row in printed),
    )
