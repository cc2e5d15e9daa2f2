"""What goes into an update and what comes out of it. Needs no framework."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainSample:
    """One sampled answer with its advantage.

    token_ids holds the answer with its stop token; sampler_logprobs, one a token, are those under which it
    was sampled (at the sampler's temperature). mask_out leaves the sample out of the update (a truncated
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
    """One role's part of an update. Means are over its trained tokens; entropy in nats, before the update."""

    role: str
    samples: int
    tokens: int
    entropy: float
    kl: float | None  # k3 against adapters-off; None where it was not measured


@dataclass(frozen=True)
class UpdateSeconds:
    """Wall seconds of an update by part; `total` holds what the parts leave out, too."""

    batching: float
    old_logprobs: float
    reference: float
    forward_backward: float
    optimiser: float
    total: float


@dataclass(frozen=True)
class UpdateReport:
    """One update in numbers, means over its optimiser steps where there are several.

    Steps skipped for NaN or inf are in none of them but `nonfinite_steps`. With no token trained all numbers
    are neutral: 0, ratios 1, kl None.
    """

    loss: float  # pg_loss + kl_beta * kl
    pg_loss: float
    kl: float | None  # k3 against adapters-off as it was penalised; on a share of the tokens where it is only measured
    kl_tokens: int  # how many tokens `kl` was taken over
    ratio_mean: float  # raw pi_old / sampler per token: about 1 where the two agree
    ratio_min: float
    ratio_max: float
    effective_sample_size: float  # of those ratios, as a share: (sum w)^2 / (tokens * sum w^2)
    truncated_share: float  # tokens whose importance weight was cut at the cap
    clip_share: float  # tokens whose gradient the clip took away
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
    notes: tuple[str, ...] = ()  # what the user should know: less memory than planned for

    @property
    def nonfinite(self) -> bool:
        """Whether an optimiser step was skipped because of NaN or inf."""
        return self.nonfinite_steps > 0

    @property
    def tokens_per_second(self) -> float:
        """Answer tokens trained per second of the whole update."""
        return self.tokens / self.seconds.total if self.seconds.total > 0 else 0.0

    def entropy(self, role: str) -> float | None:
        """Mean entropy of `role`'s trained tokens; None where it had none."""
        return next((part.entropy for part in self.roles if part.role == role), None)
