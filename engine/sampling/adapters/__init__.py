"""Adapter exports and weight checks for samplers that hold a copy of the policy.

Both samplers that load adapters by path (vLLM in a process, vLLM behind an endpoint) need the same three things: a
private folder per version of the weights, probe adapters with a known effect, and a canary that checks whether the
sampler uses them.
"""

from __future__ import annotations

from engine.sampling.adapters.canary import Agreement, Canary, Reading, Watched, agreement_bound
from engine.sampling.adapters.exports import AdapterExports

__all__ = ["AdapterExports", "Agreement", "Canary", "Reading", "Watched", "agreement_bound"]
