"""Sums of an update, added up micro-batch by micro-batch and turned into an UpdateReport."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from engine.policy.loss import LossTerms, importance_summary, k3_kl
from engine.policy.samples import RoleReport, UpdateReport, UpdateSeconds

_PARTS = ("batching", "old_logprobs", "reference", "forward_backward", "optimiser")


class Stopwatch:
    """Stopwatch that adds up wall seconds by part of an update."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._seconds = dict.fromkeys(_PARTS, 0.0)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add the block's seconds to part `name`."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[name] += time.perf_counter() - begin

    def read(self) -> UpdateSeconds:
        """Return the seconds so far."""
        return UpdateSeconds(**self._seconds, total=time.perf_counter() - self._started)


@dataclass(frozen=True)
class ScoredTokens:
    """Results per token of one trained micro-batch, detached; a: its answer tokens, flat."""

    roles_b: Sequence[str]  # role of each sequence
    lengths_b: Sequence[int]
    entropy_a: torch.Tensor
    logprobs_a: torch.Tensor
    reference_logprobs_a: torch.Tensor | None


@dataclass
class _RoleSums:
    samples: int = 0
    tokens: int = 0
    entropy: float = 0.0
    kl: float = 0.0
    kl_tokens: int = 0

    def report(self, role: str) -> RoleReport:
        kl = self.kl / self.kl_tokens if self.kl_tokens else None
        return RoleReport(role, self.samples, self.tokens, self.entropy / self.tokens, kl)


@dataclass
class Tally:
    """Sums of one update. Call `keep` or `drop` after each optimiser step.

    A step's micro-batches stay pending until then: a step that turns out NaN or inf, or runs out of memory halfway and
    is repeated, must leave no trace in the report.
    """

    pg_loss: float = 0.0
    kl: float = 0.0
    kl_weight: float = 0.0
    kl_tokens: int = 0
    clipped: int = 0
    grad_norm: float = 0.0
    optimiser_steps: int = 0
    nonfinite_steps: int = 0
    importance: list[torch.Tensor] = field(default_factory=list)
    roles: dict[str, _RoleSums] = field(default_factory=dict)
    _pending: list[tuple[LossTerms, ScoredTokens, float]] = field(default_factory=list)

    def add(self, terms: LossTerms, scored: ScoredTokens, weight: float) -> None:
        """Add one micro-batch to the current step; `weight` is the sum of its token weights."""
        self._pending.append((terms, scored, weight))

    def restart(self) -> None:
        """Discard the current step's micro-batches: it is repeated from the start."""
        self._pending.clear()

    def drop(self) -> None:
        """Discard the current step, which is NaN or inf and not taken, and count it."""
        self._pending.clear()
        self.nonfinite_steps += 1

    def keep(self, grad_norm: float) -> None:
        """Add the current step, which the optimiser has taken, to the sums."""
        for terms, scored, weight in self._pending:
            self._add_terms(terms, scored, weight)
            self._add_roles(scored)
        self._pending.clear()
        self.optimiser_steps += 1
        self.grad_norm += grad_norm

    def _add_terms(self, terms: LossTerms, scored: ScoredTokens, weight: float) -> None:
        self.pg_loss += float(terms.pg_loss)
        if terms.kl is not None:
            self.kl += float(terms.kl)
            self.kl_weight += weight
            self.kl_tokens += len(scored.logprobs_a)
        self.clipped += int(terms.clipped_a.sum())
        self.importance.append(terms.importance_a.cpu())

    def _add_roles(self, scored: ScoredTokens) -> None:
        lengths = list(scored.lengths_b)
        entropy_b = [float(part.sum()) for part in scored.entropy_a.cpu().split(lengths)]
        kl_b: list[float] | None = None
        if scored.reference_logprobs_a is not None:
            kl_a = k3_kl(scored.logprobs_a, scored.reference_logprobs_a).cpu()
            kl_b = [float(part.sum()) for part in kl_a.split(lengths)]
        for b, role in enumerate(scored.roles_b):
            sums = self.roles.setdefault(role, _RoleSums())
            sums.samples += 1
            sums.tokens += lengths[b]
            sums.entropy += entropy_b[b]
            if kl_b is not None:
                sums.kl += kl_b[b]
                sums.kl_tokens += lengths[b]

    def report(
        self,
        *,
        kl_beta: float,
        importance_cap: float,
        learning_rate: float,
        skipped_masked: int,
        skipped_zero_advantage: int,
        seconds: UpdateSeconds,
        notes: Sequence[str] = (),
        entropy_estimated: bool = False,
    ) -> UpdateReport:
        """Return the report of the finished update."""
        steps = max(1, self.optimiser_steps)
        tokens = sum(len(ratio_a) for ratio_a in self.importance)
        ratios = importance_summary(torch.cat(self.importance) if tokens else torch.ones(1), importance_cap)
        kl = self.kl / self.kl_weight if self.kl_weight > 0 else None
        pg_loss = self.pg_loss / steps
        return UpdateReport(
            loss=pg_loss + kl_beta * (kl or 0.0),
            pg_loss=pg_loss,
            kl=kl,
            kl_tokens=self.kl_tokens,
            ratio_mean=ratios.mean,
            ratio_min=ratios.minimum,
            ratio_max=ratios.maximum,
            effective_sample_size=ratios.effective_sample_size,
            truncated_share=ratios.truncated_share,
            clip_share=self.clipped / tokens if tokens else 0.0,
            grad_norm=self.grad_norm / steps,
            learning_rate=learning_rate,
            samples=sum(sums.samples for sums in self.roles.values()),
            tokens=tokens,
            skipped_masked=skipped_masked,
            skipped_zero_advantage=skipped_zero_advantage,
            optimiser_steps=self.optimiser_steps,
            nonfinite_steps=self.nonfinite_steps,
            roles=tuple(sums.report(role) for role, sums in sorted(self.roles.items())),
            seconds=seconds,
            notes=tuple(notes),
            entropy_estimated=entropy_estimated,
        )
