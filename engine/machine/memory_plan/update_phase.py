"""Memory of the update: weights, adapters and their optimiser, activations of the longest micro-batch.

Activations per token follow the code of engine/policy: each tensor that an autograd node saves is counted once. A test
compares them with the bytes that autograd actually saves (tests/engine/machine/memory_plan/test_activations.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.config.schema import Precision
from engine.machine.memory_plan import calibration as c
from engine.machine.memory_plan.parts import Part
from engine.machine.memory_plan.shape import ModelShape


@dataclass(frozen=True)
class UpdateSetup:
    """Settings that determine the update's memory for a model. tokens: positions of the largest micro-batch."""

    precision: Precision
    rank: int
    optimiser: str
    checkpointing: bool
    tokens: int

    @property
    def width(self) -> int:
        """Bytes of a number in the forward pass; with NF4 weights it computes in bf16."""
        return 4 if self.precision == "fp32" else 2


def trainer_weights(shape: ModelShape, precision: Precision) -> float:
    """Return the bytes of the frozen base. NF4 packs the linear layers; embeddings, head, norms, biases stay bf16."""
    if precision != "nf4":
        return shape.parameters * c.BYTES[precision]
    packed = shape.linear_parameters
    return packed * c.NF4_TRAINER_BYTES + (shape.parameters - packed) * c.BYTES["bf16"]


def resting_trainer(shape: ModelShape, setup: UpdateSetup) -> list[Part]:
    """Return the parts that the trainer holds all the time, during sampling too."""
    adapters = shape.lora_parameters(setup.rank)
    return [
        Part(f"base weights of the trainer ({setup.precision})", trainer_weights(shape, setup.precision)),
        Part(f"adapters, rank {setup.rank} (fp32)", adapters * 4.0),
        Part(f"optimiser ({setup.optimiser})", adapters * c.MOMENT_BYTES[setup.optimiser]),
    ]


def update_parts(shape: ModelShape, setup: UpdateSetup, logits_tile: float | None = None) -> list[Part]:
    """Return the trainer's parts at the peak of an update, without CUDA contexts and a sleeping sampler.

    logits_tile: bytes of the tile of logits that the device computes at a time; None: a GPU's.
    """
    working = working_bytes(shape, setup, logits_tile)
    activations = saved_activations(shape, setup)
    return [
        *resting_trainer(shape, setup),
        Part("gradients of the adapters (fp32)", shape.lora_parameters(setup.rank) * 4.0),
        Part(
            f"layer inputs kept of {setup.tokens:,} tokens"
            if setup.checkpointing
            else f"activations of {setup.tokens:,} tokens",
            activations,
        ),
        Part("one layer computed again, or a tile of logits" if setup.checkpointing else "working memory", working),
        Part("allocator slack", c.ALLOCATOR_SLACK * (activations + working)),
    ]


def saved_activations(shape: ModelShape, setup: UpdateSetup) -> float:
    """Return the bytes that the forward pass saves for the backward pass."""
    per_layer = (
        shape.hidden * setup.width
        if setup.checkpointing
        else saved_per_token_of_a_layer(shape, setup.rank, setup.width)
    )
    # The final norm's fp32 input, and for each answer token the derivative of its log-prob.
    outside = shape.hidden * (4 + setup.width)
    return setup.tokens * (shape.layers * per_layer + float(outside))


def saved_per_token_of_a_layer(shape: ModelShape, rank: int, width: int, repeats_kv: bool = False) -> float:
    """Return the bytes per token that one layer saves without checkpointing; `width` as in UpdateSetup.

    repeats_kv: count keys and values as wide as queries. On a GPU they are: attention gathers a prompt's keys for
    each answer of its group, or repeats them for each query head if no flash kernel applies.
    """
    query, kv = shape.query_width, shape.kv_width
    norms = 2 * (4 * shape.hidden + 4)  # each in fp32, with its scale
    normed = 2 * width * shape.hidden  # inputs of q, k, v and of gate, up
    if shape.qk_norm:
        norms += 4 * (query + kv) + 4 * (shape.heads + shape.kv_heads)
    keys_and_values = 2 * (query if repeats_kv else kv)
    attention = width * (query + keys_and_values + query) + 4 * shape.heads  # queries, output, logsumexp
    output = width * query  # input of o_proj: the output again, in the order of the row
    mlp = 4 * width * shape.intermediate  # gate, its activation, up, their product
    low_rank = width * rank * len(shape.linears)
    return float(norms + normed + attention + output + mlp + low_rank)


def working_bytes(shape: ModelShape, setup: UpdateSetup, logits_tile: float | None = None) -> float:
    """Return the larger of two peaks in bytes: the head with its tile of logits, the backward pass of one layer."""
    hidden = setup.width * shape.hidden
    head = (c.LOGITS_TILE if logits_tile is None else logits_tile) + setup.tokens * 2.0 * hidden
    gradients = (
        c.BACKWARD_MLP_COPIES * setup.width * shape.intermediate + c.BACKWARD_HIDDEN_COPIES * hidden
    ) * setup.tokens
    again = (
        setup.tokens * saved_per_token_of_a_layer(shape, setup.rank, setup.width, repeats_kv=True)
        if setup.checkpointing
        else 0.0
    )
    return max(head, gradients + again + dequantised_weight(shape, setup.precision))


def dequantised_weight(shape: ModelShape, precision: str) -> float:
    """Return the bytes of the largest linear layer in bf16: an NF4 product unpacks its weight first."""
    if precision != "nf4":
        return 0.0
    return max(linear.weights for linear in shape.linears) * c.BYTES["bf16"]
