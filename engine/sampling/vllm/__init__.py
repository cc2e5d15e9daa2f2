"""Sampling with vLLM, in a process of its own beside the trainer.

sampler     VllmSampler: what the loop sees; keeps adapter, rest and wake, restarts in order
process     starts, asks and ends the vLLM process, notices when it dies or hangs
wire        what the two processes say to each other
worker      the vLLM process: drives the engine's steps (imports vllm; nothing else here does)
settings    numbers of a run -> arguments of vLLM
compat      versions of vLLM and where they differ

vLLM's engine runs within the worker, not in a third process: this process never imports vllm, so its environment
variables, its logging and its hold on the GPU end with the worker, and killing the worker frees everything it had.
"""

from __future__ import annotations

from engine.sampling.vllm.sampler import VllmSampler
from engine.sampling.vllm.settings import VllmSettings

__all__ = ["VllmSampler", "VllmSettings"]
