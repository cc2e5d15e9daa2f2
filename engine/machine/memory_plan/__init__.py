"""What a run needs of a GPU's memory, in closed form from the model's shape and the settings: nothing is loaded.

plan = plan_memory(config, gpu_gib=24)      both phases part by part; None: a model of unknown shape
plan.fits, plan.needed_gib                  the verdict; the KV cache takes what the rest leaves
plan.kv_cache                               its bytes, tokens and concurrent sequences
kv_cache_bytes(config, gpu_gib=24)          what vLLM is to be given of it
changes_that_fit(config, gpu_gib=24)        what to set instead, where it does not fit

Read in this order: plan (what is there at the same time), update_phase, sampling_phase, calibration (the numbers
that were measured or estimated).
"""

from engine.machine.memory_plan.parts import KvCache, MemoryPlan, Part, Phase
from engine.machine.memory_plan.plan import kv_cache_bytes, plan_memory
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
    "read_shape",
    "shape_of",
]
