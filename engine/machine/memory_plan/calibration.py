"""Every number of the plan that does not follow from a model's shape, with where it comes from.

`estimate` marks what no GPU has confirmed yet; tests/gpu compares plan and measured peaks.
"""

from __future__ import annotations

GIB = 2**30

# --- formats -----------------------------------------------------------------------------------------------------

BYTES = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "fp8": 1.0}

NF4_TRAINER_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
"""A number in 4 bits; per 64 numbers a scale in 8 bits; per 256 scales one in fp32 (double quantisation)."""

NF4_SAMPLER_BYTES = 0.5 + 4 / 64
"""vLLM undoes the double quantisation while loading: its scales are fp32."""

MOMENT_BYTES = {"adamw": 8.0, "adamw-8bit": 2.0 + 2 * 4 / 256, "paged-adamw-8bit": 0.0}
"""Both AdamW moments of a parameter: fp32, or 8 bits with an fp32 scale per 256. Paged ones may leave the GPU."""

# --- processes ---------------------------------------------------------------------------------------------------

CUDA_CONTEXT = 0.5 * GIB
"""Driver context, kernels and library workspaces of a process that computes with torch (estimate)."""

RESERVE = 0.3 * GIB
"""Left alone: a desktop, and what the driver keeps of the card (estimate)."""

ALLOCATOR_SLACK = 0.06
"""Share of a phase's working memory that torch's allocator holds in blocks too small to use (estimate)."""

# --- update ------------------------------------------------------------------------------------------------------

LOGITS_TILE = (64 + 64 + 32) * 2**20
"""A tile of fp32 logits, its exponentials and their 16-bit copy (engine/policy/packed/token_scores.py)."""

BACKWARD_MLP_COPIES = 2
"""Gradients of intermediate width alive together, beyond what the forward pass of the layer had saved: followed
allocation by allocation on scaled-down models (tests/engine/machine/memory_plan/test_activations.py)."""

BACKWARD_HIDDEN_COPIES = 1
"""Gradients of hidden width, in the same way."""

# --- sampling ----------------------------------------------------------------------------------------------------

PROMPT_TOKENS = 2048
"""The longest prompt to plan for: a CodeContests statement with its example takes 400 to 2,000 tokens."""

OCCUPANCY = 0.5
"""Share of its longest length that a sequence in flight holds on average: it grows from nothing, and most end early."""

LEAST_SEQUENCES = 8
"""Fewer sequences at a time than this, at that occupancy, and sampling is too slow to be worth starting."""

SAMPLER_LOGITS_COPIES = 10.0
"""fp32 logits of all sequences, times this: vLLM's sampler peaks at 1.5 GiB for 256 sequences of a 152k vocabulary,
5.6 GiB for 1,024 (reported for 8,192 batched tokens; up to 64 sequences the forward pass is the peak)."""

CUDA_GRAPHS_BASE = 0.5 * GIB
CUDA_GRAPHS_FULL = 2.3 * GIB
"""CUDA graphs took 2.3 GiB on a 24 GB card at vLLM's default of 512 captured sequences (the base is an estimate)."""

CUDA_GRAPHS_FULL_SEQUENCES = 512
CUDA_GRAPHS_MOST_SEQUENCES = 256
"""No more are captured (engine/sampling/vllm/settings.py)."""

VLLM_ASLEEP = 0.3 * GIB
"""What a sleeping vLLM keeps beside its context and graphs: workspaces, sampling state (estimate)."""

TRANSFORMERS_LOGITS_COPIES = 4.0
"""fp32 logits of a decoded batch, their probabilities and what drawing from them needs."""
