"""Policies for tests and benchmarks: a model with adapters, and the preset nano's settings with changes."""

from __future__ import annotations

from peft import PeftModel
from transformers import PreTrainedTokenizerBase

from engine.policy import Policy
from tests.engine.sections import NANO, changed


def policy_with(
    model: PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    steps: int = 1,
    temperature: float = 1.0,
    seed: int = 0,
    kl_measure_share: float = 0.25,
    **settings: object,
) -> Policy:
    """Return a policy that trains at a constant rate of 1e-2, unless `settings` of [policy] say otherwise."""
    chosen = {"learning_rate": 1e-2, "schedule": "constant", "warmup_steps": 0, "kl_beta": 0.01} | settings
    section = changed(NANO.policy, **chosen)
    return Policy(
        model,
        tokenizer,
        section,
        steps=steps,
        temperature=temperature,
        seed=seed,
        kl_measure_share=kl_measure_share,
    )
