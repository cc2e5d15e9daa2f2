"""Samplers: prompts in, completions with their log-probs out; `protocol` is what all of them share.

This package imports in milliseconds. `engine.sampling.local.sampler` loads torch: import it only where a model
is loaded anyway.
"""

from __future__ import annotations

from engine.sampling.protocol import AdapterSource, Completion, Delta, OnDelta, Request, Sampler, SamplingParams

__all__ = ["AdapterSource", "Completion", "Delta", "OnDelta", "Request", "Sampler", "SamplingParams"]
