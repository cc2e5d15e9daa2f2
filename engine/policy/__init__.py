"""Policy: a base model with LoRA adapters, its log-probs and loss, the update that trains it, its state on disk.

    base = load_base_model(folder)                  # engine.models
    model = attach_adapter(base.model, rank, alpha, seed)
    policy = Policy(model, base.tokenizer, config.policy, steps=220, temperature=1.0, seed=0)
    report = policy.update(samples)

Suffixes beside the package's: a the answer tokens of a micro-batch, flat; h hidden width.
Read in this order:
update, loss               the algorithm and its equations
learner                    the protocol: what a run asks of Policy, or of a learner on a server
mini_batches               samples that are trained, in which parts, as the vectors of the loss
samples, tally             input and report of an update; the sums in between
schedule, optimiser        learning rate; AdamW and where its moments are kept
checkpoint, adapter        state on disk, merged models; the base model beneath the adapters
packed/
  batching, segments       micro-batches: each prompt is computed once for all of its answers
  attention                attention of packed rows: tiled_attention (any device), varlen_attention (flash kernels)
  layout_check             check at start-up that packed log-probs equal the model's own
  logprobs, token_scores   log-probs without logits of tokens x vocabulary
  attach                   adapters on a base model, with the layers of the next line
  lora_linear, quantised   adapters on plain and on NF4 weights, one autograd node each
  recompute, memory_budget gradient checkpointing; smaller micro-batches after an out-of-memory
"""

import engine.models.quiet  # noqa: F401  (before peft)
from engine.policy.learner import Learner
from engine.policy.packed.attach import attach_adapter
from engine.policy.packed.batching import Layout
from engine.policy.samples import RoleReport, TrainSample, UpdateReport, UpdateSeconds
from engine.policy.update import Policy

__all__ = [
    "Layout",
    "Learner",
    "Policy",
    "RoleReport",
    "TrainSample",
    "UpdateReport",
    "UpdateSeconds",
    "attach_adapter",
]
