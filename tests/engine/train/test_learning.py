"""Runs that can learn nothing: said after the first evaluation, after dry steps, and at the end."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.config import RunConfig
from engine.evaluation.summary import EvalSummary
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.rollouts.rollout import RolloutReport
from engine.runs.checkpoints import CheckpointStore, exported_checkpoint
from engine.runs.folder import RunFolder
from engine.runs.listing import read_info
from engine.train.assembly import assemble
from engine.train.learning import DRY_STEPS, LearningWatch
from engine.train.samplers import Surroundings
from engine.train.step import CoevolutionStep
from tests.engine.train.test_guards import REPORT, SMALL, notices, train


def evaluated(n_tasks: int = 20, **means: float) -> EvalSummary:
    shares = {name: {"mean": mean} for name, mean in means.items()}
    return EvalSummary.from_json({"n_tasks": n_tasks, **shares}, strict=False)


def after_the_start(config: RunConfig, n_tasks: int = 20, **means: float) -> list[str]:
    said: list[str] = []
    LearningWatch(config, said.append).look_at_start(evaluated(n_tasks, **means))
    return said


@pytest.mark.parametrize(
    ("means", "fault", "remedies"),
    [
        ({"code": 0.0}, "no program is right", ["easier tasks", "rollout.temperature=0.7, now 1"]),
        ({"code": 0.1, "rejected_share": 0.9}, "90% of the coder's answers hold no program", ["easier tasks"]),
        ({"code": 0.1, "malformed_share": 0.6}, "60% of the tester's answers hold no test", ["easier tasks"]),
        ({"code": 0.0, "coder_length": 1000.0}, "no program is right", ["longer answers", "easier tasks"]),
        ({"code": 0.99}, "nearly every program is right", ["harder tasks"]),
    ],
)
def test_a_first_evaluation_without_hope_is_said_with_what_to_change(
    means: dict[str, float], fault: str, remedies: list[str]
) -> None:
    (said,) = after_the_start(load_preset("nano", ["rollout.max_new_tokens_coder=1024"]), **means)
    assert fault in said
    assert all(remedy in said for remedy in remedies)
    assert ("longer answers" in said) is ("longer answers" in remedies)


def test_remedies_that_are_taken_are_not_named() -> None:
    (said,) = after_the_start(load_preset("nano", ["rollout.temperature=0.7"]), code=0.0)
    assert "temperature" not in said
    assert "prompt_style" not in said  # nano has prompts of its own


def test_an_evaluation_with_hope_is_not_remarked_on() -> None:
    assert after_the_start(load_preset("nano"), code=0.3, rejected_share=0.2, malformed_share=0.3) == []
    assert after_the_start(load_preset("nano")) == []  # of an earlier version: unknown
    assert after_the_start(load_preset("nano"), n_tasks=2, code=1.0) == []  # may be chance


def step(number: int, **update: Any) -> CoevolutionStep:
    return CoevolutionStep(number, (), replace(REPORT, **update), RolloutReport(1.0, 1.0, 1), 1.0, 1.0, 0, ())


def test_dry_steps_in_a_row_are_said_at_growing_distances() -> None:
    said: list[str] = []
    watch = LearningWatch(load_preset("nano"), said.append)
    for number in range(1, 4 * DRY_STEPS + 1):
        watch.look(step(number, samples=0))
    assert [text.partition(" ")[0] for text in said] == ["3", "6", "12"]
    watch.look(step(20))
    for number in range(21, 21 + DRY_STEPS):
        watch.look(step(number, samples=0, skipped_masked=8))
    assert said[-1].startswith("3 steps in a row whose usable answers were all cut off: nothing was learnt. Try")


@pytest.mark.slow
def test_a_run_that_never_trained_a_sample_says_so_at_its_end(tmp_path: Path) -> None:
    settings = [*SMALL, "run.steps=4", "rollout.max_new_tokens_coder=1", "rollout.max_new_tokens_tester=1"]
    config = load_preset("nano", settings)
    folder = RunFolder.create(tmp_path / "run", dump_toml(config))
    with ExitStack() as resources:
        assert train(config, assemble(config, resources, Surroundings(folder.path, folder.log)), folder) == "finished"
    info = read_info(folder.path)
    assert info.ending.startswith("learnt nothing: no step had a group to learn from")
    assert sum("nothing was learnt" in text for text in notices(folder)) == 1
    assert CheckpointStore(folder.checkpoints).best() is None
    said: list[str] = []
    assert exported_checkpoint(folder.checkpoints, said.append).step == 4
    assert "is the model before training" in said[-1]


@pytest.mark.slow
def test_the_best_is_a_trained_step_even_where_training_has_made_it_worse(tmp_path: Path) -> None:
    settings = [*SMALL, "run.steps=2", "policy.learning_rate=0.5", "policy.max_grad_norm=1000.0", "policy.kl_stop=0"]
    config = load_preset("nano", settings)
    folder = RunFolder.create(tmp_path / "run", dump_toml(config))
    with ExitStack() as resources:
        assert train(config, assemble(config, resources, Surroundings(folder.path, folder.log)), folder) == "finished"
    best = CheckpointStore(folder.checkpoints).best()
    assert best is not None
    assert best.step == 2
