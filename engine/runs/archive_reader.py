"""Reads rollouts.sqlite, also while the engine writes it: rollouts by filter and by id, tasks, matrices."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from engine.errors import RunError
from engine.runs.archive import archive_version, searchable, searchable_answer
from engine.runs.faults import run_faults
from engine.runs.packing import unpack_answer, unpack_bools, unpack_outputs, unpack_tests, unpack_text
from engine.runs.records import CellGrid, MatrixRecord, RolloutRecord, TaskRecord

_COLUMNS = "id, step, task, role, idx, reward, advantage, tokens, finished, status, body, answer_bytes"
_ORDER = "step, position, role, idx"


@dataclass(frozen=True, slots=True)
class RolloutFilter:
    """Which rollouts; None does not restrict, bounds are inclusive.

    text: a substring of the answer, case does not matter. Three characters or more use the search index;
    fewer, or answers that were written without one, are found by reading every answer that the other fields
    leave.
    """

    first_step: int | None = None
    last_step: int | None = None
    task: str | None = None
    role: str | None = None
    status: str | None = None
    finished: bool | None = None
    min_reward: float | None = None
    max_reward: float | None = None
    text: str = ""


EVERYTHING = RolloutFilter()


@dataclass(frozen=True, slots=True)
class StoredRollout:
    """A rollout and where it stands; `id` is its key in `ArchiveReader.rollout`."""

    id: int
    step: int
    task: str
    rollout: RolloutRecord


class ArchiveReader:
    """Reads one archive. Each call sees the steps that are complete when it is made; one thread."""

    def __init__(self, path: Path) -> None:
        """Raises RunError: no archive there, another version, damaged."""
        self._run_dir = path.parent
        nothing_yet = RunError(f"run {path.parent.name} has no rollouts yet", "wait for its first step to end")
        if not path.exists():
            raise nothing_yet
        with run_faults(path.parent):
            self._db = _open(path)
            self._db.create_function("answer_of", 2, searchable_answer, deterministic=True)
            self._db.create_function("holds", 2, _holds, deterministic=True)
            if archive_version(self._db, path) == 0:
                raise nothing_yet

    def steps(self) -> list[int]:
        """The steps that are in the archive, ascending; those that retention dropped are missing."""
        return [step for (step,) in self._rows("SELECT step FROM steps ORDER BY step", ())]

    def tasks(self, step: int) -> list[str]:
        """Ids of the tasks of a step in the order of the batch."""
        return [task for (task,) in self._rows("SELECT task FROM tasks WHERE step = ? ORDER BY position", (step,))]

    def find(self, wanted: RolloutFilter = EVERYTHING, *, limit: int = -1) -> list[int]:
        """Ids of the rollouts that match, by step, task in the batch, role and index; limit -1: all of them.

        For virtual lists: 15,000 ids take about 6 ms, and `rollouts(ids)` reads the few on the screen.
        """
        where, values = _where(wanted)
        query = f"SELECT id FROM rollouts WHERE {where} ORDER BY {_ORDER} LIMIT ?"
        return [number for (number,) in self._rows(query, (*values, limit))]

    def rollouts(self, ids: Sequence[int]) -> list[StoredRollout]:
        """The rollouts of these ids in this order; an id that is gone meanwhile is left out."""
        found: dict[int, StoredRollout] = {}
        for start in range(0, len(ids), 500):
            some = tuple(ids[start : start + 500])
            marks = ",".join("?" * len(some))
            for row in self._rows(f"SELECT {_COLUMNS} FROM rollouts WHERE id IN ({marks})", some):
                found[row[0]] = _rollout(row)
        return [found[number] for number in ids if number in found]

    def iter_rollouts(self, wanted: RolloutFilter = EVERYTHING) -> Iterator[StoredRollout]:
        """All rollouts that match, in the order of `find`, a few hundred in memory at a time."""
        ids = self.find(wanted)
        for start in range(0, len(ids), 500):
            yield from self.rollouts(ids[start : start + 500])

    def read_task(self, step: int, task: str) -> TaskRecord | None:
        """All of one task in one step: statement, rollouts, tests, matrix. None when it is not there."""
        rows = self._rows(
            "SELECT position, s.body, t.body, g.body FROM tasks JOIN blobs s ON s.digest = statement "
            "JOIN blobs t ON t.digest = truth_tests JOIN blobs g ON g.digest = generated_tests "
            "WHERE step = ? AND task = ? ORDER BY position LIMIT 1",
            (step, task),
        )
        if not rows:
            return None
        position, statement, truth_tests, generated_tests = rows[0]
        query = f"SELECT {_COLUMNS} FROM rollouts WHERE step = ? AND position = ? ORDER BY role, idx"
        return TaskRecord(
            task=task,
            statement=unpack_text(statement),
            rollouts=tuple(_rollout(row).rollout for row in self._rows(query, (step, position))),
            truth_tests=unpack_tests(truth_tests),
            generated_tests=unpack_tests(generated_tests),
            matrix=self.matrix(step, task),
        )

    def matrix(self, step: int, task: str) -> MatrixRecord | None:
        """The pass matrix of one task in one step. None when it is not there."""
        rows = self._rows(
            "SELECT side, programs, tests, passed, known, status, milliseconds, outputs, correct "
            "FROM tasks JOIN matrices USING(step, position) WHERE step = ? AND position = "
            "(SELECT min(position) FROM tasks WHERE step = ? AND task = ?)",
            (step, step, task),
        )
        grids = {row[0]: _grid(row[1:8]) for row in rows}
        if not grids:
            return None
        correct_n = unpack_bools(rows[0][8], (rows[0][1],))
        return MatrixRecord(truth=grids["truth"], generated=grids["generated"], correct_n=correct_n)

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> ArchiveReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _rows(self, query: str, values: tuple[object, ...]) -> list[tuple]:  # type: ignore[type-arg]
        with run_faults(self._run_dir):
            return self._db.execute(query, values).fetchall()


def _open(path: Path) -> sqlite3.Connection:
    address = path.absolute().as_uri()
    db = sqlite3.connect(f"{address}?mode=ro", uri=True, isolation_level=None)
    try:
        db.execute("PRAGMA schema_version").fetchone()
        return db
    except sqlite3.OperationalError:
        # On a read-only disk WAL has no place for its shared memory; nobody writes there, so the
        # file stands still.
        db.close()
        return sqlite3.connect(f"{address}?immutable=1", uri=True, isolation_level=None)


def _where(wanted: RolloutFilter) -> tuple[str, tuple[object, ...]]:
    conditions = {
        "step >= ?": wanted.first_step,
        "step <= ?": wanted.last_step,
        "task = ?": wanted.task,
        "role = ?": wanted.role,
        "status = ?": wanted.status,
        "finished = ?": wanted.finished,
        "reward >= ?": wanted.min_reward,
        "reward <= ?": wanted.max_reward,
    }
    clauses = [clause for clause, value in conditions.items() if value is not None]
    values: list[object] = [value for value in conditions.values() if value is not None]
    if wanted.text:
        needle = searchable(wanted.text)
        if len(needle) >= 3:
            # The index knows which answers hold all trigrams of the needle; `holds` keeps those that hold
            # them in a row. Answers written with the index off are not in it, and have to be read.
            clauses.append(
                "(id IN (SELECT rowid FROM search WHERE search MATCH ?) OR id NOT IN (SELECT id FROM search_docsize))"
            )
            values.append(_all_trigrams(needle))
        clauses.append("holds(answer_of(body, answer_bytes), ?)")
        values.append(needle)
    return " AND ".join(clauses) or "1", tuple(values)


def _all_trigrams(needle: str) -> str:
    trigrams = dict.fromkeys(needle[i : i + 3] for i in range(len(needle) - 2))
    return " AND ".join('"' + trigram.replace('"', '""') + '"' for trigram in trigrams)


def _holds(answer: str, needle: str) -> bool:
    return needle.lower() in answer.lower()


def _rollout(row: tuple) -> StoredRollout:  # type: ignore[type-arg]
    number, step, task, role, index, reward, advantage, tokens, finished, status, body, answer_bytes = row
    text, source = unpack_answer(body, answer_bytes)
    nan = float("nan")  # SQLite keeps NaN as NULL
    figures = (nan if reward is None else reward, nan if advantage is None else advantage)
    return StoredRollout(
        number, step, task, RolloutRecord(role, index, *figures, tokens, bool(finished), status, text, source)
    )


def _grid(row: tuple) -> CellGrid:  # type: ignore[type-arg]
    programs, tests, passed, known, status, milliseconds, outputs = row
    shape = (programs, tests)
    verdicts = unpack_bools(passed, shape)
    assert verdicts is not None  # the column is NOT NULL
    return CellGrid(
        passed=verdicts,
        known=unpack_bools(known, shape),
        status=None if status is None else np.frombuffer(status, dtype=np.uint8).reshape(shape),
        milliseconds=None if milliseconds is None else np.frombuffer(milliseconds, dtype="<u4").reshape(shape),
        outputs=unpack_outputs(outputs),
    )
