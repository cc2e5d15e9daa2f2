"""Sampling with `vllm serve` processes that run already, here or on other machines.

sampler     EndpointSampler: what the loop sees; finds the servers, gives them the adapter, judges their answers
spreading   the samples of one call over the servers: who gets what, and what becomes of it when a server is lost
server      one server over HTTP: what it serves, adapters in and out, a sample as a stream
background  an event loop in a thread of its own: streams go on while programs are executed

Each version of the weights is an adapter of a new name. A server that was restarted, or that somebody else uses too,
cannot answer with other weights: it does not know the name. Servers read adapters from the run's folder, so they must
see it under the same path.
"""

from __future__ import annotations

from engine.sampling.endpoint.sampler import EndpointSampler
from engine.sampling.endpoint.server import start_command

__all__ = ["EndpointSampler", "start_command"]
