"""Archived answers of evaluations: what the figures were counted from, under the step of the policy."""

from __future__ import annotations

from pathlib import Path

from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.archive_reader import ArchiveReader
from engine.runs.folder import RunFolder
from engine.runs.records import RolloutRecord, TaskRecord
from engine.train.evaluation_archives import EvaluationArchives


def _records(reward: float) -> list[TaskRecord]:
    answer = RolloutRecord("coder", 0, reward, 0.0, 9, True, "ok", "print(1)" * 400, "print(1)")
    return [TaskRecord("t-1", "Print one.", (answer,))]


def test_validation_keeps_to_the_bounds_of_the_archive_and_held_out_answers_all_stay(tmp_path: Path) -> None:
    config = load_preset("nano", ["run.archive_steps=2"])
    folder = RunFolder.create(tmp_path / "run", dump_toml(config))
    told: list[str] = []
    archives = EvaluationArchives(folder, config.run, told.append)
    for step in range(4):
        archives.keep("validation", step, _records(0.0))
        archives.keep("heldout", step, _records(0.0))
    archives.keep("heldout", 3, _records(1.0))  # repeated after a kill
    assert _steps(folder, "validation") == [2, 3]
    assert _steps(folder, "heldout") == [0, 1, 2, 3]
    assert told[-1].startswith("answers of validation: dropped 1 rollouts of 1 steps (1 to 1)")
    with ArchiveReader(folder.evaluation_archive("heldout")) as reader:
        assert reader.right_answers()[3]["t-1"]["coder"] == (1, 1)
    archives.drop_from(3)  # a resume after the checkpoint of step 2
    assert (_steps(folder, "validation"), _steps(folder, "heldout")) == ([2], [0, 1, 2])


def _steps(folder: RunFolder, split: str) -> list[int]:
    with ArchiveReader(folder.evaluation_archive(split)) as reader:
        return reader.steps()
