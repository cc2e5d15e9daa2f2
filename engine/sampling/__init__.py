"""Sampling: prompts in, completions with their log-probabilities out, whatever runs the model.

Everything here is light; `engine.sampling.transformers_sampler` is what loads torch, so import it where a
model is.
"""

from __future__ import annotations

from engine.sampling.protocol import AdapterSource, Completion, Delta, OnDelta, Request, Sampler, SamplingParams

__all__ = ["AdapterSource", "Completion", "Delta", "OnDelta", "Request", "Sampler", "SamplingParams"]
