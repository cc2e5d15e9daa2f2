"""The policy: base model and adapters, token log-probs, packing, the loss, the update, its state on disk.

    base = load_base_model(folder)                  # engine.models
    policy = Policy(attach_adapter(base.model, AdapterSettings(rank, alpha, seed)), base.tokenizer, settings)
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

from engine.policy.adapter import AdapterSettings, attach_adapter
from engine.policy.batching import Layout
from engine.policy.loss import LossNumbers
from engine.policy.samples import RoleReport, TrainSample, UpdateReport, UpdateSeconds
from engine.policy.schedule import Schedule
from engine.policy.update import Policy, PolicySettings

__all__ = [
    "AdapterSettings",
    "Layout",
    "LossNumbers",
    "Policy",
    "PolicySettings",
    "RoleReport",
    "Schedule",
    "TrainSample",
    "UpdateReport",
    "UpdateSeconds",
    "attach_adapter",
]
