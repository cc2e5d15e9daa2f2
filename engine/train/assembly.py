"""Assembly of a run's parts from its configuration: tasks, model, policy, sampler, executor."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch

from engine.config import RunConfig
from engine.data.check import check_problems
from engine.errors import DataError
from engine.machine.resources import source_path
from engine.machine.usage import MachineUse
from engine.models.download_progress import OnProgress
from engine.policy import Learner
from engine.problems import Problem, assert_disjoint, load_problems
from engine.prompts import Role, build_messages, encode_prompt, missing_start, opens_thought, style_of
from engine.rollouts.executing import open_executor
from engine.rollouts.rollout import EncodePrompt
from engine.sampling import Sampler
from engine.sampling.swapping import Swaps
from engine.sandbox import Executor
from engine.train.labels import LabelSource, open_source
from engine.train.labels import Surroundings as LabelSurroundings
from engine.train.labels.anchors import anchors_of
from engine.train.learners import open_learner
from engine.train.samplers import Surroundings, choose_sampler
from engine.train.start import load_start

OnLabels = Callable[[int, int], object]


@dataclass(frozen=True, eq=False)
class Engine:
    """Parts of a run, built once and closed by the `ExitStack` passed to `assemble`.

    labels: source of the rewards, with the tasks to learn from. anchors: tasks that hold them against the truth.
    warnings: faults of the tasks and the chat template by which the run loses, in sentences.
    in_thought: the chat template ends prompts within an open thought, so an answer begins inside it.
    """

    labels: LabelSource
    anchors: tuple[Problem, ...]
    validation: tuple[Problem, ...]
    heldout: tuple[Problem, ...]
    encode: EncodePrompt
    in_thought: bool
    decode: Callable[[list[int]], str]
    policy: Learner
    sampler: Sampler
    executor: Executor
    use: MachineUse
    warnings: tuple[str, ...] = ()

    def machine_metrics(self) -> dict[str, float | None]:
        """Return counters since the engine started, peak memory in MB, and the use of the machine since the last call.

        seconds_swap: only of a sampler that swaps; seconds of sleep, wake and swap since the last call.
        """
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        swaps = {}
        if isinstance(self.sampler, Swaps):
            swaps = {"seconds_swap": self.sampler.take_swap_seconds(), "sampler_restarts": float(self.sampler.restarts)}
        return (
            swaps
            | self.policy.metrics()
            | self.use.take()
            | {
                "executions_total": float(self.executor.executions),
                "executions_cached": float(self.executor.cache_hits),
                "executions_sticky": float(self.executor.sticky_skips),
                "cells_lost": float(self.executor.cells_lost),
                "peak_memory_mb": peak / (1024.0 if sys.platform != "darwin" else 1024.0**2),
            }
        )


def assemble(
    config: RunConfig,
    resources: ExitStack,
    surroundings: Surroundings,
    on_download: OnProgress | None = None,
    on_labels: OnLabels = lambda done, total: None,
) -> Engine:
    """Build the parts of a run: tasks, then the sandbox, then the labels, then the model. Raises CureError.

    Cheap parts that are often wrong come first, so that a mistyped path does not wait for a model to load. A tester
    that writes labels is gone before the model to train is loaded. on_labels: as of the label source.
    """
    train, validation, heldout = load_splits(config)
    anchors = anchors_of(config, validation)
    validation = validation[: config.evaluation.validation_tasks]
    warnings = check_splits(train, tuple(dict.fromkeys((*anchors, *validation))), heldout)
    if config.run.threads:
        torch.set_num_threads(config.run.threads)
    executor = resources.enter_context(open_executor(config.sandbox))
    labels = open_source(
        config, train, LabelSurroundings(executor, surroundings.scratch, surroundings.on_label_notice, on_labels)
    )
    torch.manual_seed(config.run.seed)
    policy, tokenizer = open_learner(config, surroundings, on_download)
    resources.callback(policy.close)
    if config.start:
        surroundings.on_start(load_start(policy, surroundings.scratch, config.start))
    encode = prompt_encoder(config, tokenizer)
    prompts = (
        encode(problem, role) for problem in (*labels.problems, *anchors, *validation, *heldout) for role in Role
    )
    sampler = choose_sampler(config, policy, tokenizer, prompts, surroundings)
    resources.callback(sampler.close)
    use = MachineUse.of_this_process(surroundings.scratch)
    resources.callback(use.close)
    first_prompt = encode(labels.problems[0], Role.CODER)
    no_start = missing_start(tokenizer, first_prompt)
    return Engine(
        labels=labels,
        anchors=anchors,
        validation=validation,
        heldout=heldout,
        encode=encode,
        in_thought=opens_thought(tokenizer, first_prompt),
        decode=lambda ids: str(tokenizer.decode(ids, skip_special_tokens=True)),
        policy=policy,
        sampler=sampler,
        executor=executor,
        use=use,
        warnings=(*warnings, no_start) if no_start else warnings,
    )


def load_splits(config: RunConfig) -> tuple[tuple[Problem, ...], tuple[Problem, ...], tuple[Problem, ...]]:
    """Load training, validation and held-out tasks, which share no task; the last cut to their configured number.

    Raises DataError.
    """
    splits = {
        "train": load_problems(source_path(config.data.train)),
        "validation": load_problems(source_path(config.data.validation)),
        "heldout": load_problems(source_path(config.data.heldout)),
    }
    assert_disjoint(splits)
    train = tuple(splits["train"])
    if config.reward.labels == "hidden" and not any(problem.hidden for problem in train):
        raise DataError(
            f"no task of {config.data.train} has ground-truth tests",
            "training needs hidden tests, or other labels: reward.labels=consensus, or tester:WHO",
        )
    return (
        train,
        tuple(splits["validation"]),
        tuple(splits["heldout"][: config.evaluation.heldout_tasks]),
    )


def check_splits(
    train: Sequence[Problem], validation: Sequence[Problem], heldout: Sequence[Problem]
) -> tuple[str, ...]:
    """Return what a run loses by faults of its tasks, a sentence each.

    Raises DataError for tasks that must not be trained on, and for splits that could teach or measure nothing.
    """
    reports = {
        "train": check_problems(train, (*validation, *heldout), for_training=True),
        "validation": check_problems(validation),
        "heldout": check_problems(heldout),
    }
    for name, report in reports.items():
        for fault in report.of("error"):
            raise DataError(f"data.{name}: {fault}", f"give data.{name} another file, or drop these tasks from it")
    return tuple(f"data.{name}: {fault}" for name, report in reports.items() for fault in report.of("warning"))


def prompt_encoder(config: RunConfig, tokenizer: Any) -> EncodePrompt:
    """Return the function (problem, role) -> prompt ids of a run."""
    style = style_of(config.model)

    def encode(problem: Problem, role: Role) -> tuple[int, ...]:
        messages = build_messages(problem, role, style, show_example=config.model.show_example)
        return encode_prompt(tokenizer, messages, config.model.thinking)

    return encode
