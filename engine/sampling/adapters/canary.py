"""Canary: a check that a sampler uses the policy's weights, by a few tokens of one prompt.

    at the start    an adapter on each type of layer changes the log-probs (vLLM silently drops tensors whose names it
                    does not know), and sampler and trainer agree on the log-probs of the same tokens
    after a swap    the sampler's log-probs changed if the trainer's did
    always          the answer is not the base model's, and sampler and trainer agree

Sampling from stale or base weights looks healthy for hours, because the importance weights hide it until training has
gone wrong. So every failed check ends the run, which can be resumed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.errors import EnvironmentError_, RunError
from engine.sampling.adapters.exports import AdapterExports
from engine.sampling.adapters.probe import changes_nothing, module_types, write_probe

TOKENS = 16
_LATER_FACTOR = 4.0
"""Factor on the bound after the start: 16 tokens of a trained policy are a noisy estimate."""

_REMEDY = (
    'set vllm.precision and model.dtype to the trainer\'s format and vllm.kv_cache_dtype = "auto", '
    'or rollout.sampler = "transformers"'
)

TrainerLogprobs = Callable[[tuple[int, ...], tuple[int, ...]], tuple[float, ...]]
"""(prompt, answer tokens) -> the trainer's log-probs of the answer, at the sampling temperature."""


@dataclass(frozen=True)
class Agreement:
    """Tolerance between sampler and trainer, as the mean over tokens of |difference| in nats.

    noise: changes of the trainer's log-probs up to this size need not show in the sampler's. notable: at the start, a
    difference beyond this is worth a notice.
    """

    bound: float
    noise: float
    notable: float = math.inf


def agreement_bound(trainer: str, sampler: str) -> Agreement:
    """Return the tolerance for the formats that hold the base weights on each side: fp32, bf16, fp16, nf4, fp8.

    fp32 on both sides differs by the order of summation (1e-6 nats measured with the embedded model). Half precision
    rounds every layer's output (about 0.01). A base quantised on one side only is another model (about 0.1 to 0.3).
    fp8, of weights or KV cache, is chosen for its speed: what it costs in agreement is said, and bounded more tightly.
    """
    formats = {trainer, sampler}
    if formats == {"fp32"}:
        return Agreement(bound=1e-3, noise=1e-4)
    if "nf4" in formats:
        return Agreement(bound=0.5, noise=2e-2, notable=0.3 if "fp8" in formats else math.inf)
    if "fp8" in formats:
        return Agreement(bound=0.3, noise=2e-2, notable=0.1)
    return Agreement(bound=0.1, noise=1e-2)


@dataclass(frozen=True)
class Reading:
    """Tokens that the sampler drew, and their log-probs."""

    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]


class Watched(Protocol):
    """The part of a sampler that the canary needs."""

    def load(self, adapter: Path) -> None: ...

    def read(self, prompt_ids: tuple[int, ...], tokens: int, *, base: bool = False) -> Reading:
        """Sample `tokens` tokens, with the same seed at every call."""
        ...


class Canary:
    """Check of one sampler. prompt_ids: a prompt of the run, so that the tokens are typical of it.

    who: the sampler's name in error messages. remedy: what to set where it does not hold the trainer's model.
    """

    def __init__(
        self,
        prompt_ids: tuple[int, ...],
        trainer: TrainerLogprobs,
        agreement: Agreement,
        *,
        who: str = "vLLM",
        remedy: str = _REMEDY,
        on_notice: Callable[[str], object] = lambda text: None,
    ) -> None:
        self._prompt_ids, self._trainer, self._agreement = prompt_ids, trainer, agreement
        self._who, self._remedy, self._on_notice = who, remedy, on_notice
        self._base: Reading | None = None
        self._last: Reading | None = None
        self._last_trainer: tuple[float, ...] = ()
        self.gap = math.nan
        """Mean |sampler - trainer| of the latest reading, in nats."""

    def check_start(self, sampler: Watched, exports: AdapterExports, adapter: Path) -> None:
        """Check every type of layer, then load `adapter` and check it.

        Raises EnvironmentError_: the sampler does not compute what the trainer computes.
        """
        base = sampler.read(self._prompt_ids, TOKENS, base=True)
        ignored = []
        for module_type in module_types(adapter):
            probe = exports.new_folder("probe")
            write_probe(adapter, probe, module_type)
            sampler.load(probe)
            if sampler.read(self._prompt_ids, TOKENS) == base:
                ignored.append(module_type)
            exports.remove(probe)
        if ignored:
            raise EnvironmentError_(
                f"{self._who} ignores the adapter on layers of type {', '.join(ignored)}",
                'this version does not fully support the model: set rollout.sampler = "transformers"',
            )
        sampler.load(adapter)
        self._base = base
        reading = sampler.read(self._prompt_ids, TOKENS)
        scores = self._scores(reading)
        if not self.gap <= self._agreement.bound:
            raise EnvironmentError_(
                f"{self._who} and the trainer disagree on the same tokens by {self.gap:.2g} nats, more than "
                f"{self._agreement.bound:g}: they do not hold the same model",
                self._remedy,
            )
        if self.gap > self._agreement.notable:
            self._on_notice(
                f"{self._who} and the trainer differ by {self.gap:.2g} nats per token: importance weights correct it, "
                'at the price of noisier updates; vllm.precision = "dtype" and kv_cache_dtype = "auto" avoid it'
            )
        self._last, self._last_trainer = reading, scores

    def check_again(self, sampler: Watched, adapter: Path) -> None:
        """Check after a swap, wake or restart, with the current `adapter` loaded. Raises RunError: stale weights."""
        if self._last is None:
            raise ValueError("check_start comes first")
        reading = sampler.read(self._prompt_ids, TOKENS)
        moved = _distance(self._trainer(self._prompt_ids, self._last.token_ids), self._last_trainer)
        if moved > self._agreement.noise and reading == self._last:
            raise self._stale(f"the trainer's log-probs changed by {moved:.2g} nats, the sampler's not at all")
        if reading == self._base and not changes_nothing(adapter):
            raise self._stale("it answers like the base model without the adapter")
        scores = self._scores(reading)
        if not self.gap <= self._agreement.bound * _LATER_FACTOR:
            raise self._stale(f"its log-probs are {self.gap:.2g} nats from the trainer's")
        self._last, self._last_trainer = reading, scores

    def _scores(self, reading: Reading) -> tuple[float, ...]:
        scores = self._trainer(self._prompt_ids, reading.token_ids)
        self.gap = _distance(scores, reading.logprobs)
        if math.isnan(self.gap):
            raise RunError(
                "the model's log-probs are NaN or infinite",
                "its weights have diverged: resume from an earlier checkpoint with a lower learning rate",
            )
        return scores

    def _stale(self, finding: str) -> RunError:
        return RunError(
            f"{self._who} does not sample from the policy's weights: {finding}",
            'resume the run; if it happens again, set vllm.sleep_level = 0 or rollout.sampler = "transformers"',
        )


def _distance(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    """Return the mean of |difference|, in nats."""
    return sum(abs(a - b) for a, b in zip(first, second, strict=True)) / len(first)
