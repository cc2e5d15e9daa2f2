"""Runs sent to each tracker and read back by its own library, from local files."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from cure_tui.runs.tracking.follow import Follower
from cure_tui.runs.tracking.place import PlaceFile
from cure_tui.runs.tracking.tracker import TRACKERS, load_tracker
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalWriter
from engine.runs.listing import RunCondition
from tests.cure_tui.recorded import STARTED, record_run
from tests.cure_tui.runs.tracking.readers import READERS, Held

CODE, HELDOUT = "accuracy/code_accuracy", "evaluation/heldout/code_accuracy"
SLOW = ("wandb", "mlflow")
Nothing = Callable[[PlaceFile], None]


def send(folder: RunFolder, name: str, target: Path, *, prepare: Nothing = lambda places: None) -> RunCondition:
    """Send what is there in the manner of one process; `prepare` may change how it notes its place."""
    tracker = load_tracker(name, str(target), folder.id)
    with PlaceFile(name, tracker.target, folder.path) as places:
        prepare(places)
        condition = None
        try:
            condition = Follower(folder, tracker, places, tables_every=2).send_new()
        finally:
            tracker.close(condition)
        return condition


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one folder for all tests: Trackio reads its place once a process, MLflow's database takes seconds."""
    return tmp_path_factory.mktemp("trackers")


@pytest.fixture(
    params=[name if name == "tensorboard" else pytest.param(name, marks=pytest.mark.slow) for name in TRACKERS]
)
def name(request: pytest.FixtureRequest, target: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = cast("str", request.param)
    monkeypatch.setenv("TRACKIO_DIR", str(target / "trackio"))  # read as the library is loaded, once
    for module in {"mlflow": ("mlflow", "sqlalchemy", "alembic")}.get(name, (name,)):
        pytest.importorskip(module, reason=f"the extra {name} is not installed: see `make test-trackers`")
    monkeypatch.setenv("WANDB_MODE", "offline")
    return name


def held(name: str, target: Path, folder: RunFolder) -> Held:
    return cast("Held", READERS[name](target / name, folder.id, folder.id))


def test_a_run_followed_by_several_processes_is_held_once_and_steps_run_again_replace_the_earlier_ones(
    name: str, target: Path, own_home: Path
) -> None:
    folder = RunFolder.create(own_home / f"steps-{name}", '[run]\nsteps = 5\nname = "\\u001b[2Jx"\n')
    there = held(name, target, folder)
    record_run(folder, 3, planned=5, finish=False)
    send(folder, name, target / name)
    assert there.numbers(CODE) == [(1, 0.1), (2, 0.2), (3, 0.3)]
    assert there.numbers(HELDOUT) == [(0, 0.4)]
    assert all(STARTED <= time < STARTED + 100 for time in there.times(CODE) + there.times(HELDOUT))
    assert "memory/peak_memory_mb" not in there.config()
    assert there.config()["run.steps"] == "5"
    assert there.config()["run.name"] == "·[2Jx"
    assert list(there.tables("rollouts")) == [2]
    assert "print(2 + 0)" in there.tables("rollouts")[2]
    assert "+" in there.tables("pass_matrix")[2]

    with JournalWriter(folder.journal) as journal:
        journal.step_finished(4, {"code_accuracy": 0.9, "kl": 0.25})
    send(folder, name, target / name)
    send(folder, name, target / name)
    assert there.numbers(CODE) == [(1, 0.1), (2, 0.2), (3, 0.3), (4, 0.9)]
    assert list(there.tables("rollouts")) == [2]

    with JournalWriter(folder.journal) as journal:
        journal.resumed(from_step=3, steps=6)
        journal.step_finished(3, {"code_accuracy": 0.95})
        journal.run_finished(3, {})
    assert send(folder, name, target / name) is RunCondition.FINISHED
    assert sorted(there.numbers(CODE)) == [(1, 0.1), (2, 0.2), (3, 0.95)]
    assert there.numbers(HELDOUT) == [(0, 0.4)]


def test_a_kill_before_the_place_is_noted_leaves_nothing_twice(name: str, target: Path, own_home: Path) -> None:
    if name == "wandb":
        pytest.skip("W&B's files cannot be asked what they hold: the README says so")

    def killed(places: PlaceFile) -> None:
        def note(place: object) -> None:
            raise KeyboardInterrupt

        places.note = note  # type: ignore[method-assign, assignment]

    folder = RunFolder.create(own_home / f"kill-{name}", "[run]\nsteps = 5\n")
    record_run(folder)
    with pytest.raises(KeyboardInterrupt):
        send(folder, name, target / name, prepare=killed)
    send(folder, name, target / name)
    there = held(name, target, folder)
    assert there.numbers(CODE) == [(step, step / 10) for step in range(1, 6)]
    assert there.numbers(HELDOUT) == [(0, 0.4), (5, 0.7)]
    assert sorted(there.tables("rollouts")) == [2, 4]


def test_every_tracker_is_an_extra_of_the_project(own_home: Path) -> None:
    import tomllib

    root = Path(importlib.import_module("cure_tui").__file__ or "").parents[1]
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(TRACKERS) <= extras.keys()
    assert set(TRACKERS) == READERS.keys() == {"tensorboard", "trackio", *SLOW}
