"""Speed of sampling and of the update: as measured on this machine, else tabulated by the card or the CPU's cores.

Decoding reads all weights and the keys and values of every sequence under way for one token each, so memory bandwidth
bounds it. An update, and a CPU, are bound by arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from engine.config import RolloutConfig, RunConfig, longest_answer
from engine.config.schema import Truncated
from engine.machine.cpu import multiplies_bf16, sampling_threads
from engine.machine.memory_plan import MemoryPlan, ModelShape
from engine.machine.memory_plan.sampling_phase import vllm_format, vllm_weights
from engine.machine.memory_plan.update_phase import trainer_weights
from engine.machine.run_plan.cards import Card, card_of
from engine.machine.run_plan.remembered import Measured, rate_key, recall
from engine.machine.run_plan.room import Room
from engine.machine.run_plan.work import Amount, Lengths, RoleLengths

DECODE_EFFICIENCY = 0.75
"""Share of a card's bandwidth that decoding reaches, pauses of the scheduler and tails of batches included: with it
Qwen3-4B on an RTX 4090 comes to about 750 tokens/s in bf16 (estimate, not measured)."""

OWN_SAMPLER_SHARE = 0.3
"""Speed of the project's own decoding loop on a GPU, against vLLM: it has no CUDA graphs (estimate)."""

UPDATE_EFFICIENCY, NF4_SLOWDOWN = 0.35, 1.3
"""Share of a card's dense bf16 throughput that an update reaches; NF4 weights are unpacked for every product
(estimates)."""

PREFILL_EFFICIENCY = 0.5
"""Share of a card's throughput that the computation of prompts reaches (estimate)."""

VLLM_START_SECONDS = 180.0
"""Loading, profiling and capturing of vLLM on a GPU (estimate)."""

CPU_GIGAFLOPS, CPU_UPDATE_GIGAFLOPS = 26.0, 55.0
"""fp32 arithmetic of one thread of a server's core with AVX-512, in decoding and in an update: a model of 135 million
parameters writes 97 tokens a second on one thread (tests/benchmarks/plan.py)."""

CPU_SCALING = 0.54
"""Exponent of the threads: two are 1.45 times as fast as one."""

BF16_GAIN = 1.8
"""Speed of bf16 against fp32 on a CPU that multiplies bf16; without it bf16 is slower than fp32."""
BF16_LOSS = 0.5

FORWARD, BACKWARD = 2.0, 2.0
"""Arithmetic of a pass over one token, per parameter; adapters leave out the gradients of the weights."""


@dataclass(frozen=True)
class Speed:
    """Speed of a run. startup_seconds: until the first answer is sampled. basis: what it is taken from, in words.

    sampled: rollout section -> tokens sampled a second. prompts_per_second, trained_per_second: in tokens.
    """

    sampled: Callable[[RolloutConfig], float]
    prompts_per_second: float
    trained_per_second: float
    startup_seconds: float
    basis: str

    def sampling_seconds(self, amount: Amount, rollout: RolloutConfig) -> float:
        """Return the seconds of sampling `amount` under the limits of `rollout`."""
        return amount.tokens / self.sampled(rollout) + amount.prompt_tokens / self.prompts_per_second

    def update_seconds(self, amount: Amount, truncated: Truncated) -> float:
        """Return the seconds of an update on all groups; answers that are cut off are left out if they are masked."""
        trained = amount.finished_tokens if truncated == "mask" else amount.tokens
        return (trained + amount.prompt_tokens) / self.trained_per_second


def speed_of(config: RunConfig, shape: ModelShape, memory: MemoryPlan, room: Room) -> tuple[Speed, Lengths]:
    """Return the speed of a run and the lengths of its answers, as measured here if they were."""
    measured = None if room.is_assumed else recall(rate_key(config, device_name(room)))
    lengths = Lengths.of(config) if measured is None else _measured_lengths(config, measured)
    table = _on_card(config, shape, memory, room, lengths) if room.gpu else _on_cpu(config, shape, room)
    return (table if measured is None else _as_measured(config, table, measured)), lengths


def device_name(room: Room) -> str:
    """Name the device that rates are remembered for."""
    return room.gpu.name if room.gpu else f"cpu x {room.cores}"


def _on_card(config: RunConfig, shape: ModelShape, memory: MemoryPlan, room: Room, lengths: Lengths) -> Speed:
    assert room.gpu is not None
    card, is_named = card_of(room.gpu)
    flops = card.teraflops * 1e12
    trained = flops * UPDATE_EFFICIENCY / _update_flops(config, shape)
    if config.policy.precision == "nf4":
        trained /= NF4_SLOWDOWN

    def sampled(rollout: RolloutConfig) -> float:
        return _decoded(config, rollout, shape, memory, card, lengths)

    servers = max(1, len(config.rollout.endpoints)) if config.rollout.sampler == "endpoint" else 1
    about = card.name if is_named else f"a card like the {card.name}"
    return Speed(
        (lambda rollout: servers * sampled(rollout)),
        flops * PREFILL_EFFICIENCY / (FORWARD * shape.parameters),
        trained,
        VLLM_START_SECONDS if config.rollout.sampler == "vllm" else 0.0,
        f"rough: {about}, answers half as long as allowed",
    )


def _decoded(
    config: RunConfig, rollout: RolloutConfig, shape: ModelShape, memory: MemoryPlan, card: Card, lengths: Lengths
) -> float:
    """Return the tokens a second that a card decodes under the limits of `rollout`."""
    context = lengths.running_context(rollout)
    cache = memory.kv_cache
    per_token = cache.bytes_per_token if cache is not None else shape.kv_bytes_per_token()
    rows = float(rollout.max_batch)
    if cache is not None and config.rollout.sampler == "vllm":
        rows = min(rows, max(1.0, cache.tokens / context))
    own = config.rollout.sampler == "transformers"
    weights = (
        trainer_weights(shape, config.policy.precision)
        if own
        else vllm_weights(shape, vllm_format(config), config.model.dtype)
    )
    reading = (weights + rows * context * per_token) / (card.bandwidth * 1e9 * DECODE_EFFICIENCY)
    computing = rows * FORWARD * shape.parameters / (card.teraflops * 1e12 * PREFILL_EFFICIENCY)
    return rows / max(reading, computing) * (OWN_SAMPLER_SHARE if own else 1.0)


def _on_cpu(config: RunConfig, shape: ModelShape, room: Room) -> Speed:
    update_threads = config.run.threads or room.cores
    threads = sampling_threads(config.rollout.sampling_threads, shape.parameters, update_threads)
    gain = 1.0
    if config.policy.precision == "bf16":
        gain = BF16_GAIN if multiplies_bf16() else BF16_LOSS
    forward = FORWARD * _multiplied(shape)

    def rate(gigaflops: float, threads: int, flops: float) -> float:
        return float(gain * gigaflops * 1e9 * float(threads) ** CPU_SCALING / flops)

    decoded = rate(CPU_GIGAFLOPS, threads, forward)
    return Speed(
        lambda rollout: decoded,
        rate(CPU_UPDATE_GIGAFLOPS, threads, forward),
        rate(CPU_UPDATE_GIGAFLOPS, update_threads, _update_flops(config, shape)),
        0.0,
        f"rough: by size on {threads} CPU thread{'s' * (threads > 1)}, answers half as long as allowed",
    )


def _update_flops(config: RunConfig, shape: ModelShape) -> float:
    """Return the arithmetic of one token of an update: the policy, its gradient, the reference, and recomputation."""
    passes = FORWARD + BACKWARD + FORWARD + (FORWARD if config.policy.checkpoint_activations else 0.0)
    return passes * _multiplied(shape)


def _multiplied(shape: ModelShape) -> int:
    """Return the parameters that a token is multiplied with: an embedding of its own is only looked up."""
    looked_up = 0 if shape.tied_embeddings else shape.vocabulary * shape.hidden
    return shape.parameters - looked_up


def _measured_lengths(config: RunConfig, measured: Measured) -> Lengths:
    rollout, usual = config.rollout, Lengths.of(config)
    coder, tester = (
        RoleLengths.of_mean(mean, min(measured.limit, limit))
        for mean, limit in (
            (measured.coder_length, rollout.max_new_tokens_coder),
            (measured.tester_length, rollout.max_new_tokens_tester),
        )
    )
    return Lengths(coder, tester, usual.prompt)


def _as_measured(config: RunConfig, table: Speed, measured: Measured) -> Speed:
    """Scale the table so that it gives the measured rates under the limit at which they were measured."""
    limit = min(measured.limit, longest_answer(config.rollout))
    then = config.rollout.model_copy(
        update={
            "max_new_tokens_coder": min(limit, config.rollout.max_new_tokens_coder),
            "max_new_tokens_tester": min(limit, config.rollout.max_new_tokens_tester),
        }
    )
    factor = measured.sampled_per_second / table.sampled(then)
    when = datetime.fromtimestamp(measured.time)
    return Speed(
        lambda rollout: factor * table.sampled(rollout),
        table.prompts_per_second,
        measured.trained_per_second,
        table.startup_seconds,
        f"as measured here on {when.day} {when:%B %Y}",
    )
