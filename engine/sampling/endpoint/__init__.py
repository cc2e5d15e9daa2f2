"""Sampling with running `vllm serve` processes, on this or other machines.

sampler     EndpointSampler: the `Sampler`; checks the servers, loads the adapter into them, verifies their weights
spreading   load balancing and failover: distributes the samples of one call over the servers
server      client of one server: list models, load and unload adapters, stream a sample

An event loop in a thread of its own (`engine.servers.background`) continues the streams while programs are executed.

Each version of the weights is an adapter with a new name. A server that was restarted, or that others use too, cannot
answer with other weights: it does not know the name. Servers read adapters from the run's folder, so they must see it
under the same path.
"""

from __future__ import annotations

from engine.sampling.endpoint.sampler import EndpointSampler
from engine.sampling.endpoint.server import start_command

__all__ = ["EndpointSampler", "start_command"]
