"""Embedded model as a policy, and steps that move its weights as training does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from engine.config import RunConfig
from engine.policy import Policy, TrainSample
from engine.presets import load_preset
from engine.prompts import Role
from engine.sampling import Completion, Request, SamplingParams
from engine.train.assembly import load_splits, prompt_encoder
from engine.train.learners.local import load_policy

PARAMS = SamplingParams(temperature=1.0, top_p=1.0, max_new_tokens=48)


@dataclass(frozen=True)
class NanoPolicy:
    config: RunConfig
    policy: Policy
    tokenizer: object
    prompts: tuple[tuple[int, ...], ...]

    def requests(self, groups: int = 4, n: int = 4, seed: int = 0) -> list[Request]:
        return [Request(f"{seed}/{place}", self.prompts[place], n, seed + place) for place in range(groups)]

    def scores(self, completions: Sequence[Completion]) -> list[tuple[float, ...]]:
        """Return the trainer's log-probs of sampled tokens."""
        return self.policy.logprobs([self._sample(completion) for completion in completions])

    def gap(self, completions: Sequence[Completion]) -> float:
        """Return the largest distance of a sampled token's log-prob from the trainer's, in nats."""
        return max(
            abs(ours - theirs)
            for completion, scores in zip(completions, self.scores(completions), strict=True)
            for ours, theirs in zip(completion.logprobs, scores, strict=True)
        )

    def learn(self, completions: Sequence[Completion]) -> None:
        """Run one real update towards every other answer."""
        self.policy.update([self._sample(c, 1.0 if place % 2 else -1.0) for place, c in enumerate(completions)])

    def _sample(self, completion: Completion, advantage: float = 0.0) -> TrainSample:
        prompt = self.prompts[int(completion.request_id.split("/")[1])]
        return TrainSample(prompt, completion.token_ids, completion.logprobs, advantage=advantage, role="coder")


def load_nano(*overrides: str) -> NanoPolicy:
    config = load_preset("nano", ["run.threads=1", "policy.warmup_steps=0", *overrides])
    policy, tokenizer = load_policy(config)
    encode = prompt_encoder(config, tokenizer)
    train, _, _ = load_splits(config)
    prompts = tuple(encode(problem, role) for problem in train[:8] for role in Role)
    return NanoPolicy(config, policy, tokenizer, prompts)


def by_place(completions: Sequence[Completion]) -> dict[tuple[str, int], Completion]:
    return {(completion.request_id, completion.index): completion for completion in completions}


def assert_same_answers(first: Sequence[Completion], second: Sequence[Completion]) -> None:
    """Assert equal tokens, and log-probs equal up to the order of summation, which depends on the batch."""
    ours, theirs = by_place(first), by_place(second)
    assert ours.keys() == theirs.keys()
    for place, completion in ours.items():
        assert completion.token_ids == theirs[place].token_ids
        assert completion.logprobs == pytest.approx(theirs[place].logprobs, abs=1e-4)
