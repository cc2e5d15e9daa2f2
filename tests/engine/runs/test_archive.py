"""Archive: a step is in it whole or not at all, and everything reads back as it was written."""

from __future__ import annotations

import math
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.errors import RunError
from engine.runs.archive import ArchiveWriter
from engine.runs.archive_reader import ArchiveReader, RolloutFilter
from engine.runs.records import (
    MAX_OUTPUT_CHARS,
    NOT_RUN,
    STATUSES,
    CellGrid,
    MatrixRecord,
    StepRecord,
    TaskRecord,
)
from engine.sandbox.outcome import Status
from tests.engine.runs.archive_steps import rollout, step_of

MakeStep = Callable[..., StepRecord]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rollouts.sqlite"


def assert_same_grid(one: CellGrid, other: CellGrid) -> None:
    for name in ("passed", "known", "status", "milliseconds"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.outputs == other.outputs


def test_a_step_comes_back_as_it_was_written(path: Path, make_step: MakeStep) -> None:
    step = make_step(7)
    with ArchiveWriter(path) as writer:
        writer.write_step(step)
    with ArchiveReader(path) as reader:
        assert reader.steps() == [7]
        assert reader.tasks(7) == ["task-0", "task-1"]
        for written in step.tasks:
            read = reader.read_task(7, written.task)
            assert read is not None
            assert (read.statement, read.rollouts) == (written.statement, written.rollouts)
            assert (read.truth_tests, read.generated_tests) == (written.truth_tests, written.generated_tests)
            assert read.matrix is not None
            assert written.matrix is not None
            assert_same_grid(read.matrix.truth, written.matrix.truth)
            assert_same_grid(read.matrix.generated, written.matrix.generated)
            np.testing.assert_array_equal(read.matrix.correct_n, written.matrix.correct_n)
        assert reader.read_task(8, "task-0") is None
        assert reader.matrix(7, "no such task") is None


def test_a_reader_sees_steps_while_the_writer_is_at_work(path: Path, make_step: MakeStep) -> None:
    with ArchiveWriter(path) as writer:
        writer.write_step(make_step(1))
        with ArchiveReader(path) as reader:
            assert reader.steps() == [1]
            writer.write_step(make_step(2))
            assert reader.steps() == [1, 2]


def test_grids_without_details_and_without_tests_come_back(path: Path) -> None:
    truth, generated = CellGrid(np.zeros((3, 0), dtype=np.bool_)), CellGrid(np.eye(3, dtype=np.bool_))
    task = TaskRecord("bare", "", (), matrix=MatrixRecord(truth, generated))
    with ArchiveWriter(path) as writer:
        writer.write_step(StepRecord(1, (task, TaskRecord("no matrix", "", ()))))
    with ArchiveReader(path) as reader:
        matrix = reader.matrix(1, "bare")
        assert matrix is not None
        assert matrix.truth_nt.shape == (3, 0)
        np.testing.assert_array_equal(matrix.generated_nm, np.eye(3))
        assert (matrix.correct_n, matrix.generated.known, matrix.generated.outputs) == (None, None, None)
        assert reader.matrix(1, "no matrix") is None


def test_odd_text_survives(path: Path) -> None:
    odd = rollout("lone \ud800 and nul \0 end", source="\udfff", reward=float("nan"))
    with ArchiveWriter(path) as writer:
        writer.write_step(step_of(1, odd))
    with ArchiveReader(path) as reader:
        (stored,) = reader.iter_rollouts()
    assert (stored.rollout.text, stored.rollout.source) == (odd.text, odd.source)
    assert math.isnan(stored.rollout.reward)


def test_what_a_resume_drops_is_gone_from_rows_and_search(path: Path, make_step: MakeStep) -> None:
    with ArchiveWriter(path) as writer:
        for step in (1, 2, 3):
            writer.write_step(make_step(step))
        assert writer.drop_from(2) == 2
        with ArchiveReader(path) as reader:
            assert reader.steps() == [1]
            assert {each.step for each in reader.iter_rollouts(RolloutFilter(text="input"))} == {1}
        assert writer.drop_from(2) == 0
        writer.write_step(make_step(2))
    assert index_is_sound(path)
    with ArchiveReader(path) as reader:
        assert len(reader.find(RolloutFilter(text="int(input()", first_step=2))) == 12


def index_is_sound(path: Path) -> bool:
    """Let SQLite check that the index holds exactly the answers of the table."""
    db = sqlite3.connect(path)
    try:
        db.execute("INSERT INTO search(search) VALUES('integrity-check')")
        indexed = [row[0] for row in db.execute("SELECT id FROM search_docsize ORDER BY id")]
        stale = db.execute(
            "SELECT count(*) FROM search WHERE search MATCH 'inp' AND rowid NOT IN (SELECT id FROM rollouts)"
        ).fetchone()[0]
        return indexed == [row[0] for row in db.execute("SELECT id FROM rollouts ORDER BY id")] and stale == 0
    finally:
        db.close()


def test_writing_a_step_again_replaces_it(path: Path, make_step: MakeStep) -> None:
    with ArchiveWriter(path) as writer:
        writer.write_step(make_step(1))
        writer.write_step(step_of(1, rollout("only this")))
    with ArchiveReader(path) as reader:
        assert [each.rollout.text for each in reader.iter_rollouts()] == ["only this"]


def test_a_step_that_cannot_be_written_leaves_no_trace(path: Path, make_step: MakeStep) -> None:
    broken = step_of(2, rollout("fine"), rollout("not", index=None))
    with ArchiveWriter(path) as writer:
        writer.write_step(make_step(1))
        with pytest.raises(RunError, match="NOT NULL"):
            writer.write_step(broken)
        writer.write_step(make_step(3))
    with ArchiveReader(path) as reader:
        assert reader.steps() == [1, 3]


def test_statements_and_test_sets_that_recur_are_kept_once(path: Path, make_step: MakeStep) -> None:
    with ArchiveWriter(path) as writer:
        for step in range(1, 6):
            writer.write_step(make_step(step, tasks=1))
    db = sqlite3.connect(path)
    assert db.execute("SELECT count(*) FROM blobs").fetchone() == (2 + 5,)
    db.close()


def test_retention_drops_the_oldest_steps_and_says_so(path: Path, make_step: MakeStep) -> None:
    with ArchiveWriter(path) as writer:
        assert str(writer.prune(keep_steps=3, max_mb=1)) == "nothing dropped"
        for step in range(1, 9):
            writer.write_step(make_step(step, words=8000))
        pruned = writer.prune(keep_steps=3)
        assert (pruned.steps, pruned.rollouts, pruned.first, pruned.last) == (5, 60, 1, 5)
        assert "dropped 60 rollouts of 5 steps (1 to 5)" in str(pruned)
        assert pruned.megabytes > 0
        with ArchiveReader(path) as reader:
            assert reader.steps() == [6, 7, 8]
            assert reader.read_task(8, "task-1") is not None
    assert index_is_sound(path)


def test_retention_by_size_makes_the_file_smaller_but_keeps_the_newest_step(path: Path, make_step: MakeStep) -> None:
    with ArchiveWriter(path) as writer:
        for step in range(1, 9):
            writer.write_step(make_step(step, words=8000))
    half = path.stat().st_size / 2e6
    with ArchiveWriter(path) as writer:
        assert writer.prune(max_mb=half).steps >= 2
        assert path.stat().st_size <= half * 1e6
        assert writer.prune(max_mb=0).last == 7
        with ArchiveReader(path) as reader:
            assert reader.steps() == [8]


def test_an_archive_of_another_version_is_refused(path: Path) -> None:
    ArchiveWriter(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=3")
    db.close()
    for opener in (ArchiveWriter, ArchiveReader):
        with pytest.raises(RunError, match="version 3") as caught:
            opener(path)
        assert caught.value.remedy


def test_an_archive_of_the_first_version_is_read_as_it_is_and_written_on(path: Path, make_step: MakeStep) -> None:
    with ArchiveWriter(path) as writer:
        writer.write_step(make_step(1))
    with closing(sqlite3.connect(path)) as db:
        db.executescript("ALTER TABLE tasks DROP COLUMN weight; PRAGMA user_version=1")
    with ArchiveReader(path) as reader, ArchiveWriter(path) as writer:
        step = make_step(2)
        writer.write_step(replace(step, tasks=tuple(replace(task, weight=1.5) for task in step.tasks)))
        assert [weight_of(reader, step) for step in (1, 2)] == [None, None]  # opened before the archive knew weights
    with ArchiveReader(path) as reader:
        assert [weight_of(reader, step) for step in (1, 2)] == [None, 1.5]
        assert reader.steps() == [1, 2]


def weight_of(reader: ArchiveReader, step: int) -> float | None:
    read = reader.read_task(step, "task-0")
    assert read is not None
    return read.weight


def test_a_file_that_is_no_archive_is_one_error(path: Path) -> None:
    path.write_bytes(b"this is not a database, it only lies where one should be" * 100)
    for opener in (ArchiveWriter, ArchiveReader):
        with pytest.raises(RunError, match="is corrupt"):
            opener(path)


def test_a_run_without_rollouts_says_so(path: Path) -> None:
    with pytest.raises(RunError, match="no rollouts yet"):
        ArchiveReader(path)
    path.touch()
    with pytest.raises(RunError, match="no rollouts yet"):
        ArchiveReader(path)


def test_a_full_disk_is_one_error_and_keeps_the_steps_before(
    small_disk: Path, make_step: MakeStep, fill_disk: Callable[[Path], None]
) -> None:
    path = small_disk / "rollouts.sqlite"
    writer = ArchiveWriter(path)
    writer.write_step(make_step(1))
    fill_disk(small_disk)

    def go_on() -> None:
        for step in range(2, 50):
            writer.write_step(make_step(step))

    with pytest.raises(RunError, match="is full") as caught:
        go_on()
    assert "cure-tui resume" in caught.value.remedy
    writer.close()
    (small_disk / "filler").unlink()
    with ArchiveReader(path) as reader:
        steps = reader.steps()
    assert steps == list(range(1, len(steps) + 1))
    with ArchiveWriter(path) as writer:
        writer.write_step(make_step(len(steps) + 1))


def test_a_read_only_disk_can_be_read_and_refuses_a_writer(
    small_disk: Path, make_step: MakeStep, make_read_only: Callable[[], None]
) -> None:
    path = small_disk / "rollouts.sqlite"
    with ArchiveWriter(path) as writer:
        writer.write_step(make_step(1))
    make_read_only()
    with ArchiveReader(path) as reader:
        assert len(reader.find(RolloutFilter(text="input"))) == 12
    with pytest.raises(RunError, match=r"cannot be (written|used)"), ArchiveWriter(path) as writer:
        writer.write_step(make_step(2))


WRITE_FOR_EVER = """
import sys
from pathlib import Path
from engine.runs.archive import ArchiveWriter
from engine.runs.journal import JournalWriter
from engine.runs.records import RolloutRecord, StepRecord, TaskRecord
run = Path(sys.argv[1])
rollouts = tuple(RolloutRecord("coder", k, 0.0, 0.0, 9, True, "ok", f"print({k})" * 50) for k in range(50))
with JournalWriter(run / "events.jsonl") as journal, ArchiveWriter(run / "rollouts.sqlite") as archive:
    journal.run_started(preset="nano", steps=10**6, seed=0)
    for step in range(1, 10**6):
        archive.write_step(StepRecord(step, (TaskRecord("task", "statement", rollouts),)))
        journal.step_finished(step, {})
        print(step, flush=True)
"""


@pytest.mark.parametrize("last", [1, 3, 8])
def test_after_a_kill_every_step_of_the_journal_is_whole_in_the_archive(
    tmp_path: Path, last: int, start_python: Callable[..., subprocess.Popen[str]]
) -> None:
    engine = start_python(WRITE_FOR_EVER, tmp_path)
    assert engine.stdout is not None
    while int(engine.stdout.readline()) != last:
        pass
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    journal = (tmp_path / "events.jsonl").read_bytes()
    with ArchiveReader(tmp_path / "rollouts.sqlite") as reader:
        steps = reader.steps()
        assert steps == list(range(1, len(steps) + 1))
        assert journal.count(b"step_finished") <= len(steps)
        assert journal.count(b"step_finished") >= last
        assert len(reader.find()) == 50 * len(steps)


def test_a_copy_of_a_live_archive_taken_with_its_log_is_readable(
    path: Path, make_step: MakeStep, tmp_path: Path
) -> None:
    writer = ArchiveWriter(path)
    writer.write_step(make_step(1))
    copy = tmp_path / "copy"
    copy.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", copy)
    writer.close()
    with ArchiveReader(copy / path.name) as reader:
        assert reader.steps() == [1]


def test_every_status_of_the_sandbox_has_a_code() -> None:
    assert STATUSES[: len(Status)] == tuple(Status)


def test_a_grid_of_outcomes_keeps_what_happened_in_each_cell() -> None:
    class Cell:
        def __init__(self, status: str, stdout: str, cpu_seconds: float) -> None:
            self.status, self.stdout, self.cpu_seconds = status, stdout, cpu_seconds

    rows = [
        [Cell(Status.OK, "1\n", 0.0124), None],
        [Cell("time_limit", "x" * 5000, 1.0), Cell("ok", "", 0.0)],
    ]
    grid = CellGrid.of_outcomes(np.array([[True, False], [False, True]]), rows)
    assert grid.known is not None
    assert grid.known.tolist() == [[True, False], [True, True]]
    assert grid.status is not None
    assert grid.status.tolist() == [[0, NOT_RUN], [2, 0]]
    assert grid.milliseconds is not None
    assert grid.milliseconds.tolist() == [[12, 0], [1000, 0]]
    assert grid.outputs is not None
    assert grid.outputs[0] == ("1\n", "")
    assert len(grid.outputs[1][0]) == MAX_OUTPUT_CHARS


def test_records_of_unequal_shapes_are_refused() -> None:
    square = CellGrid(np.eye(2, dtype=np.bool_))
    with pytest.raises(ValueError, match="known has shape"):
        replace(square, known=np.zeros((2, 3), dtype=np.bool_))
    with pytest.raises(ValueError, match="not 2 rows of 2"):
        replace(square, outputs=(("a",), ("b",)))
    with pytest.raises(ValueError, match="a matrix of 2 programs"):
        MatrixRecord(square, CellGrid(np.eye(3, dtype=np.bool_)))
