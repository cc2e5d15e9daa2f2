"""Sampling with vLLM, in a process of its own beside the trainer.

sampler     VllmSampler: the `Sampler`; manages adapter, sleep, wake and restarts
process     handle of the vLLM process: start, orders, timeouts, end
wire        messages between the two processes
worker      the vLLM process: drives the engine step by step (the only module that imports vllm)
settings    settings of a run as arguments of vLLM
compat      supported versions of vLLM and their differences

vLLM's engine runs inside the worker, not in a third process. The trainer never imports vllm, so vLLM's environment
variables, logging and GPU memory end with the worker: killing it frees everything.
"""

from __future__ import annotations

from engine.sampling.vllm.sampler import VllmSampler
from engine.sampling.vllm.settings import VllmSettings

__all__ = ["VllmSampler", "VllmSettings"]
