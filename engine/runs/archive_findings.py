"""Findings on archived answers: correct programs and right tests, by the recorded matrices of their tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.reward.pass_matrix import PassMatrix
from engine.runs.packing import unpack_tests
from engine.runs.records import CellGrid, MatrixRecord, TaskRecord, TestRecord
from engine.runs.stored import Texts, grid_of, require

_Row = tuple[Any, ...]  # of SQLite


def findings_of(answers: Sequence[_Row], grids: Sequence[_Row]) -> dict[int, str]:
    """Return the findings by id of the answer. Raises one of `stored.NOT_DECODED`.

    answers: (id, step, position, role, index); grids: (step, position), the side, the columns of `grid_of`, and the
    packed generated tests of the task.
    """
    texts = Texts()
    sides: dict[_Row, dict[str, CellGrid]] = {}
    tests: dict[_Row, tuple[TestRecord, ...]] = {}
    for row in grids:
        place = row[:2]
        sides.setdefault(place, {})[row[2]] = grid_of(row[3:10], texts)
        if place not in tests:
            tests[place] = texts.count_all(unpack_tests(row[10]))
    read = {place: _read(both, tests[place]) for place, both in sides.items() if len(both) == 2}
    found: dict[int, str] = {}
    for number, step, position, role, index in answers:
        matrix = read.get((step, position))
        require(isinstance(index, int) and index >= 0)
        finding = matrix and _finding(matrix, role, index, tests[step, position])
        if finding:
            found[number] = finding
    return found


def _read(sides: dict[str, CellGrid], tests: tuple[TestRecord, ...]) -> PassMatrix:
    record = MatrixRecord(truth=sides["truth"], generated=sides["generated"])
    malformed = TaskRecord("", "", (), generated_tests=tests, matrix=record).malformed_tests
    return record.pass_matrix(malformed)


def _finding(matrix: PassMatrix, role: str, index: int, tests: tuple[TestRecord, ...]) -> str:
    """Return the finding on the `index`-th answer of a role; "" if there is none."""
    if role == "coder":
        if index >= len(matrix.truth_nt) or matrix.rejected_n[index]:
            return ""
        return _word("correct", bool(matrix.correct_n[index]), bool(matrix.judged_n[index]))
    column = next((at for at, test in enumerate(tests) if test.rollout == index), None)
    if column is None or column >= matrix.generated_nm.shape[1] or matrix.malformed_m[column]:
        return ""
    return _word("right", bool(matrix.right_m[column]), bool(matrix.judged_m[column]))


def _word(good: str, is_good: bool, is_judged: bool) -> str:
    return (good if is_good else "wrong") if is_judged else "undecided"
