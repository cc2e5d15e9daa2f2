"""Constants of the plan that do not follow from a model's shape, each with its source.

`estimate` marks numbers not confirmed on a GPU yet; tests/gpu compares the plan with measured peaks.
"""

from __future__ import annotations

GIB = 2**30

# --- formats -----------------------------------------------------------------------------------------------------

BYTES = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "fp8": 1.0}

NF4_TRAINER_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
"""Per number 4 bits, per 64 numbers an 8-bit scale, per 256 scales one in fp32 (double quantisation)."""

NF4_SAMPLER_BYTES = 0.5 + 4 / 64
"""Per number 4 bits, per 64 numbers an fp32 scale: vLLM undoes the double quantisation while loading."""

MOMENT_BYTES = {"adamw": 8.0, "adamw-8bit": 2.0 + 2 * 4 / 256, "paged-adamw-8bit": 0.0}
"""Both AdamW moments of a parameter: fp32, or 8 bits with an fp32 scale per 256. Paged ones may leave the GPU."""

# --- processes ---------------------------------------------------------------------------------------------------

CUDA_CONTEXT = 0.5 * GIB
"""Driver context, kernels and library workspaces of a process that computes with torch (estimate)."""

RESERVE = 0.5 * GIB
"""Kept free of what the card has: a desktop that grows, the driver, the difference of an estimate (estimate)."""

ALLOCATOR_SLACK = 0.06
"""Share of a phase's working memory lost to fragmentation in torch's allocator (estimate)."""

# --- update ------------------------------------------------------------------------------------------------------

LOGITS_TILE = (64 + 64 + 32) * 2**20
"""A tile of fp32 logits, its exponentials and their 16-bit copy (engine/policy/packed/token_scores.py)."""

CPU_LOGITS_TILE = 10 * 2**20
"""The same on a CPU, where tiles are small enough for its caches."""

BACKWARD_MLP_COPIES = 2
"""Gradients of intermediate width that exist at once, beyond the tensors saved by the layer's forward pass: traced
allocation by allocation on scaled-down models (tests/engine/machine/memory_plan/test_activations.py)."""

BACKWARD_HIDDEN_COPIES = 1
"""Gradients of hidden width that exist at once, traced in the same way."""

# --- sampling ----------------------------------------------------------------------------------------------------

PROMPT_TOKENS = 2048
"""Longest prompt to plan for: a CodeContests statement with its example takes 400 to 2,000 tokens."""

OCCUPANCY = 0.5
"""Average length of a running sequence as a share of the longest: it starts empty, and most end early."""

LEAST_SEQUENCES = 8
"""Fewest concurrent sequences, at that occupancy; with fewer, sampling is too slow to be worth starting."""

SAMPLER_LOGITS_COPIES = 10.0
"""Copies of the fp32 logits of all sequences: vLLM's sampler peaks at 1.5 GiB for 256 sequences of a 152k vocabulary,
5.6 GiB for 1,024 (reported for 8,192 batched tokens; up to 64 sequences the forward pass is the peak)."""

CUDA_GRAPHS_BASE = 0.5 * GIB
CUDA_GRAPHS_FULL = 2.3 * GIB
"""CUDA graphs took 2.3 GiB on a 24 GB card at vLLM's default of 512 captured sequences (the base is an estimate)."""

CUDA_GRAPHS_FULL_SEQUENCES = 512
CUDA_GRAPHS_MOST_SEQUENCES = 256
"""Most sequences that graphs are captured for (engine/sampling/vllm/settings.py)."""

VLLM_ASLEEP = 0.3 * GIB
"""GPU memory of a sleeping vLLM besides its context and graphs: workspaces, sampling state (estimate)."""

TRANSFORMERS_LOGITS_COPIES = 4.0
"""Copies of a decoded batch's fp32 logits: the logits, their probabilities and temporaries of drawing from them."""

# --- host memory -------------------------------------------------------------------------------------------------

TRAINER_PROCESS_CUDA = 1.5 * GIB
VLLM_PROCESS_CUDA = 2.0 * GIB
"""Memory of both processes of their own, without weights; the mapped CUDA libraries, some GiB more, are shared with the
page cache (estimates)."""

TRAINER_PROCESS_CPU = 0.46 * GIB
"""Resident memory of the engine on a CPU without a model's weights: torch, transformers, peft, a tokenizer
(tests/benchmarks/plan.py)."""

CPU_ATTENTION_COPIES, CPU_KEY_COPIES = 8, 4
"""Tensors of the size of attention's scores, and of its keys, that exist at once in a backward pass on the CPU, whose
kernel takes a mask and grouped queries only by way of the scores (fitted; tests/benchmarks/plan.py)."""

INTERFACE_PROCESS = 0.04 * GIB
"""Resident memory of `cure-tui`, with or without the dashboard (tests/benchmarks/plan.py)."""

PINNED_GRAIN = 2 * 2**20
SMALL_TENSOR, MEDIUM_TENSOR, MEDIUM_SEGMENT = 2**20, 10 * 2**20, 20 * 2**20
"""Segments of torch's CUDA allocator, which vLLM copies to the host one by one: tensors below 1 MiB share one of 2 MiB,
those below 10 MiB one of 20 MiB, larger ones have their own, a multiple of 2 MiB (c10/cuda/CUDACachingAllocator)."""

SHORT_PROMPT_TOKENS = 320
"""Longest prompt in the short style, which is used with small tasks of one sentence."""

CHOICE_CHUNK, CHOICE_BYTES = 1 << 23, 20
"""Numbers of the logits from which tokens are drawn at a time, and bytes held of each: scaled logits, log-probs,
probabilities and their sums in double precision (engine/sampling/local/token_choice.py)."""
