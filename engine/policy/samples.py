"""Input and output of an update: TrainSample and UpdateReport. Imports no framework."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainSample:
    """Sampled answer with its advantage.

    token_ids: the answer, stop token included. sampler_logprobs: one per token, under the distribution that it was
    sampled from (the sampler's temperature included). mask_out: leave the sample out of the update (a truncated
    answer). Raises ValueError for an empty prompt or answer and for unequal lengths.
    """

    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    sampler_logprobs: tuple[float, ...]
    advantage: float
    role: str
    mask_out: bool = False

    def __post_init__(self) -> None:
        if not self.prompt_ids or not self.token_ids:
            raise ValueError("a sample needs a prompt and an answer of at least one token each")
        if len(self.token_ids) != len(self.sampler_logprobs):
            raise ValueError(f"{len(self.token_ids)} answer tokens, but {len(self.sampler_logprobs)} sampler log-probs")


@dataclass(frozen=True)
class RoleReport:
    """Part of one role in an update. Means are over its trained tokens; entropy in nats, before the update."""

    role: str
    samples: int
    tokens: int
    entropy: float
    kl: float | None  # k3 to the base model (adapters off); None where it was not measured


@dataclass(frozen=True)
class UpdateSeconds:
    """Wall seconds of an update by part; `total` includes time outside the parts."""

    batching: float
    old_logprobs: float
    reference: float
    forward_backward: float
    optimiser: float
    total: float


@dataclass(frozen=True)
class UpdateReport:
    """Figures of one update, means over its optimiser steps if there are several.

    Steps skipped for NaN or inf count in `nonfinite_steps` only. If no token was trained, all figures are neutral:
    0, ratios 1, kl None.
    """

    loss: float  # pg_loss + kl_beta * kl
    pg_loss: float
    kl: float | None  # k3 to the base model (adapters off), as penalised; if only measured, over a share of the tokens
    kl_tokens: int  # tokens that `kl` is a mean over
    ratio_mean: float  # raw pi_old / sampler per token: about 1 where the two agree
    ratio_min: float
    ratio_max: float
    effective_sample_size: float  # of those ratios, as a share: (sum w)^2 / (tokens * sum w^2)
    truncated_share: float  # share of tokens whose importance weight was cut at the cap
    clip_share: float  # share of tokens whose gradient the clip removed
    grad_norm: float  # before clipping
    learning_rate: float
    samples: int  # trained
    tokens: int  # answer tokens trained
    skipped_masked: int  # samples left out because truncated
    skipped_zero_advantage: int  # samples left out because their advantage is 0 (groups without spread)
    optimiser_steps: int  # taken
    nonfinite_steps: int  # not taken: loss or gradient was NaN or inf
    roles: tuple[RoleReport, ...]
    seconds: UpdateSeconds
    entropy_estimated: bool = False  # by -log p of the sampled tokens, not by the whole distribution
    notes: tuple[str, ...] = ()  # warnings for the user: less memory than planned for

    @property
    def nonfinite(self) -> bool:
        """True if an optimiser step was skipped because of NaN or inf."""
        return self.nonfinite_steps > 0

    @property
    def tokens_per_second(self) -> float:
        """Answer tokens trained per second of the whole update."""
        return self.tokens / self.seconds.total if self.seconds.total > 0 else 0.0

    def entropy(self, role: str) -> float | None:
        """Return the mean entropy of `role`'s trained tokens in nats; None if it had none."""
        return next((part.entropy for part in self.roles if part.role == role), None)
