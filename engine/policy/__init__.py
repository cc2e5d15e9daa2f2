"""The policy: base model and adapters, token log-probs, packing, the loss, the update, its state on disk.

    base = load_base_model(folder)                  # engine.models
    model = attach_adapter(base.model, rank, alpha, seed)
    policy = Policy(model, base.tokenizer, config.policy, steps=220, temperature=1.0, seed=0)
    report = policy.update(samples)

Suffixes beside the package's: a the answer tokens of a micro-batch, flat; h hidden width.
Read in this order:
update, loss               the algorithm and its equations
batching, segments         which sequences go through the model together; prompts computed once for their answers
attention                  of packed rows: tiled_attention (any device), varlen_attention (a GPU's flash kernels)
logprobs, token_scores     log-probs without logits of tokens x vocabulary
lora_linear, quantised     adapters on plain and on NF4 weights, one autograd node each
recompute, optimiser, memory_budget   what keeps the memory small, and what happens where it was not small enough
checkpoint                 state on disk, adapters, merged models
"""

import engine.models.quiet  # noqa: F401  (before peft)
from engine.policy.adapter import attach_adapter
from engine.policy.packed.batching import Layout
from engine.policy.samples import RoleReport, TrainSample, UpdateReport, UpdateSeconds
from engine.policy.update import Policy

__all__ = [
    "Layout",
    "Policy",
    "RoleReport",
    "TrainSample",
    "UpdateReport",
    "UpdateSeconds",
    "attach_adapter",
]
