"""Tester of `reward.labels = "tester:WHO"`: refused in one line before anything loads, and pinned to what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import CureError
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.checkpoints import CheckpointStore
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalWriter
from engine.solve import label_tester
from engine.solve.label_tester import pinned_labels


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CURE_TUI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("nanno", "no preset 'nanno' (did you mean 'nano'?)"),
        ("run:none", "there is no run 'none' (list the runs with `cure-tui runs`"),
        ("./none", "there is no folder ./none (name the folder of a model"),
        ("x:y", "'x:y' names no writer (use a preset, run:NAME, model:FOLDER or openai:MODEL@URL)"),
        ("openai:gpt-4o", "OPENAI_API_KEY"),
    ],
)
def test_who_is_nobody_is_refused_in_one_line_with_a_remedy(who: str, said: str) -> None:
    with pytest.raises(CureError) as refused:
        pinned_labels(f"tester:{who}", pytest.fail)
    assert said in str(refused.value)
    assert "reward.labels" in str(refused.value)
    assert refused.value.remedy
    assert "\n" not in str(refused.value)


def test_a_server_with_short_prompts_cannot_vote(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.servers.settings import endpoints_file

    file = endpoints_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('[endpoint."http://localhost:1/v1"]\nprompts = "short"\n')
    with pytest.raises(CureError, match=r"answers single questions only.*tester:nano"):
        pinned_labels("tester:openai:nano@http://localhost:1/v1", pytest.fail)


def test_a_run_is_pinned_to_its_best_step_and_a_folder_to_its_absolute_path(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder.create(home / "runs" / "teacher", dump_toml(load_preset("nano")))
    with JournalWriter(run.journal) as journal:
        journal.run_started(preset="nano", steps=3, seed=0)
    with pytest.raises(CureError, match="has no checkpoint yet"):
        pinned_labels("tester:run:teacher", pytest.fail)
    store = CheckpointStore(run.checkpoints, keep=3)
    for step in (0, 2, 3):
        store.save(step, lambda folder: (folder / "weights").write_bytes(b"x"))
    store.mark_best(2)
    assert pinned_labels("tester:run:teach", pytest.fail) == "tester:run:teacher@2"
    assert pinned_labels("tester:run:teacher@3", pytest.fail) == "tester:run:teacher@3"
    assert pinned_labels("tester:nano", pytest.fail) == "tester:preset:nano"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    assert pinned_labels("tester:./model", pytest.fail) == f"tester:model:{tmp_path / 'model'}"
    for labels in ("hidden", "consensus"):
        assert pinned_labels(labels, pytest.fail) == labels
        assert label_tester.tester_of(labels) is None
