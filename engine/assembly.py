"""From a configuration to the parts of a run: tasks, model, policy, sampler, executor, and the numbers of a step."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import torch

from engine.choose_sampler import Surroundings, choose_sampler
from engine.coevolution import StepRules
from engine.config import RunConfig
from engine.errors import DataError
from engine.machine.resources import source_path
from engine.models import load_base_model
from engine.models.download_progress import OnProgress
from engine.policy import AdapterSettings, LossNumbers, Policy, PolicySettings, Schedule, attach_adapter
from engine.problems import Problem, assert_disjoint, load_problems
from engine.prompts import PromptStyle, Role, build_messages, encode_prompt
from engine.rollouts import EncodePrompt, RolloutSettings
from engine.sampling import Sampler, SamplingParams
from engine.sampling.swapping import Swaps
from engine.sandbox import AS_A_PROCESS, CURE_COMPAT, Executor, Judging, Limits
from engine.scoring import ScoringRules


@dataclass(frozen=True, eq=False)
class Engine:
    """Everything a run works with; built once, closed by the `ExitStack` that `assemble` was given."""

    train: tuple[Problem, ...]
    validation: tuple[Problem, ...]
    heldout: tuple[Problem, ...]
    encode: EncodePrompt
    decode: Callable[[list[int]], str]
    policy: Policy
    sampler: Sampler
    executor: Executor
    rules: StepRules
    evaluation_rollouts: RolloutSettings

    def machine_metrics(self) -> dict[str, float | None]:
        """What the machine has done since the run started, and its peak memory in MB.

        `seconds_swap`, of a sampler that swaps: what sleep, wake and swap took since this was last asked.
        """
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        swaps = {}
        if isinstance(self.sampler, Swaps):
            swaps = {"seconds_swap": self.sampler.take_swap_seconds(), "sampler_restarts": float(self.sampler.restarts)}
        return swaps | {
            "executions_total": float(self.executor.executions),
            "executions_cached": float(self.executor.cache_hits),
            "executions_sticky": float(self.executor.sticky_skips),
            "cells_lost": float(self.executor.cells_lost),
            "peak_memory_mb": peak / (1024.0 if sys.platform != "darwin" else 1024.0**2),
            "peak_gpu_memory_mb": torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else None,
        }


def assemble(
    config: RunConfig, resources: ExitStack, surroundings: Surroundings, on_download: OnProgress | None = None
) -> Engine:
    """Loads tasks first (cheap, most often wrong), then the sandbox, then the model. Raises CureError."""
    train, validation, heldout = load_splits(config)
    if config.run.threads:
        torch.set_num_threads(config.run.threads)
    torch.manual_seed(config.run.seed)
    executor = resources.enter_context(
        Executor(
            Limits(
                cpu_seconds=config.sandbox.cpu_seconds,
                memory_mb=config.sandbox.memory_mb,
                output_kb=config.sandbox.output_kb,
                sticky_after=config.sandbox.sticky_after,
            ),
            cells=config.sandbox.cells or None,
            allow_unsandboxed=config.sandbox.allow_unconfined,
            swallow_prompts=judging_of(config).swallow_prompts,
        )
    )
    policy, tokenizer = load_policy(config, on_download)
    encode = prompt_encoder(config, tokenizer)
    prompts = (encode(problem, role) for problem in (*train, *validation, *heldout) for role in Role)
    sampler = choose_sampler(config, policy, tokenizer, prompts, surroundings)
    resources.callback(sampler.close)
    return Engine(
        train=train,
        validation=validation,
        heldout=heldout,
        encode=encode,
        decode=lambda ids: str(tokenizer.decode(ids, skip_special_tokens=True)),
        policy=policy,
        sampler=sampler,
        executor=executor,
        rules=step_rules(config),
        evaluation_rollouts=_rollout_settings(
            config, config.evaluation.n_programs, config.evaluation.m_tests, config.evaluation.temperature
        ),
    )


def load_splits(config: RunConfig) -> tuple[tuple[Problem, ...], tuple[Problem, ...], tuple[Problem, ...]]:
    """Training, validation and held-out tasks, the latter two cut to the sizes asked for. They share no task."""
    splits = {
        "train": load_problems(source_path(config.data.train)),
        "validation": load_problems(source_path(config.data.validation)),
        "heldout": load_problems(source_path(config.data.heldout)),
    }
    assert_disjoint(splits)
    train = tuple(splits["train"])
    if not any(problem.hidden for problem in train):
        raise DataError(f"no task of {config.data.train} has ground-truth tests", "training needs hidden tests")
    return (
        train,
        tuple(splits["validation"][: config.evaluation.validation_tasks]),
        tuple(splits["heldout"][: config.evaluation.heldout_tasks]),
    )


def load_policy(config: RunConfig, on_download: OnProgress | None = None) -> tuple[Policy, Any]:
    """The base model with fresh adapters and its optimiser, and the model's tokenizer.

    on_download: told how far it is where the model is fetched first.
    """
    numbers = config.policy
    device = "cuda" if torch.cuda.is_available() else "cpu"
    base = load_base_model(
        str(source_path(config.model.source)), precision=numbers.precision, device=device, on_progress=on_download
    )
    adapter = AdapterSettings(rank=numbers.lora_rank, alpha=numbers.lora_alpha, seed=config.run.seed)
    settings = PolicySettings(
        schedule=Schedule(
            learning_rate=numbers.learning_rate,
            decay=numbers.schedule,
            warmup_updates=min(numbers.warmup_steps, max(config.run.steps - 1, 0)),  # `--steps 1` works, too
            total_updates=max(config.run.steps, 1),
            floor=numbers.final_lr_share,
        ),
        loss=LossNumbers(numbers.clip_epsilon, numbers.kl_beta, numbers.importance_cap),
        betas=numbers.betas,
        weight_decay=numbers.weight_decay,
        max_grad_norm=numbers.max_grad_norm,
        update=numbers.update,
        mini_batches=numbers.mini_batches,
        micro_batch_tokens=numbers.micro_batch_tokens,
        optimiser=numbers.optimiser,
        checkpoint_activations=numbers.checkpoint_activations,
        temperature=config.rollout.temperature,
        seed=config.run.seed,
    )
    return Policy(attach_adapter(base.model, adapter), base.tokenizer, settings), base.tokenizer


def prompt_encoder(config: RunConfig, tokenizer: Any) -> EncodePrompt:
    style = PromptStyle(config.model.prompt_style)

    def encode(problem: Problem, role: Role) -> tuple[int, ...]:
        messages = build_messages(problem, role, style, show_example=config.model.show_example)
        return encode_prompt(tokenizer, messages, config.model.thinking)

    return encode


def step_rules(config: RunConfig) -> StepRules:
    rollout = config.rollout
    return StepRules(
        tasks_per_step=rollout.tasks_per_step,
        rollout=_rollout_settings(config, rollout.n_programs, rollout.m_tests, rollout.temperature),
        scoring=ScoringRules(
            tester_variant=config.reward.tester_variant,
            length_transform=config.reward.length_transform,
            truncated=config.reward.truncated,
        ),
        refill_rounds=config.reward.refill_rounds,
        seed=config.run.seed,
    )


def judging_of(config: RunConfig) -> Judging:
    """When an execution passes a test of this run."""
    profile = CURE_COMPAT if config.sandbox.judging == "cure-compat" else AS_A_PROCESS
    return replace(profile, comparison=config.sandbox.comparison)


def _rollout_settings(config: RunConfig, n_programs: int, m_tests: int, temperature: float) -> RolloutSettings:
    rollout = config.rollout
    return RolloutSettings(
        n_programs=n_programs,
        m_tests=m_tests,
        coder=SamplingParams(temperature, rollout.top_p, rollout.max_new_tokens_coder),
        tester=SamplingParams(temperature, rollout.top_p, rollout.max_new_tokens_tester),
        truth_tests=rollout.truth_tests,
        judging=judging_of(config),
    )
