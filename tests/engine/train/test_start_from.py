"""Runs that start from the adapter of another: what is checked, what is copied, what they measure and remember."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from cure_tui.launch.prepare import PreparedRun, prepare_run
from engine.errors import CureError
from engine.machine.toml_text import dump_toml
from engine.presets import load_config, load_preset
from engine.runs.checkpoints import CheckpointStore
from engine.runs.folder import RunFolder
from engine.runs.lineage import ancestors, split_step
from engine.runs.listing import read_info, read_state
from engine.solve.writers.spec import parse_spec
from engine.train.export import main as export
from tests.engine.train.test_guards import notices
from tests.engine.train.test_training_run import SMALL, engine, make_run, run_to_end, summaries


@pytest.mark.parametrize(
    ("text", "name", "step"),
    [
        ("mine", "mine", ""),
        ("mine@12", "mine", "12"),
        ("mine@best", "mine", "best"),
        ("a@b@last", "a@b", "last"),
        ("a@b", "a@b", ""),
        ("@3", "@3", ""),
    ],
)
def test_a_run_is_named_with_its_step(text: str, name: str, step: str) -> None:
    assert split_step(text) == (name, step)
    spec = parse_spec(f"run:{text}")
    assert (spec.name, spec.step, str(spec)) == (name, step, f"run:{text}")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CURE_TUI_HOME", str(tmp_path))
    return tmp_path / "runs"


def saved_run(path: Path, *steps: int) -> CheckpointStore:
    store = CheckpointStore(RunFolder.create(path, dump_toml(load_preset("nano"))).checkpoints, keep=9)
    for step in steps:
        store.save(step, partial(_write, str(step)))
    return store


def _write(text: str, folder: Path) -> None:
    (folder / "weights").write_text(text)


def start(home: Path, *settings: str) -> PreparedRun:
    return prepare_run("nano", settings, home / "new")


@pytest.mark.parametrize(
    ("settings", "fault", "remedy"),
    [
        (["start=nobody"], "there is no run 'nobody'", "list the runs"),
        (["start=base@7"], "no checkpoint of step 7", "steps 0, 1, 2"),
        (["start=base", "policy.lora_rank=8"], "has rank 32 and alpha 64, and", "--set policy.lora_rank=32 --set"),
        (["start=base", "policy.lora_alpha=8"], "and this run would have 32 and 8", "--set policy.lora_alpha=64"),
        (["start=fresh"], "has no trained checkpoint: step 0 is the model before", "--from fresh@0 takes step 0"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused_before_anything_is_made(
    home: Path, settings: list[str], fault: str, remedy: str
) -> None:
    saved_run(home / "base", 0, 1, 2)
    saved_run(home / "fresh", 0)
    with pytest.raises(CureError, match=fault) as caught:
        start(home, *settings)
    assert remedy in caught.value.remedy
    assert not (home / "new").exists()


def test_the_adapter_of_another_model_is_refused(home: Path, tmp_path: Path) -> None:
    from engine.machine.resources import asset_path

    saved_run(home / "base", 0, 1)
    other = shutil.copytree(asset_path("nano"), tmp_path / "other", ignore=shutil.ignore_patterns("tasks"))
    with pytest.raises(CureError, match=r"run base has trained asset:nano, and this run would train .*other") as caught:
        start(home, "start=base", f"model.source={other}")
    assert caught.value.remedy.startswith("add --set model.source=asset:nano")


def test_the_chosen_checkpoint_is_copied_and_named_in_the_settings(home: Path) -> None:
    saved_run(home / "base", 0, 1, 2).mark_best(1)
    prepared = start(home, "start=run:ba")  # an id may be cut short, and a solve writes it so
    assert load_config(prepared.folder.config).start == prepared.config.start == "base@1"
    shutil.rmtree(home / "base")
    copied = CheckpointStore(prepared.folder.path / "start").latest()
    assert copied is not None
    assert (copied.step, (copied.path / "weights").read_text()) == (1, "1")
    assert ancestors(prepared.folder.path) == ["base@1"]


def test_lineage_ends_with_what_is_there_and_never_turns_round(home: Path) -> None:
    for name, origin in (("a", "b@1"), ("b", "a@2"), ("c", "gone@3")):
        RunFolder.create(home / name, dump_toml(load_preset("nano", [f"start={origin}"])))
    assert ancestors(home / "a") == ["b@1", "a@2"]
    assert ancestors(home / "c") == ["gone@3"]


def _wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.slow
def test_a_run_starts_from_an_adapter_measures_it_and_keeps_it_through_a_kill(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = make_run(home / "base", "run.steps=2", "policy.learning_rate=0.05")
    assert run_to_end(base) == (0, "")
    measured = summaries(base)["heldout", "end"]
    assert measured != summaries(base)["heldout", "start"]

    folder = start(home, *SMALL, "run.steps=1", "start=base@2").folder
    process = engine(folder)
    _wait_until(lambda: folder.journal.exists() and read_state(folder.journal).phase is not None)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    shutil.rmtree(base.path)
    assert run_to_end(folder) == (0, "")
    assert summaries(folder)["heldout", "start"] == measured
    (told,) = {text for text in notices(folder) if "fresh" in text}
    assert told.startswith("starting from the adapter of base@2, with a fresh optimiser; the KL is measured to")
    assert read_info(folder.path).start == "base@2"
    assert not (folder.path / "start").exists()
    assert export(["--run-dir", str(folder.path), "--adapter", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().err.splitlines()[-1] == "policy after step 1 of run new, which started from base@2"
