"""Memory of a run without a GPU: one process that samples and trains in the machine's own memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.config.curriculum import longest_answer
from engine.machine.memory_plan import calibration as c
from engine.machine.memory_plan.host import programs
from engine.machine.memory_plan.parts import KvCache, MemoryPlan, Part, Phase
from engine.machine.memory_plan.plan import update_setup
from engine.machine.memory_plan.shape import ModelShape, shape_of
from engine.machine.memory_plan.update_phase import UpdateSetup, resting_trainer, update_parts

if TYPE_CHECKING:
    from engine.config.schema import RunConfig


def plan_memory_on_cpu(
    config: RunConfig, memory_gib: float, free_gib: float, shape: ModelShape | None = None
) -> MemoryPlan | None:
    """Plan the memory of `config` in `memory_gib` of RAM, `free_gib` of it free; None if the shape is unknown."""
    shape = shape or shape_of(config.model.source)
    if shape is None:
        return None
    setup = update_setup(config)
    resting = [
        Part("engine, without a model", c.TRAINER_PROCESS_CPU),
        Part("cure-tui", c.INTERFACE_PROCESS),
        Part("sandbox, programs at their limit", programs(config)),
    ]
    cache = _kv_cache(shape, config, setup.width)
    sampling = [
        *resting,
        *resting_trainer(shape, setup),
        Part("adapted weights, merged while sampling", float(merged_bytes(shape, config))),
        Part("keys and values of a batch", cache.bytes),
        Part("logits of a batch", logits_bytes(shape, config, setup.width)),
    ]
    update = [
        *resting,
        *update_parts(shape, setup, logits_tile=c.CPU_LOGITS_TILE),
        Part("attention of a micro-batch", attention_bytes(shape, config, setup)),
    ]
    return MemoryPlan(
        model=config.model.source,
        shape=shape,
        gpu_gib=memory_gib,
        sampling=Phase("sampling", tuple(sampling)),
        update=Phase("update", tuple(update)),
        kv_cache=cache,
        host=(),
        free_gib=free_gib,
        on_cpu=True,
    )


def merged_bytes(shape: ModelShape, config: RunConfig) -> int:
    """Return the bytes of the merged copy of all adapted weights; NF4 weights keep their adapters active instead."""
    if config.policy.precision == "nf4":
        return 0
    return round(shape.linear_parameters * c.BYTES[config.policy.precision])


def logits_bytes(shape: ModelShape, config: RunConfig, width: int) -> float:
    """Return the bytes of a batch's logits, and of drawing from one chunk of its rows (sampling/local/token_choice)."""
    numbers = config.rollout.max_batch * shape.vocabulary
    return float(numbers * width + min(numbers, c.CHOICE_CHUNK) * c.CHOICE_BYTES)


def attention_bytes(shape: ModelShape, config: RunConfig, setup: UpdateSetup) -> float:
    """Return the bytes of attention in one layer's backward pass, and of the scores that the other layers have saved.

    A micro-batch's answers, each gathered with its group's prompt, are padded to the longest.
    """
    answer, group = longest_answer(config.rollout), min(config.rollout.n_programs, config.rollout.m_tests)
    keys = _longest_prompt(config) + answer
    answers = max(1.0, setup.tokens / (answer + _longest_prompt(config) / group))
    scores = answers * shape.heads * answer * keys * 4.0
    gathered = answers * keys * shape.query_width * setup.width
    saved = 0 if setup.checkpointing else shape.layers - 1
    return (c.CPU_ATTENTION_COPIES + saved) * scores + c.CPU_KEY_COPIES * gathered


def _longest_prompt(config: RunConfig) -> int:
    return c.SHORT_PROMPT_TOKENS if config.model.prompt_style == "short" else c.PROMPT_TOKENS


def _kv_cache(shape: ModelShape, config: RunConfig, width: int) -> KvCache:
    """Return the keys and values of a full batch: each group's prompt once, each row's answer up to its limit."""
    rollout = config.rollout
    rows, answer = rollout.max_batch, longest_answer(rollout)
    group = min(rollout.n_programs, rollout.m_tests)
    per_token = shape.kv_bytes_per_token(width)
    prompt = _longest_prompt(config)
    tokens = -(-rows // group) * prompt + rows * answer
    return KvCache(float(tokens * per_token), float(tokens * per_token), per_token, prompt + answer, rows)
