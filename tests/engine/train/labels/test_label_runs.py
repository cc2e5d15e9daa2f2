"""Whole runs without hidden labels: tests are written once, drift ends a run, the best by anchors is kept."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.config import RunConfig
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.archive import ArchiveWriter
from engine.runs.checkpoints import CheckpointStore
from engine.runs.events import EventKind
from engine.runs.files import LABEL_ANSWERS_FILE, LABELS_FILE
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalWriter, read_journal
from engine.runs.listing import read_info, read_state
from engine.runs.state import RunStatus
from engine.train import label_watch as watch
from engine.train.assembly import assemble
from engine.train.run import Trainer
from engine.train.samplers import Surroundings
from tests.engine.train.test_training_run import SMALL, engine, make_run, metrics_by_step, run_to_end, wait_until

LABELLED = ("run.steps=2", "evaluation.every_steps=0")


def notices(folder: RunFolder) -> list[str]:
    return [event.data["text"] for event in read_journal(folder.journal) if event.kind == EventKind.NOTICE]


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_tests_of_a_tester_are_written_once_however_often_the_run_is_killed(tmp_path: Path) -> None:
    teacher = tmp_path / "teacher.toml"
    teacher.write_text('extends = "nano"\n')
    labels = f"reward.labels=tester:preset:{teacher}"
    unbroken, killed = (make_run(tmp_path / name, *LABELLED, labels) for name in ("unbroken", "killed"))
    assert run_to_end(unbroken) == (0, "")
    (said,) = [text for text in notices(unbroken) if text.startswith("tester:")]
    assert "references of" in said
    assert "confirm" in said
    process = engine(killed)
    answers = killed.path / LABEL_ANSWERS_FILE
    wait_until(lambda: answers.exists() and answers.read_bytes().count(b"\n") > 40, process, seconds=600)
    process.kill()
    process.communicate()
    process = engine(killed)
    wait_until((killed.path / LABELS_FILE).exists, process, seconds=600)
    process.kill()
    process.communicate()
    teacher.unlink()  # nobody asks it again
    assert run_to_end(killed) == (0, "")
    assert (killed.path / LABELS_FILE).read_bytes() == (unbroken.path / LABELS_FILE).read_bytes()
    assert metrics_by_step(killed) == metrics_by_step(unbroken)
    assert not answers.exists()
    steps = metrics_by_step(unbroken)
    assert {"presumed_accuracy", "anchor_code_accuracy", "label_accuracy", "presumed_gap"} <= steps[1].keys()
    assert "code_accuracy" not in steps[1]
    assert read_state(unbroken.journal).labelling_seconds > 0
    assert read_info(unbroken.path).rewards == f"labels tester:preset:{teacher}, 10 anchors"


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_trained_run_can_be_the_tester(tmp_path: Path) -> None:
    teacher = make_run(tmp_path / "teacher", *LABELLED)
    assert run_to_end(teacher) == (0, "")
    folder = make_run(tmp_path / "run", *LABELLED, f"reward.labels=tester:run:{teacher.path}@2")
    assert run_to_end(folder) == (0, "")
    assert read_state(folder.journal).status is RunStatus.FINISHED
    tests = json.loads((folder.path / LABELS_FILE).read_text())
    assert tests["labels"] == f"tester:run:{teacher.path}@2"


def trained(config: RunConfig, path: Path) -> RunFolder:
    folder = RunFolder.create(path, dump_toml(config))
    with (
        ExitStack() as resources,
        JournalWriter(folder.journal) as journal,
        ArchiveWriter(folder.archive) as archive,
    ):
        parts = assemble(config, resources, Surroundings(folder.path, folder.log))
        rewards = {"labels": config.reward.labels, "anchors": config.reward.anchors, "supervision": "none"}
        journal.run_started(preset=config.name, steps=config.run.steps, seed=0, rewards=rewards)
        Trainer(config, parts, folder, journal, archive).run()
    return folder


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("anchors", [10, 0])
def test_labels_that_drift_end_a_run_and_the_best_checkpoint_by_anchors_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, anchors: int
) -> None:
    monkeypatch.setattr(watch, "MEASURED_STEPS", 1)
    # A learning rate that destroys the policy: its programs end up alike, or are none at all.
    config = load_preset("nano", [
        *SMALL, "reward.labels=consensus", f"reward.anchors={anchors}", "run.steps=30", "evaluation.every_steps=0",
        "policy.learning_rate=0.1", "policy.warmup_steps=3", "policy.kl_stop=0", "policy.max_grad_norm=100",
        "run.keep_checkpoints=1", "rollout.n_programs=6",
    ])  # fmt: skip
    folder = trained(config, tmp_path / "run")
    state = read_state(folder.journal)
    assert state.ending.startswith("labels drift: ")
    assert (state.summary or {})["ended_by"] == "label drift"
    assert state.step < 30
    assert any(text.endswith(": ending the run") for text in notices(folder))
    best = CheckpointStore(folder.checkpoints).best()
    if anchors:
        assert best is not None
        codes = {point.step: point.metrics["anchor_code_accuracy"] for point in state.points}
        assert state.best_step == best.step < state.step
        assert (codes[best.step] or 0.0) >= max(code or 0.0 for code in codes.values()) - 0.1
        assert f"using the policy of step {best.step}, the best by anchors" in notices(folder)
    else:
        assert best is None
        assert read_info(folder.path).rewards == "labels consensus, UNANCHORED"
