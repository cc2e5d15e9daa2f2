"""Memory plan: GPU memory of a run, in closed form from the model's shape and the settings; loads no model.

plan = plan_memory(config, gpu_gib=24)      both phases part by part; None for a model of unknown shape
plan.fits, plan.needed_gib                  the result; the KV cache takes the memory that is left
plan.kv_cache                               its bytes, tokens and concurrent sequences
plan_memory_on_cpu(config, 16, free_gib=12)  the same without a GPU, in the machine's memory
kv_cache_bytes(config, gpu_gib=24)          size of vLLM's KV cache
changes_that_fit(config, gpu_gib=24)        settings to change if it does not fit

Read in this order: plan (which parts exist at the same time), update_phase, sampling_phase, host, on_cpu, calibration
(the numbers that were measured or estimated).
"""

from engine.machine.memory_plan.on_cpu import plan_memory_on_cpu
from engine.machine.memory_plan.parts import KvCache, MemoryPlan, Part, Phase
from engine.machine.memory_plan.plan import kv_cache_bytes, plan_memory, without_sampler
from engine.machine.memory_plan.remedy import changes_that_fit
from engine.machine.memory_plan.shape import ModelShape, read_shape, shape_of

__all__ = [
    "KvCache",
    "MemoryPlan",
    "ModelShape",
    "Part",
    "Phase",
    "changes_that_fit",
    "kv_cache_bytes",
    "plan_memory",
    "plan_memory_on_cpu",
    "read_shape",
    "shape_of",
    "without_sampler",
]
