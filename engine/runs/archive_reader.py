"""Reader of an archive of a run, also while the engine writes it: rollouts by filter and by id, tasks, matrices.

A list of a million rollouts holds their ids (8 bytes each, `ArchiveReader.pages`) and reads only those on the screen.
"""

from __future__ import annotations

import math
import os
import sqlite3
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.errors import RunError
from engine.runs.archive import archive_version, searchable, searchable_answer
from engine.runs.archive_filter import (
    CODES_OF_ROW,
    EVERYTHING,
    Order,
    RolloutFilter,
    all_trigrams,
    holds,
    where_clause,
)
from engine.runs.archive_findings import findings_of
from engine.runs.faults import damaged, run_faults
from engine.runs.files import check_archive
from engine.runs.packing import MOST_BYTES, unpack_bools, unpack_tests, unpack_text
from engine.runs.records import STATUSES, MatrixRecord, TaskRecord
from engine.runs.stored import (
    COLUMNS,
    MOST_SIDE,
    MOST_TEXT,
    NOT_DECODED,
    ROLES,
    StoredRollout,
    Texts,
    grid_of,
    require,
    stored_rollout,
)
from engine.runs.values import is_number, is_whole

__all__ = ["EVERYTHING", "MOST_TEXT", "ArchiveReader", "Order", "RolloutFilter", "StoredRollout", "Texts"]

_FIRST_PAGE, _LARGEST_PAGE = 2_000, 64_000
# Up to so many candidates, sorting what one index yields is faster than walking through all steps.
_FEW = 20_000

# Bounds that no engine reaches, for an archive whose author wants a reader to run out of memory or never to return.
_MOST_ROWS, _MOST_TASKS = 1_000_000, 10_000
_SECONDS, _SEARCH_SECONDS = 4.0, 120.0
_STEPS_BETWEEN_LOOKS = 50_000  # of SQLite's machine: about a millisecond


class RightAnswers(NamedTuple):
    """Number of right answers to a task, of so many."""

    right: int
    answers: int


class ArchiveReader:
    """Reader of one archive. Each call sees the steps complete at that moment. For one thread, except `stop`."""

    def __init__(self, path: Path) -> None:
        """Open the archive read-only. Raises RunError: no archive yet, another version, corrupt."""
        self._run_dir = path.parent
        self._stopped = False
        self._deadline = math.inf
        nothing_yet = RunError(f"run {path.parent.name} has no rollouts yet", "wait for its first step to end")
        if not os.path.lexists(path):
            raise nothing_yet
        with run_faults(path.parent), ExitStack() as otherwise:
            check_archive(path)
            self._db = _open(path)
            otherwise.callback(self._db.close)
            self._db.execute("PRAGMA trusted_schema=OFF")
            self._db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 2 * MOST_BYTES)
            self._db.create_function("answer_of", 2, searchable_answer, deterministic=True)
            self._db.create_function("holds", 2, holds, deterministic=True)
            self._deadline = time.monotonic() + _SECONDS
            self._db.set_progress_handler(lambda: time.monotonic() > self._deadline, _STEPS_BETWEEN_LOOKS)
            version = archive_version(self._db, path)
            if version == 0:
                raise nothing_yet
            self._weight = "weight" if version > 1 else "NULL"
            otherwise.pop_all()

    def steps(self) -> list[int]:
        """Return the steps in the archive, ascending; those that retention dropped are missing."""
        return list(self.written())

    def written(self) -> dict[int, float]:
        """Return the Unix time at which each step was written, by step, ascending: shows a reader what has changed."""
        found = dict(self._rows("SELECT step, time FROM steps ORDER BY step", ()))
        with self._decoding("its list of steps"):
            require(all(map(is_whole, found)) and all(map(is_number, found.values())))
        return found

    def tasks(self, step: int) -> list[str]:
        """Return the ids of a step's tasks in the order of the batch."""
        rows = self._rows("SELECT task FROM tasks WHERE step = ? ORDER BY position", (step,), most=_MOST_TASKS)
        with self._decoding(f"the tasks of step {step}"):
            require(all(isinstance(task, str) for (task,) in rows))
        return [task for (task,) in rows]

    def find(
        self, wanted: RolloutFilter = EVERYTHING, *, limit: int | None = None, order: Order = Order.OLDEST
    ) -> list[int]:
        """Return the ids of the rollouts that match, at most `limit`. 15,000 take about 6 ms."""
        found: list[int] = []
        for page in self.pages(wanted, order):
            found.extend(page)
            if limit is not None and len(found) >= limit:
                return found[:limit]
        return found

    def pages(self, wanted: RolloutFilter = EVERYTHING, order: Order = Order.OLDEST) -> Iterator[array[int]]:
        """Yield the ids of `find` in pages. The first comes soon in an archive of any size; pages may be empty.

        In an order by step, a page is a query of its own over some steps, so no page keeps the writer from folding in
        its write-ahead log. In another order, SQLite sorts all ids before the first page unless an index is so ordered.
        """
        if not order.by_step:
            yield from self._sorted(wanted, order)
        elif index := self._index_of_few(wanted):
            yield self._ids(wanted, order, index)
        else:
            for first, last in self._windows(wanted, newest_first=order is Order.NEWEST):
                page = self._ids(replace(wanted, first_step=first, last_step=last), order, "rollouts_by_step")
                if self._stopped:
                    return
                yield page

    def stop(self) -> None:
        """End a call of `pages` in another thread; from then on this reader finds nothing."""
        self._stopped = True
        self._db.interrupt()

    def rollouts(self, ids: Sequence[int]) -> list[StoredRollout]:
        """Return the rollouts of these ids in this order, without those deleted in the meantime.

        Raises RunError if their texts take more than MOST_TEXT of memory.
        """
        found: dict[int, StoredRollout] = {}
        texts = Texts()
        for start in range(0, len(ids), 500):
            some = tuple(ids[start : start + 500])
            marks = ",".join("?" * len(some))
            for row in self._rows(f"SELECT {COLUMNS} FROM rollouts WHERE id IN ({marks})", some):
                with self._decoding(f"rollout {row[0]}"):
                    found[row[0]] = stored_rollout(row, texts)
        return [found[number] for number in ids if number in found]

    def iter_rollouts(self, wanted: RolloutFilter = EVERYTHING) -> Iterator[StoredRollout]:
        """Yield all rollouts that match, in the order of `find`, with at most 500 in memory at a time."""
        for page in self.pages(wanted):
            for start in range(0, len(page), 500):
                yield from self.rollouts(page[start : start + 500])

    def executions(self, ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """Return the distinct outcomes of executing the programs of these coders' answers.

        Testers' answers, and programs whose outcomes were not kept, are left out. Made for a screenful of ids: each
        is a parameter of one query, whose number SQLite limits.
        """
        marks = ",".join("?" * len(ids))
        rows = self._rows(
            f"SELECT id, substr({CODES_OF_ROW}, 1, {MOST_SIDE}) FROM rollouts r JOIN matrices m USING(step, position) "
            f"WHERE role = 'coder' AND m.status IS NOT NULL AND id IN ({marks})",
            tuple(ids),
        )
        codes: dict[int, set[int]] = {}
        with self._decoding("the outcomes of its programs"):
            for number, row in rows:
                codes.setdefault(number, set()).update(row)
            return {number: tuple(STATUSES[code] for code in sorted(seen)) for number, seen in codes.items()}

    def findings(self, ids: Sequence[int]) -> dict[int, str]:
        """Return what was found of these answers: "correct", "right", "wrong" or "undecided".

        A program is correct if it passes all ground-truth tests, a test right if every correct program passes it.
        Answers without a program or a test, and those whose matrix was not kept, are left out. Made for a screenful of
        ids, as `executions`.
        """
        marks = ",".join("?" * len(ids))
        answers = self._rows(f"SELECT id, step, position, role, idx FROM rollouts WHERE id IN ({marks})", tuple(ids))
        grids = self._rows(
            "SELECT m.step, m.position, side, programs, tests, passed, known, status, NULL, NULL, g.body "
            "FROM matrices m JOIN tasks t USING(step, position) JOIN blobs g ON g.digest = t.generated_tests "
            f"WHERE (m.step, m.position) IN (SELECT step, position FROM rollouts WHERE id IN ({marks}))",
            tuple(ids),
        )
        with self._decoding("the pass matrices of its tasks"):
            return findings_of(answers, grids)

    def read_task(self, step: int, task: str, texts: Texts | None = None) -> TaskRecord | None:
        """Return all of one task in one step: statement, rollouts, tests, matrix. None if the archive lacks it.

        texts: counts the texts of several tasks together. Raises RunError if they take more than MOST_TEXT of memory.
        """
        texts = texts or Texts()
        rows = self._rows(
            f"SELECT position, s.body, t.body, g.body, {self._weight} FROM tasks JOIN blobs s ON s.digest = statement "
            "JOIN blobs t ON t.digest = truth_tests JOIN blobs g ON g.digest = generated_tests "
            "WHERE step = ? AND task = ? ORDER BY position LIMIT 1",
            (step, task),
        )
        if not rows:
            return None
        position, statement, truth_tests, generated_tests, weight = rows[0]
        query = f"SELECT {COLUMNS} FROM rollouts WHERE step = ? AND position = ? ORDER BY role, idx"
        answers = self._rows(query, (step, position), most=2 * MOST_SIDE)
        with self._decoding(f"task {task} of step {step}"):
            require(weight is None or is_number(weight))
            return TaskRecord(
                task=task,
                statement=texts.count(unpack_text(statement)),
                rollouts=tuple(stored_rollout(row, texts).rollout for row in answers),
                truth_tests=texts.count_all(unpack_tests(truth_tests)),
                generated_tests=texts.count_all(unpack_tests(generated_tests)),
                matrix=self.matrix(step, task, texts),
                weight=weight,
            )

    def right_answers(self) -> dict[int, dict[str, dict[str, RightAnswers]]]:
        """Return the right answers of evaluations by step, task and role: those with the reward 1, as they are written.

        For an archive of evaluations, whose rewards are 0 or 1; 5,000 answers take some milliseconds.
        """
        rows = self._rows(
            "SELECT step, task, role, CAST(total(reward > 0) AS INTEGER), count(*) FROM rollouts "
            "GROUP BY step, task, role ORDER BY step, min(position), role",
            (),
        )
        found: dict[int, dict[str, dict[str, RightAnswers]]] = {}
        with self._decoding("its right answers"):
            for step, task, role, right, answers in rows:
                require(is_whole(step) and isinstance(task, str) and role in ROLES)
                found.setdefault(step, {}).setdefault(task, {})[role] = RightAnswers(right, answers)
        return found

    def lengths(self, after_step: int = 0) -> dict[int, dict[str, npt.NDArray[np.float64]]]:
        """Return the tokens of every answer by step and role, for steps > `after_step`; 30,000 answers take 15 ms."""
        found: dict[int, dict[str, array[float]]] = {}
        query = "SELECT step, role, tokens FROM rollouts WHERE step > ? ORDER BY step"
        rows = self._rows(query, (after_step,))
        with self._decoding("the lengths of its answers"):
            for step, role, tokens in rows:
                require(is_whole(step) and role in ROLES and is_whole(tokens))
                found.setdefault(step, {}).setdefault(role, array("d")).append(tokens)
        return {
            step: {role: np.array(tokens, dtype=np.float64) for role, tokens in roles.items()}
            for step, roles in found.items()
        }

    def matrix(self, step: int, task: str, texts: Texts | None = None) -> MatrixRecord | None:
        """Return the pass matrix of one task in one step; None if the archive lacks it. `texts`: as in `read_task`."""
        rows = self._rows(
            "SELECT side, programs, tests, passed, known, status, milliseconds, outputs, correct "
            "FROM tasks JOIN matrices USING(step, position) WHERE step = ? AND position = "
            "(SELECT min(position) FROM tasks WHERE step = ? AND task = ?)",
            (step, step, task),
        )
        if not rows:
            return None
        with self._decoding(f"the matrix of task {task} of step {step}"):
            grids = {row[0]: grid_of(row[1:8], texts or Texts()) for row in rows}
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

    def _rows(self, query: str, values: tuple[object, ...], most: int = _MOST_ROWS) -> list[tuple]:  # type: ignore[type-arg]
        with run_faults(self._run_dir):
            self._deadline = time.monotonic() + _SECONDS
            rows = self._db.execute(query, values).fetchmany(most + 1)
        if len(rows) > most:
            raise damaged(self._run_dir, f"its archive has more than {most} rows where a run has few")
        return rows

    @contextmanager
    def _decoding(self, what: str) -> Iterator[None]:
        """Raise RunError for contents of the archive that no engine can have written."""
        try:
            yield
        except NOT_DECODED as error:
            raise damaged(self._run_dir, f"{what}: {error or type(error).__name__}") from error

    def _ids(self, wanted: RolloutFilter, order: Order, index: str) -> array[int]:
        by = f"INDEXED BY {index}" if index != "search" else "NOT INDEXED"
        where, values = where_clause(wanted, all_indexed=self._all_indexed())
        step = "step DESC" if order is Order.NEWEST else "step"
        query = f"SELECT id FROM rollouts r {by} WHERE {where} ORDER BY {step}, position, role, idx"
        found = array("q")
        for some in self._cursor_pages(query, values, _LARGEST_PAGE):
            found.extend(some)
            if len(found) > _MOST_ROWS:
                raise damaged(self._run_dir, f"some steps of its archive have more than {_MOST_ROWS} rollouts")
        return found

    def _sorted(self, wanted: RolloutFilter, order: Order) -> Iterator[array[int]]:
        where, values = where_clause(wanted, all_indexed=self._all_indexed())
        column = order.removeprefix("-")
        down = " DESC" if order.startswith("-") else ""
        query = f"SELECT id FROM rollouts r WHERE {where} ORDER BY {column}{down}, id{down}"
        yield from self._cursor_pages(query, values, _FIRST_PAGE)

    def _cursor_pages(self, query: str, values: tuple[object, ...], size: int) -> Iterator[array[int]]:
        if self._stopped:
            return
        with run_faults(self._run_dir):
            self._deadline = time.monotonic() + _SEARCH_SECONDS
            try:
                cursor = self._db.execute(query, values)
                while some := cursor.fetchmany(size):
                    yield array("q", [number for (number,) in some])
            except sqlite3.OperationalError:
                if not self._stopped:  # `stop` interrupts the query: then the error is expected
                    raise

    def _windows(self, wanted: RolloutFilter, *, newest_first: bool) -> Iterator[tuple[int, int]]:
        """Yield ranges of steps in the order of the list, the first small, for a quick first page, then larger ones."""
        steps = self._rows(
            "SELECT step, rollouts FROM steps WHERE step BETWEEN ? AND ? ORDER BY step",
            (
                -math.inf if wanted.first_step is None else wanted.first_step,
                math.inf if wanted.last_step is None else wanted.last_step,
            ),
        )
        size, gathered, start = _FIRST_PAGE, 0, 0
        with self._decoding("its list of steps"):
            require(all(is_whole(step) and is_whole(rollouts) for step, rollouts in steps))
        in_order = steps[::-1] if newest_first else steps
        for place, (step, rollouts) in enumerate(in_order):
            gathered += rollouts
            if gathered >= size or place == len(in_order) - 1:
                first, last = sorted((in_order[start][0], step))
                yield first, last
                size, gathered, start = min(2 * size, _LARGEST_PAGE), 0, place + 1

    def _index_of_few(self, wanted: RolloutFilter) -> str | None:
        """Return the index that leaves at most _FEW candidates for `wanted`, or None."""
        fields: list[tuple[str, dict[str, object]]] = []
        if wanted.task is not None or wanted.task_prefix:
            fields.append(("rollouts_by_task", {"task": wanted.task, "task_prefix": wanted.task_prefix}))
        if wanted.min_reward is not None or wanted.max_reward is not None:
            rewards: dict[str, object] = {"min_reward": wanted.min_reward, "max_reward": wanted.max_reward}
            if wanted.role is None:
                fields.append(("rollouts_by_reward", rewards))
            else:
                fields.append(("rollouts_by_role", {"role": wanted.role, **rewards}))
        for index, named in fields:
            where, values = where_clause(RolloutFilter(**named), all_indexed=True)  # type: ignore[arg-type]
            if self._are_few(f"SELECT 1 FROM rollouts r INDEXED BY {index} WHERE {where}", values):
                return index
        texts = [needle for needle in map(searchable, wanted.texts) if len(needle) >= 3]
        if texts and self._all_indexed():
            query = "SELECT 1 FROM search WHERE search MATCH ?"
            if self._are_few(query, (" AND ".join(map(all_trigrams, texts)),)):
                return "search"
        return None

    def _are_few(self, query: str, values: tuple[object, ...]) -> bool:
        counted = self._rows(f"SELECT count(*) FROM ({query} LIMIT ?)", (*values, _FEW + 1))
        return bool(counted[0][0] <= _FEW)

    def _all_indexed(self) -> bool:
        """Return False if some answers were written without the search index."""
        ((archived,),) = self._rows("SELECT total(rollouts) FROM steps", ())
        ((indexed,),) = self._rows("SELECT count(*) FROM search_docsize", ())
        return bool(archived == indexed)


def _open(path: Path) -> sqlite3.Connection:
    address = path.absolute().as_uri()
    db = sqlite3.connect(f"{address}?mode=ro", uri=True, isolation_level=None)
    try:
        db.execute("PRAGMA schema_version").fetchone()
        return db
    except sqlite3.OperationalError:
        # SQLite reads a WAL database through a shared-memory file, which a read-only disk cannot hold. No process
        # writes there either, so the file is immutable.
        db.close()
        return sqlite3.connect(f"{address}?immutable=1", uri=True, isolation_level=None)
