"""Failing updates: the journal says what happened; the run continues, or ends resumable."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
import torch

from cure_tui.runs.alerts import alerts
from cure_tui.runs.watcher import Snapshot
from engine.config import RunConfig
from engine.errors import RunError
from engine.machine.toml_text import dump_toml
from engine.policy import UpdateReport, UpdateSeconds, update
from engine.policy.packed.batching import MicroBatch
from engine.policy.packed.logprobs import TokenScores, score_tokens
from engine.presets import load_preset
from engine.rollouts.rollout import roll_out
from engine.runs.archive import ArchiveWriter
from engine.runs.events import Event, EventKind
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalWriter, read_journal
from engine.runs.listing import RunCondition, read_state
from engine.runs.state import reduce, replay
from engine.sandbox import AS_A_PROCESS, Executor
from engine.train.assembly import Engine, assemble
from engine.train.guards import AnswerWatch, UpdateWatch
from engine.train.run import Trainer
from engine.train.samplers import Surroundings
from tests.engine.scripted_sampler import CODER, PROBLEM, SETTINGS, TESTER, ScriptedSampler

SMALL = (
    "run.steps=5", "run.max_minutes=0", "run.checkpoint_every=5", "run.threads=1",
    "rollout.tasks_per_step=2", "rollout.n_programs=4", "rollout.m_tests=4",
    "evaluation.heldout_tasks=2", "evaluation.validation_tasks=2", "evaluation.every_steps=0",
    "evaluation.n_programs=4", "evaluation.m_tests=4", "evaluation.bon_sizes=[[4, 4]]",
    "policy.warmup_steps=1",
)  # fmt: skip

REPORT = UpdateReport(
    loss=0.0, pg_loss=0.0, kl=None, kl_tokens=0, ratio_mean=1.0, ratio_min=1.0, ratio_max=1.0,
    effective_sample_size=1.0, truncated_share=0.0, clip_share=0.0, grad_norm=0.0, learning_rate=0.1, samples=1,
    tokens=1, skipped_masked=0, skipped_zero_advantage=0, optimiser_steps=1, nonfinite_steps=0, roles=(),
    seconds=UpdateSeconds(0, 0, 0, 0, 0, 1),
)  # fmt: skip
LOST = replace(REPORT, optimiser_steps=0, nonfinite_steps=1)


@pytest.fixture
def config() -> RunConfig:
    return load_preset("nano", SMALL)


@pytest.fixture
def folder(tmp_path: Path, config: RunConfig) -> RunFolder:
    return RunFolder.create(tmp_path / "run", dump_toml(config))


@pytest.fixture
def engine(config: RunConfig, folder: RunFolder) -> Iterator[Engine]:
    with ExitStack() as resources:
        yield assemble(config, resources, Surroundings(folder.path, folder.log))


def train(config: RunConfig, engine: Engine, folder: RunFolder, *, resumes: bool = False) -> str:
    with JournalWriter(folder.journal) as journal, ArchiveWriter(folder.archive) as archive:
        recorded = read_state(folder.journal) if resumes else None
        if not resumes:
            journal.run_started(preset=config.name, steps=config.run.steps, seed=0)
        return Trainer(config, engine, folder, journal, archive, resumes=recorded).run()


def notices(folder: RunFolder) -> list[str]:
    return [event.data["text"] for event in read_journal(folder.journal) if event.kind == EventKind.NOTICE]


def test_only_lost_updates_in_a_row_end_a_run() -> None:
    said: list[str] = []
    watch = UpdateWatch(said.append)
    for report in (LOST, LOST, REPORT, LOST, LOST, replace(LOST, optimiser_steps=1), LOST, LOST):
        watch.look(report)
        watch.check()
    fault = "NaN or inf in the loss or its gradient; the policy is intact"
    assert said.count(f"skipped the update: {fault}") == 6
    assert said.count(f"skipped 1 of the update's optimiser steps: {fault}") == 1
    watch.look(LOST)
    with pytest.raises(RunError, match="NaN or inf in 3 updates in a row") as caught:
        watch.check()
    assert "then resume the run" in caught.value.remedy


def test_a_step_with_too_many_unusable_answers_is_told_once_with_the_commonest_reason(executor: Executor) -> None:
    said: list[str] = []
    watch = AnswerWatch(said.append)

    def step(*coder: str, unfinished: Sequence[str] = ()) -> None:
        sampler = ScriptedSampler(coder, TESTER[:1] * 4, unfinished)
        watch.look(roll_out([PROBLEM], lambda *_: (1, 2), sampler, executor, SETTINGS, AS_A_PROCESS, seed=0)[0])

    step(*CODER[:1] * 4)
    step(CODER[0], CODER[0], "none", "none")  # too few to mean anything
    assert said == []
    step(CODER[0], "none", "none", "cut", unfinished=["cut"])
    step(CODER[0], "none", "none", "none")
    assert [text.partition(" (")[0] for text in said] == [
        "75% of the coder's answers hold no program, most often 2 without a block of Python"
    ]
    step(*CODER[:1] * 4)
    step(CODER[0], "cut", "cut", "cut", unfinished=["cut"])
    assert said[1].endswith("most often 3 cut off at the token limit (raise rollout.max_new_tokens_coder)")
    state = replay([Event("run_started", None, 0.0, 0.0, {"version": 1, "preset": "nano", "steps": 9, "seed": 0})])
    live = Snapshot(Path("run"), RunCondition.LIVE, state, loading=False)
    told = reduce(state, Event("notice", 1, 0.0, 0.0, {"level": "warning", "text": said[1]}))
    (alert,) = alerts(live, replace(live, state=told))
    assert (alert.text, alert.severity) == (said[1], "warning")


def test_notes_of_an_update_are_passed_on() -> None:
    said: list[str] = []
    UpdateWatch(said.append).look(replace(REPORT, notes=("less memory than planned",)))
    assert said == ["less memory than planned"]


@pytest.mark.slow
def test_a_run_of_nan_ends_with_a_checkpoint_from_which_it_goes_on(
    config: RunConfig, engine: Engine, folder: RunFolder
) -> None:
    parameter = next(p for p in engine.policy.model.parameters() if p.requires_grad)
    broken = parameter.register_hook(lambda gradient: gradient * math.nan)
    with pytest.raises(RunError, match="NaN or inf in 3 updates in a row"):
        train(config, engine, folder)
    assert sum("NaN or inf" in text for text in notices(folder)) == 3
    checkpoint = max(folder.checkpoints.glob("step-*"))
    assert checkpoint.name.endswith("3")
    broken.remove()
    assert train(config, engine, folder, resumes=True) == "finished"
    finished = [event.step for event in read_journal(folder.journal) if event.kind == EventKind.STEP_FINISHED]
    assert finished == [1, 2, 3, 4, 5]


@pytest.mark.slow
def test_memory_that_runs_out_in_an_update_is_told_once_and_the_run_goes_on(
    config: RunConfig, engine: Engine, folder: RunFolder
) -> None:
    failures = iter([True])

    def scarce(model: object, batch: MicroBatch, temperature: float = 1.0) -> TokenScores:
        if torch.is_grad_enabled() and next(failures, False):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore.")
        return score_tokens(model, batch, temperature)  # type: ignore[arg-type]

    with patch.object(update, "score_tokens", scarce):
        assert train(config, engine, folder) == "finished"
    half = config.policy.micro_batch_tokens // 2
    said = [text for text in notices(folder) if "memory" in text]
    assert len(said) == 1
    limit = f"continuing with {half:,} tokens per micro-batch"
    assert said[0].startswith(f"the GPU ran out of memory in an update: {limit}")
