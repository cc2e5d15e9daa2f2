"""Writer of an archive: every rollout, test and verdict of a run's steps or evaluations, one transaction per step.

Promises: after `write_step` the step is on the disk, or not at all (WAL, one transaction, synced); readers
never wait for the writer. Texts are zlib-compressed; statements and test sets that recur are stored once. The
search index holds the distinct trigrams of each answer (FTS5, contentless, detail=none): exact substring
search, also in code. A step of 256 answers of 100 characters takes 9 ms of CPU, 2 of them for the index, and
100 kB; of 12,000 characters 94 ms, 65 of them for the index, which adds 6 % to the file.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType

from engine.errors import RunError
from engine.machine.regular_files import OddFile
from engine.runs.faults import damaged, run_faults
from engine.runs.files import check_archive, open_file
from engine.runs.packing import (
    digest,
    pack_answer,
    pack_bools,
    pack_outputs,
    pack_tests,
    pack_text,
    unpack_answer,
)
from engine.runs.records import CellGrid, MatrixRecord, RolloutRecord, StepRecord, TaskRecord

ARCHIVE_VERSION = 2

_SCHEMA = """
CREATE TABLE steps(step INTEGER PRIMARY KEY, time REAL NOT NULL, rollouts INTEGER NOT NULL);
CREATE TABLE blobs(digest BLOB PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE tasks(
    step INTEGER NOT NULL, position INTEGER NOT NULL, task TEXT NOT NULL,
    statement BLOB NOT NULL, truth_tests BLOB NOT NULL, generated_tests BLOB NOT NULL,  -- digests of blobs
    correct BLOB,
    PRIMARY KEY(step, position)
) WITHOUT ROWID;
CREATE INDEX tasks_by_task ON tasks(task, step);
CREATE TABLE matrices(
    step INTEGER NOT NULL, position INTEGER NOT NULL, side TEXT NOT NULL,  -- truth | generated
    programs INTEGER NOT NULL, tests INTEGER NOT NULL,
    passed BLOB NOT NULL, known BLOB, status BLOB, milliseconds BLOB, outputs BLOB,
    PRIMARY KEY(step, position, side)
);
CREATE TABLE rollouts(
    id INTEGER PRIMARY KEY,
    step INTEGER NOT NULL, position INTEGER NOT NULL,
    task TEXT NOT NULL, role TEXT NOT NULL, idx INTEGER NOT NULL,
    reward REAL, advantage REAL, tokens INTEGER NOT NULL, finished INTEGER NOT NULL, status TEXT NOT NULL,
    body BLOB NOT NULL, answer_bytes INTEGER NOT NULL
);
CREATE INDEX rollouts_by_step ON rollouts(step, position, role, idx);
CREATE INDEX rollouts_by_task ON rollouts(task, step);
CREATE INDEX rollouts_by_role ON rollouts(role, reward);
CREATE INDEX rollouts_by_reward ON rollouts(reward);
CREATE VIRTUAL TABLE search USING fts5(answer, content='', detail=none, tokenize='trigram');
"""
_ADDED = {2: "ALTER TABLE tasks ADD COLUMN weight REAL"}
"""Change that made each later version; a writer brings an older archive up to date, which keeps all its rows."""

_ONLY_COLUMNS = re.compile(
    r"""CREATE TABLE ['"]?search_[a-z]+['"]?\([a-zA-Z, ]+(PRIMARY KEY\([a-z, ]+\))?\)( WITHOUT ROWID)?"""
)


@dataclass(frozen=True)
class Pruned:
    """Steps that `prune` dropped; `first` and `last` are None when it dropped nothing."""

    steps: int
    rollouts: int
    first: int | None
    last: int | None
    megabytes: float

    def __str__(self) -> str:
        if not self.steps:
            return "nothing dropped"
        return (
            f"dropped {self.rollouts} rollouts of {self.steps} steps ({self.first} to {self.last}), "
            f"{self.megabytes:.1f} MB; their metrics stay"
        )


class ArchiveWriter:
    """Only writer of a run's archive: the run's lock excludes a second one. For one thread."""

    def __init__(self, path: Path, *, search: bool = True) -> None:
        """Open the archive, or create it; with `search=False` new answers are not indexed.

        Raises RunError: another version, corrupt, disk full, not writable.
        """
        self._path, self._search = path, search
        with run_faults(path.parent):
            check_archive(path, written=True)
            if not path.exists():
                os.close(open_file(path.parent, path.name, os.O_RDWR | os.O_CREAT))  # owner only; its log follows it
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA trusted_schema=OFF")
            self._db.create_function("answer_of", 2, searchable_answer, deterministic=True)
            version = archive_version(self._db, path)
            self._db.execute("PRAGMA auto_vacuum=INCREMENTAL")  # takes effect while the file is still empty
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA journal_size_limit=16777216")
            if version < ARCHIVE_VERSION:
                with self._transaction():
                    for statement in _statements(since=version, until=ARCHIVE_VERSION):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version={ARCHIVE_VERSION}")

    def write_step(self, record: StepRecord) -> None:
        """Write a step in one transaction, replacing an earlier version of it. Raises RunError."""
        with run_faults(self._path.parent), self._transaction():
            self._delete("step = ?", record.step)
            rollouts = sum(len(task.rollouts) for task in record.tasks)
            self._db.execute("INSERT INTO steps VALUES(?, ?, ?)", (record.step, time.time(), rollouts))
            for position, task in enumerate(record.tasks):
                self._write_task(record.step, position, task)

    def last_step(self) -> int:
        """Return the newest step in the archive; 0 if it is empty."""
        with run_faults(self._path.parent):
            (step,) = self._db.execute("SELECT max(step) FROM steps").fetchone()
        return int(step or 0)

    def drop_from(self, step: int) -> int:
        """Delete all steps >= `step`, which will be run again; return how many there were."""
        with run_faults(self._path.parent), self._transaction():
            return self._delete("step >= ?", step)

    def prune(self, *, keep_steps: int | None = None, max_mb: float | None = None) -> Pruned:
        """Drop the oldest steps until at most `keep_steps` are left and the file holds at most `max_mb`.

        The newest step always stays. The freed space is returned to the file system. None: no such bound.
        """
        with run_faults(self._path.parent):
            before = self._used_bytes()
            steps = self._db.execute("SELECT step, CAST(rollouts AS INTEGER) FROM steps ORDER BY step").fetchall()
            dropped: list[tuple[int, int]] = []
            while len(dropped) < len(steps) - 1:
                too_many = keep_steps is not None and len(steps) - len(dropped) > keep_steps
                too_big = max_mb is not None and self._used_bytes() > max_mb * 1e6
                if not (too_many or too_big):
                    break
                oldest = steps[len(dropped)]
                with self._transaction():
                    self._delete("step = ?", oldest[0])
                    self._delete_unused_blobs()
                dropped.append(oldest)
            if dropped:
                self._give_space_back()
            return Pruned(
                steps=len(dropped),
                rollouts=sum(rollouts for _, rollouts in dropped),
                first=dropped[0][0] if dropped else None,
                last=dropped[-1][0] if dropped else None,
                megabytes=(before - self._used_bytes()) / 1e6,
            )

    def close(self) -> None:
        """Fold the write-ahead log into the file and close it. A full disk is not reported a second time."""
        try:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError:
            pass
        finally:
            self._db.close()

    def __enter__(self) -> ArchiveWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write_task(self, step: int, position: int, task: TaskRecord) -> None:
        statement = self._keep(pack_text(task.statement))
        truth, generated = (
            self._keep(pack_tests(task.truth_tests)),
            self._keep(pack_tests(task.generated_tests)),
        )
        correct = pack_bools(task.matrix.correct_n) if task.matrix else None
        self._db.execute(
            "INSERT INTO tasks VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
            (step, position, task.task, statement, truth, generated, correct, task.weight),
        )
        if task.matrix:
            self._write_matrix(step, position, task.matrix)
        for rollout in task.rollouts:
            self._write_rollout(step, position, task.task, rollout)

    def _write_matrix(self, step: int, position: int, matrix: MatrixRecord) -> None:
        self._db.executemany(
            "INSERT INTO matrices VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (step, position, "truth", *_grid_row(matrix.truth)),
                (step, position, "generated", *_grid_row(matrix.generated)),
            ],
        )

    def _write_rollout(self, step: int, position: int, task: str, rollout: RolloutRecord) -> None:
        body, answer_bytes = pack_answer(rollout.text, rollout.source)
        place = (step, position, task, str(rollout.role), rollout.index)
        figures = (rollout.reward, rollout.advantage, rollout.tokens, rollout.finished, str(rollout.status))
        added = self._db.execute(
            "INSERT INTO rollouts VALUES(NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*place, *figures, body, answer_bytes),
        )
        if self._search:
            indexed = searchable(rollout.text)
            self._db.execute("INSERT INTO search(rowid, answer) VALUES(?, ?)", (added.lastrowid, indexed))

    def _keep(self, body: bytes) -> bytes:
        # A task recurs every epoch with the same statement and ground-truth tests: identical bodies share one row.
        key = digest(body)
        self._db.execute("INSERT OR IGNORE INTO blobs VALUES(?, ?)", (key, body))
        return key

    def _delete(self, where: str, step: int) -> int:
        # FTS5 deletes from a contentless index only if it is given the indexed text again.
        self._db.execute(
            "INSERT INTO search(search, rowid, answer) SELECT 'delete', id, answer_of(body, answer_bytes) "
            f"FROM rollouts WHERE {where} AND id IN (SELECT id FROM search_docsize)",
            (step,),
        )
        for table in ("rollouts", "matrices", "tasks"):
            self._db.execute(f"DELETE FROM {table} WHERE {where}", (step,))
        return self._db.execute(f"DELETE FROM steps WHERE {where}", (step,)).rowcount

    def _delete_unused_blobs(self) -> None:
        self._db.execute(
            "DELETE FROM blobs WHERE digest NOT IN (SELECT statement FROM tasks "
            "UNION SELECT truth_tests FROM tasks UNION SELECT generated_tests FROM tasks)"
        )

    def _used_bytes(self) -> int:
        pages, free, size = (
            self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def _give_space_back(self) -> None:
        self._db.execute("INSERT INTO search(search) VALUES('optimize')")
        # `execute` would free a single page: the pragma frees one page per step and returns no row.
        self._db.executescript("PRAGMA incremental_vacuum")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")


def archive_version(db: sqlite3.Connection, path: Path) -> int:
    """Return the archive's version, 0 for a new, empty file.

    Raises RunError for a version unknown here, for a file that is elsewhere, and for tables, views or triggers that no
    engine made: they could be written so that reading them never ends.
    """
    (where,) = (file for _, name, file in db.execute("PRAGMA database_list") if name == "main")
    if Path(where) != path.parent.resolve() / path.name:
        raise OddFile(path.name, "leads out of the run")
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if not 0 <= version <= ARCHIVE_VERSION:
        raise RunError(
            f"{path} is an archive of version {version}, this cure-tui reads versions up to {ARCHIVE_VERSION}",
            "open the run with the cure-tui that made it",
        )
    if version and _objects(db) != _expected_objects(version):
        raise damaged(path.parent, f"{path.name} has tables of another make")
    return version


def _objects(db: sqlite3.Connection) -> set[tuple[str, str, str | None]]:
    """Return the kind, name and definition of everything in a database.

    The search index defines tables of its own, in the words of SQLite's version. They have nothing but columns: no
    generated one, no default and no check, which would be worked out whenever the table is read or written.
    """
    found = db.execute("SELECT type, name, sql FROM sqlite_master LIMIT 100").fetchall()
    return {
        (kind, name, None if name.startswith("search_") and _ONLY_COLUMNS.fullmatch(sql or "") else sql)
        for kind, name, sql in found
    }


@cache
def _expected_objects(version: int) -> set[tuple[str, str, str | None]]:
    with closing(sqlite3.connect(":memory:")) as db:
        for statement in _statements(since=0, until=version):
            db.execute(statement)
        return _objects(db)


def _statements(*, since: int, until: int) -> list[str]:
    """Return the statements that bring an archive from one version to another; version 0 is an empty file."""
    first = _SCHEMA.split(";\n") if since == 0 else []
    return first + [change for version, change in _ADDED.items() if since < version <= until]


def searchable(text: str) -> str:
    """Return the text as indexed: without lone surrogates, which SQLite refuses, and NUL, at which it stops."""
    return text.encode("utf-8", "replace").decode().replace("\0", " ")


def searchable_answer(body: bytes, answer_bytes: int) -> str:
    return searchable(unpack_answer(body, answer_bytes)[0])


def _grid_row(grid: CellGrid) -> tuple[object, ...]:
    programs, tests = grid.passed.shape
    return (
        programs,
        tests,
        pack_bools(grid.passed),
        pack_bools(grid.known),
        None if grid.status is None else grid.status.astype("u1").tobytes(),
        None if grid.milliseconds is None else grid.milliseconds.astype("<u4").tobytes(),
        pack_outputs(grid.outputs),
    )
