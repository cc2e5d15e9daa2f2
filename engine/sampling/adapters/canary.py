"""Are these the policy's weights? A few tokens of one prompt tell, at the start and after every swap and wake.

    at the start    an adapter on each type of layer moves the log-probs: vLLM drops tensors whose names it does not
                    know without a word; and sampler and trainer agree on the log-probs of the same tokens
    after a swap    the sampler moved if the trainer did
    always          it is not the base model that answers, and the two agree

Sampling from stale or base weights looks healthy for hours: the importance weights hide it until training has gone
wrong. So every doubt here ends the run, which can be resumed.
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
_LATER = 4.0
"""How much further apart sampler and trainer may be after the start, when only 16 tokens of a trained policy judge."""

_REMEDY = 'set vllm.precision and model.dtype to the trainer\'s format, or rollout.sampler = "transformers"'

TrainerLogprobs = Callable[[tuple[int, ...], tuple[int, ...]], tuple[float, ...]]
"""(prompt, answer tokens) -> the trainer's log-probs of the answer, at the temperature that is sampled with."""


@dataclass(frozen=True)
class Agreement:
    """How far apart sampler and trainer may be, as the mean over tokens of |difference| in nats.

    noise: what the trainer's log-probs must have moved by before the sampler is expected to have moved at all.
    """

    bound: float
    noise: float


def agreement_bound(trainer: str, sampler: str) -> Agreement:
    """Of the number formats in which the base weights are held: fp32, bf16, fp16, nf4, fp8.

    fp32 on both sides differs by the order of summation (1e-6 measured with the embedded model); half precision
    rounds every layer's output (some 0.01); a base quantised on one side only is another model, by some 0.1 to 0.3.
    """
    formats = {trainer, sampler}
    if formats == {"fp32"}:
        return Agreement(bound=1e-3, noise=1e-4)
    if formats & {"nf4", "fp8"}:
        return Agreement(bound=0.5, noise=2e-2)
    return Agreement(bound=0.1, noise=1e-2)


@dataclass(frozen=True)
class Reading:
    """What the sampler answered: tokens, and their log-probs."""

    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]


class Watched(Protocol):
    """The part of a sampler that the canary asks."""

    def load(self, adapter: Path) -> None: ...

    def read(self, prompt_ids: tuple[int, ...], tokens: int, *, base: bool = False) -> Reading:
        """Sample so many tokens, with the same seed every time."""
        ...


class Canary:
    """Judges one sampler. prompt_ids: of a task of the run, so that the tokens are such as it will sample.

    who: the sampler in a sentence. remedy: what to set where it does not hold the trainer's model.
    """

    def __init__(
        self,
        prompt_ids: tuple[int, ...],
        trainer: TrainerLogprobs,
        agreement: Agreement,
        *,
        who: str = "vLLM",
        remedy: str = _REMEDY,
    ) -> None:
        self._prompt_ids, self._trainer, self._agreement = prompt_ids, trainer, agreement
        self._who, self._remedy = who, remedy
        self._base: Reading | None = None
        self._last: Reading | None = None
        self._last_trainer: tuple[float, ...] = ()
        self.gap = math.nan
        """Mean |sampler - trainer| of the latest reading, in nats."""

    def check_start(self, sampler: Watched, exports: AdapterExports, adapter: Path) -> None:
        """Leaves `adapter` loaded. Raises EnvironmentError_: this vLLM does not compute what the trainer computes."""
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
                'this version does not know the model well enough: set rollout.sampler = "transformers"',
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
        self._last, self._last_trainer = reading, scores

    def check_again(self, sampler: Watched, adapter: Path) -> None:
        """After a swap, a wake, a restart: with `adapter`, that of now, loaded. Raises RunError."""
        if self._last is None:
            raise ValueError("check_start comes first")
        reading = sampler.read(self._prompt_ids, TOKENS)
        moved = _distance(self._trainer(self._prompt_ids, self._last.token_ids), self._last_trainer)
        if moved > self._agreement.noise and reading == self._last:
            raise self._stale(f"the trainer's log-probs moved by {moved:.2g} nats, the sampler's not at all")
        if reading == self._base and not changes_nothing(adapter):
            raise self._stale("it answers as the model without its adapter")
        scores = self._scores(reading)
        if not self.gap <= self._agreement.bound * _LATER:
            raise self._stale(f"its log-probs are {self.gap:.2g} nats from the trainer's")
        self._last, self._last_trainer = reading, scores

    def _scores(self, reading: Reading) -> tuple[float, ...]:
        scores = self._trainer(self._prompt_ids, reading.token_ids)
        self.gap = _distance(scores, reading.logprobs)
        if math.isnan(self.gap):
            raise RunError(
                "the model's probabilities are not numbers",
                "its weights have diverged: resume from an earlier checkpoint with a lower learning rate",
            )
        return scores

    def _stale(self, finding: str) -> RunError:
        return RunError(
            f"{self._who} does not sample from the policy's weights: {finding}",
            'resume the run; if it happens again, set vllm.sleep_level = 0 or rollout.sampler = "transformers"',
        )


def _distance(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    """Mean |difference|."""
    return sum(abs(a - b) for a, b in zip(first, second, strict=True)) / len(first)
