"""Checkpoints: after any kill at any moment, the newest complete one is found and the run continues."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import RunError
from engine.runs.checkpoints import MANIFEST, CheckpointStore, exported_checkpoint, resumed_checkpoint
from engine.runs.journal import JournalWriter
from engine.runs.state import RunState


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "checkpoints"


def files_of(text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "adapter").mkdir()
        (folder / "adapter" / "weights.bin").write_text(text * 1000)
        (folder / "counters.json").write_text(text)

    return write


def content(checkpoint_path: Path) -> str:
    text = (checkpoint_path / "counters.json").read_text()
    assert (checkpoint_path / "adapter" / "weights.bin").read_text() == text * 1000
    return text


def names(path: Path) -> list[str]:
    return sorted(each.name for each in path.iterdir())


def test_the_latest_is_what_was_saved_last(path: Path) -> None:
    store = CheckpointStore(path)
    assert store.latest() is None
    store.save(1, files_of("one"))
    saved = store.save(2, files_of("two"))
    assert saved.path.name == "step-000002"
    assert store.latest() == saved
    assert content(saved.path) == "two"


def test_retention_keeps_the_newest_and_the_best(path: Path) -> None:
    store = CheckpointStore(path, keep=2)
    for step in range(1, 6):
        store.save(step, files_of(str(step)))
        if step == 2:
            store.mark_best(2)
    assert names(path) == ["best", "step-000002", "step-000004", "step-000005"]
    best = store.best()
    assert best is not None
    assert best.step == 2
    store.mark_best(5)
    store.save(6, files_of("6"))
    assert store.steps() == [5, 6]
    with pytest.raises(ValueError, match="no checkpoint of step 3"):
        store.mark_best(3)
    with pytest.raises(ValueError, match="keep=0"):
        CheckpointStore(path, keep=0)


def test_saving_a_step_again_replaces_it(path: Path) -> None:
    store = CheckpointStore(path)
    store.save(3, files_of("old"))
    assert content(store.save(3, files_of("new")).path) == "new"
    assert names(path) == ["step-000003"]


def damage_content(checkpoint: Path) -> None:
    weights = checkpoint / "adapter" / "weights.bin"
    weights.write_text("X" + weights.read_text()[1:])


def damage_size(checkpoint: Path) -> None:
    with open(checkpoint / "adapter" / "weights.bin", "r+b") as file:
        file.truncate(10)


def damage_missing(checkpoint: Path) -> None:
    (checkpoint / "counters.json").unlink()


def damage_manifest(checkpoint: Path) -> None:
    (checkpoint / MANIFEST).write_text((checkpoint / MANIFEST).read_text()[:30])


def damage_no_manifest(checkpoint: Path) -> None:
    (checkpoint / MANIFEST).unlink()


def damage_odd_manifest(checkpoint: Path) -> None:
    (checkpoint / MANIFEST).write_text('{"version": 1, "step": "2", "files": []}')


@pytest.mark.parametrize(
    "damage",
    [damage_content, damage_size, damage_missing, damage_manifest, damage_no_manifest, damage_odd_manifest],
)
def test_a_damaged_checkpoint_is_passed_over_and_named(path: Path, damage: Callable[[Path], None]) -> None:
    store = CheckpointStore(path)
    store.save(1, files_of("one"))
    damage(store.save(2, files_of("two")).path)
    damaged: list[str] = []
    latest = store.latest(lambda place: damaged.append(place.name))
    assert latest is not None
    assert latest.step == 1
    assert damaged == ["step-000002"]


def test_starting_over_is_not_held_back_by_damaged_checkpoints_of_later_steps(path: Path) -> None:
    store = CheckpointStore(path, keep=2)
    for step in (4, 5):
        damage_content(store.save(step, files_of("x")).path)
    assert store.latest() is None
    store.save(1, files_of("again"))
    assert store.steps() == [1]


def test_a_writer_that_raises_changes_nothing(path: Path) -> None:
    store = CheckpointStore(path)
    store.save(1, files_of("one"))

    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.save(2, fail)
    assert names(path) == ["step-000001"]


@pytest.mark.parametrize("replacing", [False, True])
def test_killed_before_any_change_to_the_disk_a_save_leaves_a_whole_latest(
    tmp_path: Path, killed_at_call: Callable[[Callable[[], object], int], bool], replacing: bool
) -> None:
    """Kill `save` before each of its calls of mkdir, rename, unlink, rmdir and fsync in turn."""
    new_step = 3 if replacing else 4
    before = tmp_path / "before"
    for step in (1, 2, 3):
        CheckpointStore(before, keep=2).save(step, files_of(f"old {step}"))
    k, kills = 1, 0
    while True:
        store = CheckpointStore(shutil.copytree(before, tmp_path / str(k) / "checkpoints"), keep=2)
        if not killed_at_call(lambda store=store: store.save(new_step, files_of("new")), k):  # type: ignore[misc]
            break
        kills += 1
        store.recover()
        latest = store.latest()
        assert latest is not None
        assert (latest.step, content(latest.path)) in {(3, "old 3"), (new_step, "new")}
        assert all(name.startswith("step-") for name in names(tmp_path / str(k) / "checkpoints"))
        k += 1
    assert kills >= 12


SAVE_FOR_EVER = """
import sys
from pathlib import Path
from engine.runs.checkpoints import CheckpointStore
def files(step):
    def write(folder):
        (folder / "adapter").mkdir()
        (folder / "adapter" / "weights.bin").write_text(f"step {step}" * 1000)
        (folder / "counters.json").write_text(f"step {step}")
    return write
store = CheckpointStore(Path(sys.argv[1]))
store.recover()
latest = store.latest()
for step in range(latest.step + 1 if latest else 1, 10**6):
    store.save(step, files(step))
    print(step, flush=True)
"""


def test_killed_at_arbitrary_moments_an_engine_never_loses_a_saved_step(
    path: Path, start_python: Callable[..., subprocess.Popen[str]]
) -> None:
    reached = 0
    for delay in (0.0, 0.0013, 0.0037, 0.0071):
        engine = start_python(SAVE_FOR_EVER, path)
        assert engine.stdout is not None
        saved = [int(engine.stdout.readline()) for _ in range(2)]
        assert saved[0] == reached + 1
        time.sleep(delay)  # the moment of the kill is what is varied here
        engine.send_signal(signal.SIGKILL)
        saved += [int(line) for line in engine.stdout.read().split()]
        engine.wait()
        store = CheckpointStore(path)
        store.recover()
        latest = store.latest()
        assert latest is not None
        assert latest.step in (saved[-1], saved[-1] + 1)
        assert content(latest.path) == f"step {latest.step}"
        reached = latest.step


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_full_disk_is_one_error_and_keeps_the_checkpoint_before(small_disk: Path, wrapped: bool) -> None:
    """`wrapped`: torch.save turns the system's error into a RuntimeError."""
    store = CheckpointStore(small_disk / "checkpoints")
    store.save(1, files_of("one"))

    def write(folder: Path) -> None:
        try:
            (folder / "weights.bin").write_bytes(b"x" * 2_000_000)
        except OSError as error:
            if wrapped:
                raise RuntimeError("unexpected pos 64 vs 0") from error
            raise

    with pytest.raises(RunError, match="is full") as caught:
        store.save(2, write)
    assert "cure-tui resume" in caught.value.remedy
    latest = store.latest()
    assert latest is not None
    assert latest.step == 1
    assert names(small_disk / "checkpoints") == ["step-000001"]


def spoil(path: Path, *steps: int) -> None:
    for step in steps:
        (path / f"step-{step:06d}" / "counters.json").write_text("noise")


def test_a_run_goes_on_from_the_checkpoint_before_a_corrupt_one_and_says_so(path: Path) -> None:
    store = CheckpointStore(path)
    said: list[str] = []
    assert resumed_checkpoint(path, RunState(), said.append) is None
    for step in (0, 1, 2):
        store.save(step, files_of(str(step)))
    assert resumed_checkpoint(path, RunState(step=2), said.append) == store.latest()
    assert said == []
    spoil(path, 2)
    chosen = resumed_checkpoint(path, RunState(step=2), said.append)
    assert chosen is not None
    assert chosen.step == 1
    assert said == ["step-000002 is corrupt; using step-000001, the newest whole checkpoint"]


def test_a_run_that_has_only_step_0_goes_on_from_there(path: Path) -> None:
    CheckpointStore(path).save(0, files_of("zero"))
    chosen = resumed_checkpoint(path, RunState(), pytest.fail)
    assert chosen is not None
    assert chosen.step == 0


@pytest.mark.parametrize("spoilt", [(1, 2), (0, 1, 2)])
def test_a_run_never_goes_back_to_step_0_because_the_others_are_corrupt(path: Path, spoilt: tuple[int, ...]) -> None:
    store = CheckpointStore(path, keep=3)
    for step in (0, 1, 2):
        store.save(step, files_of(str(step)))
    spoil(path, *spoilt)
    with pytest.raises(RunError, match=r"step-000002, step-000001.* corrupt .*cure-tui --preset"):
        resumed_checkpoint(path, RunState(step=2), pytest.fail)


@pytest.mark.parametrize(
    ("kept", "recorded"),
    [
        ((), RunState(step=2)),
        ((), RunState(step=2, checkpoint_step=0)),
        ((0,), RunState(step=3, checkpoint_step=2)),
    ],
)
def test_a_run_whose_trained_checkpoints_are_gone_never_starts_over(
    path: Path, kept: tuple[int, ...], recorded: RunState
) -> None:
    for step in kept:
        CheckpointStore(path).save(step, files_of(str(step)))
    with pytest.raises(RunError, match=r"no trained checkpoint .* (is|are) missing .*cure-tui --preset"):
        resumed_checkpoint(path, recorded, pytest.fail)


@pytest.mark.parametrize(
    ("recorded", "words"),
    [
        (RunState(step=3, checkpoint_step=3), "step-000003 is missing; using step-000002, the newest whole checkpoint"),
        (RunState(), "the journal ends at step 0; using step-000002, the newest whole checkpoint"),
        (RunState(step=1), "the journal ends at step 1; using step-000002, the newest whole checkpoint"),
    ],
)
def test_a_checkpoint_and_a_journal_that_do_not_fit_together_are_said(
    path: Path, recorded: RunState, words: str
) -> None:
    store = CheckpointStore(path)
    for step in (1, 2):
        store.save(step, files_of(str(step)))
    said: list[str] = []
    assert resumed_checkpoint(path, recorded, said.append) == store.latest()
    assert said == [words]


def test_steps_that_no_checkpoint_holds_are_said_before_they_are_trained_again(path: Path) -> None:
    CheckpointStore(path).save(0, files_of("zero"))
    said: list[str] = []
    chosen = resumed_checkpoint(path, RunState(step=3, checkpoint_step=0), said.append)
    assert chosen is not None
    assert chosen.step == 0
    assert said == ["no trained checkpoint was saved before step 3 ended: training starts again from step 1"]


def test_a_whole_checkpoint_of_a_later_step_is_never_dropped(path: Path) -> None:
    store = CheckpointStore(path, keep=1)
    for step in (4, 5):
        store.save(step, files_of(str(step)))
    store.save(1, files_of("again"))
    assert store.steps() == [1, 5]


@pytest.mark.parametrize(
    ("trained", "words"), [(0, "continue it: cure-tui resume"), (1, "train it again: cure-tui --")]
)
def test_without_checkpoints_an_export_names_the_command_that_helps(path: Path, trained: int, words: str) -> None:
    path.mkdir(parents=True)
    with JournalWriter(path.parent / "events.jsonl") as journal:
        journal.run_started(preset="nano", steps=3, seed=0)
        for step in range(trained):
            journal.step_finished(step + 1, {})
    with pytest.raises(RunError, match=words):
        exported_checkpoint(path, pytest.fail)


def test_what_a_checkpoint_holds_elsewhere_is_let_go_before_it_is_removed(path: Path) -> None:
    let_go: list[tuple[str, str]] = []
    store = CheckpointStore(path, keep=2, on_drop=lambda folder: let_go.append((folder.name, content(folder))))
    for step in (1, 2, 3):
        store.save(step, files_of(str(step)))
    store.save(3, files_of("again"))
    assert let_go == [("step-000001", "1"), (".old-000003", "3")]
