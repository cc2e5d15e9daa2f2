"""Decoding of the archive's rows, whose author may have written anything: types, sizes and memory are checked."""

from __future__ import annotations

import sys
import zlib
from dataclasses import dataclass

import numpy as np

from engine.runs.packing import unpack_answer, unpack_bools, unpack_outputs
from engine.runs.records import STATUSES, CellGrid, RolloutRecord, TestRecord
from engine.runs.values import has_declared_types, is_number

COLUMNS = "id, step, task, role, idx, reward, advantage, tokens, finished, status, body, answer_bytes"
MOST_TEXT = 96 << 20
"""Memory for the texts of one step, or of one screen of rollouts, in bytes."""
MOST_SIDE = 10_000
"""Most programs or tests of a matrix."""
ROLES = ("coder", "tester")
NOT_DECODED = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError, zlib.error
)  # fmt: skip
"""Errors of decoding what no engine can have written."""


@dataclass(frozen=True, slots=True)
class StoredRollout:
    """Rollout with its step and task; `id` is its key for `ArchiveReader.rollouts`."""

    id: int
    step: int
    task: str
    rollout: RolloutRecord


class Texts:
    """Count of the memory of texts that are kept together. Raises ValueError beyond MOST_TEXT."""

    def __init__(self) -> None:
        self.bytes = 0

    def count(self, text: str) -> str:
        self.bytes += sys.getsizeof(text)
        if self.bytes > MOST_TEXT:
            raise ValueError(f"more than {MOST_TEXT >> 20} MiB of text at once")
        return text

    def count_all(self, tests: tuple[TestRecord, ...]) -> tuple[TestRecord, ...]:
        for test in tests:
            self.count(test.input)
            self.count(test.expected)
            self.bytes += sys.getsizeof(test)
        return tests


def stored_rollout(row: tuple, texts: Texts) -> StoredRollout:  # type: ignore[type-arg]
    """Decode a row of rollouts, `COLUMNS`. Raises one of NOT_DECODED."""
    number, step, task, role, index, reward, advantage, tokens, finished, status, body, answer_bytes = row
    text, source = unpack_answer(body, answer_bytes)
    nan = float("nan")  # SQLite keeps NaN as NULL
    figures = (reward if is_number(reward) else nan, advantage if is_number(advantage) else nan)
    rollout = RolloutRecord(
        role, index, *figures, tokens, bool(finished), status, texts.count(text), texts.count(source)
    )
    stored = StoredRollout(number, step, task, rollout)
    require(role in ROLES and index >= 0 and tokens >= 0 and has_declared_types(stored))
    require(has_declared_types(rollout))
    return stored


def grid_of(row: tuple, texts: Texts) -> CellGrid:  # type: ignore[type-arg]
    """Decode the grid in a row of matrices. Raises one of NOT_DECODED."""
    programs, tests, passed, known, status, milliseconds, outputs = row
    shape = (programs, tests)
    require(max(shape) <= MOST_SIDE)
    verdicts = unpack_bools(passed, shape)
    assert verdicts is not None  # the column is NOT NULL
    codes = None if status is None else np.frombuffer(status, dtype=np.uint8).reshape(shape)
    require(codes is None or codes.size == 0 or codes.max() < len(STATUSES))
    printed = unpack_outputs(outputs)
    for text in {id(text): text for row in printed or () for text in row}.values():
        texts.count(text)
    return CellGrid(
        passed=verdicts,
        known=unpack_bools(known, shape),
        status=codes,
        milliseconds=None if milliseconds is None else np.frombuffer(milliseconds, dtype="<u4").reshape(shape),
        outputs=printed,
    )


def require(holds: object) -> None:
    """Raise ValueError unless `holds`."""
    if not holds:
        raise ValueError("values of other types or sizes")
