"""Adapters for samplers that hold a copy of the policy: exported per version, and made up to test what is listened to.

Whoever loads adapters by path (vLLM here, vLLM behind an endpoint) needs the same: a folder per version of the weights
that nobody else writes into, adapters whose effect is known, and a canary that tells whether they are listened to.
"""

from __future__ import annotations

from engine.sampling.adapters.canary import Canary, Reading, Watched, agreement_bound
from engine.sampling.adapters.exports import AdapterExports

__all__ = ["AdapterExports", "Canary", "Reading", "Watched", "agreement_bound"]
