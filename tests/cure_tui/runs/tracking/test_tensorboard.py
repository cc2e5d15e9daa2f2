"""Runs sent to TensorBoard, read back by its own reader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cure_tui.runs.tracking.content import safe
from cure_tui.runs.tracking.place import PlaceFile
from engine.errors import RunError
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalWriter
from engine.runs.listing import RunCondition
from tests.cure_tui.recorded import record_run

pytest.importorskip("tensorboard")

from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator

from cure_tui.runs.tracking.follow import Follower
from cure_tui.runs.tracking.tensorboard import open_tracker

CODE, HELDOUT = "accuracy/code_accuracy", "evaluation/heldout/code_accuracy"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.setenv("CURE_TUI_HOME", str(tmp_path / "home"))
    return RunFolder.create(tmp_path / "a-run", '[run]\nsteps = 5\nname = "\\u001b[2J|x"\n')


def send(folder: RunFolder, target: Path, *, note: Callable[[PlaceFile], None] = lambda places: None) -> RunCondition:
    """Send what is there in the manner of one process; `note` may change how it notes its place."""
    tracker = open_tracker(str(target), "")
    with PlaceFile("tensorboard", str(target), folder.path) as places:
        note(places)
        try:
            return Follower(folder, tracker, places, tables_every=1).send_new()
        finally:
            tracker.close(None)


def read(target: Path) -> EventAccumulator:
    accumulator = EventAccumulator(str(target / "a-run"), size_guidance={TENSORS: 0})
    accumulator.Reload()
    return accumulator


def scalars(target: Path, tag: str) -> list[tuple[int, float]]:
    return [(each.step, round(each.value, 4)) for each in read(target).Scalars(tag)]


def test_steps_evaluations_settings_and_samples_arrive_and_the_folder_stays(folder: RunFolder, tmp_path: Path) -> None:
    record_run(folder)
    before = {
        path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file() and path.stat().st_size < 1e6
    }
    assert send(folder, tmp_path / "tb") is RunCondition.FINISHED
    assert scalars(tmp_path / "tb", CODE) == [(step, step / 10) for step in range(1, 6)]
    assert scalars(tmp_path / "tb", HELDOUT) == [(0, 0.4), (5, 0.7)]
    found = read(tmp_path / "tb")
    assert "memory/peak_memory_mb" not in found.Tags()["scalars"]  # null in every step
    texts = {tag: found.Tensors(tag)[-1] for tag in ("configuration", "rollouts", "pass_matrix")}
    assert [each.step for each in found.Tensors("rollouts")] == [1, 2, 3, 4, 5]
    configuration = texts["configuration"].tensor_proto.string_val[0].decode()
    assert "| run.steps | 5 |" in configuration
    assert "| run.name | ·[2J\\|x |" in configuration
    assert before == {path: path.read_bytes() for path in before}


def test_a_second_process_goes_on_where_the_first_stopped(folder: RunFolder, tmp_path: Path) -> None:
    record_run(folder, 3, planned=5, finish=False)
    send(folder, tmp_path / "tb")
    with JournalWriter(folder.journal) as journal:
        journal.step_finished(4, {"code_accuracy": 0.9})
    send(folder, tmp_path / "tb")
    send(folder, tmp_path / "tb")
    assert scalars(tmp_path / "tb", CODE) == [(1, 0.1), (2, 0.2), (3, 0.3), (4, 0.9)]
    assert scalars(tmp_path / "tb", HELDOUT) == [(0, 0.4)]


def test_a_kill_before_the_place_is_noted_leaves_nothing_twice(folder: RunFolder, tmp_path: Path) -> None:
    def killed(places: PlaceFile) -> None:
        def note(place: object) -> None:
            raise KeyboardInterrupt

        places.note = note  # type: ignore[method-assign, assignment]

    record_run(folder)
    with pytest.raises(KeyboardInterrupt):
        send(folder, tmp_path / "tb", note=killed)
    send(folder, tmp_path / "tb")
    assert scalars(tmp_path / "tb", CODE) == [(step, step / 10) for step in range(1, 6)]
    assert [each.step for each in read(tmp_path / "tb").Tensors("configuration")] == [0]


@pytest.mark.parametrize("same_process", [True, False])
def test_steps_run_again_replace_the_earlier_ones(folder: RunFolder, tmp_path: Path, same_process: bool) -> None:
    record_run(folder)
    tracker = open_tracker(str(tmp_path / "tb"), "")
    with PlaceFile("tensorboard", str(tmp_path / "tb"), folder.path) as places:
        follower = Follower(folder, tracker, places, tables_every=0)
        follower.send_new()
        with JournalWriter(folder.journal) as journal:
            journal.resumed(from_step=4, steps=6)
            journal.step_finished(4, {"code_accuracy": 0.95})
        if same_process:
            follower.send_new()
        tracker.close(None)
    if not same_process:
        send(folder, tmp_path / "tb")
    assert scalars(tmp_path / "tb", CODE) == [(1, 0.1), (2, 0.2), (3, 0.3), (4, 0.95)]
    assert scalars(tmp_path / "tb", HELDOUT) == [(0, 0.4)]


def test_a_removed_target_is_filled_anew(folder: RunFolder, tmp_path: Path) -> None:
    record_run(folder)
    send(folder, tmp_path / "tb")
    (tmp_path / "tb").rename(tmp_path / "gone")
    send(folder, tmp_path / "tb")
    assert len(scalars(tmp_path / "tb", CODE)) == 5


def test_a_target_takes_a_run_from_one_process_at_a_time(folder: RunFolder, tmp_path: Path) -> None:
    record_run(folder)
    with PlaceFile("tensorboard", str(tmp_path / "tb"), folder.path), pytest.raises(RunError, match="another process"):
        send(folder, tmp_path / "tb")


def test_foreign_text_is_printable_and_bounded() -> None:
    assert safe("a\x1b]0;b\nc") == "a·]0;b\nc"
    assert len(safe("x" * 10_000)) == 2_001
